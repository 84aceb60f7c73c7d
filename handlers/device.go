package handlers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/views"
)

// maxTypedCode is as much of what was typed for a code as is shown again.
const maxTypedCode = 40

// showDevice asks for the code that a device shows. A code in the address is filled in and nothing more: whoever follows a
// link has not compared anything yet.
func (h *dashboard) showDevice(c echo.Context) error {
	m := h.deviceModel(c)
	if code, ok := onboard.NormalizeCode(c.QueryParam("user_code")); ok {
		m.Code, m.Given = onboard.ShowCode(code), true
		m.Here = codeEntry(code)
	}
	return render(c, http.StatusOK, views.DevicePage(m), views.DevicePart(m))
}

func (h *dashboard) deviceModel(c echo.Context) views.Device {
	return views.Device{
		Page: h.page(c, "Connect a device"), Address: h.PublicURL + devicePath, PublicURL: h.PublicURL, AppID: h.AppID,
		QRPath: h.deviceQR.path, QRSize: h.deviceQR.size,
	}
}

// claimPairing opens the pairing that waits under a code, for this person in this browser.
func (h *dashboard) claimPairing(c echo.Context) error {
	a, _ := accountOf(c)
	typed := c.FormValue("code")
	g, err := h.Pairings.Claim(c.Request().Context(), typed, a.UserID, sessionHash(c), c.RealIP())
	if err == nil {
		h.record(c, model.Event{UserID: a.UserID, // by whom it was asked is seen now, and again by whoever opens it once more
			ID: idOnce(g.CreatedAt, model.EventPairingAsked, g.ID), At: g.CreatedAt, Kind: model.EventPairingAsked, Actor: model.ActorDevice,
			Detail: g.DeviceName, Address: g.Address, Agent: g.Agent,
		})
		return redirect(c, pairingPage(g.ID))
	}
	m, status := h.deviceModel(c), http.StatusUnprocessableEntity
	m.Code = string(firstRunes(typed, maxTypedCode))
	var limit *onboard.LimitError
	switch {
	case errors.Is(err, onboard.ErrMalformedCode) && strings.TrimSpace(typed) == "":
		m.Error = "Type the code that the device shows."
	case errors.Is(err, onboard.ErrMalformedCode):
		m.Error = "That is no code. It has eight letters, and among them are no vowels, no Y and no digits."
	case errors.Is(err, onboard.ErrWrongCode):
		m.Error = "No device waits with this code. It may be mistyped, used already or too old; the device can show a new one."
	case errors.As(err, &limit):
		status = http.StatusTooManyRequests
		wait := max(limit.RetryAfter, time.Second)
		c.Response().Header().Set("Retry-After", wholeSeconds(wait))
		m.Error = "Too many wrong codes were entered from your network or on this server."
		m.Again = views.NewEnd(h.Now().Add(wait), h.Now())
		if limit.Mine {
			m.Error = "Those were too many wrong codes."
		}
	default:
		return openingPairing.in(err)
	}
	return render(c, status, views.DevicePage(m), views.DevicePart(m))
}

func firstRunes(text string, most int) []rune {
	runes := []rune(text)
	return runes[:min(len(runes), most)]
}
