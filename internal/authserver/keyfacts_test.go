package authserver

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// wireTimeText is what the server writes for a moment.
func wireTimeText(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// facts are the answer to key_facts, without knowing its shape.
func (f *fixture) facts(session loginAnswer) (since time.Time, keys []map[string]any) {
	f.t.Helper()
	f.Drain()
	return f.factsNow(session)
}

// factsNow does not wait for what is being recorded.
func (f *fixture) factsNow(session loginAnswer) (since time.Time, keys []map[string]any) {
	f.t.Helper()
	var out struct {
		Since string           `json:"recording_since"`
		Keys  []map[string]any `json:"keys"`
	}
	f.do("GET", keyFactsPath, session.RefreshToken, "").want(200).into(&out)
	since, err := time.Parse("2006-01-02T15:04:05.000Z", out.Since)
	if err != nil {
		f.t.Error(err)
	}
	return since, out.Keys
}

// onlyFact is what is known of a user's only key.
func (f *fixture) onlyFact(session loginAnswer) map[string]any {
	f.t.Helper()
	f.Drain()
	return f.onlyFactNow(session)
}

func (f *fixture) onlyFactNow(session loginAnswer) map[string]any {
	f.t.Helper()
	_, keys := f.factsNow(session)
	if len(keys) != 1 {
		f.t.Fatalf("facts about %d keys, want one", len(keys))
	}
	return keys[0]
}

// words are the fingerprint as people say it.
func words(value string) string { return model.WordsOf(fingerprint(value)).String() }

// fingerprint is how the page recognises a value without sending it.
func fingerprint(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])[:16]
}

