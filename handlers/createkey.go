package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/unicode/norm"

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
	if !model.ValidName(name) { // it makes nothing: there is nothing to remember of this form
		created, err := h.askToCreate(c, name, "")
		return h.answerCreateError(c, name, created, err)
	}
	a, _ := accountOf(c)
	form, first, err := h.forms.claim(c.Request().Context(), a.UserID, formID, name)
	if err != nil {
		return err
	}
	if !first {
		return h.answerSentForm(c, form)
	}
	created, err := h.create(c, form, name)
	if err != nil {
		return h.answerCreateError(c, name, created, err)
	}
	m := h.keysModel(c)
	if created.Unread != nil { // the value is shown whatever becomes of the list: it is in this answer alone
		m.Failure = h.failure(c, created.Unread)
	} else {
		h.fillKeys(c, &m, created.Keys)
	}
	m.Status = "Key created. Save its value now."
	m.Once = &views.Once{
		ID: created.Key.ID, Name: created.Key.Name, Value: created.Value.Reveal(),
		Handoff: h.handoff(created.Key.Name), Masked: wantsPart(c) || c.FormValue(scriptField) != "",
	}
	markNew(&m, created.Key.ID)
	return render(c, http.StatusOK, views.KeysPage(m), views.CreatePart(m))
}

// create creates the key. It settles the form whatever happens, so that nobody waits for it in vain.
func (h *dashboard) create(c echo.Context, form *sentForm, name string) (created model.Created, err error) {
	made, unclear := false, true
	defer func() { h.forms.settle(form, made, unclear) }()
	created, err = h.askToCreate(c, name, form.id)
	made, unclear = err == nil, model.OutcomeOf(err) == model.Unclear
	return created, err
}

func (h *dashboard) askToCreate(c echo.Context, name, formID string) (model.Created, error) {
	ctx, cancel := actContext(c)
	defer cancel()
	a, _ := accountOf(c)
	from := originOf(c.Request().Context())
	from.Form = formID
	return h.as(c, a, from).CreateKey(ctx, name)
}

// answerCreate draws the keys page, or the parts of it that a create can change, after tell has said what came of it.
func (h *dashboard) answerCreate(c echo.Context, status int, tell func(*views.Keys)) error {
	m := h.keysModel(c)
	if _, err := h.readKeys(c, &m); err != nil {
		m.Form.ID = newFormID()
	}
	tell(&m)
	return render(c, status, views.KeysPage(m), views.CreatePart(m))
}

// answerCreateError says why no key was created, or that this is not known.
func (h *dashboard) answerCreateError(c echo.Context, name string, created model.Created, err error) error {
	if pageOfItsOwn(err) {
		return err
	}
	m, status := h.keysModel(c), http.StatusUnprocessableEntity
	m.Form.Name = name
	if created.Unread != nil {
		m.Failure, m.Form.ID = h.failure(c, created.Unread), newFormID()
	} else {
		h.fillKeys(c, &m, created.Keys)
	}
	switch {
	case model.OutcomeOf(err) != model.NotDone:
		status = h.answerLostCreate(c, &m, created, err)
	case model.Is(err, model.KindBadName):
		m.Form.Error, m.Form.Suggestion = nameError(name), suggestName(name)
	case model.Is(err, model.KindNameTaken):
		m.Form.Error = "You already have a key with this name."
		m.Form.Holder = find(m.List, name)
	case model.Is(err, model.KindFormUsed):
		status, m.Notice = http.StatusConflict, usedForm(&m, name)
	case model.Is(err, model.KindKeyLimit):
		m.Notice = &views.Notice{Bad: true, Title: "No key was made.", Text: "All " + strconv.Itoa(model.MaxKeys) + " keys are in use."}
	default:
		h.logFault(c, "create key failed", err)
		p := explain(err)
		p.askForPatience(c)
		m.Notice = &views.Notice{Bad: true, Title: p.heading + ".", Text: strings.TrimSpace("No key was made. " + p.again)}
		status = p.status
	}
	return render(c, status, views.KeysPage(m), views.CreatePart(m))
}

