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

// bulkPath is where one act is done on several keys, which are selected in the list.
const bulkPath = home + "/bulk"

// What can be done to several keys at once.
const (
	actOff    = "off"
	actOn     = "on"
	actDelete = "delete"
)

// An act on several keys and a look at the list afterwards have half a minute together, in which the browser gets its answer. A key for
// which little of it is left is not begun.
const (
	severalTimeout  = 22 * time.Second
	severalReadTime = 6 * time.Second
	timeForAKey     = 2 * time.Second
)

// turnsOn says that a form asks to turn several keys on. That alone of what it can ask for needs a step-up.
func turnsOn(form url.Values) bool { return form.Get("act") == actOn }

// requireStepUpWhere is requireStepUp for those forms alone.
func (h *dashboard) requireStepUpWhere(asked func(form url.Values) bool, s stepUp) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		confirmed := h.requireStepUp(s)(next)
		return func(c echo.Context) error {
			form, err := sentValues(c)
			if err != nil {
				return err
			}
			if asked(form) {
				return confirmed(c)
			}
			return next(c)
		}
	}
}

// toTurnOnSeveral leads back to where the keys are selected still.
var toTurnOnSeveral = stepUp{
	act: lang.New("button.turn-on", "Turn on"), unnamed: lang.New("stepup.turn-on-these", "turn on these keys"),
	back: func(_ echo.Context, form url.Values) string { return selectingPath(form) },
}

// selectingPath is the list in which keys are selected, with those that a form names selected.
func selectingPath(form url.Values) string {
	query := url.Values{"select": {"1"}}
	for _, name := range []string{"q", "show", "sort"} {
		if value := form.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	for _, id := range form["key"] {
		if model.IsID(id) && len(query["key"]) < model.MaxKeys && !slices.Contains(query["key"], id) {
			query.Add("key", id)
		}
	}
	return home + "?" + query.Encode()
}

// selecting is what the list needs in which keys are selected, nil for the usual one. Which are selected at first is in the address.
func selecting(c echo.Context) *views.Bulk {
	query := c.QueryParams()
	if !query.Has("select") {
		return nil
	}
	return &views.Bulk{All: query.Get("select") == views.SelectAll, Selected: query["key"]}
}

// showSelecting leads those to the list who come to where only forms are sent: after signing in, or from the choice of a theme.
func (h *dashboard) showSelecting(c echo.Context) error { return redirect(c, selectingPath(nil)) }

// actOnSeveral turns the selected keys on or off, or deletes them, one after another, and says of each what became of it. Deleting asks
// first. To the browser itself the answer is the list, which a reload shows once more; nothing is done again by that.
func (h *dashboard) actOnSeveral(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	act := form.Get("act")
	if act != actOff && act != actOn && act != actDelete {
		return h.refuseSelection(c, form, t(c, "bulk.no-act", "Choose what to do: turn off, turn on or delete."))
	}
	ctx, cancel := severalContext(c)
	defer cancel()
	chosen, err := h.readChosen(ctx, c, form)
	switch {
	case err != nil:
		return err
	case len(chosen.all) == 0:
		return h.refuseSelection(c, form, lang.T(ctx, "bulk.none-selected", "Select at least one key."))
	case act == actDelete && len(chosen.keys) > 0:
		if !form.Has("sure") {
			return h.askSeveral(c, http.StatusOK, questionInList(form), chosen, "")
		}
		if problem := h.typedWrong(ctx, form, chosen); problem != "" {
			return h.askSeveral(c, http.StatusUnprocessableEntity, questionInList(form), chosen, problem)
		}
	}
	results, err := h.oneByOne(ctx, c, act, chosen)
	if err != nil {
		return err
	}
	if !wantsPart(c) {
		h.keepResults(c, act, results)
		form.Del("key")
		return redirect(c, selectingPath(form))
	}
	m := h.selectingModel(c, act, results)
	return render(c, http.StatusOK, views.KeysPage(m), views.BulkPart(m))
}

// selectingModel is the list after an act on several keys. Those with which it went wrong are selected still.
func (h *dashboard) selectingModel(c echo.Context, act string, results []result) views.Keys {
	m := h.keysModel(c)
	m.Bulk = &views.Bulk{}
	h.showResults(c.Request().Context(), &m, act, results)
	ctx, cancel := severalRead(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil {
		m.Failure = h.failure(c, err)
		m.Failure.Link = selectingPath(nil)
		return m
	}
	h.fillKeys(c, &m, keys)
	return m
}

// refuseSelection draws the list again, with what is wrong with what was sent. What was selected is selected still.
func (h *dashboard) refuseSelection(c echo.Context, form url.Values, problem string) error {
	m := h.keysModel(c)
	m.Bulk = &views.Bulk{Selected: form["key"], Error: problem}
	if _, err := h.readKeys(c, &m); err != nil && pageOfItsOwn(err) {
		return err
	}
	return render(c, http.StatusUnprocessableEntity, views.KeysPage(m), views.BulkPart(m))
}

func severalContext(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request().Context()), severalTimeout)
}

