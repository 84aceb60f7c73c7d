package authserver

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
)

func TestAKeysLife(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump-1")
	at := keysPath + "/" + key.ID
	seen := map[string]any{"_id": key.ID, "name": "pump-1", "disabled": false}
	if !model.IsID(key.ID) || !isValue(key.Value) || key.Disabled {
		t.Fatalf("created %+v", key)
	}
	if diff := cmp.Diff(seen, f.do("GET", at, owner.RefreshToken, "").want(200).fields()); diff != "" {
		t.Errorf("fetched (-want +got):\n%s", diff)
	}
	f.loginWithKey(key.Value)

	for range 2 { // twice: turning off what is off succeeds
		f.do("PUT", at+"/disable", owner.RefreshToken, "").want(204)
		f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401)
	}
	seen["disabled"] = true
	if diff := cmp.Diff(seen, f.do("GET", at, owner.RefreshToken, "").want(200).fields()); diff != "" {
		t.Errorf("fetched (-want +got):\n%s", diff)
	}
	for range 2 {
		f.do("PUT", at+"/enable", owner.RefreshToken, "").want(204)
		f.loginWithKey(key.Value)
	}
	f.do("DELETE", at, owner.RefreshToken, "").want(204)
	f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401)
	for method, path := range map[string]string{"GET": at, "DELETE": at, "PUT": at + "/enable"} {
		f.do(method, path, owner.RefreshToken, "").want(404).says("API key not found", "APIKeyNotFound")
	}
	if again := f.createKey(owner, "pump-1"); again.ID == key.ID || again.Value == key.Value {
		t.Error("a name used again brought something of the old key back")
	}
}

func TestCreateAnswersWithExactlyFourFields(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	got := f.do("POST", keysPath, owner.RefreshToken, object("name", "pump")).want(201).fields()
	if len(got) != 4 || got["disabled"] != false || got["name"] != "pump" || got["_id"] == nil || got["key"] == nil {
		t.Errorf("created %v", got)
	}
}

