package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// replacePath is where a key is replaced. The id is one of a key.
func replacePath(id string) string { return home + "/" + id + "/replace" }

// showReplace asks how a key is to be replaced, on a page of its own or in the dialog of the keys page. Without room for another key it
// says so before there is anything to send.
func (h *dashboard) showReplace(c echo.Context) error {
	m, err := h.replaceModel(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.ReplacePage(m), views.ReplaceDialog(m))
}

// replaceModel is the question about the key in the address, with what was chosen if it was sent before.
func (h *dashboard) replaceModel(c echo.Context) (views.Replace, error) {
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil {
		return views.Replace{}, err
	}
	i := slices.IndexFunc(keys.List, func(key model.Key) bool { return key.ID == c.Param("id") })
	if i < 0 {
		return views.Replace{}, &model.Error{Kind: model.KindNotFound}
	}
	old := keys.List[i]
	m := views.Replace{
		Page: h.page(c, lang.T(ctx, "replace.key", "Replace {key}", "key", old.Name)), Key: h.row(old), Name: model.Successor(old, keys.List),
		Quota: views.Quota{Used: len(keys.List), Limit: model.MaxKeys}, FormID: newFormID(), Pair: c.FormValue("how") == byPairing,
		Evidence: h.Here, Finish: c.FormValue("finish"), Quiet: c.FormValue("quiet"),
	}
	if m.Finish == "" || m.Finish == views.FinishEvidence && !m.Evidence {
		m.Finish = map[bool]string{true: views.FinishEvidence, false: views.FinishPerson}[m.Evidence]
	}
	if old.Replaced.Open() {
		m.By = old.Replaced.NewName
	}
	return m, nil
}

// byPairing is how a device gets its value that shows a code.
const byPairing = "pair"

// finishOf is when the old key may stop, by the two fields that say so. Of neither every text can be one.
func finishOf(finish, quiet string) (model.Finish, time.Duration, bool) {
	switch finish {
	case views.FinishNow:
		return model.FinishNow, 0, true
	case views.FinishPerson:
		return model.FinishByPerson, 0, true
	case views.FinishEvidence:
		for _, q := range views.Quiets {
			if q.ID == quiet {
				return model.FinishOnEvidence, q.For, true
			}
		}
	}
	return "", 0, false
}

// pairInstead leads to where a device shows a code, before anybody is asked for a password: nothing is created yet.
func (h *dashboard) pairInstead(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		form, err := sentValues(c)
		if err != nil {
			return err
		}
		r := replacing(c.Param("id"), form.Get("finish"), form.Get("quiet"))
		if form.Get("how") != byPairing || !r.valid() {
			return next(c)
		}
		return redirect(c, r.on(devicePath))
	}
}

// replaceKey creates a key that takes the place of another and shows its value in this one answer, as createKey does.
func (h *dashboard) replaceKey(c echo.Context) error {
	name, formID := strings.TrimSpace(c.FormValue("name")), c.FormValue("form_id")
	finish, quiet, ok := finishOf(c.FormValue("finish"), c.FormValue("quiet"))
	if !ok || !validFormID(formID) || !model.ValidName(name) {
		return h.askToReplaceAgain(c, http.StatusUnprocessableEntity, t(c, "keys.create.incomplete",
			"This form was incomplete, so no key was created. Send it again."))
	}
	a, _ := accountOf(c)
	form, first, err := h.forms.claim(c.Request().Context(), a.UserID, formID, name)
	if err != nil {
		return err
	}
	if !first {
		return h.answerSentForm(c, form)
	}
	how := model.Replacing{NewKey: model.CalledKey(name), Finish: finish, Quiet: quiet}
	created, err := h.replace(c, form, how)
	if err != nil {
		return h.answerNotReplaced(c, name, created, err)
	}
	return h.answerCreated(c, created)
}

// replace asks once. It settles the form whatever happens, so that nobody waits for it in vain.
func (h *dashboard) replace(c echo.Context, form *sentForm, how model.Replacing) (model.Created, error) {
	ctx, cancel := actContext(c)
	defer cancel()
	return h.settling(form, func() (model.Created, error) { return h.sender(c, form.id).ReplaceKey(ctx, c.Param("id"), how) })
}

