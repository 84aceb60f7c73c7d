package handlers

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

const sessionsPath = "/sessions"

// showSessions is where the person is signed in: with this browser, with others, with apps, and by keys.
func (h *dashboard) showSessions(c echo.Context) error {
	m, err := h.sessionsModel(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.SessionsPage(m), views.SessionsPart(m))
}

func (h *dashboard) sessionsModel(c echo.Context) (views.Sessions, error) {
	m := views.Sessions{Page: h.page(c, t(c, "sessions.title", "Sessions"))}
	ctx, cancel := readContext(c)
	defer cancel()
	rows, err := h.browsers(ctx, c)
	if err != nil {
		return m, err
	}
	browsers := map[string]bool{} // their auth sessions
	now := h.Now()
	for _, row := range rows {
		browsers[h.holds(row)] = true
		if websession.Over(row, now) {
			continue
		}
		b := h.browserModel(ctx, row)
		if row.IDHash == sessionHash(c) {
			m.This = b
		} else {
			m.Browsers = append(m.Browsers, b)
		}
	}
	return m, h.readApps(ctx, c, &m, browsers)
}

// browsers are the rows of the person's web sessions, the one seen last first, also those that are over and were not swept yet.
func (h *dashboard) browsers(ctx context.Context, c echo.Context) ([]model.WebSession, error) {
	a, _ := accountOf(c)
	rows, err := h.WebSessions.WebSessions(ctx, a.UserID)
	if err != nil {
		return nil, sessionsDown(err)
	}
	slices.SortStableFunc(rows, func(a, b model.WebSession) int { return b.LastSeenAt.Compare(a.LastSeenAt) })
	return rows, nil
}

// holds is the id of the session at the service that a web session holds, "" when it cannot be told.
func (h *dashboard) holds(row model.WebSession) string {
	a, err := h.sessions.Account(row)
	if err != nil {
		return ""
	}
	return a.SessionID
}

func (h *dashboard) browserModel(ctx context.Context, row model.WebSession) views.Session {
	return views.Session{
		ID: hex.EncodeToString(row.IDHash[:]), From: fromApp(row), Name: orUnknown(knownProgram(ctx, row.Agent), lang.T(ctx, "sessions.a-browser", "A browser")),
		Claims: claims(claimOf(ctx, row.Agent)), Address: row.Address,
		Seen: views.NewWhen(row.LastSeenAt, h.Now()), Opened: views.NewWhen(row.CreatedAt, h.Now()),
	}
}

