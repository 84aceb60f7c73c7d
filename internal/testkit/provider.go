package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/model"
)

// ProviderFault is one way in which a provider goes wrong, or does what few do.
type ProviderFault string

// What can be wrong with a provider, with its answers and with its tokens.
const (
	ProviderDown       ProviderFault = "answers nothing but 503"
	ProviderSlow       ProviderFault = "does not answer before the other side gives up"
	ProviderTokensDown ProviderFault = "its token endpoint answers 503"
	ProviderRefuses    ProviderFault = "sends back an error in place of a code"
	ProviderRefusesAll ProviderFault = "its token endpoint takes no code"
	ProviderEndless    ProviderFault = "answers without end"
	ProviderRedirects  ProviderFault = "sends those who ask to another host"
	ProviderIsAnother  ProviderFault = "its discovery is another issuer's"
	ProviderNoToken    ProviderFault = "gives no ID token"

	TokenOtherNonce      ProviderFault = "another nonce"
	TokenNoNonce         ProviderFault = "no nonce"
	TokenOtherAudience   ProviderFault = "for another client"
	TokenSeveral         ProviderFault = "for several clients, asked for by this one"
	TokenSeveralNoParty  ProviderFault = "for several clients, and nothing says who asked"
	TokenOtherParty      ProviderFault = "asked for by another client"
	TokenOtherIssuer     ProviderFault = "of another issuer"
	TokenExpired         ProviderFault = "expired"
	TokenUnsigned        ProviderFault = "not signed"
	TokenBySecret        ProviderFault = "signed by HS256 with the client's secret"
	TokenByUnknownKey    ProviderFault = "signed by a key that is not published"
	TokenByES256         ProviderFault = "signed by ES256, which is right"
	TokenVerifiedAsText  ProviderFault = "email_verified is a text"
	TokenNoTime          ProviderFault = "no auth_time"
	TokenOldTime         ProviderFault = "an auth_time of an hour ago"
	TokenFutureTime      ProviderFault = "an auth_time of an hour ahead"
	AnswerOfOtherIssuer  ProviderFault = "the answer says another issuer"
	AnswerWithoutIssuer  ProviderFault = "the answer does not say the issuer"
	AnswerWithForm       ProviderFault = "shows a form, and goes on when it is sent"
	ClientInBody         ProviderFault = "takes the client's secret in the body alone"
	ClientInHeader       ProviderFault = "takes the client's secret in the header alone"
	ProviderKeysDown     ProviderFault = "its keys cannot be fetched"
	ProviderOtherKeyHost ProviderFault = "its discovery names an address in plain text at another machine"
)

// ProviderPerson is who is signed in at a provider.
type ProviderPerson struct {
	Subject  string
	Email    string // "": none
	Verified bool
	Name     string
	// SignedInAt is when; zero: as they are asked.
	SignedInAt time.Time
	// Claims are put over the others; nil takes one away.
	Claims map[string]any
}

// Provider is a provider with OpenID Connect: discovery, keys, a page to sign in, codes and tokens. Somebody is signed in there already,
// or is asked with a form.
type Provider struct {
	URL          string // of the issuer
	ClientID     string
	ClientSecret model.Secret

	server *httptest.Server
	now    func() time.Time

	mu      sync.Mutex
	person  ProviderPerson
	faults  map[ProviderFault]bool
	rotated int
	codes   map[string]providerCode
	asked   map[string]int
	seen    url.Values
}

type providerCode struct {
	person                     ProviderPerson
	nonce, challenge, redirect string
	at                         time.Time
}

// NewProvider serves a provider until the test ends. Ada is signed in there, with a verified address.
func NewProvider(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := &Provider{
		ClientID: "latchkey", ClientSecret: "provider-secret-of-the-test/+ é", now: now,
		person: ProviderPerson{Subject: "ada-at-acme", Email: "ada@example.org", Verified: true, Name: "Ada Lovelace"},
		faults: map[ProviderFault]bool{}, codes: map[string]providerCode{}, asked: map[string]int{},
	}
	p.server = httptest.NewServer(p.handler(t))
	t.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
	})
	p.URL = p.server.URL
	return p
}

// SignIn has somebody else be signed in there.
func (p *Provider) SignIn(who ProviderPerson) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = who
}

