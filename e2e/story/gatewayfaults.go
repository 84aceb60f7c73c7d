package story

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// More faults, for the matrix. Those above all let the request through or not; "then" says which.

// Then has the server behind act before the fault answers.
func Then(f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		pass.ServeHTTP(httptest.NewRecorder(), r)
		f(w, r, pass)
	}
}

// IsSilent holds the line for as long as anybody waits, and says nothing.
func IsSilent(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }

// Resets tears the connection down without a word, so that the other side is told by its system and not by ours.
func Resets(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*line); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// Drips sends JSON that never ends, a byte a second.
func Drips(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		_, _ = io.WriteString(w, "[")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-ticks.C:
		case <-r.Context().Done():
			return
		}
	}
}

// Floods sends ten megabytes of what begins like JSON.
func Floods(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "[")
	spaces := bytes.Repeat([]byte(" "), 64<<10)
	for range 160 {
		if _, err := w.Write(spaces); err != nil {
			return
		}
	}
}

// SlipsOnce answers the first request with 401 and passes the rest on.
func SlipsOnce() Fault {
	var slipped atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if slipped.CompareAndSwap(false, true) {
			Says(401, `{"error":"invalid session","error_code":"InvalidSession"}`)(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}
}

// AsksForTime says that there were too many requests, and when to come back. The form is made of the moment of the answer.
func AsksForTime(retryAfter func(now time.Time) string) Fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		now := time.Now().UTC()
		Says(429, `{"error":"slow down"}`, "Date", now.Format(http.TimeFormat), "Retry-After", retryAfter(now))(w, r, pass)
	}
}

// Decorates puts into what the server says all that a careful reader passes over: members nobody knows, and members twice, of which
// the last one counts.
func Decorates(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	answer := httptest.NewRecorder()
	pass.ServeHTTP(answer, r)
	body := bytes.ReplaceAll(answer.Body.Bytes(), []byte(`"_id"`), []byte(`"more":{"errors":[null,{"error":"no"}]},"name":"somebody-else","disabled":null,"_id"`))
	if len(body) == 0 {
		body = []byte(`{"more":1}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(withBody(answer.Code))
	_, _ = w.Write(body)
}

// Nests is JSON within JSON, ten thousand deep.
func Nests() string { return strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) }

// --- Where faults happen ----------------------------------------------------------------------------------------------

// Of keeps a fault to the requests that carry the token and fit.
func Of(token string, fits func(*http.Request) bool, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Header.Get("Authorization") == token && fits(r) {
			f(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}
}

// TokenOf is the one with which a dashboard has asked for the person since the fault began.
func (g *Gateway) TokenOf(who *Person) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	own := "Bearer " + who.Session.RefreshToken().Reveal()
	for _, asked := range slices.Backward(g.asked) {
		if asked.token != own && strings.Contains(claimsOf(asked.token), `"`+who.Session.UserID()+`"`) {
			return asked.token
		}
	}
	return ""
}

// claimsOf is what a token of ours says.
func claimsOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1]) // what cannot be read says nothing
	return string(claims)
}

// Adds lets another fault decide first. Both pass on what does not concern them.
func (g *Gateway) Adds(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.fault
	g.fault = func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		f(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before == nil {
				pass.ServeHTTP(w, r)
				return
			}
			before(w, r, pass)
		}))
	}
}

// HangsUp closes every connection, also those that were made to be at hand and were never used, and goes on listening.
func (g *Gateway) HangsUp() {
	g.Closes()
	g.OpensAgain()
}

// String tells what was asked, and which of it was for the same person.
func (g *Gateway) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var lines []string
	for _, asked := range g.asked {
		lines = append(lines, fmt.Sprintf("%s (%.8s)", asked.line, asked.token[strings.LastIndex(asked.token, ".")+1:]))
	}
	return strings.Join(lines, ", ")
}

// CountOf is how many requests with the token came since the fault began whose line fits.
func (g *Gateway) CountOf(token string, fits func(line string) bool) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, asked := range g.asked {
		if asked.token == token && fits(asked.line) {
			n++
		}
	}
	return n
}