// orUnknown begins a name with a capital letter, and stands in for one that is not known.
func orUnknown(name, unknown string) string {
	if name == "" {
		return unknown
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// readApps fills in the auth sessions that no browser of ours holds. A key service that has no list of them may have some all
// the same.
func (h *dashboard) readApps(ctx context.Context, c echo.Context, m *views.Sessions, browsers map[string]bool) error {
	sessions, err := h.person(c).Sessions(ctx)
	switch {
	case model.Is(err, model.KindNotOffered):
		m.AppsNote = lang.T(ctx, "sessions.apps-elsewhere", "The key service doesn’t list the apps you’re signed in with.")
		return nil
	case pageOfItsOwn(err):
		return err
	case err != nil:
		h.logFault(c, "auth sessions cannot be read", err)
		m.AppsNote = lang.T(ctx, "sessions.apps-unread", "The apps you’re signed in with could not be read: {reason}.", "reason", explain(ctx, err).heading)
		return nil
	}
	m.More = sessions.More
	byKey := map[string][]views.Session{}
	for _, s := range sessions.List {
		switch {
		case browsers[s.ID]:
		case s.KeyID != "":
			byKey[s.KeyID] = append(byKey[s.KeyID], h.appModel(ctx, s, lang.T(ctx, "claim.device", "A device")))
		default:
			m.Apps = append(m.Apps, h.appModel(ctx, s, lang.T(ctx, "claim.app", "An app")))
		}
	}
	m.Keys = h.keySessions(ctx, c, byKey)
	return nil
}

func (h *dashboard) appModel(ctx context.Context, s model.Session, unknown string) views.Session {
	return views.Session{
		ID: s.ID, Name: orUnknown(knownProgram(ctx, s.Agent), unknown), Address: s.Address,
		Claims: claims(cmp.Or(s.DeviceName, claimOf(ctx, s.Agent)), s.Platform, s.SDK),
		Seen:   views.NewWhen(s.LastSeenAt, h.Now()), Opened: views.NewWhen(s.CreatedAt, h.Now()),
	}
}

// claims are those of the texts that say something.
func claims(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

// keySessions puts what keys have opened under the names of the keys.
func (h *dashboard) keySessions(ctx context.Context, c echo.Context, byKey map[string][]views.Session) []views.KeySessions {
	if len(byKey) == 0 {
		return nil
	}
	names := map[string]string{}
	if keys, err := h.person(c).Keys(ctx); err == nil { // otherwise they have none here
		for _, key := range keys.List {
			names[key.ID] = key.Name
		}
	}
	return underKeys(ctx, byKey, names)
}

// underKeys are sessions under the names of the keys that opened them, by the ids of these.
func underKeys(ctx context.Context, byKey map[string][]views.Session, names map[string]string) []views.KeySessions {
	var all []views.KeySessions
	for id, sessions := range byKey {
		all = append(all, views.KeySessions{KeyID: id, KeyName: cmp.Or(names[id], lang.T(ctx, "claim.key", "A key")), List: sessions})
	}
	slices.SortFunc(all, func(a, b views.KeySessions) int {
		return cmp.Or(strings.Compare(a.KeyName, b.KeyName), strings.Compare(a.KeyID, b.KeyID))
	})
	return all
}

// endOneSession ends one session of the person's. One that is over, or somebody else's, is not there to be ended.
func (h *dashboard) endOneSession(c echo.Context) error {
	id := c.Param("id")
	end := h.endOtherBrowser
	if model.IsID(id) {
		end = h.endApp
	}
	act, err := end(c, id)
	if err != nil {
		return endingSession.in(err)
	}
	return h.answerEnded(c, act)
}

// endOtherBrowser says what came of it by the name of a flash.
func (h *dashboard) endOtherBrowser(c echo.Context, id string) (act string, err error) {
	rows, err := h.browsers(c.Request().Context(), c)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if hex.EncodeToString(row.IDHash[:]) == id {
			told, err := h.endRow(c, row, model.EndedElsewhere)
			return flashWhen(told, "session-ended", "ended-here"), err
		}
	}
	return "session-gone", nil
}

func flashWhen(told bool, yes, no string) string {
	if told {
		return yes
	}
	return no
}

// endRow ends a web session with what it holds, and says whether the key service knows of it. What it holds can be read only under
// a key of the ring.
func (h *dashboard) endRow(c echo.Context, row model.WebSession, why string) (told bool, err error) {
	holds, err := h.sessions.Account(row)
	if err != nil {
		h.Log.Warn("auth session of a web session not known", "request", requestIDOf(c), "cause", err)
		return row.AuthSessionID != "", sessionsDown(h.sessions.Delete(c.Request().Context(), row.IDHash))
	}
	return h.endBrowser(c, holds, row.IDHash, why)
}

func (h *dashboard) endApp(c echo.Context, id string) (act string, err error) {
	ctx, cancel := actContext(c)
	defer cancel()
	switch err = h.person(c).EndSession(ctx, id); {
	case model.Is(err, model.KindNotOffered):
		return "app-stays", nil
	case model.Is(err, model.KindNotFound):
		return "session-gone", nil
	case err != nil:
		return "", err
	}
	return "session-ended", nil
}

// endOtherSessions ends all sessions of the person's but this one: those that the service has, and then the browsers that are
// left, each by itself.
func (h *dashboard) endOtherSessions(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	err := h.person(c).EndOthers(ctx)
	alone := model.Is(err, model.KindNotOffered) // the browsers end, and apps go on
	if err != nil && !alone {
		return endingOthers.in(err)
	}
	rows, err := h.browsers(ctx, c) // those too that are over by a clock that may be wrong
	if err != nil {
		return endingOthers.about(err)
	}
	told, err := h.endRows(c, rows)
	if err != nil {
		return endingOthers.about(err)
	}
	if alone {
		return h.answerEnded(c, flashWhen(told, "browsers-ended", "browsers-here"))
	}
	return h.answerEnded(c, "others-ended")
}

// endRows ends all of these but this browser's own, at once: an upstream that does not answer must not be waited for once for each.
func (h *dashboard) endRows(c echo.Context, rows []model.WebSession) (told bool, err error) {
	failed, untold := make([]error, len(rows)), make([]bool, len(rows))
	var ending sync.WaitGroup
	for i, row := range rows {
		if row.IDHash != sessionHash(c) {
			ending.Go(func() {
				told, err := h.endRow(c, row, model.EndedElsewhere)
				failed[i], untold[i] = err, !told
			})
		}
	}
	ending.Wait()
	return !slices.Contains(untold, true), errors.Join(failed...)
}

func (h *dashboard) answerEnded(c echo.Context, act string) error {
	if rowOf(c).FromApp && errors.Is(h.sessions.Check(c.Request().Context(), sessionHash(c)), websession.ErrNone) {
		return h.askToSignIn(c, endedHere) // it has ended with the app's
	}
	if !wantsPart(c) {
		h.leaveFlash(c, act, "")
		return redirect(c, sessionsPath)
	}
	m, err := h.sessionsModel(c)
	if err != nil {
		return err
	}
	m.Status, m.Fresh = flashOf(c.Request().Context(), act, ""), true
	return render(c, http.StatusOK, views.SessionsPage(m), views.SessionsPart(m))
}
