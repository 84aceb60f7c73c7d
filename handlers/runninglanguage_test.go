package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"latchkey/internal/model"
)

// German puts the verb behind what it is about, and Arabic runs the other way: neither can be put together from the parts of an English sentence.
func TestOperatorsReadTheirPagesInTheirLanguage(t *testing.T) {
	t.Parallel()
	_, crew, b, _ := newCrew(t)
	crew.users.List = []model.UserFacts{{
		ID: oneID, Email: email, Keys: 3, Operator: true, LastSeen: noon.Add(-time.Hour), DisabledAt: noon,
		Ways: []model.Way{{Provider: model.ProviderPasskey}, {Provider: model.ProviderGoogle}, {Provider: model.ProviderCustomToken}},
	}}
	crew.knocks = []model.Knocked{{Knock: model.Knock{ID: oneID, Tries: 2, FirstAt: noon, LastAt: noon, Device: model.Device{Name: "pi", Platform: "linux"}}}}
	crew.acts.List = []model.OperatorAct{
		{Act: model.ActKeyOff, At: noon, KeyID: oneID, Detail: "porch-cam", UserID: oneID, User: "ana"},
		{Act: model.ActKnockAssigned, At: noon, Detail: "collector"},
		{Act: "of-tomorrow", At: noon, Detail: "x", UserID: oneID, User: "ana"},
	}

	german := b.with("Accept-Language", "de")
	german.get("/running").says("h1", "Betrieb").says("li p", "Gesperrt seit").says("li .by", "Passkey, Google, signiertes Token · 3 von 20 Schlüsseln · zuletzt gesehen")
	german.get("/running/knocks").says("li .by", "Nennt sich ").says("li", "2 Versuche, zuletzt")
	german.post("/running/server-keys", url.Values{"name": {"collector"}}).want(http.StatusUnprocessableEntity).says(".error", "deshalb wurde kein Schlüssel erstellt")
	if got, want := german.get("/running/acts").texts(".deed"), []string{
		"porch-cam von ana ausgeschaltet", "Serverschlüssel collector erstellt, für ein abgewiesenes Gerät", "of-tomorrow: x ana",
	}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	arabic := b.with("Accept-Language", "ar")
	page := arabic.get("/running/acts").says(".deed", "إيقاف porch-cam")
	if page.attr("html", "dir") != "rtl" || !slices.Equal(page.texts(".deed strong bdi"), []string{"porch-cam", "collector", "x"}) {
		t.Errorf("the page runs %q, and to themselves are kept %q", page.attr("html", "dir"), page.texts(".deed strong bdi"))
	}
	arabic.get("/running/knocks").says("li", "محاولتان")
	if code := arabic.get("/running/server-keys").attr("main .small code", "dir"); code != "ltr" {
		t.Errorf("a command runs %q", code)
	}
	api := arabic.get("/docs/api").says("a.button", "مستند OpenAPI")
	if document := api.says(".card", "It answers:"); document.attr(".card", "lang") != "en" || document.attr(".card", "dir") != "ltr" {
		t.Error("the document is not marked as English")
	}
}

// The crawl of all pages finds these empty.
func TestPagesForOperatorsThatHaveSomethingOnThemAreInTheLanguageOfTheirReader(t *testing.T) {
	t.Parallel()
	_, crew, b, _ := newCrew(t)
	b.post("/language", url.Values{"language": {"en-XA"}})
	crew.users = model.UserPage{More: "x", List: []model.UserFacts{
		{ID: oneID, Email: email, Operator: true, LastSeen: noon, DisabledAt: noon, Unconfirmed: true, Ways: []model.Way{{Provider: model.ProviderPasskey}, {Provider: model.ProviderCustomToken}}},
		{ID: otherID, Email: email},
	}}
	crew.knocks = []model.Knocked{{HintEmail: email, Knock: model.Knock{
		ID: oneID, Tries: 2, FirstAt: noon, LastAt: noon, Address: "192.0.2.1", Device: model.Device{Name: "porch-cam", Platform: "linux"},
	}}}
	crew.keys = []model.Key{{ID: oneID, Name: "porch-cam", CreatedAt: noon}, {ID: otherID, Name: "heat-pump", CreatedAt: noon, Disabled: true}}
	crew.acts.More = oneID
	for _, act := range []model.Act{
		model.ActKeyOff, model.ActSessionEnded, model.ActSignedOut, model.ActDisabled, model.ActEnabled, model.ActResetSent, model.ActValueLookedUp, model.ActKnockAssigned,
		model.ActKnockIgnored, model.ActServerKeyMade, model.ActServerKeyOff,
	} {
		for _, user := range []string{"", oneID} {
			crew.acts.List = append(crew.acts.List, model.OperatorAct{Act: act, At: noon, KeyID: oneID, Detail: "porch-cam", UserID: user, User: user, Operator: email})
		}
	}
	knock := "/running/knocks/" + oneID
	for what, a := range map[string]answer{
		"list": b.get("/running?after=x"), "knocks": b.get("/running/knocks"), "knock": b.get(knock), "server keys": b.get("/running/server-keys"), "acts": b.get("/running/acts"),
		"older acts": b.get("/running/acts?before=" + oneID), "value in an address": b.get("/running?q=" + someValue), "value": b.post("/running", url.Values{"q": {someValue + "A"}}),
		"no user": b.post(knock+"/assign", url.Values{"name": {"porch-cam"}}), "two": b.post(knock+"/assign", url.Values{"server": {"1"}, "person": {email}, "name": {"porch-cam"}}),
		"no form": b.post("/running/server-keys", url.Values{"name": {"porch-cam"}}),
	} {
		if left := untranslated(a); len(left) > 0 {
			t.Errorf("%s: %q", what, left)
		}
	}
}
