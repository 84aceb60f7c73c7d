// A provider with OpenID Connect that others have written: oidc-provider, which is certified by the OpenID Foundation. It says where it
// listens, and signs in whoever types a name and any password. Its one client may come from any port of this machine, as RFC 8252 has it.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [clientID, clientSecret, path] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: clientID, client_secret: clientSecret, application_type: "native", redirect_uris: [`http://127.0.0.1${path}`],
      grant_types: ["authorization_code"], response_types: ["code"], token_endpoint_auth_method: "client_secret_basic",
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false, // or what scopes ask for is said at another endpoint alone
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: id, email: `${id}@example.org`, email_verified: true }) }),
    cookies: { keys: ["of this test"] },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit()); // the test has ended
