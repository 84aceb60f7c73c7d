package handlers

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// newKeyPath is the form that creates a key, on a page of its own or in the dialog of the keys page.
const newKeyPath = home + "/new"

// showNewKey shows the form. Without room for another key it leads to where room is made.
func (h *dashboard) showNewKey(c echo.Context) error {
	m := h.keysModel(c)
	m.Title, m.Form.ID, m.Form.Place = t(c, "keys.create.title", "Create a key"), newFormID(), views.PlaceDialog
	if name := c.QueryParam("name"); model.ValidName(name) { // typed before signing in was needed
		m.Form.Name = name
	}
	m.Form.Expiry = h.emptyExpiryField(c)
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil && pageOfItsOwn(err) {
		return err
	}
	if len(keys.List) >= model.MaxKeys {
		return redirect(c, roomPath)
	}
	return render(c, http.StatusOK, views.NewKeyPage(m), views.NewKeyDialog(m))
}

// createKey creates a key and shows its value in this one answer. It asks the key service once and never again: a second
// request would create a second key.
func (h *dashboard) createKey(c echo.Context) error {
	wanted, formID := wantedKey(c), c.FormValue("form_id")
	if !validFormID(formID) {
		m := h.createModel(c, wanted)
		if _, err := h.readKeys(c, &m); err != nil {
			m.Form.ID = newFormID()
		}
		m.Form.Error = t(c, "keys.create.incomplete", "This form was incomplete, so no key was created. Send it again.")
		return h.bringBack(c, http.StatusUnprocessableEntity, m)
	}
	_, at, err := h.expiryField(c)
	if err != nil {
		m := h.createModel(c, wanted)
		if _, err := h.readKeys(c, &m); err != nil {
			m.Form.ID = newFormID()
		}
		return h.bringBack(c, http.StatusUnprocessableEntity, m)
	}
	wanted.ExpiresAt = at
	if wanted.Name == "" && wanted.Label != "" {
		if wanted.Name, err = h.nameFor(c, wanted.Label); err != nil {
			return h.answerCreateError(c, wanted, model.Created{Unread: err}, err)
		}
		wanted.made = true
	}
	if _, err := wanted.Cleaned(); err != nil || !model.ValidName(wanted.Name) { // it creates nothing: there is nothing to remember of this form
		created, err := h.askToCreate(c, wanted.NewKey, "")
		return h.answerCreateError(c, wanted, created, err)
	}
	a, _ := accountOf(c)
	form, first, err := h.forms.claim(c.Request().Context(), a.UserID, formID, wanted.Name)
	if err != nil {
		return err
	}
	if !first {
		return h.answerSentForm(c, form)
	}
	created, err := h.create(c, form, &wanted)
	if err != nil {
		return h.answerCreateError(c, wanted, created, err)
	}
	return h.answerCreated(c, created)
}

// answerCreated shows the value of a new key.
func (h *dashboard) answerCreated(c echo.Context, created model.Created) error {
	m := h.createModel(c, keyForm{})
	if created.Unread != nil { // the value is shown whatever becomes of the list: it is in this answer alone
		m.Failure = h.failure(c, created.Unread)
	} else {
		h.fillKeys(c, &m, created.Keys)
	}
	words := model.WordsOf(model.FingerprintOf(created.Value)) // of whichever server: the value is here
	m.Once = &views.Once{
		ID: created.Key.ID, Name: created.Key.Name, Label: labelBeside(created.Key), NotKept: created.NotKept, Value: created.Value.Reveal(), Words: views.Words(words),
		Handoff: h.handoff(created.Key.Name, words), Masked: wantsPart(c) || c.FormValue(scriptField) != "",
	}
	m.Once.Takes = takes(c.Request().Context(), created.Key.ID, created.Keys.List)
	for i, key := range m.List {
		if key.ID == created.Key.ID {
			m.List[i].New, m.Once.Key = true, key
		}
	}
	return h.closeForm(c, http.StatusOK, "#compose", m)
}

