package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/views"
)

// createKey makes a key and shows its value in this one answer. It asks the key service once and never again: a second
// request would make a second key.
func (h *dashboard) createKey(c echo.Context) error {
	name, formID := strings.TrimSpace(c.FormValue("name")), c.FormValue("form_id")
	if !validFormID(formID) {
		return h.answerCreate(c, http.StatusUnprocessableEntity, func(m *views.Keys) {
			m.Form.Name, m.Form.Error = name, "This form was not complete, and no key was made. Send it again."
		})
	}
	a, _ := accountOf(c)
	form, first, err := h.forms.claim(c.Request().Context(), a.UserID+"/"+formID, name)
	if err != nil {
		return err
	}
	if !first {
		return h.answerSentForm(c, form)
	}
	key, before, err := h.create(c, form)
	if err != nil {
		return h.answerCreateError(c, name, before, err)
	}
	h.recordMade(c, key.APIKey)
	m := h.knownKeys(c, append(before, key.APIKey))
	m.Status = "Key created. Save its value now."
	m.Once = &views.Once{
		ID: key.ID, Name: key.Name, Value: key.Value.Reveal(),
		Handoff: h.handoff(key.Name), Masked: wantsPart(c) || c.FormValue(scriptField) != "",
	}
	markNew(&m, key.ID)
	return render(c, http.StatusOK, views.KeysPage(m), views.CreatePart(m))
}

// recordMade writes down that a value is shown, and with an upstream that there is a key.
func (h *dashboard) recordMade(c echo.Context, key client.APIKey) {
	made := h.event(c, model.EventKeyMade)
	made.KeyID, made.KeyName = key.ID, key.Name
	h.recordElsewhere(c, made)
	h.tellOfKey(c, key.Name, false)
	made.Kind = model.EventKeyShown
	h.record(c, made)
}

// create reads the keys as they are before, without which nobody could say what came of a create whose answer got lost, and makes
// the key. It settles the form whatever happens, so that nobody waits for it in vain.
func (h *dashboard) create(c echo.Context, form *sentForm) (key client.CreatedKey, before []client.APIKey, err error) {
	made, lost := false, true
	defer func() { h.forms.settle(form, made, lost) }()
	ctx, cancel := actContext(c)
	defer cancel()
	keys := h.keys(c)
	if before, err = keys.FetchAll(ctx); err != nil {
		lost = false
		return key, nil, fmt.Errorf("%w: %w", errNotAsked, err)
	}
	key, err = keys.Create(ctx, form.name)
	made, lost = err == nil, err != nil && unclear(err)
	return key, before, err
}

// answerCreate draws the keys page, or the parts of it that a create can change, after tell has said what came of it.
func (h *dashboard) answerCreate(c echo.Context, status int, tell func(*views.Keys)) error {
	m := h.keysModel(c)
	if err := h.readKeys(c, &m); err != nil {
		m.Form.ID = newFormID()
	}
	tell(&m)
	return render(c, status, views.KeysPage(m), views.CreatePart(m))
}

// knownKeys is the model of the page with keys that were read a moment ago.
func (h *dashboard) knownKeys(c echo.Context, keys []client.APIKey) views.Keys {
	m := h.keysModel(c)
	h.fillKeys(&m, keys, h.askFacts(c)())
	return m
}

// answerCreateError says why no key was made, or that this is not known.
func (h *dashboard) answerCreateError(c echo.Context, name string, before []client.APIKey, err error) error {
	if pageOfItsOwn(err) {
		return err
	}
	if errors.Is(err, errNotAsked) || unclear(err) {
		return h.answerLostCreate(c, name, before, err)
	}
	m, status := h.knownKeys(c, before), http.StatusUnprocessableEntity
	m.Form.Name = name
	switch {
	case client.IsInvalidName(err):
		m.Form.Error, m.Form.Suggestion = nameError(name), suggestName(name)
	case client.IsNameInUse(err):
		m.Form.Error = "You already have a key with this name."
		m.Form.Holder = find(m.List, name)
	case client.IsKeyLimit(err):
		m.Notice = &views.Notice{Bad: true, Title: "No key was made.", Text: "All " + strconv.Itoa(client.MaxKeys) + " keys are in use."}
	default:
		status = h.failCreate(c, &m, err)
	}
	return render(c, status, views.KeysPage(m), views.CreatePart(m))
}

// failCreate tells of an error of the key service after which it is certain that no key was made, and gives the status.
func (h *dashboard) failCreate(c echo.Context, m *views.Keys, err error) int {
	h.logFault(c, "create key failed", err)
	p := explain(err)
	p.askForPatience(c)
	m.Notice = &views.Notice{Bad: true, Title: p.heading + ".", Text: strings.TrimSpace("No key was made. " + p.again)}
	return p.status
}

