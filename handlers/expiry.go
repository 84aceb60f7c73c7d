package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// expiryPath is where a form asks what the choice in it means.
const expiryPath = home + "/expiry"

const (
	// expirySoon is from how long before a key expires on its owner is asked to look at it, expiredLately until how long after.
	expirySoon    = 14 * 24 * time.Hour
	expiredLately = 30 * 24 * time.Hour
)

// expired says that nothing can sign in with a key any more because it has expired.
func expired(key model.Key, now time.Time) bool {
	return !key.ExpiresAt.IsZero() && !key.OnlyReminds && !key.ExpiresAt.After(now)
}

// expiryOf is what pages say of when a key expires, nil when it never does.
func (h *dashboard) expiryOf(key model.Key) *views.Expiry {
	if key.ExpiresAt.IsZero() {
		return nil
	}
	now, refusal := h.Now(), key.Usage.LastRefusal
	e := &views.Expiry{At: views.NewWhen(key.ExpiresAt, now), Fixed: !h.Here && !key.OnlyReminds}
	switch left := key.ExpiresAt.Sub(now); {
	case left > expirySoon:
	case left > 0:
		e.State = views.ExpiresSoon
	case key.OnlyReminds:
		e.State = views.ExpiryUnmet
	default:
		e.State = views.Expired
		if refusal.Reason == model.ReasonKeyExpired && !refusal.At.Before(key.ExpiresAt) {
			e.Refused = views.NewWhen(refusal.At, now)
		}
	}
	return e
}

// needs are the keys that expire soon, have expired lately, or should have expired at a server that does not know: those first that are
// nearest to it. Keys that are off, replaced ones among them, need nobody's attention.
func (h *dashboard) needs(keys []model.Key) []views.Need {
	var list []views.Need
	now := h.Now()
	for _, key := range keys {
		if key.ExpiresAt.IsZero() || key.Disabled {
			continue
		}
		if left := key.ExpiresAt.Sub(now); left <= expirySoon && (left > -expiredLately || key.OnlyReminds) {
			list = append(list, views.Need{Key: h.keyModel(key), Left: left})
		}
	}
	slices.SortStableFunc(list, func(a, b views.Need) int { return cmp.Compare(a.Left.Abs(), b.Left.Abs()) })
	return list
}

// expiryField is the field of a form as it was sent: with what was chosen, and what is wrong with it. For a form that was not sent it says
// never.
func (h *dashboard) expiryField(c echo.Context) (views.ExpiryField, time.Time, error) {
	f := h.emptyExpiryField(c)
	f.Choice, f.Day = c.FormValue("expires"), c.FormValue("until")
	at, err := expiryAt(f.Choice, f.Day, clockOf(c), h.Now())
	var wrong expiryError
	if errors.As(err, &wrong) {
		f.Error = wrong.In(c.Request().Context())
	}
	if len(f.Day) > len("275760-09-13") { // which no browser's field can show
		f.Day = ""
	}
	f.At = views.NewWhen(at, h.Now())
	return f, at, err
}

func (h *dashboard) emptyExpiryField(c echo.Context) views.ExpiryField {
	today := h.Now().In(zoneOf(clockOf(c)))
	return views.ExpiryField{
		Choice: views.ExpiresNever, First: dateOf(today).String(), Last: lastDay(today).String(),
		Mailed: h.SendsReminders && !h.mailStuck(), Elsewhere: !h.Here,
	}
}

// showExpiryTold says what a choice means while the form is filled in.
func (h *dashboard) showExpiryTold(c echo.Context) error {
	if !wantsPart(c) {
		return redirect(c, newKeyPath)
	}
	f, _, err := h.expiryField(c)
	if errors.Is(err, errNoDay) { // it is about to be typed
		f.Error = ""
	}
	part := views.ExpiryTold(f)
	return render(c, http.StatusOK, part, part)
}

