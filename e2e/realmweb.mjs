// What a person and a device do with Realm's own SDK for JavaScript, as npm has it:
//
//   node realmweb.mjs journey BASE_URL     a person manages keys, and a device uses one
//   node realmweb.mjs device BASE_URL      a device logs in with the value in API_KEY and prints whose it is, or the refusal
//   node realmweb.mjs play BASE_URL        an app takes the steps in STEPS, a JSON list, and prints a list of what came of each
import assert from "node:assert/strict";
import * as Realm from "realm-web";

const [story, baseUrl] = process.argv.slice(2);
const { Credentials } = Realm;
const newApp = (more) => new Realm.App({ id: process.env.APP_ID ?? "latchkey-local", baseUrl, ...more });

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

  await assert.rejects(ana.functions.loginByPin("1234"), (error) => {
    assert.match(error.message, /there are no functions here/);
    return refusal(404, "FunctionNotFound")(error);
  });
  assert.equal(ana.isLoggedIn, true);

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

async function play() {
  let requests = 0;
  const app = newApp({
    fetch: (...request) => {
      requests += 1;
      return fetch(...request);
    },
  });
  const credentials = {
    anonymous: () => Credentials.anonymous(),
    email: ([email, password]) => Credentials.emailPassword(email, password),
    key: (value) => Credentials.apiKey(value),
    token: (jwt) => Credentials.jwt(jwt),
    google: (idToken) => Credentials.google({ idToken }),
    apple: (idToken) => Credentials.apple(idToken),
  };
  const acts = {
    register: ([email, password]) => app.emailPasswordAuth.registerUser({ email, password }),
    signIn: (how, with_) => app.logIn(credentials[how](with_)),
    link: (how, with_) => app.currentUser.linkCredentials(credentials[how](with_)),
    createKey: (name) => app.currentUser.apiKeys.create(name),
    refresh: () => app.currentUser.refreshCustomData(),
    call: (name) => app.currentUser.callFunction(name),
    signOut: () => app.currentUser.logOut(),
    listKeys: () => app.currentUser.apiKeys.fetchAll(),
    meanwhile: (url) => fetch(url),
  };
  const seen = (user) => user && {
    id: user.id, provider: user.providerType, type: user._profile.type, data: { ...user.profile }, customData: user.customData,
    identities: user.identities.map((identity) => identity.providerType),
  };
  const answers = [];
  for (const [act, ...with_] of JSON.parse(process.env.STEPS)) {
    requests = 0;
    try {
      const value = await acts[act](...with_);
      answers.push({ requests, key: value?.key, user: seen(app.currentUser) });
    } catch (error) {
      if (!(error instanceof Realm.MongoDBRealmError)) throw error;
      answers.push({ requests, status: error.statusCode, code: error.errorCode, error: error.error, user: seen(app.currentUser) });
    }
  }
  console.log(JSON.stringify(answers));
}

await { journey, device, play }[story]();