// answerLostCreate says what can be said of a create that was not sent since the keys could not be read, or whose answer got lost.
// For the latter the keys are read once more and compared with those before: the list knows, and nothing else does.
func (h *dashboard) answerLostCreate(c echo.Context, name string, before []client.APIKey, err error) error {
	m := h.keysModel(c)
	m.Form.Name = name
	if errors.Is(err, errNotAsked) {
		m.Failure, m.Form.ID = h.failure(c, err), newFormID()
		status := h.failCreate(c, &m, err)
		return render(c, status, views.KeysPage(m), views.CreatePart(m))
	}
	h.logFault(c, "outcome of a create unknown", err)
	p := explain(err)
	p.askForPatience(c)
	ctx, cancel := readContext(c)
	defer cancel()
	after, unread := h.keys(c).FetchAll(ctx)
	if unread != nil {
		m.Failure, m.Form.ID = h.failure(c, unread), newFormID()
		m.Notice = &views.Notice{Text: "We asked to create " + name + " and do not know whether it was made.", Link: home, LinkText: "Check now"}
	} else {
		h.fillKeys(&m, after, h.askFacts(c)())
		m.Notice = lostCreate(name, before, after, timedOut(err))
	}
	m.Notice.Bad, m.Notice.Title = true, p.heading+"."
	return render(c, p.status, views.KeysPage(m), views.CreatePart(m))
}

// lostCreate compares the keys before and after a create whose answer got lost. One that took too long may still be carried out.
func lostCreate(name string, before, after []client.APIKey, late bool) *views.Notice {
	switch made := madeBetween(before, after, name); {
	case len(made) == 1:
		return &views.Notice{Text: name + " was created, but its value was lost. Delete it and create it again.",
			Link: home + "/" + made[0].ID + "/delete", LinkText: "Delete " + name + "…"}
	case len(made) > 1:
		return &views.Notice{Text: strconv.Itoa(len(made)) + " keys named " + name +
			" were made at the same time. One of them is yours, and its value was lost: delete it.", Link: home, LinkText: "Look at your keys"}
	case slices.ContainsFunc(after, func(key client.APIKey) bool { return key.Name == name }):
		return &views.Notice{Text: "You had a key named " + name + " before, and no other was made."}
	case late:
		return &views.Notice{Text: "Your list has no key named " + name + " so far. Check again before you send the form again.",
			Link: home, LinkText: "Check now"}
	default:
		return &views.Notice{Text: "Your list has no key named " + name + ": it was not made. You can send the form again."}
	}
}

// madeBetween gives the keys of that name that are in after and were not in before.
func madeBetween(before, after []client.APIKey, name string) []client.APIKey {
	known := make(map[string]bool, len(before))
	for _, key := range before {
		known[key.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(after), func(key client.APIKey) bool { return key.Name != name || known[key.ID] })
}

// answerSentForm answers a form that was sent before, by a double click or a reload. The value is not in this answer: it
// was in the first one.
func (h *dashboard) answerSentForm(c echo.Context, form *sentForm) error {
	return h.answerCreate(c, http.StatusConflict, func(m *views.Keys) {
		n := &views.Notice{Title: "Already created.", LinkText: "Open " + form.name}
		m.Notice = n
		found := find(m.List, form.name)
		switch {
		case found == nil && m.Failure == nil:
			n.Title, n.LinkText = "This form was sent already, at "+clock(form.at)+".", ""
			n.Text = "There is no key named " + form.name + " now."
		case found == nil || form.unclear:
			n.Title, n.Link, n.LinkText = "This form was sent already, at "+clock(form.at)+".", home, "Check now"
			n.Text = "We do not know whether it made " + form.name + "."
		default:
			n.Link = home + "/" + found.ID
			n.Text = "This form made " + form.name + " at " + clock(form.at) +
				". Its value was in the first answer and cannot be shown again. If it was not saved, delete the key and create a new one."
		}
	})
}

func clock(t time.Time) string { return t.UTC().Format("15:04 UTC") }

// find gives the key of that name, nil when there is none.
func find(keys []views.Key, name string) *views.Key {
	for i := range keys {
		if keys[i].Name == name {
			return &keys[i]
		}
	}
	return nil
}

func markNew(m *views.Keys, id string) {
	for i := range m.List {
		m.List[i].New = m.List[i].ID == id
	}
}

// nameError says what is wrong with a name in the form's own words.
func nameError(name string) string {
	switch {
	case name == "":
		return "Give the key a name."
	case len(name) > client.MaxNameLength && !strings.ContainsFunc(name, notNameRune):
		return "That name is too long: 64 characters at most."
	default:
		return "That name has characters we cannot use."
	}
}

func notNameRune(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
}

// suggestName gives the name closest to what was typed that is allowed, "" when nothing is left of it.
func suggestName(name string) string {
	parts := strings.FieldsFunc(name, notNameRune)
	suggestion := strings.Trim(strings.Join(parts, "-"), "-")
	if len(suggestion) > client.MaxNameLength {
		suggestion = strings.TrimRight(suggestion[:client.MaxNameLength], "-")
	}
	return suggestion
}