// Has gives the provider faults in place of those that it had.
func (p *Provider) Has(faults ...ProviderFault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.faults)
	for _, one := range faults {
		p.faults[one] = true
	}
}

// Rotate puts other keys in place of those that sign.
func (p *Provider) Rotate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rotated++
}

// Asked is how often a path was asked for.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// Seen is what the page to sign in was asked with last.
func (p *Provider) Seen() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// Visit goes to the page to sign in as a browser does, which somebody is signed in with, and gives where that is sent.
func (p *Provider) Visit(t testing.TB, address string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		t.Fatalf("%s at %s: %v", answer.Status, request.URL.Path, err)
	}
	return to
}

func (p *Provider) has(fault ProviderFault) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults[fault]
}

func (p *Provider) handler(t testing.TB) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) { p.keys(t, w) })
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { p.token(t, w, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked[r.URL.Path]++
		p.mu.Unlock()
		switch {
		case p.has(ProviderDown), p.has(ProviderTokensDown) && r.URL.Path == "/token", p.has(ProviderKeysDown) && r.URL.Path == "/jwks":
			http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
		case p.has(ProviderSlow):
			<-r.Context().Done()
		case p.has(ProviderEndless):
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat(" ", 4<<10))); err != nil {
					return
				}
			}
		case p.has(ProviderRedirects):
			http.Redirect(w, r, "http://localhost:1"+r.URL.Path, http.StatusTemporaryRedirect)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func answerJSON(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	issuer, keys, methods := p.URL, p.URL+"/jwks", []string{"client_secret_basic", "client_secret_post"}
	if p.has(ProviderIsAnother) {
		issuer = "https://id.example.org"
	}
	if p.has(ProviderOtherKeyHost) {
		keys = "http://192.0.2.1/jwks"
	}
	if p.has(ClientInBody) {
		methods = []string{"client_secret_post"}
	}
	if p.has(ClientInHeader) {
		methods = []string{"private_key_jwt", "client_secret_basic"}
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"issuer": issuer, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": keys,
		"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
		"token_endpoint_auth_methods_supported": methods, "authorization_response_iss_parameter_supported": !p.has(AnswerWithoutIssuer),
	})
}

// curveKeys are two ECDSA keys.
var curveKeys = sync.OnceValues(func() ([2]*ecdsa.PrivateKey, error) {
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// signing are the keys that sign, and what the first of them is called.
func (p *Provider) signing(t testing.TB, unknown bool) (rsaKey, ecKey any, name string) {
	p.mu.Lock()
	at := p.rotated
	p.mu.Unlock()
	name = "key-" + strconv.Itoa(at)
	if unknown {
		at++
	}
	first, err := signingKeys()
	if err != nil {
		t.Error(err)
	}
	second, err := curveKeys()
	if err != nil {
		t.Error(err)
	}
	return first[at%2], second[at%2], name
}

func (p *Provider) keys(t testing.TB, w http.ResponseWriter) {
	rsaKey, ecKey, name := p.signing(t, false)
	answerJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		(&jose.JSONWebKey{Key: rsaKey, KeyID: name, Algorithm: string(jose.RS256), Use: "sig"}).Public(),
		(&jose.JSONWebKey{Key: ecKey, KeyID: name + "-ec", Use: "sig"}).Public(),
	}})
}

