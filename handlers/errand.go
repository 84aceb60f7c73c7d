package handlers

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
)

const (
	// errandCookie is what a browser keeps that has been sent to another provider, until it returns.
	errandCookie = "latchkey-openid"
	// errandLife is for how long it may be there.
	errandLife = 10 * time.Minute
	// errandPath is where it is sent back to, and nowhere else.
	errandPath = "/login/with"
	// sealedFor binds the cookie to its purpose.
	sealedFor = "latchkey openid errand"
)

// What a browser is sent to another provider for.
const (
	toSignIn    = "sign in"
	toConfirm   = "confirm"
	toConnectTo = "connect"
	// toSameAddress is no errand at a provider any more: it is the question for the password of an account with the same address.
	toSameAddress = "same address"
)

// errand is a browser's way to another provider and back. It is kept by that browser alone, sealed: whoever has another browser return with
// what they began themselves signs nobody in.
type errand struct {
	For      string `json:"f"`
	Provider string `json:"p"`
	State    string `json:"s,omitempty"`
	Nonce    string `json:"n,omitempty"`
	Verifier string `json:"v,omitempty"`
	Next     string `json:"x"`           // the page to go on to
	Session  string `json:"w,omitempty"` // of whom is signed in, whom it is about
	Address  string `json:"a,omitempty"` // of an account that is there already
	Ticket   string `json:"t,omitempty"` // for it
	Began    int64  `json:"b"`           // in seconds
}

// Format keeps all of it out of every log and error.
func (e errand) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "errand at "+e.Provider) }

// LogValue gives package slog the same text.
func (e errand) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

// newErrand begins one, for the person who is signed in unless it is to sign in.
func (h *dashboard) newErrand(c echo.Context, what, provider, next string) errand {
	text := func(bytes int) string { return base64.RawURLEncoding.EncodeToString(model.RandomBytes(bytes)) }
	e := errand{For: what, Provider: provider, State: text(16), Nonce: text(16), Verifier: text(32), Began: h.Now().Unix()}
	if e.Next = localPath(next); len(e.Next) > maxNext {
		e.Next = home
	}
	if what != toSignIn {
		e.Session = sessionName(c)
	}
	return e
}

// sessionName names the web session of whom is signed in.
func sessionName(c echo.Context) string {
	hash := sessionHash(c)
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

func (h *dashboard) keepErrand(c echo.Context, e errand) error {
	plain, err := json.Marshal(e)
	if err != nil {
		return err
	}
	c.SetCookie(h.errandCookie(h.errands.Seal(plain), int(errandLife/time.Second)))
	return nil
}

// errandOf is the browser's errand at a provider, if it has one that has not expired.
func (h *dashboard) errandOf(c echo.Context, provider string) (errand, bool) {
	kept := h.kept(c, errandCookie)
	if kept == "" {
		return errand{}, false
	}
	plain, ok := h.errands.Open(kept)
	var e errand
	if !ok || json.Unmarshal(plain, &e) != nil || e.Provider != provider {
		return errand{}, false
	}
	began, now := time.Unix(e.Began, 0), h.Now()
	return e, now.Sub(began) < errandLife && !model.FromFuture(began, now)
}

// returned is the errand that a browser comes back from, which is over then. One that it is still on stays: any page can send a browser
// here with a state of its own.
func (h *dashboard) returned(c echo.Context, provider, state string) (errand, bool) {
	e, ok := h.errandOf(c, provider)
	if !ok || e.State == "" || subtle.ConstantTimeCompare([]byte(e.State), []byte(state)) == 0 {
		return errand{}, false
	}
	h.dropErrand(c)
	return e, true
}

func (h *dashboard) dropErrand(c echo.Context) { c.SetCookie(h.errandCookie("", -1)) }

// errandCookie is sent where errands end alone. Over https it is sent everywhere, which is the price of a name that no other host of the
// domain can set.
func (h *dashboard) errandCookie(value string, maxAge int) *http.Cookie {
	cookie := h.plainCookie(errandCookie, value, maxAge) //nolint:gosec // as plainCookie says
	if !h.https {
		cookie.Path = errandPath
	}
	return cookie
}
