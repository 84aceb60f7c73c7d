package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
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
	key, err := h.create(c, form)
	if err != nil {
		return h.answerCreateError(c, name, err)
	}
	return h.answerCreate(c, http.StatusOK, func(m *views.Keys) {
		m.Status = "Key created. Save its value now."
		m.Once = &views.Once{
			ID: key.ID, Name: key.Name, Value: key.Value.Reveal(),
			Handoff: h.handoff(key.Name), Masked: wantsPart(c),
		}
		markNew(m, key.ID)
	})
}

// create settles the form whatever happens, so that nobody waits for it in vain.
func (h *dashboard) create(c echo.Context, form *sentForm) (key client.CreatedKey, err error) {
	made, lost := false, true
	defer func() { h.forms.settle(form, made, lost) }()
	ctx, cancel := actContext(c)
	defer cancel()
	key, err = h.keys(c).Create(ctx, form.name)
	made, lost = err == nil, err != nil && unclear(err)
	return key, err
}

// answerCreate draws the keys page, or the parts of it that a create can change, after tell has said what came of it. A
// list that cannot be read must not keep a new value from the person: then the answer says both.
func (h *dashboard) answerCreate(c echo.Context, status int, tell func(*views.Keys)) error {
	m := h.keysModel(c)
	if err := h.readKeys(c, &m); err != nil {
		m.Form.ID = newFormID()
	}
	tell(&m)
	return render(c, status, views.KeysPage(m), views.CreatePart(m))
}

// answerCreateError says why no key was made, or that this is not known.
func (h *dashboard) answerCreateError(c echo.Context, name string, err error) error {
	if pageOfItsOwn(err) {
		return err
	}
	status := http.StatusUnprocessableEntity
	var tell func(*views.Keys)
	switch {
	case client.IsInvalidName(err):
		tell = func(m *views.Keys) { m.Form.Error, m.Form.Suggestion = nameError(name), suggestName(name) }
	case client.IsNameInUse(err):
		tell = func(m *views.Keys) {
			m.Form.Error = "You already have a key with this name."
			m.Form.Holder = find(m.List, name)
		}
	case client.IsKeyLimit(err):
		tell = func(m *views.Keys) {
			m.Notice = &views.Notice{Bad: true, Title: "No key was made.", Text: "All " + strconv.Itoa(client.MaxKeys) + " keys are in use."}
		}
	default:
		h.log.Error("create key failed", "request", requestIDOf(c), "cause", err)
		p := explain(err)
		p.askForPatience(c)
		status = p.status
		tell = func(m *views.Keys) { m.Notice = h.createFailure(m, name, err) }
	}
	return h.answerCreate(c, status, func(m *views.Keys) {
		m.Form.Name = name
		tell(m)
	})
}

// createFailure compares the list with what was asked for when the answer got lost, and says what it found.
func (h *dashboard) createFailure(m *views.Keys, name string, err error) *views.Notice {
	p := explain(err)
	if !unclear(err) {
		return &views.Notice{Bad: true, Title: p.heading + ".", Text: "No key was made."}
	}
	found := find(m.List, name)
	switch {
	case m.Failure != nil:
		return &views.Notice{Bad: true, Title: p.heading + ".",
			Text: "We asked to create " + name + " and do not know whether it was made.", Link: home, LinkText: "Check now"}
	case found != nil:
		return &views.Notice{Bad: true, Title: p.heading + ".",
			Text: "There is a key named " + name + ", made " + found.Created.Exact + ". If it is the one you asked for, its value is lost: delete it and create it again.",
			Link: home + "/" + found.ID + "/delete", LinkText: "Delete " + name + "…"}
	default:
		return &views.Notice{Bad: true, Title: p.heading + ".", Text: "Your list has no key named " + name + ": it was not made. You can send the form again."}
	}
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
