// A device that pairs with an OAuth library, as npm has it:
//
//   node oauthclients.mjs openid-client BASE_URL
//   node oauthclients.mjs oauth4webapi BASE_URL
//
// It prints a line of JSON for the code, one for each poll, when it was sent and what it was answered, and one for how it ended.
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const [library, baseUrl] = process.argv.slice(2);
const clientId = "latchkey-local";
const parameters = { device_name: library };
const print = (event) => console.log(JSON.stringify(event));

// listening is fetch, and tells what the server says to a poll.
const listening = async (url, options) => {
  const sent = Date.now();
  const response = await fetch(url, options);
  if (String(url).endsWith("/oauth/token")) {
    const { error = "" } = await response.clone().json();
    print({ sent, answer: error });
  }
  return response;
};

// Both libraries give up by themselves when the code has expired. This is well after, so that the server says it.
const later = () => AbortSignal.timeout(50_000);

async function withOpenidClient() {
  const config = await openid.discovery(new URL(baseUrl), clientId, undefined, openid.None(), {
    algorithm: "oauth2",
    execute: [openid.allowInsecureRequests],
    [openid.customFetch]: listening,
  });
  const started = await openid.initiateDeviceAuthorization(config, parameters);
  print({ code: started.user_code });
  return openid.pollDeviceAuthorizationGrant(config, started, undefined, { signal: later() });
}

async function withOauth4webapi() {
  const issuer = new URL(baseUrl);
  const client = { client_id: clientId };
  const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: listening };
  const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(issuer, found);
  const asked = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), parameters, options);
  const started = await oauth.processDeviceAuthorizationResponse(server, client, asked);
  print({ code: started.user_code });
  for (let interval = started.interval; ; ) {
    await new Promise((resolve) => setTimeout(resolve, interval * 1000));
    const polled = await oauth.deviceCodeGrantRequest(server, client, oauth.None(), started.device_code, options);
    try {
      return await oauth.processDeviceCodeResponse(server, client, polled);
    } catch (error) {
      if (error.error === "slow_down") interval += 5;
      else if (error.error !== "authorization_pending") throw error;
    }
  }
}

try {
  const token = await { "openid-client": withOpenidClient, oauth4webapi: withOauth4webapi }[library]();
  print({ token });
} catch (error) {
  // Both have the server's error in a ResponseBodyError.
  if (!(error instanceof oauth.ResponseBodyError)) throw error;
  print({ refusal: error.error, status: error.status });
}