// severalRead is for the look at the list afterwards.
func severalRead(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request().Context()), severalReadTime)
}

// chosen are the keys that a form names, in its order, which is that of the list, and those that it names besides and that are not there:
// whether they were deleted, are somebody else's or never were, they look the same. Of those there are at most as many as there can be keys.
type chosen struct {
	keys []model.Key // that are there
	all  []model.Key // those that are not have no id, and a name if the form says it
}

// readChosen reads the keys once before an act on several: it has to be known which there are, and what they are like.
func (h *dashboard) readChosen(ctx context.Context, c echo.Context, form url.Values) (chosen, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil {
		return chosen{}, err
	}
	return chosenOf(form, keys.List), nil
}

func chosenOf(form url.Values, list []model.Key) chosen {
	var found chosen
	seen, names := map[string]bool{}, form["name"]
	for i, id := range form["key"] {
		if seen[id] {
			continue
		}
		seen[id] = true
		key := model.Key{}
		if at := slices.IndexFunc(list, func(key model.Key) bool { return key.ID == id }); at >= 0 {
			key = list[at]
			found.keys = append(found.keys, key)
		} else if len(found.all)-len(found.keys) == model.MaxKeys {
			continue
		} else if i < len(names) && model.ValidName(names[i]) {
			key.Name = names[i]
		}
		found.all = append(found.all, key)
	}
	return found
}

// oneByOne does the act on one key after another. It ends early when none of the others would fare better; when nothing was done at all by
// then, the cause is returned as that of any act.
func (h *dashboard) oneByOne(ctx context.Context, c echo.Context, act string, chosen chosen) ([]result, error) {
	person, deadline := h.person(c), time.Now().Add(severalTimeout)
	if until, ok := ctx.Deadline(); ok {
		deadline = until
	}
	results := make([]result, 0, len(chosen.all))
	stopped, anyDone := false, false
	for _, key := range chosen.all {
		r := result{id: key.ID, name: key.Name, became: wasSo}
		switch {
		case key.ID == "":
			r.became = wasGone
		case stopped || time.Until(deadline) < timeForAKey:
			r.became = wasNotTried
		case act == actOn && !key.Card.LeakedAt.IsZero() && key.Disabled:
			r.became = wasLeaked
		case act == actOn && expired(key, h.Now()):
			r.became = wasExpired
		case act == actDelete || key.Disabled == (act == actOn):
			err := actOnOne(ctx, person, act, key, &r)
			if err == nil {
				anyDone = true
				break
			}
			if stopped = stopsAll(err); stopped && r.became == wasRefused && !anyDone {
				return nil, err
			}
			if r.became != wasGone {
				h.logFault(c, "act on one of several keys failed", err, "act", act)
			}
		}
		results = append(results, r)
	}
	return results, nil
}