// createModel is the keys page with the form as it was sent.
func (h *dashboard) createModel(c echo.Context, sent keyForm) views.Keys {
	m := h.keysModel(c)
	m.Form.Name, m.Form.Label, m.Form.Note = sent.Name, withoutValue(sent.Label), withoutValue(sent.Note)
	if m.Form.Label != sent.Label && strings.EqualFold(sent.Name, sent.Label) { // which the script made of it
		m.Form.Name = ""
	}
	if sent.made {
		m.Form.Name = ""
	}
	m.Form.Expiry, _, _ = h.expiryField(c)
	if c.FormValue("place") == views.PlaceDialog {
		m.Form.Place = views.PlaceDialog
	}
	return m
}

// closeForm draws the keys page when the form is done with. To htmx it names the part of the page that the news is put into, which is
// not where the form stood: its dialog closes.
func (h *dashboard) closeForm(c echo.Context, status int, target string, m views.Keys) error {
	if wantsPart(c) {
		c.Response().Header().Set("HX-Retarget", target)
		c.Response().Header().Set("HX-Reswap", "innerHTML")
	}
	return render(c, status, views.KeysPage(m), views.CreatedPart(m))
}

// bringBack draws the form again, where it was sent from, with what is wrong.
func (h *dashboard) bringBack(c echo.Context, status int, m views.Keys) error {
	if m.Form.Place == "" && wantsPart(c) { // the form of the first visit, in place of the list
		m.Failure = nil
		if m.Quota.Used > 0 && m.Notice == nil {
			m.Notice = &views.Notice{Bad: true, Title: t(c, "keys.create.none", "No key was created."), Text: cmp.Or(m.Form.Error, m.Form.LabelError, m.Form.NoteError, m.Form.Expiry.Error)}
		}
	}
	m.Title = t(c, "keys.create.title", "Create a key")
	return render(c, status, views.NewKeyPage(m), views.CreateAgainPart(m))
}

// create creates the key. It settles the form whatever happens, so that nobody waits for it in vain.
//
// A name that was made from the label may be taken meanwhile, in another tab: then another one is made. Nothing was created, so that is no
// second try of the same.
func (h *dashboard) create(c echo.Context, form *sentForm, wanted *keyForm) (model.Created, error) {
	return h.settling(form, func() (created model.Created, err error) {
		for range namesTried {
			created, err = h.askToCreate(c, wanted.NewKey, form.id)
			if !wanted.made || !model.Is(err, model.KindNameTaken) || created.Unread != nil {
				break
			}
			wanted.Name = freeNameFor(wanted.Label, created.Keys.List)
			h.forms.renamed(form, wanted.Name)
		}
		return created, err
	})
}

// settling asks for a key and settles its form whatever happens.
func (h *dashboard) settling(form *sentForm, ask func() (model.Created, error)) (created model.Created, err error) {
	made, unclear := false, true
	defer func() { h.forms.settle(form, made, unclear) }()
	created, err = ask()
	made, unclear = err == nil, model.OutcomeOf(err) == model.Unclear
	return created, err
}

// sender is the person who sent a form that creates one key, on whatever nodes and however often it is sent.
func (h *dashboard) sender(c echo.Context, formID string) Person {
	a, _ := accountOf(c)
	from := originOf(c.Request().Context())
	from.Form = formID
	return h.as(c, a, from)
}

func (h *dashboard) askToCreate(c echo.Context, wanted model.NewKey, formID string) (model.Created, error) {
	ctx, cancel := actContext(c)
	defer cancel()
	return h.sender(c, formID).CreateKey(ctx, wanted)
}