// showExpiry is the form, with a proposal: for a key that has expired, or is about to, more time, and for the others what they have.
func (h *dashboard) showExpiry(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	f := h.emptyExpiryField(c)
	switch {
	case key.ExpiresAt.IsZero():
	case key.ExpiresAt.Sub(h.Now()) > expirySoon:
		f.Choice, f.Day, f.At = views.ExpiresOnADay, dateOf(key.ExpiresAt.In(zoneOf(clockOf(c)))).String(), views.NewWhen(key.ExpiresAt, h.Now())
	default:
		at, _ := expiryAt(views.ExpiresIn90, "", clockOf(c), h.Now())
		f.Choice, f.At = views.ExpiresIn90, views.NewWhen(at, h.Now())
	}
	return h.drawExpiry(c, http.StatusOK, key, f)
}

func (h *dashboard) drawExpiry(c echo.Context, status int, key model.Key, f views.ExpiryField) error {
	m := views.ExpiryForm{Page: h.page(c, views.ExpiryTitle(c.Request().Context(), key.Name)), Key: h.keyModel(key), Field: f}
	if wantsPart(c) {
		m.Place = cmp.Or(c.FormValue("place"), views.PlacePage)
		if f.Error != "" {
			c.Response().Header().Set("HX-Retarget", "#dialog")
			c.Response().Header().Set("HX-Reswap", "innerHTML")
		}
	}
	return render(c, status, views.ExpiryPage(m), views.ExpiryDialog(m))
}

// setExpiry has a key expire on a day, or never. The service says whether that extends it, which takes a person who confirmed that it is
// they. With a proof in the form that is what is sent.
func (h *dashboard) setExpiry(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	if _, asked := proofIn(form); asked {
		return h.requireStepUp(toExtend)(h.saveExpiry)(c)
	}
	return h.saveExpiry(c)
}

func (h *dashboard) saveExpiry(c echo.Context) error {
	id := c.Param("id")
	f, at, err := h.expiryField(c)
	if err != nil {
		return h.answerNoExpiry(c, f)
	}
	ctx, cancel := actContext(c)
	defer cancel()
	key, err := h.person(c).SetExpiry(ctx, id, at)
	switch {
	case model.Is(err, model.KindConfirm):
		return h.askForProof(c, toExtend)
	case model.Is(err, model.KindExpiryPast):
		f.Error = errDayOver.In(ctx)
		return h.answerNoExpiry(c, f)
	case model.Is(err, model.KindExpiryFar):
		f.Error = errTooFar.In(ctx)
		return h.answerNoExpiry(c, f)
	case model.Is(err, model.KindNotOffered):
		f.Error = lang.T(ctx, "expiry.fixed", "The key service says when this key expires. Change it there.")
		return h.answerNoExpiry(c, f)
	case err != nil:
		return settingExpiry(id).in(err)
	}
	return h.answerExpiry(c, key)
}

// answerNoExpiry draws the form once more, with what is wrong.
func (h *dashboard) answerNoExpiry(c echo.Context, f views.ExpiryField) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	return h.drawExpiry(c, http.StatusUnprocessableEntity, key, f)
}

// answerExpiry shows the key as it is now, where the form was sent from.
func (h *dashboard) answerExpiry(c echo.Context, key model.Key) error {
	act := "expires"
	if key.ExpiresAt.IsZero() {
		act = "never-expires"
	}
	place := c.FormValue("place")
	switch {
	case !wantsPart(c) && place == views.PlaceRow:
		h.leaveFlash(c, act, key.Name)
		return redirect(c, home)
	case !wantsPart(c):
		h.leaveFlash(c, act, key.Name)
		return redirect(c, home+"/"+key.ID)
	case place == views.PlaceRow:
		m := h.keysModel(c)
		if _, err := h.readKeys(c, &m); err != nil && pageOfItsOwn(err) {
			return err
		}
		m.Status = flashOf(c.Request().Context(), act, key.Name)
		return render(c, http.StatusOK, views.KeysPage(m), views.ExpirySetPart(m))
	default:
		part := views.KeyPart(h.card(c, key), flashOf(c.Request().Context(), act, key.Name), nil)
		return render(c, http.StatusOK, part, part)
	}
}
