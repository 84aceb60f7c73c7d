// What a person and a device do with Realm's own SDK for JavaScript, as npm has it:
//
//   node realmweb.mjs journey BASE_URL     a person manages keys, and a device uses one
//   node realmweb.mjs device BASE_URL      a device logs in with the value in API_KEY and prints whose it is, or the refusal
import assert from "node:assert/strict";
import * as Realm from "realm-web";

const [story, baseUrl] = process.argv.slice(2);
const { Credentials } = Realm;
const newApp = () => new Realm.App({ id: "latchkey-local", baseUrl });

const refusal = (status, code) => (error) => {
  assert.ok(error instanceof Realm.MongoDBRealmError, `${error}`);
  assert.equal(error.statusCode, status);
  assert.equal(error.errorCode, code);
  assert.ok(error.link.startsWith(baseUrl), error.link);
  return true;
};

async function journey() {
  const email = "ana@example.com";
  const password = "correct horse battery";
  const app = newApp();
  await app.emailPasswordAuth.registerUser({ email, password });
  await assert.rejects(app.emailPasswordAuth.registerUser({ email, password }), refusal(409, "AccountNameInUse"));
  await assert.rejects(app.logIn(Credentials.emailPassword(email, "wrong")), refusal(401, "InvalidPassword"));
  const ana = await app.logIn(Credentials.emailPassword(email, password));
  assert.equal(ana.profile.email, email);
  assert.equal(ana.providerType, "local-userpass");

  const { apiKeys } = ana;
  assert.deepEqual(await apiKeys.fetchAll(), []);
  const made = await apiKeys.create("porch-cam");
  assert.equal(made.name, "porch-cam");
  assert.equal(made.disabled, false);
  assert.match(made.key, /^[A-Za-z0-9]{64}$/);
  await assert.rejects(apiKeys.create("porch-cam"), refusal(409, "APIKeyAlreadyExists"));
  await assert.rejects(apiKeys.create("porch cam"), refusal(400, "InvalidParameter"));
  const known = { _id: made._id, name: "porch-cam", disabled: false };
  assert.deepEqual(await apiKeys.fetchAll(), [known]);
  assert.deepEqual(await apiKeys.fetch(made._id), known);

  const key = Credentials.apiKey(made.key);
  await apiKeys.disable(made._id);
  assert.equal((await apiKeys.fetch(made._id)).disabled, true);
  await assert.rejects(newApp().logIn(key), refusal(401, "AuthError"));
  await apiKeys.enable(made._id);
  const device = await newApp().logIn(key);
  assert.equal(device.id, ana.id);
  assert.equal(device.profile.name, "porch-cam");
  await assert.rejects(device.apiKeys.create("another"), refusal(403, undefined));
  await assert.rejects(device.apiKeys.fetchAll(), refusal(403, undefined));

  await apiKeys.delete(made._id);
  await assert.rejects(apiKeys.fetch(made._id), refusal(404, "APIKeyNotFound"));
  await assert.rejects(newApp().logIn(key), refusal(401, "AuthError"));
  assert.deepEqual(await apiKeys.fetchAll(), []);
  await ana.refreshCustomData();
  await ana.logOut();
  assert.equal(ana.isLoggedIn, false);
}

async function device() {
  try {
    const user = await newApp().logIn(Credentials.apiKey(process.env.API_KEY));
    console.log(user.id);
  } catch (error) {
    refusal(401, "AuthError")(error);
    console.log("refused");
  }
}

await { journey, device }[story]();