func TestFactsAreAboutEveryKeyInOrderOfCreation(t *testing.T) {
	f := newFixture(t)
	owner, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	got := f.do("GET", keyFactsPath, owner.RefreshToken, "").want(200).fields()
	if keys, isList := got["keys"].([]any); !isList || len(keys) != 0 {
		t.Errorf("without keys: %v, want an empty list", got["keys"])
	}
	f.createKey(stranger, "theirs")
	made := []newKey{f.createKey(owner, "zulu"), f.createKey(owner, "alpha")}
	f.do("PUT", keysPath+"/"+made[0].ID+"/disable", owner.RefreshToken, "").want(204)

	since, keys := f.facts(owner)
	if age := time.Since(since); age < -time.Second || age > time.Minute {
		t.Errorf("recording since %v, want about now", since)
	}
	want := []map[string]any{
		{"_id": made[0].ID, "fingerprint": fingerprint(made[0].Value), "words": words(made[0].Value), "off": map[string]any{"at": wireTimeText(f.clock.Now()), "sessions": 0.0}},
		{"_id": made[1].ID, "fingerprint": fingerprint(made[1].Value), "words": words(made[1].Value)},
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASignInWithAKeyIsRemembered(t *testing.T) {
	f := newFixture(t, func(c *Config, _ *accounts.Config) {
		c.ClientAddress = func(r *http.Request) string { return r.Header.Get("X-Test-Address") }
	})
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	login := func(address, device string) string {
		t.Helper()
		f.clock.Advance(90*time.Minute + 7*time.Millisecond)
		req := newRequest("POST", loginPath("api-key"), `{"key":"`+key.Value+`"`+device+`}`)
		req.Header.Set("X-Test-Address", address)
		f.send(req).want(200)
		return wireTimeText(f.clock.Now())
	}
	want := map[string]any{"_id": key.ID, "fingerprint": fingerprint(key.Value), "words": words(key.Value)}
	compare := func() {
		t.Helper()
		if diff := cmp.Diff(want, f.onlyFact(owner)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}

	first := login("192.0.2.7", `,"options":{"device":{"deviceName":"porch-cam","platform":"Linux","platformVersion":"6.1",
		"sdk":"Kotlin","sdkVersion":"1.16.0","coreVersion":"14.6.1","deviceId":{"$oid":"5f9d1a2b3c4d5e6f70819203"}}}`)
	want["first_used_at"] = first
	want["last_use"] = map[string]any{"at": first, "address": "192.0.2.7", "device_name": "porch-cam", "platform": "Linux",
		"platform_version": "6.1", "sdk": "Kotlin", "sdk_version": "1.16.0"}
	compare()

	last := login("2001:db8::1", "")
	want["last_use"] = map[string]any{"at": last, "address": "2001:db8::1", "device_name": "", "platform": "",
		"platform_version": "", "sdk": "", "sdk_version": ""}
	compare()

	// Signing in with the password, and all that is done with a session, is no use of the key.
	f.login("a@example.org", testPassword)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
	compare()
}

func TestWithoutAWordOnAddressesThePeerIsTold(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:4711": "192.0.2.1", "[2001:db8::1]:4711": "2001:db8::1", "@": "@", "": "",
	} {
		f := newFixture(t)
		owner := f.signUp("a@example.org")
		req := newRequest("POST", loginPath("api-key"), object("key", f.createKey(owner, "pump").Value))
		req.RemoteAddr = remote
		f.send(req).want(200)
		if got := f.onlyFact(owner)["last_use"].(map[string]any)["address"]; got != want {
			t.Errorf("peer %q: address %q, want %q", remote, got, want)
		}
	}
}

func TestOldSDKsAreToldByTheirVersions(t *testing.T) {
	for _, tt := range []struct{ device, sdk string }{
		{`{"sdkVersion":"2.0.1","platform":"node","platformVersion":"20.19.2"}`, "realm-web"},
		{`{"sdkVersion":"1.7.1","platform":"chrome","platformVersion":"120.0.0"}`, "realm-web"},
		{`{"sdkVersion":"0.9.0"}`, "realm-web"},
		{`{"sdkVersion":"3.18.0"}`, "stitch"},
		{`{"sdkVersion":"4.9.0","platform":"node"}`, "stitch"},
		{`{"sdkVersion":"10.24.0"}`, ""},
		{`{"sdkVersion":"1.0.2","coreVersion":"12.0.0"}`, ""}, // Realm Kotlin: its core tells the version of itself
		{`{"sdkVersion":"2.0.1","sdk":"latchkey-go"}`, "latchkey-go"},
		{`{"sdkVersion":"2.0.1","sdk":"  "}`, ""},
		{`{"sdkVersion":"two"}`, ""},
		{`{"sdkVersion":"-1.0"}`, ""},
		{`{"sdkVersion":"99999999999999999999.0"}`, ""},
		{`{"sdkVersion":""}`, ""},
		{`{}`, ""},
	} {
		var d device
		if err := json.Unmarshal([]byte(tt.device), &d); err != nil {
			t.Fatal(err)
		}
		if got := d.sdk(); got != tt.sdk {
			t.Errorf("%s: sdk %q, want %q", tt.device, got, tt.sdk)
		}
	}
}

func TestTextsOfDevicesAreMadeFitToBeShown(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	for sent, want := range map[string]string{
		"porch-cam": "porch-cam", "": "", "  Ann's phone ": "Ann's phone", "Küche 🚪": "Küche 🚪",
		"a\x00b\x1b[31m\r\nc\td\x7f\u0085": "ab[31mcd", "a\u202egpj.exe\u2066\u200b\ufeff": "agpj.exe", "a\u2028b\u2029": "ab",
		"<script>alert(1)</script>": "<script>alert(1)</script>", // the page escapes
		strings.Repeat("ü", 65):     strings.Repeat("ü", 64), strings.Repeat("ü", 64): strings.Repeat("ü", 64),
		strings.Repeat("x", 30_000): strings.Repeat("x", 64), strings.Repeat("\u200b", 100) + "x": "x",
	} {
		f.loggedIn("api-key", object("key", key.Value, "options", map[string]any{"device": map[string]any{
			"deviceName": sent, "platform": sent,
		}}))
		use := f.onlyFact(owner)["last_use"].(map[string]any)
		if use["device_name"] != want || use["platform"] != want {
			t.Errorf("%.80q: shown %q and %q, want %q", sent, use["device_name"], use["platform"], want)
		}
	}
}

// Only the id in a device block ever mattered, so nothing else in it may fail a sign-in.
func TestNoTextOfADeviceFailsASignIn(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	fields := []string{
		"deviceName", "platform", "platformVersion", "sdk", "sdkVersion", "coreVersion", "appId", "appVersion", "cpuArch", "SDK",
	}
	for _, field := range fields {
		for _, v := range []string{
			"null", "1", "1e999", "true", `[]`, `["x"]`, `{}`, `{"$oid":1}`, `"\ud800"`, `"\u0000"`,
			strings.Repeat("[", 900) + strings.Repeat("]", 900),
		} {
			got := f.do("POST", loginPath("api-key"), "", `{"key":"`+key.Value+`","options":{"device":{"`+field+`":`+v+`}}}`)
			if got.status != 200 {
				t.Errorf("%s as %.40s: status %d: %s", field, v, got.status, got.body)
			}
		}
	}
	for _, options := range []string{`{}`, `{"device":null}`, `{"device":{}}`} {
		f.loggedIn("api-key", `{"key":"`+key.Value+`","options":`+options+`}`)
	}
}

// tried tries a value for the person at the address, as the page does that says which key a value is.
func (f *fixture) tried(value string, who loginAnswer, address string) error {
	f.t.Helper()
	_, err := f.inBrowser(who, model.Origin{Address: address}).TryValue(f.t.Context(), model.Secret(value))
	return err
}

// triedOn is tried with a value that works.
func (f *fixture) triedOn(value string, who loginAnswer, address string) {
	f.t.Helper()
	if err := f.tried(value, who, address); err != nil {
		f.t.Fatal(err)
	}
}

// triedOff is tried with a value that does not.
func (f *fixture) triedOff(value string, who loginAnswer, address string) {
	f.t.Helper()
	if err := f.tried(value, who, address); !model.Is(err, model.KindWrongValue) {
		f.t.Fatal(err)
	}
}

func TestAnOwnKeyThatIsTriedHasNoFacts(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	f.triedOn(key.Value, owner, "198.51.100.9")
	f.do("PUT", keysPath+"/"+key.ID+"/disable", owner.RefreshToken, "").want(204)
	f.triedOff(key.Value, owner, "198.51.100.9")
	want := map[string]any{"_id": key.ID, "fingerprint": fingerprint(key.Value), "words": words(key.Value), "off": map[string]any{"at": wireTimeText(f.clock.Now()), "sessions": 0.0}}
	if diff := cmp.Diff(want, f.onlyFact(owner)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAKeyThatSomebodyElseTriesTellsItsOwner(t *testing.T) {
	f := newFixture(t)
	owner, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	key := f.createKey(owner, "pump")
	f.triedOn(key.Value, stranger, "198.51.100.9")
	used := f.onlyFact(owner)
	last, _ := used["last_use"].(map[string]any)
	if last["address"] != "198.51.100.9" || used["first_used_at"] == nil {
		t.Errorf("a use from where it was tried is not remembered: %v", used)
	}
	f.do("PUT", keysPath+"/"+key.ID+"/disable", owner.RefreshToken, "").want(204)
	f.triedOff(key.Value, stranger, "198.51.100.9")
	used["off"] = map[string]any{"at": wireTimeText(f.clock.Now()), "sessions": 0.0, "first_refused_at": wireTimeText(f.clock.Now())}
	used["last_refusal"] = map[string]any{"at": wireTimeText(f.clock.Now()), "address": "198.51.100.9", "reason": "off"}
	if diff := cmp.Diff(used, f.onlyFact(owner)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARefusedSignInOfAKeyThatIsOffIsRemembered(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	f.loginWithKey(key.Value)
	used := f.onlyFact(owner)
	f.do("PUT", keysPath+"/"+key.ID+"/disable", owner.RefreshToken, "").want(204)
	now := f.clock.Now()
	off := map[string]any{"at": wireTimeText(now), "sessions": 1.0, "access_until": wireTimeText(now.Add(30 * time.Minute))}
	used["off"] = off
	if diff := cmp.Diff(used, f.onlyFact(owner)); diff != "" {
		t.Errorf("after turning off (-want +got):\n%s", diff)
	}
	refuse := func(after time.Duration) {
		t.Helper()
		f.clock.Advance(after)
		f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401).says("unauthorized", "AuthError")
		f.Drain()
	}
	refuse(time.Hour)
	first := f.clock.Now()
	refuse(59 * time.Second)
	off["first_refused_at"] = wireTimeText(first)
	used["last_refusal"] = map[string]any{"at": wireTimeText(first), "address": "192.0.2.1", "reason": "off"}
	if diff := cmp.Diff(used, f.onlyFact(owner)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	refuse(time.Second)
	used["last_refusal"].(map[string]any)["at"] = wireTimeText(f.clock.Now())
	if diff := cmp.Diff(used, f.onlyFact(owner)); diff != "" {
		t.Errorf("a minute later (-want +got):\n%s", diff)
	}
	f.do("PUT", keysPath+"/"+key.ID+"/enable", owner.RefreshToken, "").want(204)
	if got := f.onlyFact(owner)["off"]; got != nil {
		t.Errorf("of a key that is on again it is told %v", got)
	}
}

// fixtureWithKeyOff has a key that is turned off, and a second way to its database, of one connection.
func fixtureWithKeyOff(t *testing.T) (f *fixture, owner loginAnswer, key newKey, db *sql.DB) {
	path := filepath.Join(t.TempDir(), "test.db")
	f = newFixture(t)
	f.restart(testkit.StoreAt(t, path))
	owner = f.signUp("a@example.org")
	key = f.createKey(owner, "pump")
	f.do("PUT", keysPath+"/"+key.ID+"/disable", owner.RefreshToken, "").want(204)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return f, owner, key, db
}

// Who finds a value could otherwise see by the time an answer takes that the value had a key once.
func TestAKeyThatIsOffIsRefusedBeforeThatIsWrittenDown(t *testing.T) {
	f, owner, key, db := fixtureWithKeyOff(t)
	do := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do("BEGIN IMMEDIATE") // nobody else can write
	f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401)
	if fact := f.onlyFactNow(owner); fact["last_refusal"] != nil {
		t.Errorf("it is written down: %v", fact)
	}
	do("COMMIT")
	if fact := f.onlyFact(owner); fact["last_refusal"] == nil {
		t.Errorf("it was never written down: %v", fact)
	}
}

func TestARefusalThatCannotBeRecordedIsARefusalAllTheSame(t *testing.T) {
	f, _, key, db := fixtureWithKeyOff(t)
	if _, err := db.ExecContext(t.Context(), "DROP TABLE key_uses"); err != nil {
		t.Fatal(err)
	}
	f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401).says("unauthorized", "AuthError")
	f.Drain()
	if logs := f.logs.String(); !strings.Contains(logs, "refusal of a key not recorded") || strings.Contains(logs, key.Value) {
		t.Errorf("logged %s", logs)
	}
}

// realm-web hands the fields of a key on to the app, so whatever is known of a key must not turn up there.
func TestAKeyInUseHasTheFieldsItAlwaysHad(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	f.loginWithKey(key.Value)
	f.do("PUT", keysPath+"/"+key.ID+"/disable", owner.RefreshToken, "").want(204)
	f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401)
	if fact := f.onlyFact(owner); fact["last_use"] == nil || fact["last_refusal"] == nil {
		t.Fatalf("nothing is known of the key: %v", fact)
	}
	want := map[string]any{"_id": key.ID, "name": "pump", "disabled": true}
	if diff := cmp.Diff(want, f.do("GET", keysPath+"/"+key.ID, owner.RefreshToken, "").want(200).fields()); diff != "" {
		t.Errorf("fetched (-want +got):\n%s", diff)
	}
	var list []map[string]any
	f.do("GET", keysPath, owner.RefreshToken, "").want(200).into(&list)
	if diff := cmp.Diff([]map[string]any{want}, list); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if body := f.do("GET", keyFactsPath, owner.RefreshToken, "").want(200).body; strings.Contains(string(body), key.Value) {
		t.Error("the facts have the value")
	}
}

func TestAUseThatWasAnsweredIsOnTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	st := testkit.StoreAt(t, path)
	f := newFixture(t)
	f.restart(st)
	owner := f.signUp("a@example.org")
	f.loginWithKey(f.createKey(owner, "pump").Value)
	want := f.onlyFact(owner)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	f.restart(testkit.StoreAt(t, path))
	if diff := cmp.Diff(want, f.onlyFact(owner)); diff != "" || want["last_use"] == nil {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
}

func TestTimesOnTheWireAlwaysHaveMilliseconds(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.Date(2026, 11, 20, 14, 7, 0, 0, time.UTC):                              `"2026-11-20T14:07:00.000Z"`,
		time.Date(2026, 11, 20, 14, 7, 0, 123_999_999, time.FixedZone("", 2*60*60)): `"2026-11-20T12:07:00.123Z"`,
	} {
		if got, err := json.Marshal(wireTime(at)); err != nil || string(got) != want {
			t.Errorf("%v is %s (%v), want %s", at, got, err, want)
		}
	}
}
