package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/apidoc/apidoctest"
)

func TestTheDocumentOfCallsIsKeptUntilThereIsAnother(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	a := p.browser().get("/openapi.json").want(http.StatusOK)
	var document struct{ OpenAPI string }
	if err := json.Unmarshal([]byte(a.body), &document); err != nil || document.OpenAPI != "3.1.0" {
		t.Errorf("it is of version %q, %v", document.OpenAPI, err)
	}
	tag := a.header.Get("ETag")
	if a.header.Get("Cache-Control") != "public, max-age=300" || !strings.HasPrefix(tag, `W/"`) || a.header.Get("X-Request-Id") != "" {
		t.Errorf("the headers are %v", a.header)
	}
	if again := p.browser().with("If-None-Match", `"x", `+tag).get("/openapi.json").want(http.StatusNotModified); again.body != "" {
		t.Errorf("it is sent again: %.100s", again.body)
	}
	p.browser().with("If-None-Match", `"x"`).get("/openapi.json").want(http.StatusOK)
	newProgram(t, elsewhere).browser().get("/openapi.json").want(http.StatusNotFound)
	newProgram(t, elsewhere).browser().get("/docs/api").want(http.StatusNotFound)
}

func TestThePageOfCallsSaysOfEachWhatItIsAndReadsNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	before := p.store.Stats()
	a := p.browser().get("/docs/api").want(http.StatusOK).says("h1", "API").says("#keys", "PUT /api/client/v2.0/auth/api_keys/{id}/disable")
	if after := p.store.Stats(); after != before {
		t.Errorf("the store did something: %+v, before %+v", after, before)
	}
	calls := apidoctest.Calls(t)
	if got := a.texts("main h3"); len(got) != len(calls) {
		t.Errorf("%d calls are on the page, and there are %d", len(got), len(calls))
	}
	a.says("#errors", "OutcomeUnknown").says("#devices-and-tokens", "authorization_pending").says("#passkeys", "May change. Takes the refresh token.")
	for _, link := range a.texts("main nav a") {
		if id := strings.ReplaceAll(strings.ToLower(link), " ", "-"); !a.has("section#" + id) {
			t.Errorf("%s leads nowhere", link)
		}
	}
}

func TestPairingAnswersAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	document, pages := apidoctest.New(t, p.handler), p.handler
	p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handlers.ForPrograms(r.URL.Path) {
			document.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
	p.browser().get("/.well-known/oauth-authorization-server").want(http.StatusOK)
	p.device().start(url.Values{"device_name": {"porch-cam"}}).refuses(http.StatusBadRequest, "invalid_request")
	d := p.pairing("porch-cam")
	d.asks().refuses(http.StatusBadRequest, "authorization_pending")
	b, _ := p.signedIn(email)
	b.approves(d, "porch-cam")
	p.clock.Advance(time.Minute)
	d.poll(nil).want(http.StatusOK)
	for _, call := range []string{"GET /.well-known/oauth-authorization-server", "POST /oauth/device_authorization", "POST /oauth/token"} {
		if !document.Succeeded(call) {
			t.Errorf("%s was answered with %v", call, document.Statuses(call))
		}
	}
}
