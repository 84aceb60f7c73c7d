package handlers

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// result is what became of one key of several.
type result struct {
	id, name string // either may be "" of a key that is gone
	became   became
	why      model.Kind // of a key that the act was refused for
}

// became is a letter: results travel in a cookie.
type became string

const (
	wasDone       became = "d"
	wasSo         became = "s" // already
	wasGone       became = "g"
	wasRefused    became = "r"
	wasUndone     became = "c" // the connection to the database broke, and nothing was saved
	wasTurnedBack became = "b" // in another place, at once
	wasLeaked     became = "l" // its owner said so, and turns it on at its page if at all
	wasExpired    became = "x" // which turning on does not change
	wasUnanswered became = "u"
	wasNotTried   became = "n"
)

// failed says that the act is still to be done, so that the key stays selected.
func (b became) failed() bool { return b != wasDone && b != wasSo && b != wasGone }

// bulkWords are what is said of the acts on several keys.
var bulkWords = map[string]struct{ did, already, back, not, unclear, count lang.Text }{
	actOff: {
		lang.New("results.off", "Turned off"), lang.New("results.off.already", "Was off already"),
		lang.New("results.off.back", "Turned off, and turned back in another place"), lang.New("results.off.not", "Not turned off: {why}"),
		lang.New("results.unclear", "No answer. It may be on or off."), lang.New("results.off.count", "Turned off {done} of {all}."),
	},
	actOn: {
		lang.New("results.on", "Turned on"), lang.New("results.on.already", "Was on already"),
		lang.New("results.on.back", "Turned on, and turned back in another place"), lang.New("results.on.not", "Not turned on: {why}"),
		lang.New("results.unclear", "No answer. It may be on or off."), lang.New("results.on.count", "Turned on {done} of {all}."),
	},
	actDelete: {
		did: lang.New("results.deleted", "Deleted"), not: lang.New("results.deleted.not", "Not deleted: {why}"),
		unclear: lang.New("results.deleted.unclear", "May or may not be deleted"), count: lang.New("results.deleted.count", "Deleted {done} of {all}."),
	},
}

// told is a result in words.
func (r result) told(ctx context.Context, act string, elsewhere bool) views.Result {
	v, words := views.Result{ID: r.id, Name: r.name, There: r.became.failed()}, bulkWords[act]
	if v.Name == "" {
		v.Name = lang.T(ctx, "claim.key", "A key")
	}
	switch r.became {
	case wasDone:
		v.Text = words.did.In(ctx)
	case wasSo:
		v.Text = words.already.In(ctx)
	case wasGone:
		v.Text = lang.T(ctx, "results.gone", "Was deleted already, in another place")
	case wasRefused:
		v.Text = words.not.In(ctx, "why", explain(ctx, &model.Error{Kind: r.why, Elsewhere: elsewhere}).heading)
	case wasUndone:
		v.Text = words.not.In(ctx, "why", lang.T(ctx, "results.why.lost-touch", "the connection to the database broke. You can try again."))
	case wasTurnedBack:
		v.Text = words.back.In(ctx)
	case wasLeaked:
		v.Text = words.not.In(ctx, "why", lang.T(ctx, "results.why.leaked", "you reported that its value leaked."))
		v.Link = lang.T(ctx, "results.open", "Open it")
	case wasExpired:
		v.Text = words.not.In(ctx, "why", lang.T(ctx, "results.why.expired", "it has expired."))
		v.Link = lang.T(ctx, "results.extend", "Extend it")
	case wasUnanswered:
		v.Text, v.Link = words.unclear.In(ctx), lang.T(ctx, "results.check", "Check")
	case wasNotTried:
		v.Text = lang.T(ctx, "results.not-tried", "Not tried")
	}
	return v
}

// summary is the one sentence on all of them.
func summary(ctx context.Context, act string, results []result) string {
	n := 0
	for _, r := range results {
		if r.became == wasDone {
			n++
		}
	}
	return bulkWords[act].count.In(ctx, "done", strconv.Itoa(n), "all", strconv.Itoa(len(results)))
}

// showResults puts what became of the keys into the list. When all went well the sentence says it.
func (h *dashboard) showResults(ctx context.Context, m *views.Keys, act string, results []result) {
	m.Status = summary(ctx, act, results)
	for _, r := range results {
		if r.became.failed() {
			m.Bulk.Selected = append(m.Bulk.Selected, r.id)
		}
		m.Bulk.Results = append(m.Bulk.Results, r.told(ctx, act, !h.Here))
	}
	if !slices.ContainsFunc(results, func(r result) bool { return r.became != wasDone }) {
		m.Bulk.Results = nil
	}
}

// resultsCookie carries what became of several keys over the redirect that follows the act, as flashCookie does for one: an act, whose it
// is, and of each key its id, its name and a letter, never text. With the longest names it has 2 kB.
const resultsCookie = "latchkey-results"

// resultsMost is how many results there are at most: of each key there can be, and of as many that are gone.
const resultsMost = 2 * model.MaxKeys

func (h *dashboard) keepResults(c echo.Context, act string, results []result) {
	a, _ := accountOf(c)
	parts := []string{act, a.UserID}
	for _, r := range results {
		name := r.name
		if !model.ValidName(name) || r.id == "" && len(results) > model.MaxKeys { // proxies have room for 4 kB of header
			name = ""
		}
		parts = append(parts, strings.Join([]string{r.id, string(r.became), strconv.Itoa(int(r.why)), name}, ":"))
	}
	c.SetCookie(h.plainCookie(resultsCookie, strings.Join(parts, "|"), 60))
}

// takeResults gives what the request before this one left, and clears it. Another person may have signed in since.
func (h *dashboard) takeResults(c echo.Context) (act string, results []result) {
	kept := h.kept(c, resultsCookie)
	if kept == "" {
		return "", nil
	}
	c.SetCookie(h.plainCookie(resultsCookie, "", -1))
	a, _ := accountOf(c)
	parts := strings.Split(kept, "|")
	if _, known := bulkWords[parts[0]]; !known || len(parts) < 3 || len(parts) > resultsMost+2 || parts[1] != a.UserID {
		return "", nil
	}
	for _, part := range parts[2:] {
		field := strings.Split(part, ":")
		if len(field) != 4 {
			return "", nil
		}
		kind, err := strconv.Atoi(field[2])
		r := result{id: field[0], name: field[3], became: became(field[1]), why: model.Kind(kind)}
		if err != nil || !r.valid() {
			return "", nil
		}
		results = append(results, r)
	}
	return parts[0], results
}

// valid says whether a result is one that keepResults may have left.
func (r result) valid() bool {
	return strings.Contains("dsgrcblxun", string(r.became)) && len(r.became) == 1 &&
		(model.IsID(r.id) || r.id == "" && r.became == wasGone) && (r.name == "" || model.ValidName(r.name))
}