// askToReplaceAgain draws the question once more with what was wrong, or that there is nothing to ask any more.
func (h *dashboard) askToReplaceAgain(c echo.Context, status int, problem string) error {
	m, err := h.replaceModel(c)
	if err != nil {
		return err
	}
	m.Error = problem
	return render(c, status, views.ReplacePage(m), views.ReplaceDialog(m))
}

// answerNotReplaced says why no key was created, or that this is not known.
func (h *dashboard) answerNotReplaced(c echo.Context, name string, created model.Created, err error) error {
	ctx := c.Request().Context()
	switch {
	case pageOfItsOwn(err), model.Is(err, model.KindNotFound):
		return err
	case model.OutcomeOf(err) != model.NotDone:
		return h.answerLostReplacement(c, name, created, err)
	case model.Is(err, model.KindFormUsed):
		m := h.createModel(c, keyForm{})
		if _, unread := h.readKeys(c, &m); unread != nil && pageOfItsOwn(unread) {
			return unread
		}
		m.Notice = usedForm(c, &m, name)
		return h.closeForm(c, http.StatusConflict, "#notice", m)
	case model.Is(err, model.KindKeyLimit), model.Is(err, model.KindReplacing): // which the question says itself
		return h.askToReplaceAgain(c, http.StatusConflict, "")
	case model.Is(err, model.KindNameTaken):
		return h.askToReplaceAgain(c, http.StatusUnprocessableEntity, lang.T(ctx, "replace.name-taken",
			"You have a key named {name} now, so no key was created. Send the form again.", "name", name))
	case model.Is(err, model.KindNoReplacement):
		return h.askToReplaceAgain(c, http.StatusConflict, lang.T(ctx, "replace.turned",
			"The key was turned on or off meanwhile, so no key was created. Look again."))
	}
	h.logFault(c, "replace key failed", err)
	p := explain(c.Request().Context(), err)
	p.askForPatience(c)
	return h.askToReplaceAgain(c, p.status, strings.TrimSpace(lang.T(ctx, "replace.failed", "{why}. No key was created.", "why", p.heading)+" "+p.again))
}

// answerLostReplacement says what can be said of a replacement whose answer got lost.
func (h *dashboard) answerLostReplacement(c echo.Context, name string, created model.Created, err error) error {
	ctx := c.Request().Context()
	h.logFault(c, "outcome of a replacement unknown", err)
	p := explain(c.Request().Context(), creatingKey.in(err))
	p.askForPatience(c)
	if model.OutcomeOf(err) == model.FoundUndone {
		return h.askToReplaceAgain(c, p.status, lang.T(ctx, "keys.create.nothing-saved", "Nothing was saved. You can send the form again."))
	}
	m := h.createModel(c, keyForm{})
	if created.Unread != nil {
		m.Failure, m.Form.ID = h.failure(c, created.Unread), newFormID()
	} else {
		h.fillKeys(c, &m, created.Keys)
	}
	m.Notice = lostReplacement(ctx, name, created, model.Is(err, model.KindTimedOut) || lost(err))
	if lost(err) {
		m.Notice.Text = lang.T(ctx, "unclear.lost-touch", "The connection to the database broke.") + " " + m.Notice.Text
	}
	m.Notice.Bad, m.Notice.Title = true, p.heading+"."
	return h.closeForm(c, p.status, "#notice", m)
}

