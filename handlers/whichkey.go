package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/views"
)

const (
	// maxValue is more than the value of a key can have on any server.
	maxValue = 4096
	// trialTime bounds the log-in with a value and all that follows from it.
	trialTime = 12 * time.Second
)

// showWhichKey is the page that says which key a value is. It sends the fingerprints; the value stays in the browser.
func (h *dashboard) showWhichKey(c echo.Context) error {
	m, _, err := h.whichKeyModel(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.WhichKeyPage(m), views.VerdictPart(m))
}

// whichKeyModel shows the keys that have a fingerprint, and gives them all.
func (h *dashboard) whichKeyModel(c echo.Context) (views.WhichKey, []client.APIKey, error) {
	m := views.WhichKey{Page: h.page(c, "Which key is this?"), Embedded: h.embedded}
	ctx, cancel := readContext(c)
	defer cancel()
	asked := h.askFacts(c)
	keys, err := h.keys(c).FetchAll(ctx)
	if err != nil {
		return m, nil, err
	}
	f := asked()
	m.Uses = f.known
	for _, key := range keys {
		if k := h.row(key, f); k.Use.Fingerprint != "" {
			m.Keys = append(m.Keys, k)
		}
	}
	return m, keys, nil
}

// tryValue logs in with the value once, because the person asked for it, and says what came of it. The value comes in the body
// alone, and is in no answer, no log and no address.
func (h *dashboard) tryValue(c echo.Context) error {
	m, keys, err := h.whichKeyModel(c)
	if err != nil {
		return err
	}
	value, status := valueIn(c.Request().PostFormValue("value")), http.StatusOK
	switch {
	case value == "":
		m.Error, status = "Paste a value first.", http.StatusUnprocessableEntity
	case len(value) > maxValue:
		m.Error, status = "That is too long to be the value of a key. Nothing was sent.", http.StatusUnprocessableEntity
	default:
		v, err := h.try(c, m.Keys, keys, client.Secret(value))
		if err != nil {
			return err
		}
		m.Verdict = &v
	}
	return render(c, status, views.WhichKeyPage(m), views.VerdictPart(m))
}

// valueIn finds the value in what was pasted: a line of an .env file, or a whole one, whose line breaks the field has dropped.
// The script does the same.
func valueIn(pasted string) string {
	if i := strings.LastIndex(pasted, "KEY="); i >= 0 {
		pasted = pasted[i+len("KEY="):]
	}
	return strings.TrimSpace(strings.Trim(strings.TrimSpace(pasted), `"'`))
}

// try logs in and out again. Only that the value was refused, or that it works, is an answer; everything else is an error.
func (h *dashboard) try(
	c echo.Context, known []views.Key, all []client.APIKey, value client.Secret,
) (views.Verdict, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), trialTime)
	defer cancel()
	a, _ := accountOf(c)
	from := originOf(ctx)
	from.TrialOf = a.UserID
	ctx = h.fromOrigin(ctx, from)
	session, err := h.client.Login(ctx, client.UserAPIKey(value.Reveal()))
	if client.IsUnauthorized(err) {
		return refused(byFingerprint(known, value)), nil
	}
	if err != nil {
		return views.Verdict{}, trialError(err)
	}
	defer h.endTrial(c, session)
	if session.UserID() != a.UserID {
		return views.Verdict{Title: "It works, but it is not yours.", Text: "It is the value of a key of another account."}, nil
	}
	v := views.Verdict{Works: true, Title: "It works.", Text: "It is the value of a key of yours."}
	name, id := h.trialKey(ctx, c, session, known, all, value)
	if name != "" {
		v.Text = "This is " + name + ", a key of yours."
	}
	if id != "" {
		v.ID, v.Link = id, "Open "+name
	}
	return v, nil
}

// refused says what is known of a value that does not work, which is k's unless that is nil.
func refused(k *views.Key) views.Verdict {
	v := views.Verdict{Title: "It does not work."}
	switch {
	case k == nil:
		v.Text = "The key service refused it: its key is off, was deleted, or never was one."
	case k.On:
		v.Text = "The key service refused it, although it is the value of " + k.Name + ", which is on."
	default:
		v.Text = "The key service refused it: it is the value of " + k.Name + ", which is off."
	}
	if k != nil {
		v.ID, v.Link = k.ID, "Open "+k.Name
	}
	return v
}

// trialError is err as a problem of the key service, and not of the session of the person who asks.
func trialError(err error) error {
	if client.IsForbidden(err) || client.IsNotFound(err) {
		return errors.Join(errRefused, err)
	}
	return err
}

// trialKey names the key that a session was opened with: by the value's fingerprint, else by what its profile says.
func (h *dashboard) trialKey(
	ctx context.Context, c echo.Context, session *client.Session, known []views.Key, all []client.APIKey, value client.Secret,
) (name, id string) {
	if k := byFingerprint(known, value); k != nil {
		return k.Name, k.ID
	}
	profile, err := session.Profile(ctx)
	if err != nil {
		h.log.Warn("profile of a session opened with a key", "request", requestIDOf(c), "cause", err)
		return "", ""
	}
	name, _ = profile.Data["name"].(string)
	for _, key := range all {
		if key.Name == name {
			return key.Name, key.ID
		}
	}
	return "", ""
}

// byFingerprint finds the key that the value is of, nil when it is none of them.
func byFingerprint(keys []views.Key, value client.Secret) *views.Key {
	sum := sha256.Sum256([]byte(value.Reveal()))
	fingerprint := hex.EncodeToString(sum[:8])
	for i := range keys {
		if keys[i].Use.Fingerprint == fingerprint {
			return &keys[i]
		}
	}
	return nil
}

// endTrial logs out whatever became of the request: a session that nobody knows of is not left behind.
func (h *dashboard) endTrial(c echo.Context, session *client.Session) {
	ctx, cancel := actContext(c)
	defer cancel()
	if err := session.Logout(ctx); err != nil && !client.IsUnauthorized(err) {
		h.log.Warn("session of a value that was tried is left open", "request", requestIDOf(c), "cause", err)
	}
}