// answerCreateError says why no key was created, or that this is not known.
func (h *dashboard) answerCreateError(c echo.Context, wanted keyForm, created model.Created, err error) error {
	name := wanted.Name
	if pageOfItsOwn(err) {
		return err
	}
	if model.Is(err, model.KindKeyLimit) {
		h.leaveFlash(c, "full", name)
		return redirect(c, roomPath)
	}
	m, status := h.createModel(c, wanted), http.StatusUnprocessableEntity
	if created.Unread != nil {
		m.Failure, m.Form.ID = h.failure(c, created.Unread), newFormID()
	} else {
		h.fillKeys(c, &m, created.Keys)
	}
	switch {
	case model.OutcomeOf(err) != model.NotDone:
		return h.answerLostCreate(c, m, name, created, err)
	case model.Is(err, model.KindExpiryPast):
		m.Form.Expiry.Error = errDayOver.In(c.Request().Context())
	case model.Is(err, model.KindExpiryFar):
		m.Form.Expiry.Error = errTooFar.In(c.Request().Context())
	case model.Is(err, model.KindBadLabel):
		m.Form.LabelError, m.Form.NoteError = cardErrors(c.Request().Context(), wanted.Label, wanted.Note)
	case model.Is(err, model.KindBadName):
		m.Form.Error, m.Form.Suggestion = nameError(c.Request().Context(), name), suggestName(name)
		if likeAValue(name) {
			m.Form.Name = ""
		}
	case model.Is(err, model.KindNameTaken):
		m.Form.Error = t(c, "keys.create.taken.sentence", "You already have a key with this name.")
		m.Form.Holder = find(m.List, name)
	case model.Is(err, model.KindFormUsed):
		if wanted.made { // from the label, and the one that the key got is taken by it
			name = nameOfLabel(created.Keys.List, wanted.Label, name)
		}
		m.Notice = usedForm(c, &m, name)
		return h.closeForm(c, http.StatusConflict, "#notice", m)
	default:
		h.logFault(c, "create key failed", err)
		p := explain(c.Request().Context(), err)
		p.askForPatience(c)
		m.Notice = &views.Notice{Bad: true, Title: p.heading + ".", Text: strings.TrimSpace(t(c, "keys.create.none", "No key was created.") + " " + p.again)}
		status = p.status
	}
	return h.bringBack(c, status, m)
}

// answerLostCreate says what can be said of a create whose answer got lost.
func (h *dashboard) answerLostCreate(c echo.Context, m views.Keys, name string, created model.Created, err error) error {
	h.logFault(c, "outcome of a create unknown", err)
	p := explain(c.Request().Context(), creatingKey.in(err))
	p.askForPatience(c)
	switch {
	case model.OutcomeOf(err) == model.FoundUndone:
		m.Notice = &views.Notice{Text: t(c, "keys.create.nothing-saved", "Nothing was saved. You can send the form again.")}
	case created.Unread != nil && lost(err):
		m.Notice = &views.Notice{Text: t(c, "keys.create.lost-touch", lostTouch+
			"If {name} is in your list, its value is lost: delete it and create it again. If not, send the form again.", "name", name),
			Link: home, LinkText: checkNow.In(c.Request().Context())}
	case created.Unread != nil:
		m.Notice = &views.Notice{Text: t(c, "keys.create.unclear", "We asked to create {name} and don’t know whether it was created.", "name", name),
			Link: home, LinkText: checkNow.In(c.Request().Context())}
	default:
		m.Notice = lostCreate(c, name, created, model.Is(err, model.KindTimedOut) || lost(err))
	}
	m.Notice.Bad, m.Notice.Title = true, p.heading+"."
	if find(m.List, name) != nil || m.Failure != nil { // what there is to do is in the list, or nobody knows what is in it
		return h.closeForm(c, p.status, "#notice", m)
	}
	return h.bringBack(c, p.status, m)
}

// lostCreate says what the list tells of a create whose answer got lost. One that is late may still be carried out.
func lostCreate(c echo.Context, name string, created model.Created, late bool) *views.Notice {
	switch found := created.Found; {
	case len(found) == 1:
		return &views.Notice{Text: t(c, "keys.create.value-lost", "{name} was created, but its value was lost. Delete it and create it again.", "name", name),
			Link: home + "/" + found[0].ID + "/delete", LinkText: t(c, "button.delete-named", "Delete {name}…", "name", name)}
	case len(found) > 1:
		return &views.Notice{Text: lang.N(c.Request().Context(), "keys.create.several", len(found),
			"{n} key named {name} was created at the same time. One of them is yours, and its value was lost: delete it.",
			"{n} keys named {name} were created at the same time. One of them is yours, and its value was lost: delete it.", "name", name),
			Link: home, LinkText: t(c, "keys.create.look", "Look at your keys")}
	case slices.ContainsFunc(created.Keys.List, func(key model.Key) bool { return key.Name == name }):
		return &views.Notice{Text: t(c, "keys.create.had", "You had a key named {name} before, and no other was created.", "name", name)}
	case late:
		return &views.Notice{Text: t(c, "keys.create.not-yet", "Your list has no key named {name} so far. Check again before you send the form again.", "name", name),
			Link: home, LinkText: checkNow.In(c.Request().Context())}
	default:
		return &views.Notice{Text: t(c, "keys.create.not-created", "Your list has no key named {name}: it was not created. You can send the form again.", "name", name)}
	}
}

