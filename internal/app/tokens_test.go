package app

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"latchkey/client/clienttest"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

const (
	exchangeGrant   = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
)

// nameAudiences names two services in the settings.
func nameAudiences(t *testing.T, cfg *config.Config) {
	t.Helper()
	cfg.Audiences = filepath.Join(t.TempDir(), "audiences.json")
	const services = `{
		"sync": {"audience": "https://sync.example.org", "lifetime": "10m", "claims": {"role": "authenticated", "of": {"plan": ["a", 1]}}},
		"orders": {"audience": "orders", "lifetime": "1m"}}`
	if err := os.WriteFile(cfg.Audiences, []byte(services), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asking is the form of a program that holds an access token, with what is different about it. What is empty is left out.
func asking(subject string, different ...string) url.Values {
	form := url.Values{"grant_type": {exchangeGrant}, "subject_token": {subject}, "subject_token_type": {accessTokenType}, "audience": {"sync"}}
	for i := 0; i < len(different); i += 2 {
		if form.Del(different[i]); different[i+1] != "" {
			form[different[i]] = strings.Split(different[i+1], "|")
		}
	}
	return form
}

func (s *stage) exchange(form url.Values, header http.Header) answer {
	s.t.Helper()
	return s.request(http.MethodPost, "/oauth/token", form.Encode(), "application/x-www-form-urlencoded", header)
}

// exchanged is the token that a program is given.
func (s *stage) exchanged(form url.Values) string {
	s.t.Helper()
	got := s.exchange(form, nil)
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil || got.Status != http.StatusOK || out.Token == "" {
		s.t.Fatalf("%d %s", got.Status, got.Body)
	}
	return out.Token
}

// refused checks that a program is told why it gets none, in the shape of RFC 6749.
func (s *stage) refused(label string, got answer, status int, code string) {
	s.t.Helper()
	var out map[string]string
	err := json.Unmarshal([]byte(got.Body), &out)
	if err != nil || got.Status != status || out["error"] != code || out["error_description"] == "" || len(out) != 2 {
		s.t.Errorf("%s: %d %s, want %d %s", label, got.Status, got.Body, status, code)
	}
	if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "no-store" {
		s.t.Errorf("%s: the header is %v", label, got.Header)
	}
}

// keySet is what this server publishes.
func (s *stage) keySet() jose.JSONWebKeySet {
	s.t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(get(s.t, s.visitor, s.at+"/.well-known/jwks.json").Body), &set); err != nil {
		s.t.Fatal(err)
	}
	return set
}

// opened verifies a token as a receiver does, with the published keys, and gives its header and its claims.
func (s *stage) opened(token string) (jose.Header, map[string]any) {
	s.t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		s.t.Fatal(err)
	}
	payload, err := signed.Verify(s.keySet())
	if err != nil {
		s.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		s.t.Fatal(err)
	}
	return signed.Signatures[0].Protected, claims
}

func TestEverySessionIsGivenTokensForTheServicesThatTheOperatorNamed(t *testing.T) {
	t.Parallel()
	s := newStage(t, "https://keys.example.org")
	c := s.newCast(false)
	phone := ""
	for _, key := range s.keyIDs(c.owner) {
		if key != c.target {
			phone = key
		}
	}
	events := s.events(c.owner)
	for p := stranger; p < principals; p++ {
		before := time.Now().Unix()
		got := s.exchange(asking(c.tokens[p].Access), nil)
		if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" {
			t.Fatalf("%s: %d %s %v", p, got.Status, got.Body, got.Header)
		}
		var out map[string]any
		if err := json.Unmarshal([]byte(got.Body), &out); err != nil {
			t.Fatal(err)
		}
		header, claims := s.opened(out["access_token"].(string))
		delete(out, "access_token")
		if diff := cmp.Diff(map[string]any{"issued_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_type": "Bearer", "expires_in": 600.0}, out); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p, diff)
		}
		if header.Algorithm != "ES256" || header.KeyID == "" || header.ExtraHeaders["typ"] != "JWT" {
			t.Errorf("%s: the header is %+v", p, header)
		}
		issued, id := claims["iat"].(float64), claims["jti"].(string)
		if int64(issued) < before || int64(issued) > time.Now().Unix() || !model.IsID(id) {
			t.Errorf("%s: iat %v, jti %s", p, issued, id)
		}
		want := map[string]any{
			"iss": "https://keys.example.org", "sub": c.tokens[p].UserID, "aud": "https://sync.example.org", "iat": issued, "exp": issued + 600, "jti": id,
			"role": "authenticated", "of": map[string]any{"plan": []any{"a", 1.0}},
		}
		if p == device {
			want["latchkey_key"] = phone
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p, diff)
		}
	}
	if got := s.events(c.owner); got != events {
		t.Errorf("%d events are recorded", got-events)
	}
	_, claims := s.opened(s.exchanged(asking(c.tokens[owner].Access, "audience", "orders")))
	if got := slices.Sorted(maps.Keys(claims)); !slices.Equal(got, []string{"aud", "exp", "iat", "iss", "jti", "sub"}) || claims["aud"] != "orders" ||
		claims["exp"].(float64)-claims["iat"].(float64) != 60 {
		t.Errorf("the other service's token says %v", claims)
	}
}

