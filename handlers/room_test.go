package handlers_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/internal/model"
)

// The keys that nobody misses come first, each with what speaks for deleting it; the others are there, and those that are needed are not.
func TestRoomIsMadeAmongKeysThatNobodyUses(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.AddDate(-1, 0, 0))
	b, who := p.signedIn(email)
	p.seed(who, "never-1", "never-2")
	for _, use := range []struct {
		name string
		ago  time.Duration
	}{{"long-ago", 90 * 24 * time.Hour}, {"off", 60 * 24 * time.Hour}, {"last-month", 30 * 24 * time.Hour}, {"today", time.Hour}} {
		p.clock.Set(-use.ago)
		key, value := p.keyWithValue(who, use.name)
		if _, err := p.api.Login(t.Context(), client.UserAPIKey(value)); err != nil {
			t.Fatal(err)
		}
		if use.name == "off" {
			p.turn(who, key, false)
		}
	}
	p.clock.Set(-time.Hour)
	p.signIn(who).createsToSave("unsaved")
	p.clock.Set(0)
	a := b.get("/keys/room").want(http.StatusOK).says("#room", "You have 7 of 20 keys. There is room for another one.")
	want := []string{
		"Nobody saved its value, and it was never used", "Never used since 1 Apr", "Never used since 1 Apr",
		"Off since 3 Mar · last used 3 Mar", "Last used 1 Feb · Linux · Go · 127.0.0.1",
	}
	if diff := cmp.Diff([]string{"unsaved", "never-1", "never-2", "off", "long-ago"}, a.texts("#room [aria-label=Proposed] label")); diff != "" {
		t.Errorf("proposed are (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, a.texts("#room [aria-label=Proposed] .small")); diff != "" {
		t.Errorf("they are proposed because of (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"last-month"}, a.texts("#room details label")); diff != "" || a.has("details[open]:not(.menu)") {
		t.Errorf("the others are (-want +got):\n%s", diff)
	}
	a.says("#room .hint", "Keys used in the last 7 days are not listed.").says("#room button", "Delete selected…")
}

// Since when a key is off, another server does not tell: what was done here does.
func TestOfKeysElsewhereOnlyWhatIsKnownSpeaksForDeletingThem(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(keyFacts, says(404, ""))
	p.clock.Set(-31 * 24 * time.Hour)
	b, who := p.signedIn(email)
	keys := p.seed(who, "off", "off-and-on", "never-seen", "unsaved")
	for i, acts := range [][]string{{"turn-off"}, {"turn-off", "turn-on"}} {
		for _, act := range acts {
			p.clock.Advance(time.Minute)
			b.post("/keys/"+keys[i].ID+"/"+act, nil).want(http.StatusSeeOther)
		}
	}
	kept := model.KeptCard{Card: model.Card{SavedHow: model.NotSaved}, ListedAt: p.clock.Now()} // an id of now is dated by the clocks of all tests
	if err := p.own.Elsewhere().SaveCard(t.Context(), who.id, keys[3].ID, kept); err != nil {
		t.Fatal(err)
	}
	p.clock.Set(0)
	b = p.signIn(who)
	want := []string{"unsavedNobody saved its value. The key service doesn’t report whether it was used", "offOff since 1 Apr"}
	if diff := cmp.Diff(want, b.get("/keys/room").want(http.StatusOK).texts("#room [aria-label=Proposed] li")); diff != "" {
		t.Errorf("proposed are (-want +got):\n%s", diff)
	}
}

// Twenty keys that were created a moment ago are all needed, as far as anybody knows: all of them can be seen, and none is proposed.
func TestWithoutReasonsNoKeyIsProposed(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.AddDate(-1, 0, 0))
	_, who := p.signedIn(email)
	p.seed(who, numbered(20)...)
	p.clock.Set(-31 * 24 * time.Hour)
	b := p.signIn(who)
	for page, part := range map[string]string{"/keys/room": "#room", b.opens(p.pairing("porch-cam")).path: "#make-room"} {
		b.get(page).want(http.StatusOK).lacks("[aria-label=Proposed]", ".candidates").says(part,
			"No key stands out: all were used, created or turned off lately. Delete one that nothing needs any more, or ask the administrator of "+
				"this server for a second account. Don’t let two devices share a key.")
	}
	if got := len(b.get("/keys/room").texts("#room details[open] li")); got != 20 {
		t.Errorf("%d keys to choose from", got)
	}
}

// A person who makes room for a device finds the way back to it.
func TestMakingRoomForADeviceLeadsBackToIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(20)...)
	o := b.opens(p.pairing("porch-cam"))
	way := o.page().attr(`#make-room a[href^="/keys/room"]`, "href")
	if got := b.get(way).want(http.StatusOK).attr("#room form input[name=return]", "value"); got != o.path {
		t.Fatalf("the page keeps %q", got)
	}
	form := url.Values{"return": {o.path}, "key": {keys[0].ID}}
	if got := b.get("/keys/room?"+form.Encode()).want(http.StatusOK).attr("main form input[name=return]", "value"); got != o.path {
		t.Errorf("the question keeps %q", got)
	}
	if got := b.post("/keys/room", form).want(http.StatusOK).attr("#room a.primary", "href"); got != o.path {
		t.Errorf("with room it leads to %q", got)
	}
	form.Set("return", "//evil.example")
	b.get("/keys/room?" + form.Encode()).keepsQuiet("evil.example")
}