var providerForm = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>Sign in to Acme</title>
<h1>Sign in to Acme</h1><p>as {{.Email}}</p><form method="post"><button>Continue</button></form></html>`))

// authorize is the page to sign in.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	ask := r.URL.Query()
	back, err := url.Parse(ask.Get("redirect_uri"))
	switch {
	case err != nil || back.Host == "" || ask.Get("client_id") != p.ClientID:
		http.Error(w, "no such client", http.StatusBadRequest)
		return
	case ask.Get("response_type") != "code", !strings.Contains(" "+ask.Get("scope")+" ", " openid "),
		ask.Get("code_challenge_method") != "S256" || ask.Get("code_challenge") == "", ask.Get("state") == "", ask.Get("nonce") == "":
		http.Error(w, "not asked as it should be", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.seen = ask
	person := p.person
	p.mu.Unlock()
	if p.has(AnswerWithForm) && r.Method == http.MethodGet {
		_ = providerForm.Execute(w, person)
		return
	}
	if person.SignedInAt.IsZero() || ask.Get("prompt") == "login" {
		person.SignedInAt = p.now()
	}
	answer := url.Values{"state": {ask.Get("state")}}
	switch {
	case p.has(AnswerOfOtherIssuer):
		answer.Set("iss", "https://id.example.org")
	case !p.has(AnswerWithoutIssuer):
		answer.Set("iss", p.URL)
	}
	if p.has(ProviderRefuses) {
		answer.Set("error", "access_denied")
		answer.Set("error_description", "The person said no <b>loudly</b>")
	} else {
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = providerCode{person, ask.Get("nonce"), ask.Get("code_challenge"), ask.Get("redirect_uri"), p.now()}
		p.mu.Unlock()
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

// token exchanges a code, once.
func (p *Provider) token(t testing.TB, w http.ResponseWriter, r *http.Request) {
	refuse := func(what, why string) {
		answerJSON(w, http.StatusBadRequest, map[string]string{"error": what, "error_description": why})
	}
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.ClientID || secret != p.ClientSecret.Reveal() || basic && p.has(ClientInBody) || !basic && p.has(ClientInHeader) {
		refuse("invalid_client", "the secret is not "+secret)
		return
	}
	p.mu.Lock()
	code, there := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	hash := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case p.has(ProviderRefusesAll) || !there || r.PostFormValue("grant_type") != "authorization_code":
		refuse("invalid_grant", "no such code as "+r.PostFormValue("code"))
	case r.PostFormValue("redirect_uri") != code.redirect, base64.RawURLEncoding.EncodeToString(hash[:]) != code.challenge:
		refuse("invalid_grant", "asked for otherwise")
	case p.has(ProviderNoToken):
		answerJSON(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer"})
	default:
		answerJSON(w, http.StatusOK, map[string]any{
			"access_token": rand.Text(), "refresh_token": rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": p.idToken(t, code),
		})
	}
}

// idToken is what a provider says of somebody, with its faults.
func (p *Provider) idToken(t testing.TB, code providerCode) string {
	now, who := p.now(), code.person
	claims := map[string]any{
		"iss": p.URL, "sub": who.Subject, "aud": p.ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": code.nonce,
		"auth_time": who.SignedInAt.Unix(),
	}
	if who.Email != "" {
		claims["email"], claims["email_verified"] = who.Email, who.Verified
	}
	if who.Name != "" {
		claims["name"] = who.Name
	}
	for fault, says := range map[ProviderFault]map[string]any{
		TokenOtherNonce:     {"nonce": "another"},
		TokenNoNonce:        {"nonce": nil},
		TokenOtherAudience:  {"aud": "another"},
		TokenSeveral:        {"aud": []string{p.ClientID, "another"}, "azp": p.ClientID},
		TokenSeveralNoParty: {"aud": []string{p.ClientID, "another"}},
		TokenOtherParty:     {"azp": "another"},
		TokenOtherIssuer:    {"iss": "https://id.example.org"},
		TokenExpired:        {"exp": now.Add(-2 * time.Minute).Unix()},
		TokenVerifiedAsText: {"email_verified": strconv.FormatBool(who.Verified)},
		TokenNoTime:         {"auth_time": nil},
		TokenOldTime:        {"auth_time": now.Add(-time.Hour).Unix()},
		TokenFutureTime:     {"auth_time": now.Add(time.Hour).Unix()},
	} {
		if p.has(fault) {
			maps.Copy(claims, says)
		}
	}
	maps.Copy(claims, who.Claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	rsaKey, ecKey, name := p.signing(t, p.has(TokenByUnknownKey))
	switch {
	case p.has(TokenUnsigned):
		encode := func(what any) string {
			raw, _ := json.Marshal(what)
			return base64.RawURLEncoding.EncodeToString(raw)
		}
		return encode(map[string]string{"alg": "none"}) + "." + encode(claims) + "."
	case p.has(TokenBySecret):
		return SignToken(t, jose.HS256, []byte(p.ClientSecret.Reveal()), "", claims)
	case p.has(TokenByES256):
		return SignToken(t, jose.ES256, ecKey, name+"-ec", claims)
	default:
		return SignToken(t, jose.RS256, rsaKey, name, claims)
	}
}

// Token is one with these claims for an app, signed as its ID tokens are.
func (p *Provider) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	rsaKey, _, name := p.signing(t, false)
	return SignToken(t, jose.RS256, rsaKey, name, claims)
}