func (s *stage) keyIDs(user string) (ids []string) {
	s.t.Helper()
	keys, err := s.store.APIKeys(s.t.Context(), user)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, key := range keys {
		ids = append(ids, key.ID)
	}
	return ids
}

func (s *stage) events(user string) int {
	s.t.Helper()
	all, err := s.store.Events(s.t.Context(), user, model.EventQuery{Limit: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(all)
}

// What receivers need of a key set, whichever of its members they go by.
func TestThePublishedKeysSayWhatReceiversGoBy(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(get(t, s.visitor, s.at+"/.well-known/jwks.json").Body), &set); err != nil || len(set.Keys) != 1 {
		t.Fatal(set, err)
	}
	key := set.Keys[0]
	if key["alg"] != "ES256" || key["use"] != "sig" || key["kty"] != "EC" || key["crv"] != "P-256" || key["kid"] == "" || key["d"] != nil {
		t.Errorf("the key is %v", key)
	}
}

func TestATokenForAnotherServiceOpensNothingHere(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	c := s.newCast(false)
	token := s.exchanged(asking(c.tokens[owner].Access))
	for route, stated := range calls {
		method, path, _ := strings.Cut(route, " ")
		if stated[nobody].status != http.StatusUnauthorized {
			continue
		}
		path = strings.NewReplacer("{id}", c.target, "{app}", config.Defaults().AppID, "{provider}", model.ProviderEmailPassword, "{key}", c.target, "{session}", c.target).Replace(path)
		if got := s.request(method, path, "", "", bearer(token)); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", route, got.Status, got.Body)
		}
	}
	s.refused("as a subject", s.exchange(asking(token), nil), http.StatusBadRequest, "invalid_grant")
}