// answerLostCreate says what can be said of a create whose answer got lost, and gives the status.
func (h *dashboard) answerLostCreate(c echo.Context, m *views.Keys, created model.Created, err error) int {
	h.logFault(c, "outcome of a create unknown", err)
	p := explain(creatingKey.in(err))
	p.askForPatience(c)
	switch {
	case model.OutcomeOf(err) == model.FoundUndone:
		m.Notice = &views.Notice{Text: "Nothing was saved. You can send the form again."}
	case created.Unread != nil && lost(err):
		m.Notice = &views.Notice{Text: lostTouch + "If " + m.Form.Name + " is in your list, its value is lost: delete it and create it again. " +
			"If not, send the form again.", Link: home, LinkText: checkNow}
	case created.Unread != nil:
		m.Notice = &views.Notice{Text: "We asked to create " + m.Form.Name + " and do not know whether it was made.", Link: home, LinkText: checkNow}
	default:
		m.Notice = lostCreate(m.Form.Name, created, model.Is(err, model.KindTimedOut) || lost(err))
	}
	m.Notice.Bad, m.Notice.Title = true, p.heading+"."
	return p.status
}

// lostCreate says what the list tells of a create whose answer got lost. One that is late may still be carried out.
func lostCreate(name string, created model.Created, late bool) *views.Notice {
	switch found := created.Found; {
	case len(found) == 1:
		return &views.Notice{Text: name + " was created, but its value was lost. Delete it and create it again.",
			Link: home + "/" + found[0].ID + "/delete", LinkText: "Delete " + name + "…"}
	case len(found) > 1:
		return &views.Notice{Text: strconv.Itoa(len(found)) + " keys named " + name +
			" were made at the same time. One of them is yours, and its value was lost: delete it.", Link: home, LinkText: "Look at your keys"}
	case slices.ContainsFunc(created.Keys.List, func(key model.Key) bool { return key.Name == name }):
		return &views.Notice{Text: "You had a key named " + name + " before, and no other was made."}
	case late:
		return &views.Notice{Text: "Your list has no key named " + name + " so far. Check again before you send the form again.",
			Link: home, LinkText: checkNow}
	default:
		return &views.Notice{Text: "Your list has no key named " + name + ": it was not made. You can send the form again."}
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
			n.Title, n.LinkText = "This form was sent already, at "+clockOf(c).Time(form.at, h.Now())+".", ""
			n.Text = "There is no key named " + form.name + " now."
		case found == nil || form.unclear:
			n.Title, n.Link, n.LinkText = "This form was sent already, at "+clockOf(c).Time(form.at, h.Now())+".", home, checkNow
			n.Text = "We do not know whether it made " + form.name + "."
		default:
			n.Link = home + "/" + found.ID
			n.Text = "This form made " + form.name + " at " + clockOf(c).Time(form.at, h.Now()) +
				". Its value was in the first answer and cannot be shown again. If it was not saved, delete the key and create a new one."
		}
	})
}

// usedForm says what became of a form that created its key before this program was started, or at another node.
func usedForm(m *views.Keys, name string) *views.Notice {
	found := find(m.List, name)
	switch {
	case found != nil:
		return &views.Notice{Title: "Already created.", Link: home + "/" + found.ID, LinkText: "Open " + name,
			Text: "This form has created its key. The value was in the first answer and cannot be shown again. If it was not saved, delete the key and create a new one."}
	case m.Failure != nil:
		return &views.Notice{Title: "This form has created its key already.", Text: "No other was created.", Link: home, LinkText: checkNow}
	default:
		return &views.Notice{Title: "This form has created its key already.", Text: "There is no key named " + name + " now, and no other was created."}
	}
}

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
	case len(name) > model.MaxNameLength && !strings.ContainsFunc(name, notNameRune):
		return "That name is too long: 64 characters at most."
	default:
		return "That name has characters we cannot use."
	}
}

func notNameRune(r rune) bool { return !model.InName(r) }

// suggestName gives the name closest to what was typed that is allowed, "" when nothing is left of it.
func suggestName(name string) string {
	parts := strings.FieldsFunc(plainLetters(name), notNameRune)
	suggestion := strings.Trim(strings.Join(parts, "-"), "-")
	if len(suggestion) > model.MaxNameLength {
		suggestion = strings.TrimRight(suggestion[:model.MaxNameLength], "-")
	}
	return suggestion
}

// plainLetters puts those of ASCII in place of letters that have such a form: without their marks, as Unicode takes them apart, and as
// those write them whose letters Unicode leaves whole.
func plainLetters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) { // a mark that belongs to the letter before it
			return -1
		}
		return r
	}, wholeLetters.Replace(norm.NFKD.String(text)))
}

var wholeLetters = strings.NewReplacer(
	"ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "đ", "d", "Đ", "D",
	"ð", "d", "Ð", "D", "þ", "th", "Þ", "Th", "ħ", "h", "Ħ", "H", "ı", "i", "ŋ", "n", "Ŋ", "N", "ŧ", "t", "Ŧ", "T", "ĸ", "k",
)