func TestWithoutRoomThePageSaysHowToMakeSome(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, numbered(20)...)
	b.get("/keys/room").want(http.StatusOK).
		says("#room", "You have 20 of 20 keys. Keys that are off count too. Delete one to make room:").lacks(`#room a[href="/keys/new"]`)
}

// Choosing asks, and only the answer to the question deletes.
func TestKeysAreDeletedTogetherAfterOneQuestion(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(20)...)
	query := url.Values{"key": {keys[0].ID, keys[2].ID}, "delete": {"1"}}.Encode()
	page := b.get("/keys/room?"+query).want(http.StatusOK).says("h1", "Delete 2 keys?")
	b.htmx().get("/keys/room?"+query).want(http.StatusOK).isPart().says("#dialog-title", "Delete 2 keys?")
	b.get("/keys/room?key="+keys[0].ID).says("h1", "Delete key-01?")
	form := url.Values{}
	for _, name := range []string{"key", "name"} {
		page.doc.Find("form[action='/keys/room'] input[name=" + name + "]").Each(func(_ int, s *goquery.Selection) { form.Add(name, s.AttrOr("value", "")) })
	}
	if got := len(p.stored(who)); got != 20 {
		t.Fatalf("%d keys after the question", got)
	}
	a := b.post("/keys/room", form).want(http.StatusOK).says("#room", "You have 18 of 20 keys. There is room for another one.")
	if diff := cmp.Diff([]string{"key-01 Deleted", "key-03 Deleted"}, a.texts("[aria-label=Results] li")); diff != "" {
		t.Errorf("it says (-want +got):\n%s", diff)
	}
	again := b.htmx().post("/keys/room", form).want(http.StatusOK).isPart()
	want := []string{"key-01 Was deleted already, in another place", "key-03 Was deleted already, in another place"}
	if diff := cmp.Diff(want, again.texts("[aria-label=Results] li")); diff != "" {
		t.Errorf("the second time it says (-want +got):\n%s", diff)
	}
	if got := len(p.stored(who)); got != 18 {
		t.Errorf("%d keys", got)
	}
}

func TestWithoutAChoiceNothingIsDeleted(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, numbered(3)...)
	for _, a := range []answer{
		b.get("/keys/room?delete=1"), b.post("/keys/room", nil), b.htmx().get("/keys/room?delete=1"),
		b.get("/keys/room?delete=1&key=0123456789abcdef01234567"), // somebody else's, or nobody's
	} {
		a.want(http.StatusOK).says("#room .error", "Choose at least one key.")
	}
	a := b.htmx().get("/keys/room?delete=1")
	if got := a.header.Get("HX-Retarget"); got != "#room" || !a.has("[data-count][autofocus]") {
		t.Errorf("the answer goes to %q, and the dialog opens or the focus is lost", got)
	}
	if got := len(p.stored(who)); got != 3 {
		t.Errorf("%d keys", got)
	}
}

func TestRoomIsNotMadeInSomebodyElsesAccount(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	_, ana := p.signedIn(email)
	keys := p.seed(ana, numbered(2)...)
	bob, _ := p.signedIn("bob@example.com")
	bob.post("/keys/room", url.Values{"key": {keys[0].ID, keys[1].ID}}).want(http.StatusOK).keepsQuiet("key-01")
	bob.post("/keys/room", url.Values{"key": {keys[0].ID}, "owner": {ana.id + ":ana%40example.com"}}).want(http.StatusConflict)
	if got := len(p.stored(ana)); got != 2 {
		t.Errorf("%d keys", got)
	}
}

// One answer that gets lost says nothing of the other keys.
func TestOfEachKeyItIsToldWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(4)...)
	p.upstream.breaks(deleteKey, after(1, losesRequests))
	p.upstream.breaks(fetchKey, after(2, losesRequests))
	form := url.Values{"key": {keys[0].ID, keys[1].ID}, "name": {"key-01", "key-02"}}
	a := b.post("/keys/room", form).want(http.StatusOK)
	if diff := cmp.Diff([]string{"key-01 Deleted", "key-02 May or may not be deleted"}, a.texts("[aria-label=Results] li")); diff != "" {
		t.Errorf("it says (-want +got):\n%s", diff)
	}
	if got := a.attr("[aria-label=Results] li:last-child a", "href"); got != "/keys/"+keys[1].ID {
		t.Errorf("looking leads to %q", got)
	}
	p.upstream.heal()
	p.upstream.breaks(deleteKey, refusesConnections)
	b.post("/keys/room", url.Values{"key": {keys[2].ID, keys[3].ID}}).want(http.StatusBadGateway).lacks("#room")
	if got := len(p.stored(who)); got != 3 {
		t.Errorf("%d keys", got)
	}
}

func TestAtMostAsManyKeysAreDeletedAsThereCanBe(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	form := url.Values{}
	for range 50 {
		form.Add("key", model.NewID(noon))
	}
	b.post("/keys/room", form).want(http.StatusOK)
	if got := p.upstream.count(deleteKey); got > model.MaxKeys {
		t.Errorf("%d deletions at the key service", got)
	}
}