func TestWhatBuysNoTokenSaysWhy(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	another := newStage(t, "")
	c := s.newCast(false)
	access, refresh := c.tokens[owner].Access, c.tokens[owner].Refresh
	elsewhere := another.newCast(false).tokens[owner].Access
	for name, tc := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"no audience":             {asking(access, "audience", ""), 400, "invalid_target"},
		"two audiences":           {asking(access, "audience", "sync|orders"), 400, "invalid_target"},
		"one audience twice":      {asking(access, "audience", "sync|sync"), 400, "invalid_target"},
		"an unknown audience":     {asking(access, "audience", "Sync"), 400, "invalid_target"},
		"the aud for its name":    {asking(access, "audience", "https://sync.example.org"), 400, "invalid_target"},
		"a resource":              {asking(access, "resource", "https://sync.example.org"), 400, "invalid_target"},
		"no subject":              {asking(""), 400, "invalid_request"},
		"no type":                 {asking(access, "subject_token_type", ""), 400, "invalid_request"},
		"another type":            {asking(access, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt"), 400, "invalid_request"},
		"two subjects":            {asking(access, "subject_token", access+"|"+access), 400, "invalid_request"},
		"an actor":                {asking(access, "actor_token", access, "actor_token_type", accessTokenType), 400, "invalid_request"},
		"a scope":                 {asking(access, "scope", "admin"), 400, "invalid_scope"},
		"a refresh token":         {asking(refresh), 400, "invalid_grant"},
		"asked for a refresh":     {asking(access, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request"},
		"another server's":        {asking(elsewhere), 400, "invalid_grant"},
		"no token":                {asking("x"), 400, "invalid_grant"},
		"the value of a key":      {asking(c.phone), 400, "invalid_grant"},
		"a token and more":        {asking(access + "x"), 400, "invalid_grant"},
		"10 KB":                   {asking(strings.Repeat("x", 10<<10)), 400, "invalid_grant"},
		"an unknown audience too": {asking("x", "audience", "none"), 400, "invalid_grant"}, // names are for those who have a session
		"another client":          {asking(access, "client_id", "another-app"), 400, "invalid_client"},
		"a secret":                {asking(access, "client_id", "latchkey-local", "client_secret", "x"), 400, "invalid_client"},
		"another grant":           {asking(access, "grant_type", "refresh_token", "client_id", "latchkey-local"), 400, "unsupported_grant_type"},
		"two grants":              {asking(access, "grant_type", exchangeGrant+"|"+exchangeGrant), 400, "invalid_request"},
	} {
		got := s.exchange(tc.form, nil)
		s.refused(name, got, tc.status, tc.code)
		if strings.Contains(got.Body, access) || strings.Contains(got.Body, c.phone) {
			t.Errorf("%s: the answer repeats what was sent", name)
		}
	}
	s.refused("no form", s.request(http.MethodPost, "/oauth/token", `{"grant_type":"`+exchangeGrant+`"}`, "application/json", nil), 400, "invalid_request")
	empty := asking(access)
	for _, parameter := range []string{"resource", "scope", "actor_token", "actor_token_type", "requested_token_type", "client_id"} {
		empty.Set(parameter, "")
	}
	for name, form := range map[string]url.Values{
		"with the client":                  asking(access, "client_id", "latchkey-local"),
		"with what is as good as left out": empty,
		"an access token is asked for":     asking(access, "requested_token_type", accessTokenType),
	} {
		if got := s.exchange(form, nil); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := s.exchange(asking(access, "requested_token_type", accessTokenType), nil); !strings.Contains(got.Body, `"issued_token_type":"`+accessTokenType+`"`) {
		t.Errorf("an access token was asked for: %s", got.Body)
	}
}

func TestWhoeverIsOutGetsNoMoreTokens(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	for how, end := range map[string]struct {
		of principal
		do func(c *cast) error
	}{
		"the key is off": {device, func(c *cast) error {
			return s.store.SetAPIKeyDisabled(t.Context(), c.owner, s.phoneOf(c), store.Turn{Off: true, At: time.Now()})
		}},
		"the key is deleted":     {device, func(c *cast) error { _, err := s.store.DeleteAPIKey(t.Context(), c.owner, s.phoneOf(c)); return err }},
		"the user is disabled":   {device, func(c *cast) error { return s.store.DisableUser(t.Context(), c.owner, time.Now()) }},
		"the person is disabled": {owner, func(c *cast) error { return s.store.DisableUser(t.Context(), c.owner, time.Now()) }},
		"the user is deleted":    {owner, func(c *cast) error { return s.store.DeleteUser(t.Context(), c.owner) }},
		"signed out": {owner, func(c *cast) error {
			s.request(http.MethodDelete, "/api/client/v2.0/auth/session", "", "", bearer(c.tokens[owner].Refresh))
			return nil
		}},
	} {
		c := s.newCast(false)
		token := c.tokens[end.of].Access
		s.exchanged(asking(token))
		if err := end.do(c); err != nil {
			t.Fatal(err)
		}
		s.refused(how, s.exchange(asking(token), nil), http.StatusBadRequest, "invalid_grant")
	}
}

// phoneOf is the key that opened the device's session.
func (s *stage) phoneOf(c *cast) string {
	s.t.Helper()
	ids := s.keyIDs(c.owner)
	return ids[1-slices.Index(ids, c.target)]
}

func TestATokenLivesNoLongerThanItsSession(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(testkit.LongAgo)
	s := newStageWith(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	id, email := s.user()
	signedIn := s.signIn("local-userpass", map[string]string{"username": email, "password": account.Get("password")})
	renewed := func() string {
		var out tokens
		got := s.request(http.MethodPost, "/api/client/v2.0/auth/session", "", "", bearer(signedIn.Refresh))
		if err := json.Unmarshal([]byte(got.Body), &out); err != nil {
			t.Fatal(err)
		}
		return out.Access
	}
	clock.Advance(60*24*time.Hour - 3*time.Minute)
	access := renewed()
	_, claims := s.opened(s.exchanged(asking(access)))
	if left := claims["exp"].(float64) - claims["iat"].(float64); left != 180 || claims["sub"] != id {
		t.Errorf("three minutes before its session ends a token lives for %v s", left)
	}
	clock.Advance(3 * time.Minute)
	s.refused("an ended session", s.exchange(asking(access), nil), http.StatusBadRequest, "invalid_grant")
}

func TestAnAccessTokenThatHasExpiredBuysNoToken(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(testkit.LongAgo)
	s := newStageWith(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	c := s.newCast(false)
	clock.Advance(29 * time.Minute)
	s.exchanged(asking(c.tokens[owner].Access))
	clock.Advance(time.Minute)
	s.refused("half an hour later", s.exchange(asking(c.tokens[owner].Access), nil), http.StatusBadRequest, "invalid_grant")
}

func TestASessionThatAsksForTokensInALoopIsToldToWait(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(testkit.LongAgo)
	log := &testkit.Log{}
	s := newStageWith(t, func(cfg *config.Config) { cfg.Now, cfg.LogTo, cfg.Log = clock.Now, log, "json" })
	c := s.newCast(false)
	for range 60 {
		s.exchanged(asking(c.tokens[device].Access))
	}
	got := s.exchange(asking(c.tokens[device].Access), nil)
	s.refused("the 61st", got, http.StatusTooManyRequests, "temporarily_unavailable")
	if got.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", got.Header.Get("Retry-After"))
	}
	line := regexp.MustCompile(`.*"status":429.*`).FindString(log.String())
	if !strings.Contains(line, `"user":"`+c.owner+`"`) || strings.Contains(log.String(), c.tokens[device].Access) {
		t.Errorf("the log does not say who it was, or says too much: %s", line)
	}
	s.exchanged(asking(c.tokens[owner].Access)) // another session of the same person
	clock.Advance(time.Second)
	s.exchanged(asking(c.tokens[device].Access))
}

func TestPagesOfOtherSitesGetTokensForServicesAndNoKeysOfDevices(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	c := s.newCast(false)
	pairing := url.Values{"client_id": {"latchkey-local"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {strings.Repeat("A", 43)}}
	for how, header := range map[string]http.Header{
		"a browser":     {"Origin": {"https://app.example"}, "Sec-Fetch-Site": {"cross-site"}},
		"an old one":    {"Origin": {"https://app.example"}},
		"a native view": {"Origin": {"null"}},
	} {
		got := s.exchange(asking(c.tokens[device].Access), header)
		if got.Status != http.StatusOK || got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", how, got.Status, got.Header)
		}
		if got := s.exchange(asking("x"), header); got.Status != http.StatusBadRequest || got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s cannot read what is wrong: %d %v", how, got.Status, got.Header)
		}
		for what, form := range map[string]url.Values{"pairing": pairing, "no grant": {"x": {"y"}}} {
			got := s.exchange(form, header)
			s.refused(how+", "+what, got, http.StatusForbidden, "invalid_request")
			if got.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s reads of %s: %v", how, what, got.Header)
			}
		}
		with := maps.Clone(header)
		with.Set("Cookie", c.cookies[owner].Name+"="+c.cookies[owner].Value)
		s.refused(how+" with a cookie", s.exchange(asking(""), with), http.StatusBadRequest, "invalid_request")
	}
	got := s.request(http.MethodOptions, "/oauth/token", "", "", http.Header{
		"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"},
	})
	if got.Header.Get("Access-Control-Allow-Origin") != "" { // a form needs no leave, and there is nothing else to send
		t.Errorf("a page may send what is no form: %v", got.Header)
	}
}

func TestReceiversFindTheIssuerAndItsKeys(t *testing.T) {
	t.Parallel()
	s := newStageWith(t, func(cfg *config.Config) {
		cfg.PublicURL, cfg.AlsoHosts = "https://keys.example.org", "http://home.example:8080"
	})
	for host, at := range map[string]string{"keys.example.org": "https://keys.example.org", "home.example:8080": "http://home.example:8080"} {
		ask := func(path string) (got map[string]any) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.at+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			if err := json.Unmarshal([]byte(do(t, s.visitor, req).Body), &got); err != nil {
				t.Fatal(err)
			}
			return got
		}
		want := map[string]any{
			"issuer":   "https://keys.example.org", // which stands in the tokens, wherever it is looked up
			"jwks_uri": at + "/.well-known/jwks.json", "token_endpoint": at + "/oauth/token", "grant_types_supported": []any{exchangeGrant},
			"response_types_supported": []any{}, "subject_types_supported": []any{"public"}, "id_token_signing_alg_values_supported": []any{"ES256"},
			"token_endpoint_auth_methods_supported": []any{"none"},
		}
		if diff := cmp.Diff(want, ask("/.well-known/openid-configuration")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host, diff)
		}
		if got := ask("/.well-known/oauth-authorization-server")["grant_types_supported"]; !cmp.Equal(got, []any{"urn:ietf:params:oauth:grant-type:device_code", exchangeGrant}) {
			t.Errorf("%s: the grant types are %v", host, got)
		}
	}
}