// answerSentForm answers a form that was sent before, by a double click or a reload. The value is not in this answer: it
// was in the first one.
func (h *dashboard) answerSentForm(c echo.Context, form *sentForm) error {
	m := h.createModel(c, keyForm{})
	if _, err := h.readKeys(c, &m); err != nil {
		m.Form.ID = newFormID()
	}
	n, at := &views.Notice{Title: t(c, "keys.create.already", "Already created."), LinkText: t(c, "keys.open", "Open {name}", "name", form.name)}, clockOf(c).Time(form.at, h.Now())
	m.Notice = n
	found := find(m.List, form.name)
	switch {
	case found == nil && m.Failure == nil:
		n.Title, n.LinkText = t(c, "keys.create.sent", "This form was sent already, at {time}.", "time", at), ""
		n.Text = t(c, "keys.create.no-such", "There is no key named {name} now.", "name", form.name)
	case found == nil || form.unclear:
		n.Title, n.Link, n.LinkText = t(c, "keys.create.sent", "This form was sent already, at {time}.", "time", at), home, checkNow.In(c.Request().Context())
		n.Text = t(c, "keys.create.sent-unclear", "We don’t know whether it created {name}.", "name", form.name)
	default:
		n.Link = home + "/" + found.ID
		n.Text = t(c, "keys.create.created-at", "This form created {name} at {time}. Its value was in the first answer and cannot be shown again. "+
			"If it was not saved, delete the key and create a new one.", "name", form.name, "time", at)
	}
	return h.closeForm(c, http.StatusConflict, "#notice", m)
}

// usedForm says what became of a form that created its key before this program was started, or at another node.
func usedForm(c echo.Context, m *views.Keys, name string) *views.Notice {
	found := find(m.List, name)
	switch {
	case found != nil:
		return &views.Notice{Title: t(c, "keys.create.already", "Already created."), Link: home + "/" + found.ID, LinkText: t(c, "keys.open", "Open {name}", "name", name),
			Text: t(c, "keys.create.used", "This form has created its key. The value was in the first answer and cannot be shown again. "+
				"If it was not saved, delete the key and create a new one.")}
	case m.Failure != nil:
		return &views.Notice{Title: t(c, "keys.create.used.title", "This form has created its key already."),
			Text: t(c, "keys.create.used.no-other", "No other was created."), Link: home, LinkText: checkNow.In(c.Request().Context())}
	default:
		return &views.Notice{Title: t(c, "keys.create.used.title", "This form has created its key already."),
			Text: t(c, "keys.create.used.gone", "There is no key named {name} now, and no other was created.", "name", name)}
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

// nameError says what is wrong with a name in the form's own words.
func nameError(ctx context.Context, name string) string {
	switch {
	case name == "":
		return lang.T(ctx, "keys.name.none", "Give the key a name.")
	case likeAValue(name):
		return lang.T(ctx, "keys.name.value", "That looks like a value, and names are shown on pages.")
	case len(name) > model.MaxNameLength && !strings.ContainsFunc(name, notNameRune):
		return lang.T(ctx, "keys.name.long", "Names can have up to 64 characters.")
	default:
		return lang.T(ctx, "keys.name.letters", "Names can have letters, digits, - and _ only.")
	}
}

func notNameRune(r rune) bool { return !model.InName(r) }

// suggestName gives the name closest to what was typed that is allowed, "" when nothing is left of it.
func suggestName(name string) string {
	suggestion := model.PlainName(name)
	if likeAValue(suggestion) {
		return ""
	}
	return suggestion
}
