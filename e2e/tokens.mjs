// A device that gets a token for a service of the operator's, with a library, and a receiver that verifies it:
//
//   node tokens.mjs BASE_URL AUDIENCE     signs in with the value in API_KEY, and prints whose the token is
//
// The receiver is PowerSync: what it does with a token is in packages/service-core/src/auth of powersync-ja/powersync-service.
import assert from "node:assert/strict";
import * as jose from "jose";
import * as openid from "openid-client";
import * as Realm from "realm-web";

const [baseUrl, audience] = process.argv.slice(2);
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";

const user = await new Realm.App({ id: "latchkey-local", baseUrl }).logIn(Realm.Credentials.apiKey(process.env.API_KEY));
const config = await openid.discovery(new URL(baseUrl), "latchkey-local", undefined, openid.None(), {
  execute: [openid.allowInsecureRequests],
});
const { issuer, jwks_uri, grant_types_supported } = config.serverMetadata();
assert.equal(issuer, baseUrl);
assert.ok(grant_types_supported.includes(exchange));
const parameters = { subject_token: user.accessToken, subject_token_type: accessTokenType, audience };
const token = await openid.genericGrantRequest(config, exchange, parameters);
assert.equal(token.token_type, "bearer");
await assert.rejects(openid.genericGrantRequest(config, exchange, { ...parameters, audience: "none" }), { error: "invalid_target" });
await assert.rejects(openid.genericGrantRequest(config, exchange, { ...parameters, subject_token: token.access_token }), { error: "invalid_grant" });

async function verifyAsPowerSync(raw) {
  const { keys } = await (await fetch(jwks_uri, { headers: { Accept: "application/json" } })).json();
  const known = keys.filter(({ kty, use, key_ops }) => ["RSA", "OKP", "EC"].includes(kty) && (use ?? "sig") === "sig" && (key_ops ?? ["verify"]).includes("verify"));
  const byKid = async ({ kid, alg }) => {
    const key = known.find((k) => k.kid === kid);
    assert.ok(key, "no key has the kid of the token");
    assert.equal(key.alg, alg);
    return jose.importJWK(key);
  };
  const { payload } = await jose.jwtVerify(raw, byKid, { clockTolerance: 60, algorithms: ["ES256"], requiredClaims: ["sub", "iat", "exp"] });
  assert.ok([payload.aud].flat().includes(audience));
  assert.ok(payload.exp - payload.iat <= 60 * 60); // 24 hours in later releases
  assert.equal(payload.parameters, undefined);
  return payload;
}

const { sub } = await verifyAsPowerSync(token.access_token);
assert.equal(sub, user.id);
await assert.rejects(verifyAsPowerSync(user.accessToken));
console.log(sub);
