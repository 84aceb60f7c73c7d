package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/model"
)

// labelled is the form of a new key as it is sent without script.
func labelled(t *testing.T, label, name, note string) url.Values {
	form := createForm(newFormID(t), name)
	form.Set("label", label)
	form.Set("note", note)
	return form
}

func TestAKeyIsCalledByItsLabelAndItsNameStandsBesideIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	a := b.post("/keys", labelled(t, " كاميرا <b>الباب</b> ", "porch-cam", "behind the lamp")).want(http.StatusOK)
	a.says("#once-title", "كاميرا <b>الباب</b> is ready.").says("#once code", "porch-cam").lacks("#once b", "#once .error")
	id := p.stored(who)[0].ID
	row := "#key-" + id
	for _, a := range []answer{a, b.get("/keys"), b.htmx().get("/keys")} {
		a.says(row+" a.name bdi", "كاميرا <b>الباب</b>").says(row+" .wire bdi", "porch-cam").lacks(row + " b")
		if got := a.attr(row+" .switch", "aria-label"); got != "كاميرا <b>الباب</b> can sign in" {
			t.Errorf("the switch is called %q", got)
		}
	}
	a = b.get("/keys/"+id).says("h1 bdi", "كاميرا <b>الباب</b>").says("title", "كاميرا <b>الباب</b>")
	a.says("#key .facts", "Nameporch-cam").says("#key .facts", "Notebehind the lamp")
	b.get("/keys/"+id+"/delete").says("h1 bdi", "كاميرا <b>الباب</b>").says("main", "porch-cam").says("button.danger", "Delete porch-cam")

	p.seed(who, "no-label")
	if got := b.get("/keys").lacks(".called bdi", ".called + .wire").texts("#keys .called"); len(got) != 1 || strings.Count(got[0], "no-label") != 1 {
		t.Errorf("a key without a label is called %q", got)
	}
}

func TestANameIsMadeFromTheLabelOfAKeyThatHasNone(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	for _, label := range []string{"客厅", "Küche Pi", "Küche Pi", "küche-PI", "📷"} {
		b.post("/keys", labelled(t, label, "", "")).want(http.StatusOK).has("#once")
	}
	if got, want := p.storedNames(who), "ke-ting, kueche-pi, kueche-pi-2, kueche-pi-3, key"; got != want {
		t.Errorf("the keys are %q, want %q", got, want)
	}

	form := labelled(t, "Porch", "", "")
	b.post("/keys", form).want(http.StatusOK).has("#once")
	again := b.post("/keys", form).want(http.StatusConflict).lacks("#once")
	again.says("#notice", "This form created porch at")
	if got := p.storedNames(who); strings.Count(got, "porch") != 1 {
		t.Errorf("a form that was sent twice leaves %q", got)
	}
}

func TestRenamingChangesTheLabelAndTheNote(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "garage-pi")[0]
	path := "/keys/" + key.ID
	if got := b.get(path).attr(`#key a[href$="/card"]`, "href"); got != path+"/card" {
		t.Errorf("renaming is at %q", got)
	}
	for _, b := range []*browser{b, b.htmx()} {
		a := b.get(path+"/card").want(http.StatusOK).says("form.stack .hint code", "garage-pi").says("form.stack", "The name stays garage-pi: programs may rely on it.")
		if a.has("#once") || a.attr("#label", "value") != "" {
			t.Error("the form has what the key has not")
		}
	}
	b.post(path+"/card", url.Values{"label": {"Garage"}, "note": {"top shelf"}}).leadsTo(path)
	b.get(path).says("#status", "Saved. The name stays garage-pi").says("h1", "Garage").says("#key .facts", "Notetop shelf")
	if got := b.get(path+"/card").attr("#label", "value"); got != "Garage" {
		t.Errorf("the form has the label %q", got)
	}
	if got := b.htmx().post(path+"/card", url.Values{"label": {""}}).want(http.StatusOK).header.Get("HX-Redirect"); got != path {
		t.Errorf("htmx goes to %q", got)
	}
	b.get(path).says("h1", "garage-pi").keepsQuiet("top shelf")
	if got := p.cost(func() { b.post(path+"/card", url.Values{"label": {"Garage"}}).leadsTo(path) }); got.Writes != 1 || got.Commits != 1 {
		t.Errorf("renaming costs %+v", got)
	}
}

