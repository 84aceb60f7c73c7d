package handlers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/views"
)

// maxTypedCode is as much of what was typed for a code as is shown again.
const maxTypedCode = 40

// showDevice asks for the code that a device shows. With a code in the address, as devices show it for a camera, the question is
// there at once. That only looks: following a link decides nothing. A link on another site does not even look, or any
// page could use up the tries of its visitors; there the code is filled in.
func (h *dashboard) showDevice(c echo.Context) error {
	typed := c.QueryParam("user_code")
	code, ok := onboard.NormalizeCode(typed)
	switch {
	case !ok:
		m := h.deviceModel(c)
		return render(c, http.StatusOK, views.DevicePage(m), views.DevicePart(m))
	case fromElsewhere(c.Request()):
		m := h.deviceModel(c)
		m.Code, m.Given, m.Here = onboard.ShowCode(code), true, replacesIn(c).on(codeEntry(code))
		return render(c, http.StatusOK, views.DevicePage(m), views.DevicePart(m))
	}
	a, _ := accountOf(c)
	g, err := h.Pairings.Look(c.Request().Context(), code, a.UserID, sessionHash(c), c.RealIP())
	switch {
	case err != nil:
		return h.answerWrongCode(c, onboard.ShowCode(code), err)
	case g.UserID == a.UserID && g.Session == sessionHash(c): // it was opened before, and may be decided
		return redirect(c, replacesIn(c).on(pairingPage(g.ID)))
	}
	m, status, err := h.wholePairing(c, g, "")
	if err != nil {
		return err
	}
	return render(c, status, views.PairingPage(m), views.PairingPart(m))
}

func (h *dashboard) deviceModel(c echo.Context) views.Device {
	return views.Device{
		Takes:   h.deviceTakes(c),
		Page:    h.page(c, t(c, "device.title", "Connect a device")),
		Address: h.PublicURL + devicePath, PublicURL: h.PublicURL, AppID: h.AppID,
		QRPath: h.deviceQR.path, QRSize: h.deviceQR.size, Local: h.local, Script: onboard.PairScript(h.PublicURL, h.AppID),
	}
}

// claimPairing opens the pairing that waits under a code, for this person in this browser.
func (h *dashboard) claimPairing(c echo.Context) error {
	a, _ := accountOf(c)
	typed := c.FormValue("code")
	g, err := h.Pairings.Claim(c.Request().Context(), typed, a.UserID, sessionHash(c), c.RealIP())
	if err != nil {
		return h.answerWrongCode(c, typed, err)
	}
	h.recordAsked(c, g)
	return redirect(c, replacesIn(c).on(pairingPage(g.ID)))
}

// recordAsked writes down by whom a pairing was asked for, with the person who has claimed it: it is nobody's before. It is one
// event, however often it is claimed.
func (h *dashboard) recordAsked(c echo.Context, g model.DeviceGrant) {
	h.record(c, model.Event{
		UserID: g.UserID,
		ID:     idOnce(g.CreatedAt, model.EventPairingAsked, g.ID), At: g.CreatedAt, Kind: model.EventPairingAsked, Actor: model.ActorDevice,
		Detail: g.DeviceName, Address: g.Address, Agent: g.Agent,
	})
}

// answerWrongCode asks for the code once more, and says what was wrong with it.
func (h *dashboard) answerWrongCode(c echo.Context, typed string, err error) error {
	m, status := h.deviceModel(c), http.StatusUnprocessableEntity
	m.Code = string(firstRunes(typed, maxTypedCode))
	ctx := c.Request().Context()
	var limit *onboard.LimitError
	switch {
	case errors.Is(err, onboard.ErrMalformedCode) && strings.TrimSpace(typed) == "":
		m.Error = lang.T(ctx, "device.error.empty", "Enter the code that the device shows.")
	case errors.Is(err, onboard.ErrMalformedCode):
		m.Error = lang.T(ctx, "device.error.malformed", "That code isn’t valid. Codes have eight letters and no vowels or digits, like {code}.",
			"code", "WDJB-MJHT")
	case errors.Is(err, onboard.ErrWrongCode):
		m.Error = noDeviceWaits.In(ctx)
	case errors.As(err, &limit):
		status = http.StatusTooManyRequests
		wait := max(limit.RetryAfter, time.Second)
		c.Response().Header().Set("Retry-After", wholeSeconds(wait))
		m.Error = lang.T(ctx, "device.error.network", "Too many wrong codes from your network or on this server.")
		m.Again = views.NewWhen(h.Now().Add(wait), h.Now())
		if limit.Mine {
			m.Error = lang.T(ctx, "device.error.mine", "Too many wrong codes.")
		}
	default:
		return openingPairing.in(err)
	}
	return render(c, status, views.DevicePage(m), views.DevicePart(m))
}

// noDeviceWaits is all that a page says of a code that leads nowhere, whatever the reason.
var noDeviceWaits = lang.New("device.error.wrong", "No device is waiting with that code. Check it, or get a new one on the device.")

func firstRunes(text string, most int) []rune {
	runes := []rune(text)
	return runes[:min(len(runes), most)]
}
