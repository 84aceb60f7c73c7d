package handlers

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// contentSecurityPolicy allows our own files and nothing inline. There is no unsafe-* in it: a name or a message that got
// through as HTML could still run nothing.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// SecureHeaders sets the headers that every answer of the program carries, whatever its status and whoever writes it.
// Nothing may be stored by a cache unless the handler says otherwise. Two headers are for origins that browsers trust, by the
// scheme and host of publicURL: plain http must not send HSTS, and over a network browsers ignore
// Cross-Origin-Opener-Policy there and complain about it on every page.
func SecureHeaders(publicURL string, next http.Handler) http.Handler {
	https := strings.HasPrefix(publicURL, "https://")
	trusted := https || loopback(publicURL)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Cache-Control", "no-store")
		if trusted {
			header.Set("Cross-Origin-Opener-Policy", "same-origin")
		}
		if https {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

const requestIDHeader = "X-Request-Id"

// requestID names the request in the log and on the error page. A name sent by the client is not taken over: it would let
// anybody write into our log.
func (h *dashboard) requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(requestIDHeader, hex.EncodeToString(randomBytes(8)))
		return next(c)
	}
}

func requestIDOf(c echo.Context) string { return c.Response().Header().Get(requestIDHeader) }

// logRequest writes one line a request. It names the route, not the address that was asked for: what people type or paste
// there is not ours to keep.
func (h *dashboard) logRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start, r := h.Now(), c.Request()
		if err := next(c); err != nil {
			c.Error(err)
		}
		r.Pattern = c.Path() // for whoever counts, as http.ServeMux says it
		h.Log.Info("request",
			"method", c.Request().Method, "route", c.Path(), "status", c.Response().Status,
			"took", h.Now().Sub(start).Round(time.Microsecond), "from", c.RealIP(), "request", requestIDOf(c))
		return nil
	}
}

// refuseCrossOrigin lets no other site act in a signed-in person's name, sign-in and sign-out included.
func (h *dashboard) refuseCrossOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return errors.Join(errCrossOrigin, err)
			}
			return next(c)
		}
	}
}

func (h *dashboard) logPanic(c echo.Context, err error, stack []byte) error {
	h.Log.Error("panic", "route", c.Path(), "request", requestIDOf(c), "cause", err, "stack", string(stack))
	return err
}
