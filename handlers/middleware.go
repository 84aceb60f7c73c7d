package handlers

import (
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
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
		header.Set("Referrer-Policy", referrerPolicy(r))
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

// referrerPolicy is what browsers may say of where a request of ours comes from: to other sites nothing. To us they must say it, since
// under no-referrer they send "Origin: null" with every form, and those without Sec-Fetch-Site then have nothing to show that it is
// ours. A page that was opened by the link of a mail or an app has a token or a ticket in its address, and one to which another provider
// has sent a browser back a code: they give away their origin alone, to us too, because proxies write Referer into logs.
func referrerPolicy(r *http.Request) string {
	if q := r.URL.RawQuery; strings.Contains(q, "token") || strings.Contains(q, ticketField) { // reading an address costs every page something
		if query := r.URL.Query(); query.Has("token") || query.Has(ticketField) {
			return "strict-origin"
		}
	}
	if r.URL.RawQuery != "" && strings.HasPrefix(r.URL.Path, errandPath) {
		return "strict-origin"
	}
	return "same-origin"
}

const requestIDHeader = "X-Request-Id"

// requestID names the request in the log and on the error page. A name sent by the client is not taken over: it would let
// anybody write into our log.
func (h *dashboard) requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(requestIDHeader, hex.EncodeToString(model.RandomBytes(8)))
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
		level := slog.LevelInfo
		if c.Path() == HealthPath && c.Response().Status == http.StatusOK { // 2,880 a day, with a container's usual health check
			level = slog.LevelDebug
		}
		line := []any{
			"method", c.Request().Method, "route", c.Path(), "status", c.Response().Status,
			"took", h.Now().Sub(start).Round(time.Microsecond), "from", c.RealIP(), "request", requestIDOf(c),
		}
		if who := refusedUser(c); who != "" && c.Response().Status >= http.StatusBadRequest {
			line = append(line, "user", who)
		}
		h.Log.Log(r.Context(), level, "request", line...)
		return nil
	}
}

const aboutKey = "whom a refusal is about"

// about remembers for the log which user a refusal is about, if the service says so.
func about(c echo.Context, err error) error {
	if e, ok := errors.AsType[*model.Error](err); ok && e.UserID != "" {
		c.Set(aboutKey, e.UserID)
	}
	return err
}

// refusedUser is whom a refusal is about: whoever is signed in, or the owner of the account that was asked for, "" when neither is
// known.
func refusedUser(c echo.Context) string {
	if id, ok := c.Get(aboutKey).(string); ok {
		return id
	}
	a, _ := accountOf(c)
	return a.UserID
}

// refuseCrossOrigin lets no other site act in a signed-in person's name, sign-in and sign-out included. At the one address where pages
// of other sites may have something to ask for, it is decided when it is known what they ask for.
func (h *dashboard) refuseCrossOrigin() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if r := c.Request(); r.URL.Path != tokenPath {
				if err := h.crossOrigin(r); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

// crossOrigin is an error for a request to act that a page of another site sends.
func (h *dashboard) crossOrigin(r *http.Request) error {
	switch {
	case r.Method == http.MethodGet, r.Method == http.MethodHead, r.Method == http.MethodOptions: // which change nothing
	case r.Header.Get("Sec-Fetch-Site") != "": // the browser has compared the two itself
		if err := h.origins.Check(r); err != nil {
			return errors.Join(errCrossOrigin, err)
		}
	case !h.fromOurPage(r):
		return errCrossOrigin
	}
	return nil
}

// fromOurPage decides on what a browser sends that does not send Sec-Fetch-Site, or whose header was lost on the way: Safari before
// 16.4, for one. It goes by Origin, and by Referer where there is none, as in browsers older still. Whoever sends neither is a
// program, or a browser that something in between keeps quiet: cookies with SameSite=Lax do not come along from another site then.
func (h *dashboard) fromOurPage(r *http.Request) bool {
	from := r.Header.Values("Origin")
	if len(from) == 0 {
		for _, referer := range r.Header.Values("Referer") {
			from = append(from, originIn(referer))
		}
	}
	return len(from) == 0 || len(from) == 1 && h.isOurs(from[0], r.Host)
}

// originIn is the origin of an address, "null" where it has none.
func originIn(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "null"
	}
	return u.Scheme + "://" + u.Host
}

// isOurs says whether an origin is that of the public URL, whatever host a proxy asks us for, or that of the address at which this
// program was asked: by another one than it found out itself, or on this machine. Scheme and port count too.
func (h *dashboard) isOurs(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || originIn(origin) != origin {
		return false
	}
	public, err := url.Parse(h.PublicURL)
	if err != nil {
		return false
	}
	same := func(a, b string) bool { return spelled(u.Scheme, a) == spelled(u.Scheme, b) }
	if u.Scheme == public.Scheme {
		return same(u.Host, public.Host) || same(u.Host, host)
	}
	return u.Scheme == "http" && loopback(origin) && same(u.Host, host)
}

// spelled is the one spelling of a host: lower case, and without the port that the scheme has anyway. Some proxies add it.
func spelled(scheme, host string) string {
	return strings.TrimSuffix(strings.ToLower(host), map[string]string{"http": ":80", "https": ":443"}[scheme])
}

func (h *dashboard) logPanic(c echo.Context, err error, stack []byte) error {
	h.Log.Error("panic", "route", c.Path(), "request", requestIDOf(c), "cause", err, "stack", string(stack))
	return err
}
