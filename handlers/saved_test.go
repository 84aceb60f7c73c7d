package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/model"
)

// createsToSave creates a key on the page and gives where the page tells that its value was saved.
func (b *browser) createsToSave(name string) (key model.Key, to string, a answer) {
	b.t.Helper()
	a = b.post("/keys", createForm(newFormID(b.t), name)).want(http.StatusOK)
	to = a.attr(".done", "action")
	id := a.attr("#once", "data-key")
	if to != "/keys/"+id+"/saved" || a.attr(".done", "method") != "post" {
		b.t.Fatalf("the panel leads to %q", to)
	}
	return model.Key{ID: id, Name: name}, to, a
}

// cardOf is what is kept of a key besides.
func (p *program) cardOf(who person, id string) model.Card {
	p.t.Helper()
	key, err := p.store.APIKey(p.t.Context(), who.id, id)
	if err != nil {
		p.t.Fatal(err)
	}
	return key.Card
}

func TestTheFormThatLeavesAValueTellsThatItWasSaved(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, to, page := b.createsToSave("porch-cam")
	if !strings.Contains(page.body, `<input type="checkbox" name="how" value="ticked" required>`) {
		t.Error("without script there is no tick that says so")
	}
	b.post(to, url.Values{"how": {"ticked"}}).leadsTo("/keys")
	if got := p.cardOf(who, key.ID); got.SavedHow != model.SavedBySaying || !got.SavedAt.Equal(noon) {
		t.Errorf("known is %+v", got)
	}
	b.get("/activity?kind=keys").says("main", "Value of porch-cam saved, as you said")
}

func TestAScriptTellsThatAValueWasCopiedAndStaysOnThePage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, to, _ := b.createsToSave("porch-cam")
	for _, how := range []string{"copied", "downloaded", "nonsense"} {
		if a := b.post(to, url.Values{"how": {how}, "script": {"1"}}); a.status != http.StatusNoContent || a.body != "" {
			t.Errorf("%s is answered with %d %q", how, a.status, a.body)
		}
	}
	if got := p.cardOf(who, key.ID).SavedHow; got != model.SavedByCopying {
		t.Errorf("known is %q", got)
	}
	events, err := p.store.Events(t.Context(), who.id, model.EventQuery{Kinds: []model.EventKind{model.EventKeySaved}, Limit: 9})
	if err != nil || len(events) != 1 || events[0].KeyName != "porch-cam" || events[0].Detail != "copied" {
		t.Errorf("written down is %+v, %v", events, err)
	}
}

// The page with the value is left by then. Whatever cannot be remembered, nobody is kept from going on, and no value is shown again.
func TestLeavingAValueGoesOnWhateverCannotBeRemembered(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, to, page := b.createsToSave("porch-cam")
	value := page.text("#value")
	for _, how := range []url.Values{nil, {"how": {"by heart"}}, {"how": {""}}} {
		b.post(to, how).leadsTo("/keys")
	}
	b.post("/keys/0123456789abcdef01234567/saved", url.Values{"how": {"ticked"}}).leadsTo("/keys")
	bob, _ := p.signedIn("bob@example.com")
	bob.post(to, url.Values{"how": {"ticked"}}).leadsTo("/keys")
	if got := p.cardOf(who, key.ID); got.SavedHow != model.NotSaved {
		t.Errorf("known is %+v", got)
	}
	b.get("/keys").keepsQuiet(value)

	p.refuses["mark saved"] = &model.Error{Kind: model.KindStorageDown}
	b.post(to, url.Values{"how": {"ticked"}}).leadsTo("/keys").keepsQuiet(value)
	if got := b.htmx().post(to, url.Values{"how": {"copied"}}).status; got != http.StatusNoContent {
		t.Errorf("a script gets %d", got)
	}
	p.logs.line(t, "not remembered that a value was saved")
}
