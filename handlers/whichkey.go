package handlers

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

const (
	// maxValue is more than the value of a key can have on any server.
	maxValue = 4096
	// trialTime bounds trying a value and all that follows from it.
	trialTime = 12 * time.Second
)

// showWhichKey is the page that identifies a key by its value. It sends the fingerprints; the value stays in the browser.
func (h *dashboard) showWhichKey(c echo.Context) error {
	m, _, err := h.whichKeyModel(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.WhichKeyPage(m), views.VerdictPart(m))
}

// whichKeyModel shows the keys that have a fingerprint, and gives them all.
func (h *dashboard) whichKeyModel(c echo.Context) (views.WhichKey, []model.Key, error) {
	m := views.WhichKey{Page: h.page(c, t(c, "whichkey.title", "Identify a key")), Embedded: h.Here}
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil {
		return m, nil, err
	}
	m.Uses = knowledge(keys.Usage)
	for _, key := range keys.List {
		if k := h.row(key); k.Use.Fingerprint != "" {
			m.Keys = append(m.Keys, k)
		}
	}
	m.Some = len(m.Keys) < len(keys.List)
	return m, keys.List, nil
}

// tryValue tries the value once, because the person asked for it, and says what came of it. The value comes in the body
// alone, and is in no answer, no log and no address.
func (h *dashboard) tryValue(c echo.Context) error {
	m, keys, err := h.whichKeyModel(c)
	if err != nil {
		return err
	}
	value, status := model.ValueIn(model.Secret(c.Request().PostFormValue("value"))), http.StatusOK
	switch {
	case value == "":
		m.Error = t(c, "whichkey.nothing", "Paste a value first.")
		status = http.StatusUnprocessableEntity
	case len(value) > maxValue:
		m.Error = t(c, "whichkey.too-long", "That’s too long to be a key’s value. Nothing was sent.")
		status = http.StatusUnprocessableEntity
	default:
		v, err := h.try(c, m.Keys, keys, value)
		if err != nil {
			return err
		}
		m.Verdict = &v
	}
	return render(c, status, views.WhichKeyPage(m), views.VerdictPart(m))
}

// try has the service sign in with the value and out again. Only that the value was refused, or that it works, is an answer;
// everything else is an error.
func (h *dashboard) try(c echo.Context, known []views.Key, all []model.Key, value model.Secret) (views.Verdict, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), trialTime)
	defer cancel()
	a, _ := accountOf(c)
	key, err := h.person(c).TryValue(ctx, value)
	switch {
	case model.Is(err, model.KindWrongValue):
		return refused(ctx, byFingerprint(known, value)), nil
	case err != nil:
		return views.Verdict{}, tryingValue.in(err)
	case key.UserID != a.UserID:
		return views.Verdict{
			Title: lang.T(ctx, "whichkey.not-yours", "It works, but it isn’t yours."), Text: lang.T(ctx, "whichkey.of-another", "The key belongs to another account."),
		}, nil
	}
	v := views.Verdict{
		Works: true, Title: lang.T(ctx, "whichkey.works", "It works."), Text: lang.T(ctx, "whichkey.one-of-yours", "This is one of your keys."),
	}
	if k := byFingerprint(known, value); k != nil {
		key.ID, key.Name = k.ID, k.Name
	}
	if i := slices.IndexFunc(all, func(k model.Key) bool { return k.ID == key.ID || key.ID == "" && k.Name == key.Name }); i >= 0 {
		v.Text = lang.T(ctx, "whichkey.yours", "This is your key {key}.", "key", all[i].Title())
		v.ID, v.Link = all[i].ID, lang.T(ctx, "act.open", "Open {key}", "key", all[i].Title())
		v.Leaked = all[i].Disabled && !all[i].Card.LeakedAt.IsZero()
	}
	return v, nil
}

// refused says what is known of a value that does not work, which is k's unless that is nil.
func refused(ctx context.Context, k *views.Key) views.Verdict {
	v := views.Verdict{Title: lang.T(ctx, "whichkey.fails", "It doesn’t work.")}
	switch {
	case k == nil:
		v.Text = lang.T(ctx, "whichkey.none", "Its key is off, has expired, was deleted, or never existed.")
	case k.On && k.Expiry != nil && k.Expiry.State == views.Expired:
		v.Text = lang.T(ctx, "whichkey.expired", "This is {key}, which has expired.", "key", k.Name)
	case k.On:
		v.Text = lang.T(ctx, "whichkey.refused", "This is {key}, which is on, but the key service refused it.", "key", k.Name)
	default:
		v.Text = lang.T(ctx, "whichkey.off", "This is {key}, which is off.", "key", k.Name)
	}
	if k != nil {
		v.ID, v.Link, v.Leaked = k.ID, lang.T(ctx, "act.open", "Open {key}", "key", k.Name), !k.On && k.Leaked
	}
	return v
}

// byFingerprint finds the key that the value is of, nil when it is none of them.
func byFingerprint(keys []views.Key, value model.Secret) *views.Key {
	fingerprint := model.FingerprintOf(value)
	for i := range keys {
		if keys[i].Use.Fingerprint == fingerprint {
			return &keys[i]
		}
	}
	return nil
}