func TestListsAreInOrderOfCreationWithoutValues(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	if got := f.do("GET", keysPath, owner.RefreshToken, "").want(200); string(got.body) != "[]" {
		t.Errorf("no keys: %s, want []", got.body)
	}
	var want []map[string]any
	for _, name := range []string{"zulu", "alpha", "Mike", "-", "_"} {
		k := f.createKey(owner, name)
		want = append(want, map[string]any{"_id": k.ID, "name": name, "disabled": false})
	}
	f.do("PUT", keysPath+"/"+want[1]["_id"].(string)+"/disable", owner.RefreshToken, "").want(204)
	want[1]["disabled"] = true
	var got []map[string]any
	f.do("GET", keysPath, owner.RefreshToken, "").want(200).into(&got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKeysOfOthersAndIDsThatNeverWereAnswerAlike(t *testing.T) {
	f := newFixture(t)
	owner, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	key := f.createKey(owner, "pump")
	for _, id := range []string{
		key.ID, "0123456789abcdef01234567", "1", strings.ToUpper(key.ID), key.ID + "0", key.ID[:23], "%20", "a%2Fb", "%00",
		"null", "undefined", "$oid", strings.Repeat("f", 2000), "..%2f" + key.ID, "%F0%9F%94%91",
	} {
		for _, call := range []struct{ method, rest string }{{"GET", ""}, {"DELETE", ""}, {"PUT", "/enable"}, {"PUT", "/disable"}} {
			f.do(call.method, keysPath+"/"+id+call.rest, stranger.RefreshToken, "").
				want(404).says("API key not found", "APIKeyNotFound")
		}
	}
	var still wireKey
	f.do("GET", keysPath+"/"+key.ID, owner.RefreshToken, "").want(200).into(&still)
	if still.Disabled {
		t.Error("a stranger turned the key off")
	}
	f.loginWithKey(key.Value)
}

func TestNames(t *testing.T) {
	const bad = "can only contain ASCII letters, numbers, underscores, and hyphens"
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.createKey(owner, "taken")
	for _, tt := range []struct {
		name, body string
		status     int
		text, code string
	}{
		{"missing", `{}`, 400, "'name' is a required string", ""},
		{"null", `{"name":null}`, 400, "'name' is a required string", ""},
		{"empty", object("name", ""), 400, "'name' is a required string", ""},
		{"a space", object("name", "my key"), 400, bad, "InvalidParameter"},
		{"spaces only", object("name", "  "), 400, bad, "InvalidParameter"},
		{"a slash", object("name", "a/b"), 400, bad, "InvalidParameter"},
		{"a percent sign", object("name", "%s"), 400, bad, "InvalidParameter"},
		{"an emoji", object("name", "🔑"), 400, bad, "InvalidParameter"},
		{"a letter with an accent", object("name", "é"), 400, bad, "InvalidParameter"},
		{"a null byte", object("name", "a\x00"), 400, bad, "InvalidParameter"},
		{"markup", object("name", "<b>"), 400, bad, "InvalidParameter"},
		{"a line break at the end", object("name", "a\n"), 400, bad, "InvalidParameter"},
		{"65 characters", object("name", strings.Repeat("a", 65)), 400, "can be at most 64 characters long", "InvalidParameter"},
		{"in use", object("name", "taken"), 409, "API key with name already exists", "APIKeyAlreadyExists"},
		{"64 characters", object("name", strings.Repeat("a", 64)), 201, "", ""},
		{"another case", object("name", "Taken"), 201, "", ""},
		{"every kind of character", object("name", "aZ0_-"), 201, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := f.on(t).do("POST", keysPath, owner.RefreshToken, tt.body)
			if got.want(tt.status); tt.status >= 400 {
				got.says(tt.text, tt.code)
			}
		})
	}
	stranger := f.signUp("b@example.org")
	f.createKey(stranger, "taken") // unique among the user's own keys only
}

func TestThe21stKeyIsRefusedAndOffKeysCount(t *testing.T) {
	const full = "a user can have at most 20 API keys, including those turned off: delete one to make room"
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	keys := f.createKeys(owner, 20)
	f.do("PUT", keysPath+"/"+keys[3].ID+"/disable", owner.RefreshToken, "").want(204)
	f.do("POST", keysPath, owner.RefreshToken, object("name", "one-more")).want(400).says(full, "BadRequest")
	f.do("POST", keysPath, owner.RefreshToken, object("name", keys[0].Name)).want(400).says(full, "BadRequest")
	f.do("DELETE", keysPath+"/"+keys[3].ID, owner.RefreshToken, "").want(204)
	f.createKey(owner, "one-more")
}

func TestAHundredCreatesAtOnceEndWithTwentyKeys(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 100 {
		wg.Go(func() {
			got := f.do("POST", keysPath, owner.RefreshToken, object("name", fmt.Sprintf("key-%d", i)))
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[int]int{201: 20, 400: 80}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	var keys []wireKey
	f.do("GET", keysPath, owner.RefreshToken, "").want(200).into(&keys)
	if len(keys) != 20 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestTurningOffOrDeletingAKeyEndsItsSessionsAlone(t *testing.T) {
	const gone = "invalid session: failed to find refresh token"
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	off, deleted, kept := f.createKey(owner, "off"), f.createKey(owner, "deleted"), f.createKey(owner, "kept")
	offSession, deletedSession, keptSession := f.loginWithKey(off.Value), f.loginWithKey(deleted.Value), f.loginWithKey(kept.Value)
	f.do("PUT", keysPath+"/"+off.ID+"/disable", owner.RefreshToken, "").want(204)
	f.do("DELETE", keysPath+"/"+deleted.ID, owner.RefreshToken, "").want(204)
	for _, s := range []loginAnswer{offSession, deletedSession} {
		f.do("POST", sessionPath, s.RefreshToken, "").want(401).says(gone, "InvalidSession")
	}
	f.do("POST", sessionPath, keptSession.RefreshToken, "").want(201)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
	// Turned on again, the same value signs in; the old session stays ended.
	f.do("PUT", keysPath+"/"+off.ID+"/enable", owner.RefreshToken, "").want(204)
	f.loginWithKey(off.Value)
	f.do("POST", sessionPath, offSession.RefreshToken, "").want(401)
}
