package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"latchkey/internal/model"
)

// tryAs signs in through the API with a password, behind whatever proxies the header tells of.
func tryAs(t *testing.T, baseURL, email, password, forwarded string) int {
	t.Helper()
	body, err := json.Marshal(map[string]string{"username": email, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		baseURL+"/api/client/v2.0/app/latchkey-local/auth/providers/local-userpass/login", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if forwarded != "" {
		req.Header.Set("X-Forwarded-For", forwarded)
		req.Header.Set("X-Real-Ip", forwarded)
	}
	return do(t, http.DefaultClient, req).Status
}

func TestOnlyATrustedProxySaysWhereSomebodyComesFrom(t *testing.T) {
	t.Parallel()
	for trusted, want := range map[string]string{"": "127.0.0.1", "127.0.0.1/32": "198.51.100.7", "10.0.0.0/8": "127.0.0.1"} {
		cfg := testConfig(t)
		cfg.TrustedProxies = trusted
		a := run(t, cfg)
		post(t, browser(t), a.URL()+"/register", account)
		if got := tryAs(t, a.URL(), account.Get("email"), account.Get("password"), "203.0.113.1, 198.51.100.7"); got != http.StatusOK {
			t.Fatal(got)
		}
		id, err := a.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, account.Get("email"))
		if err != nil {
			t.Fatal(err)
		}
		events, err := a.store.Events(t.Context(), id.UserID, model.EventQuery{Limit: 1})
		if err != nil || len(events) != 1 || events[0].Kind != model.EventSignedIn || events[0].Address != want || events[0].Actor != model.ActorApp {
			t.Errorf("with %q trusted: %+v, %v; want %s", trusted, events, err, want)
		}
	}
}

func TestAddressesThatAreMadeUpBuyNoTries(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	for i := range 60 {
		want := http.StatusUnauthorized
		if i >= 50 {
			want = http.StatusTooManyRequests
		}
		if got := tryAs(t, a.URL(), fmt.Sprintf("p%d@example.com", i), "wrong password", fmt.Sprintf("198.51.100.%d", i)); got != want {
			t.Fatalf("try %d: %d, want %d", i, got, want)
		}
	}
	form := url.Values{"email": {"another@example.com"}, "password": {"wrong password"}}
	if got := post(t, browser(t), a.URL()+"/login", form); got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
		t.Errorf("the page: %d", got.Status)
	}
}

func TestADashboardOfAnUpstreamCountsTriesItself(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var upstream *httptest.Server
	upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/location") {
			_ = json.NewEncoder(w).Encode(map[string]string{"hostname": upstream.URL})
			return
		}
		asked.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "unauthorized", "error_code": "InvalidPassword"})
	}))
	t.Cleanup(upstream.Close)
	cfg := testConfig(t)
	cfg.Upstream = upstream.URL
	a := run(t, cfg)
	form := url.Values{"email": {"nobody@example.com"}, "password": {"wrong password"}}
	const tries = 4 // of an account, from one address: fewer than another Latchkey gives all of us
	for range tries {
		if got := post(t, browser(t), a.URL()+"/login", form); got.Status != http.StatusUnprocessableEntity {
			t.Fatalf("%d", got.Status)
		}
	}
	got := post(t, browser(t), a.URL()+"/login", form)
	if got.Status != http.StatusTooManyRequests || !strings.Contains(got.Body, "Too many attempts.") || asked.Load() != tries {
		t.Errorf("%d after the upstream was asked %d times", got.Status, asked.Load())
	}
}