func TestWithoutServicesThereAreNoTokens(t *testing.T) {
	t.Parallel()
	none := newStageWith(t, func(cfg *config.Config) { cfg.Audiences = "" })
	cfg := testConfig(t)
	cfg.Upstream = none.URL()
	for how, at := range map[string]string{"none are named": none.at, "the accounts are elsewhere": "http://" + run(t, cfg).listener.Addr().String()} {
		got := post(t, none.visitor, at+"/oauth/token", asking("x", "client_id", "latchkey-local"))
		none.refused(how, got, http.StatusBadRequest, "unsupported_grant_type")
		if got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", how, got.Header)
		}
		if got := get(t, none.visitor, at+"/.well-known/openid-configuration"); got.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", how, got.Status, got.Body)
		}
		if got := get(t, none.visitor, at+"/.well-known/oauth-authorization-server"); strings.Contains(got.Body, "token-exchange") {
			t.Errorf("%s: %s", how, got.Body)
		}
	}
}

func TestMetricsCountTokensByServiceAndNothingThatWasSent(t *testing.T) {
	t.Parallel()
	s := newStageWith(t, func(cfg *config.Config) { cfg.AdminAddr = "127.0.0.1:0" })
	c := s.newCast(false)
	for _, form := range []url.Values{
		asking(c.tokens[owner].Access), asking(c.tokens[owner].Access), asking(c.tokens[device].Access, "audience", "orders"),
		asking("x"), asking(c.tokens[owner].Access, "audience", "canary-5f2c"), asking(c.tokens[owner].Access, "audience", "canary-77a0"),
	} {
		s.exchange(form, nil)
	}
	got := map[string]string{}
	for name, value := range metricsOf(t, "http://"+s.admin.listener.Addr().String()) {
		if regexp.MustCompile(`^latchkey_token_exchanges_total`).MatchString(name) {
			got[name] = value
		}
	}
	want := map[string]string{
		`latchkey_token_exchanges_total{audience="sync",outcome="good"}`:    "2",
		`latchkey_token_exchanges_total{audience="orders",outcome="good"}`:  "1",
		`latchkey_token_exchanges_total{audience="sync",outcome="refused"}`: "1",
		`latchkey_token_exchanges_total{audience="-",outcome="refused"}`:    "2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The rest of the suite runs in internal/authserver, which has no tokens for services: the dashboard answers there.
func TestTheWholeProgramGivesTokensAsTheSuiteWantsThem(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	clienttest.RunServiceTokens(t, clienttest.Target{BaseURL: s.at, AppID: "latchkey-local", Audience: "sync", MinPassword: 8, Strict: true})
}

func TestTurningAKeyOffReckonsWithTheLongestTokenForAnotherService(t *testing.T) {
	t.Parallel()
	s := newStageWith(t, func(cfg *config.Config) {
		nameAudiences(t, cfg)
		if err := os.WriteFile(cfg.Audiences, []byte(`{"sync": {"audience": "sync", "lifetime": "45m"}, "orders": {"audience": "orders", "lifetime": "1m"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	c := s.newCast(false)
	key := s.phoneOf(c)
	if got := s.request(http.MethodPut, "/api/client/v2.0/auth/api_keys/"+key+"/disable", "", "", bearer(c.tokens[owner].Refresh)); got.Status != http.StatusNoContent {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	k, err := s.store.APIKey(t.Context(), c.owner, key)
	if off := k.Usage.Off; err != nil || off.Sessions != 1 || off.AccessUntil.Sub(off.At) != 45*time.Minute {
		t.Errorf("turned off %+v, %v", off, err)
	}
}
