package e2e

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

// then has the server behind act before the fault answers.
func then(f fault) fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		pass.ServeHTTP(httptest.NewRecorder(), r)
		f(w, r, pass)
	}
}

// isSilent holds the line for as long as anybody waits, and says nothing.
func isSilent(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }

// resets tears the connection down without a word, so that the other side is told by its system and not by ours.
func resets(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*line); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// drips sends JSON that never ends, a byte a second.
func drips(w http.ResponseWriter, r *http.Request, _ http.Handler) {
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

// floods sends ten megabytes of what begins like JSON.
func floods(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "[")
	spaces := bytes.Repeat([]byte(" "), 64<<10)
	for range 160 {
		if _, err := w.Write(spaces); err != nil {
			return
		}
	}
}

// slipsOnce answers the first request with 401 and passes the rest on.
func slipsOnce() fault {
	var slipped atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if slipped.CompareAndSwap(false, true) {
			says(401, `{"error":"invalid session","error_code":"InvalidSession"}`)(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}
}

// asksForTime says that there were too many requests, and when to come back. The form is made of the moment of the answer.
func asksForTime(retryAfter func(now time.Time) string) fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		now := time.Now().UTC()
		says(429, `{"error":"slow down"}`, "Date", now.Format(http.TimeFormat), "Retry-After", retryAfter(now))(w, r, pass)
	}
}

// decorates puts into what the server says all that a careful reader passes over: members nobody knows, and members twice, of which
// the last one counts.
func decorates(w http.ResponseWriter, r *http.Request, pass http.Handler) {
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

// nests is JSON within JSON, ten thousand deep.
func nests() string { return strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) }

// --- Where faults happen ----------------------------------------------------------------------------------------------

// of keeps a fault to the requests that carry the token and fit.
func of(token string, fits func(*http.Request) bool, f fault) fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Header.Get("Authorization") == token && fits(r) {
			f(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}
}

// tokenOf is the one with which a dashboard has asked for the person since the fault began.
func (g *gateway) tokenOf(who *person) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	own := "Bearer " + who.session.RefreshToken().Reveal()
	for _, asked := range slices.Backward(g.asked) {
		if asked.token != own && strings.Contains(claimsOf(asked.token), `"`+who.session.UserID()+`"`) {
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

// adds lets another fault decide first. Both pass on what does not concern them.
func (g *gateway) adds(f fault) {
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

// hangsUp closes every connection, also those that were made to be at hand and were never used, and goes on listening.
func (g *gateway) hangsUp() {
	g.closes()
	g.opensAgain()
}

// String tells what was asked, and which of it was for the same person.
func (g *gateway) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var lines []string
	for _, asked := range g.asked {
		lines = append(lines, fmt.Sprintf("%s (%.8s)", asked.line, asked.token[strings.LastIndex(asked.token, ".")+1:]))
	}
	return strings.Join(lines, ", ")
}

// countOf is how many requests with the token came since the fault began whose line fits.
func (g *gateway) countOf(token string, fits func(line string) bool) int {
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