func TestALabelOrANoteThatIsTooLongComesBackWithItsText(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "garage-pi")[0]
	label, note := strings.Repeat("客", 61), strings.Repeat("x", 501)
	long := labelled(t, label, "porch-cam", note)
	long.Set("place", "dialog")
	for _, b := range []*browser{b, b.htmx()} {
		for _, path := range []string{"/keys", "/keys/" + key.ID + "/card"} {
			a := b.post(path, long).want(http.StatusUnprocessableEntity).lacks("#once")
			a.says("#label-error", "At most 60 characters.").says("#note-error", "At most 500 characters.")
			if a.attr("#label", "value") != label || a.text("#note") != note || a.attr("#label", "aria-invalid") != "true" || !a.has("#label[autofocus]") {
				t.Errorf("%s does not bring back what was typed", path)
			}
			if path == "/keys" && a.attr("#name", "value") != "porch-cam" {
				t.Error("the name is gone")
			}
		}
	}
	b.post("/keys", labelled(t, "", "porch-cam", note)).want(http.StatusUnprocessableEntity).lacks("#label-error").has("#note[autofocus]")
	if got := p.storedNames(who); got != "garage-pi" {
		t.Errorf("the keys are %q", got)
	}
	b.get("/keys/"+key.ID).says("h1", "garage-pi")
}

// A value that is pasted into the wrong field is in front of the person already: no answer, address or row has to have it too.
func TestAValueInALabelOrANoteIsRefusedAndForgotten(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, value := p.seed(who, "garage-pi")[0], strings.Repeat("aB3dE6gH", 8)
	for field, text := range map[string]string{"label": value, "note": "the value is API_KEY=" + value + "."} {
		for path, name := range map[string]string{"/keys": strings.ToLower(value), "/keys/" + key.ID + "/card": ""} {
			form := labelled(t, "", name, "")
			if form.Set(field, text); field == "note" {
				form.Set("name", "porch-cam")
			}
			a := b.post(path, form).want(http.StatusUnprocessableEntity)
			if !a.has("#"+field+"-error") || strings.Contains(strings.ToLower(a.body), strings.ToLower(value)) {
				t.Errorf("%s has in its answer what is in the %s", path, field)
			}
		}
	}
	if got := p.storedNames(who); got != "garage-pi" {
		t.Errorf("the keys are %q", got)
	}
}

func TestSearchFindsLabelsAndNotes(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	b.post("/keys", labelled(t, "Küche", "kueche-pi", "behind the Lamp")).want(http.StatusOK)
	p.seed(who, numbered(6)...)
	for query, found := range map[string]bool{"KÜCHE": true, "lamp": true, "kueche": true, "lamp kueche": false, "x": false} {
		if got := b.get("/keys?q=" + url.QueryEscape(query)).has(".wire"); got != found {
			t.Errorf("%q finds it: %v", query, got)
		}
	}
}

func TestANameThatIsTypedIsLookedUpAtOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, "porch-cam", "ke-ting")
	for query, says := range map[string]string{
		"name=porch-cam&label=Porch": "You have a key with this name", "name=porch": "", "name=Porch-Cam": "", "": "",
		"name=&label=%E5%AE%A2%E5%8E%85": "Will be called ke-ting-2",
		"name=%3Cb%3E%20Pi":              "Will be called b-Pi", "name=!": "", "name=%E5%AE%A2": "",
	} {
		a := b.htmx().get("/keys/name?" + query).want(http.StatusOK).isPart().lacks("b")
		if got := a.text("body"); got != says {
			t.Errorf("%s: %q, want %q", query, got, says)
		}
	}
	b.get("/keys/name?name=porch-cam").leadsTo("/keys/new")
	p.browser().htmx().get("/keys/name?name=porch-cam").want(http.StatusNoContent) // the form says that the session is over
	b.get("/keys/new").says("#name-taken[aria-live=polite]", "")
}