// lostReplacement says what the list tells of a replacement whose answer got lost. One that is late may still be carried out.
func lostReplacement(ctx context.Context, name string, created model.Created, late bool) *views.Notice {
	there := slices.ContainsFunc(created.Keys.List, func(key model.Key) bool { return key.Name == name })
	switch {
	case created.Unread != nil:
		return &views.Notice{Text: lang.T(ctx, "replace.lost.unread",
			"If {name} is in your list, its value is lost: delete it, then replace the key again. If not, replace it again.", "name", name),
			Link: home, LinkText: checkNow.In(ctx)}
	case len(created.Found) == 1:
		return &views.Notice{Text: lang.T(ctx, "replace.lost.created",
			"{name} was created, but its value was lost. Delete it, then replace the key again.", "name", name),
			Link: home + "/" + created.Found[0].ID + "/delete", LinkText: lang.T(ctx, "button.delete-named", "Delete {name}…", "name", name)}
	case there:
		return &views.Notice{Text: lang.T(ctx, "replace.lost.there",
			"There is a key named {name}. If you didn’t create it before, its value was lost: delete it, then replace the key again.", "name", name),
			Link: home, LinkText: lang.T(ctx, "keys.create.look", "Look at your keys")}
	case late:
		return &views.Notice{Text: lang.T(ctx, "replace.lost.late",
			"Your list has no key named {name} so far. Check again before you replace the key again.", "name", name),
			Link: home, LinkText: checkNow.In(ctx)}
	default:
		return &views.Notice{Text: lang.T(ctx, "replace.lost.not-created",
			"Your list has no key named {name}: it was not created. You can replace the key again.", "name", name)}
	}
}

// toReplace and toBringBack are the forms of replacements that need a step-up.
var (
	toReplace = stepUp{lang.New("replace.create", "Create the replacement"), createKey, createNamed, func(c echo.Context, _ url.Values) string {
		return replacePath(c.Param("id"))
	}, ""}
	toBringBack = stepUp{lang.New("stepup.bring-back.button", "Bring it back"), turnOnKey, turnOnNamed, func(c echo.Context, _ url.Values) string {
		return home + "/" + c.Param("id")
	}, ""}
)

// broughtBack is under which name it is kept that ending a replacement turns a key on.
const broughtBack = "brought back"

// requireStepUpToBringBack asks for the password where ending a replacement turns the old key on. That both keys stay as they are opens
// nothing.
func (h *dashboard) requireStepUpToBringBack(next echo.HandlerFunc) echo.HandlerFunc {
	confirmed := h.requireStepUp(toBringBack)(next)
	return func(c echo.Context) error {
		ctx, cancel := readContext(c)
		defer cancel()
		key, err := h.person(c).Key(ctx, c.Param("id"))
		if err != nil {
			return err
		}
		if !key.Disabled {
			return next(c)
		}
		c.Set(broughtBack, true)
		return confirmed(c)
	}
}

// endReplacement ends a replacement: both keys stay as they are, or the old one is on again.
func (h *dashboard) endReplacement(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	id, act := c.Param("id"), "both-stay"
	if back, _ := c.Get(broughtBack).(bool); back {
		act = "back"
	}
	key, err := h.person(c).EndReplacement(ctx, id)
	if model.Is(err, model.KindConfirm) { // it was turned off since this was looked up
		return h.askForProof(c, toBringBack)
	}
	switch model.OutcomeOf(err) {
	case model.NotDone:
		if err != nil {
			return err
		}
		return h.answerTurned(c, key, act)
	case model.FoundUndone, model.Unclear:
		return endingReplacement(id).in(err)
	default:
		return h.answerTurned(c, key, act)
	}
}

// replacedBy is which key takes the place of one, and how far that has come.
func (h *dashboard) replacedBy(key model.Key) *views.Replacement {
	r := key.Replaced
	if r.NewID == "" || r.State == model.ReplacementUndone {
		return nil
	}
	now := h.Now()
	v := &views.Replacement{
		ByID: r.NewID, By: r.NewName, Evidence: r.Finish == model.FinishOnEvidence, Quiet: r.Quiet,
		Created: views.NewWhen(r.StartedAt, now), Used: views.NewWhen(r.NewUsedAt, now), Seen: views.NewWhen(r.OldSeenAt, now),
		OffAt: views.NewWhen(r.Due(), now), Unreported: !h.Here,
	}
	switch {
	case r.State == model.ReplacementParked:
		v.State = views.ReplacingDone
	case r.BothInUse():
		v.State = views.ReplacingBoth
	}
	return v
}

// fillReplaced adds to a key's own page what uses the key that takes its place, and whether that is still there, as far as it can be read.
func (h *dashboard) fillReplaced(c echo.Context, k *views.KeyCard) {
	if k.Replaced == nil {
		return
	}
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, k.Replaced.ByID)
	if model.Is(err, model.KindNotFound) {
		k.Replaced.ByID = ""
	}
	k.Replaced.Device = summaryOf(key.Usage.LastUse)
}