// actOnOne does the act on one key, and says in the result what became of it.
func actOnOne(ctx context.Context, person Person, act string, key model.Key, r *result) error {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	var err error
	if act == actDelete {
		_, err = person.DeleteKey(ctx, key.ID)
	} else {
		key, err = person.TurnKey(ctx, key.ID, act == actOn)
	}
	switch {
	case model.Is(err, model.KindNotFound):
		r.became = wasGone
	case model.OutcomeOf(err) == model.Unclear:
		r.became = wasUnanswered
	case lost(err): // and it was found that nothing was saved
		r.became = wasUndone
	case err != nil:
		r.became, r.why = wasRefused, model.KindOf(err)
	case act != actDelete && key.Disabled == (act == actOn):
		r.became = wasTurnedBack
	default:
		r.became = wasDone
	}
	return err
}

// stopsAll says that an error is not about the one key that it was met with: nobody answers, nothing can be saved, or the person may not.
func stopsAll(err error) bool {
	switch model.OutcomeOf(err) {
	case model.Unclear:
		return true
	case model.FoundUndone: // which was seen, so the service answers
		return false
	}
	switch model.KindOf(err) {
	case model.KindInternal, model.KindSessionOver, model.KindForbidden, model.KindDisabled, model.KindTooManyActs, model.KindBusy, model.KindStorageDown,
		model.KindUnreachable, model.KindInsecure, model.KindMisconfigured, model.KindTimedOut, model.KindBrokeOff, model.KindRefuses:
		return true
	default:
		return false
	}
}

// --- The question before several keys are deleted ---------------------------------------------------------------------------------------

// question is where several keys are deleted, and where people go on who think better of it.
type question struct {
	action, target, back string
	// instead offers to turn the keys off.
	instead bool
	form    url.Values
}

func questionInList(form url.Values) question {
	return question{action: bulkPath, target: "#keys", back: selectingPath(form), instead: true, form: form}
}

// askSeveral asks once before several keys are deleted, in the page's dialog or on a page of its own. A problem is with what was typed
// when it was asked before.
func (h *dashboard) askSeveral(c echo.Context, status int, q question, chosen chosen, problem string) error {
	m := views.Several{Action: q.action, Target: q.target, Back: q.back, Error: problem, Typed: h.toType(c.Request().Context(), chosen.keys)}
	for _, key := range chosen.keys {
		m.List = append(m.List, h.row(key))
		m.Instead = m.Instead || q.instead && !key.Disabled && !expired(key, h.Now())
	}
	for _, name := range []string{"q", "show", "sort", "return"} {
		if value := q.form.Get(name); value != "" {
			m.Fields = append(m.Fields, views.Field{Name: name, Value: value})
		}
	}
	m.Page = h.page(c, m.Act(c.Request().Context()))
	if wantsPart(c) {
		c.Response().Header().Set("HX-Retarget", "#dialog")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
	}
	return render(c, status, views.SeveralPage(m), views.SeveralDialog(m))
}

// toType is what has to be typed before the keys are deleted, "" when nothing has: the name of the one that is in use, or how many keys
// go when several are. It keeps a person from a slip, and nobody else from anything.
func (h *dashboard) toType(ctx context.Context, keys []model.Key) string {
	typed := ""
	for _, key := range keys {
		if key.Disabled || expired(key, h.Now()) || h.Now().Sub(key.Usage.LastUse.At) >= inUse {
			continue
		}
		if typed != "" {
			return lang.N(ctx, "bulk.to-type", len(keys), "delete {n} key", "delete {n} keys")
		}
		typed = key.Name
	}
	return typed
}

// typedWrong says what is wrong with what was typed.
func (h *dashboard) typedWrong(ctx context.Context, form url.Values, chosen chosen) string {
	switch want := h.toType(ctx, chosen.keys); {
	case want == "", strings.TrimSpace(form.Get("typed")) == want:
		return ""
	case model.ValidName(want):
		return lang.T(ctx, "bulk.not-the-name", "That isn’t the name of the key that is in use. Nothing was deleted.")
	default:
		return lang.T(ctx, "bulk.not-the-text", "That isn’t what is to be typed. Nothing was deleted.")
	}
}