// CreateKey is that of a person whose cards may not be saved: the key is there all the same.
func (h hooked) CreateKey(ctx context.Context, k model.NewKey) (model.Created, error) {
	if h.p.refuses["save card"] == nil {
		return h.Person.CreateKey(ctx, k)
	}
	k.Label, k.Note = "", ""
	created, err := h.Person.CreateKey(ctx, k)
	created.NotKept = err == nil
	return created, err
}

func TestAKeyWhoseLabelCannotBeSavedIsShownAllTheSame(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.refuses = map[string]error{"save card": errors.New("no space left")}
	a := b.post("/keys", labelled(t, "Porch", "porch-cam", "")).want(http.StatusOK).says("#once .error", "The label could not be saved. Try again on the key’s page.")
	if value := a.text("#value"); len(value) != 64 {
		t.Errorf("the value is %q", value)
	}
	path := "/keys/" + p.stored(who)[0].ID + "/card"
	if got := a.attr("#once .error a", "href"); got != path {
		t.Errorf("it can be tried again at %q", got)
	}

	o := b.opens(p.pairing("garage"))
	b.post(o.path+"/approve", url.Values{"name": {"garage"}, "label": {"Garage"}}).leadsTo(o.path)
	o.page().says("#status", "Approved. The label of garage could not be saved: try again on the key’s page.")
}

func TestTheDescriptionOfADeviceIsTheLabelThatIsProposed(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	for _, device := range []struct{ calls, label, name string }{
		{"客厅", "客厅", "Ke-Ting"}, {"Küche Pi", "Küche Pi", "Kueche-Pi"}, {"kitchen-display", "kitchen-display", "kitchen-display"},
		{strings.Repeat("x", 64), strings.Repeat("x", 60), strings.Repeat("x", 64)}, {"", "", "device"},
	} {
		o := b.opens(p.pairing(device.calls))
		a := o.page()
		form := url.Values{"label": {a.attr("#label", "value")}, "name": {a.attr("#name", "value")}}
		if form.Get("label") != device.label || form.Get("name") != device.name || a.attr("#label", "form") != "approve" {
			t.Errorf("of %q is proposed %v", device.calls, form)
		}
		b.post(o.path+"/approve", form).leadsTo(o.path)
	}
	for i, label := range []string{"客厅", "Küche Pi", "kitchen-display", strings.Repeat("x", 60), ""} {
		if got := p.stored(who)[i].ID; b.get("/keys/"+got+"/card").attr("#label", "value") != label {
			t.Errorf("the key %d is not called %q", i, label)
		}
	}
	if got := b.get("/keys").texts("#keys .wire"); len(got) != 3 {
		t.Errorf("there are names below %q", got) // none below a label that says no more
	}

	// Without a name the label makes it. What is too long comes back.
	o := b.opens(p.pairing("porch"))
	long := strings.Repeat("客", 61)
	a := b.post(o.path+"/approve", url.Values{"name": {"porch"}, "label": {long}}).want(http.StatusUnprocessableEntity).says("#label-error", "At most 60 characters.")
	if a.attr("#label", "value") != long || a.attr("#name", "value") != "porch" || !a.has("#label[autofocus]") {
		t.Error("what was typed is gone")
	}
	b.post(o.path+"/approve", url.Values{"name": {""}, "label": {"客厅"}}).leadsTo(o.path)
	if keys := p.stored(who); keys[len(keys)-1].Name != "ke-ting" {
		t.Errorf("the keys are %s", p.storedNames(who))
	}
}
