package app

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/handlers/websession"
	"latchkey/internal/app/config"
	"latchkey/internal/authserver"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
	"latchkey/static"
)

// principal is a kind of caller. Of the dashboard they are web sessions that hold such a session of the key service, of the
// client API they are that session's tokens.
type principal int

const (
	nobody principal = iota
	stranger
	anonymous
	device // a session that was opened with one of the owner's keys
	owner
	principals
)

func (p principal) String() string {
	return [principals]string{"nobody", "another user", "an anonymous session", "a session opened with a key", "the owner"}[p]
}

// outcome is what one principal gets from one route. Where a route names a key, it is a key of the owner's, and where it names a
// pairing, it is one that the owner was shown.
type outcome struct {
	status int
	to     string // where a redirect leads
	effect effect
}

// effect is what is different afterwards. Everything else is as it was, and reading never writes.
type effect string

const (
	none         effect = ""
	turnedOn     effect = "the owner's key is on"
	turnedOff    effect = "the owner's key is off"
	deleted      effect = "the owner's key is gone"
	expires      effect = "the owner's key expires"
	made         effect = "the caller has another key"
	signedIn     effect = "the browser has a new session, and the old one is over here and at the key service"
	signedOut    effect = "the web session and the session at the key service are over"
	sessionEnded effect = "the session at the key service is over, and with it that of the browser that holds it"
	accountGone  effect = "the caller's account is gone with all that belongs to it"
	shown        effect = "the device that waits for the caller is theirs to decide on"
	connected    effect = "the owner has another key, which waits for the device"
	denied       effect = "the owner's device is denied"
)

// row has the outcome for each principal, in their order.
type row [principals]outcome

func is(status int) outcome                 { return outcome{status: status} }
func goes(to string) outcome                { return outcome{status: http.StatusSeeOther, to: to} }
func (o outcome) and(effect effect) outcome { o.effect = effect; return o }
func everybody(o outcome) row               { return row{o, o, o, o, o} }

// first stands for the sign-in page with the way back.
var first = goes("first sign in")

// itsPairing stands for the page of the device that waits for the caller.
var itsPairing = goes("its pairing")

// itsKey stands for the page of a key that was there only afterwards, or that the act was about.
var itsKey = goes("its key")

// pages states what every route of the dashboard does. A GET route answers HEAD alike, unless its answer goes on.
var pages = map[string]row{
	"GET /static/*":  everybody(is(200)),
	"GET /healthz":   everybody(is(200)),
	"POST /theme":    everybody(goes("/keys")),
	"POST /language": everybody(goes("/keys")),
	"GET /language":  everybody(is(200)),
	"GET /":          everybody(goes("/keys")),
	"GET /help":      everybody(is(200)),
	"GET /docs/api":  everybody(is(200)),
	"GET /logs":      everybody(is(200)),
	"GET /login":     {is(200), goes("/keys"), goes("/keys"), goes("/keys"), goes("/keys")},
	"POST /login":    everybody(goes("/keys").and(signedIn)),
	"GET /register":  {is(200), goes("/keys"), goes("/keys"), goes("/keys"), goes("/keys")},
	"POST /register": everybody(goes("/keys").and(signedIn)),
	"POST /logout": {goes("/login"), goes("/login").and(signedOut), goes("/login").and(signedOut),
		goes("/login").and(signedOut), goes("/login").and(signedOut)},

	"GET /keys":               {first, is(200), is(403), is(403), is(200)},
	"POST /keys":              {first, is(200).and(made), is(403), is(403), is(200).and(made)},
	"GET /keys/:id":           {first, is(404), is(403), is(403), is(200)},
	"POST /keys/:id/turn-on":  {first, is(404), is(403), is(403), goes("/keys").and(turnedOn)},
	"POST /keys/:id/turn-off": {first, is(404), is(403), is(403), goes("/keys").and(turnedOff)},
	"POST /keys/:id/saved":    {first, goes("/keys"), is(403), is(403), goes("/keys")},  // no page has shown its value
	"GET /keys/:id/leaked":    {first, is(404), is(403), is(403), goes("its own page")}, // it did not leak
	"POST /keys/:id/leaked":   {first, is(404), is(403), is(403), goes("its leak").and(turnedOff)},
	"GET /keys/:id/delete":    {first, is(404), is(403), is(403), is(200)},
	"GET /keys/:id/card":      {first, is(404), is(403), is(403), is(200)},
	"POST /keys/:id/card":     {first, is(404), is(403), is(403), itsKey},
	"GET /keys/:id/replace":   {first, is(404), is(403), is(403), is(200)},
	"POST /keys/:id/replace":  {first, is(404), is(403), is(403), is(200).and(made)},
	// The key is not being replaced, and stays as it is.
	"POST /keys/:id/replacement/end": {first, is(404), is(403), is(403), goes("/keys")},
	// Nothing of that name is left, as was asked for: whether it ever was is not told.
	"POST /keys/:id/delete": {first, goes("/keys"), is(403), is(403), goes("/keys").and(deleted)},

	"GET /keys/expiry":      {first, goes("/keys/new"), goes("/keys/new"), goes("/keys/new"), goes("/keys/new")},
	"GET /keys/:id/expiry":  {first, is(404), is(403), is(403), is(200)},
	"POST /keys/:id/expiry": {first, is(404), is(403), is(403), goes("/keys").and(expires)},

	"GET /keys/new":         {first, is(200), is(403), is(403), is(200)},
	"GET /keys/name":        {first, goes("/keys/new"), goes("/keys/new"), goes("/keys/new"), goes("/keys/new")},
	"GET /keys/room":        {first, is(200), is(403), is(403), is(200)},
	"POST /keys/room":       {first, is(200), is(403), is(403), is(200).and(deleted)},
	"GET /keys/bulk":        {first, goes("/keys?select=1"), goes("/keys?select=1"), goes("/keys?select=1"), goes("/keys?select=1")},
	"POST /keys/bulk":       {first, goes("/keys?select=1"), is(403), is(403), goes("/keys?select=1").and(turnedOff)},
	"GET /keys/adopt":       {first, is(200), is(403), is(403), is(200)},
	"POST /keys/adopt":      {first, itsKey.and(made), is(403), is(403), itsKey.and(made)},
	"GET /keys/which":       {first, is(200), is(403), is(403), is(200)},
	"POST /keys/which":      {first, is(200), is(403), is(403), is(200)},
	"GET /keys/arrival":     {is(204), is(200), is(200), is(200), is(200)},
	"GET /keys/:id/arrival": {is(204), is(200), is(200), is(200), is(200)},

	"GET /openapi.json":                           everybody(is(200)),
	"GET /.well-known/oauth-authorization-server": everybody(is(200)),
	"POST /oauth/device_authorization":            everybody(is(200)),
	"POST /oauth/token":                           everybody(is(400)), // nobody has approved
	"GET /device":                                 {first, is(200), is(200), is(200), is(200)},
	"POST /device":                                {first, itsPairing.and(shown), itsPairing.and(shown), itsPairing.and(shown), itsPairing.and(shown)},
	// Nobody else learns whether there is such a pairing.
	"GET /device/:id":          {first, goes("/device"), goes("/device"), goes("/device"), is(200)},
	"GET /device/:id/arrival":  {is(204), is(204), is(204), is(204), is(200)},
	"POST /device/:id/approve": {first, goes("/device"), goes("/device"), goes("/device"), itsPairing.and(connected)},
	"POST /device/:id/deny":    {first, goes("/device"), goes("/device"), goes("/device"), itsPairing.and(denied)},

	// To the provider and back. Nobody comes back who has not gone there: that is in handlers.
	"POST /login/with/:id":             everybody(is(200)),
	"GET /login/with/:id/return":       everybody(is(400)),
	"GET /login/with/:id/connect":      everybody(is(400)),
	"POST /login/with/:id/connect":     everybody(is(400)),
	"POST /account/openid/:id/connect": {first, is(200), is(403), is(403), is(200)},
	"POST /confirm/with/:id":           {first, is(200), is(403), is(403), is(200)},

	// There is no email here, and nobody has a link.
	"GET /forgot":        everybody(is(200)),
	"POST /forgot":       everybody(is(422)),
	"GET /reset":         everybody(is(200)),
	"POST /reset":        everybody(is(422)),
	"GET /confirm":       everybody(goes("/login")), // there is nothing to confirm
	"POST /confirm":      everybody(is(422)),
	"POST /confirm/send": everybody(is(422)),
	// Without a link.
	"GET /handover":  everybody(is(200)),
	"POST /handover": everybody(is(422)),

	"GET /account":                  {first, is(200), is(200), is(200), is(200)},
	"POST /account/password":        {first, goes("/account"), is(403), is(403), goes("/account")},
	"POST /account/ways/:id/remove": {first, goes("/account"), is(403), is(403), goes("/account")}, // none of that id
	"GET /account/delete":           {first, is(200), is(403), is(403), is(200)},
	"POST /account/delete":          {first, goes("/login").and(accountGone), is(403), is(403), goes("/login").and(accountGone)},

	"POST /login/passkey":               {is(422), is(422), is(422), is(422), is(422)}, // nobody has one
	"POST /login/passkey/options":       everybody(is(200)),
	"POST /account/passkeys/new":        {first, is(200), is(403), is(403), is(200)},
	"POST /account/passkeys":            {first, is(422), is(403), is(403), is(422)},
	"GET /account/passkeys/:id/name":    {first, goes("/account"), is(403), is(403), goes("/account")},
	"POST /account/passkeys/:id/name":   {first, goes("/account"), is(403), is(403), goes("/account")},
	"POST /account/passkeys/:id/remove": {first, goes("/account"), is(403), is(403), goes("/account")},
	"GET /account/password/stop":        {first, is(200), is(403), is(403), is(200)},
	"POST /account/password/stop":       {first, is(422), is(403), is(403), is(422)},

	"GET /activity":             {first, is(200), is(200), is(200), is(200)},
	"GET /activity.csv":         {first, is(200), is(200), is(200), is(200)},
	"GET /activity.json":        {first, is(200), is(200), is(200), is(200)},
	"GET /sessions":             {first, is(200), is(403), is(403), is(200)},
	"POST /sessions/:id/end":    {first, goes("/sessions"), is(403), is(403), goes("/sessions")}, // none of that id
	"POST /sessions/end-others": {first, goes("/sessions"), is(403), is(403), goes("/sessions")},

	// Nobody here is an operator. What those get is in running_test.go.
	"GET /running":                                  hidden,
	"POST /running":                                 hidden,
	"GET /running/users/:id":                        hidden,
	"POST /running/users/:id/disable":               hidden,
	"POST /running/users/:id/enable":                hidden,
	"POST /running/users/:id/sign-out":              hidden,
	"POST /running/users/:id/reset":                 hidden,
	"POST /running/users/:id/keys/:key/off":         hidden,
	"POST /running/users/:id/sessions/:session/end": hidden,
	"GET /running/knocks":                           hidden,
	"GET /running/knocks/:id":                       hidden,
	"POST /running/knocks/:id/assign":               hidden,
	"POST /running/knocks/:id/ignore":               hidden,
	"GET /running/server-keys":                      hidden,
	"POST /running/server-keys":                     hidden,
	"POST /running/server-keys/:id/off":             hidden,
	"GET /running/webhooks":                         hidden,
	"GET /running/acts":                             hidden,
}

// hidden is what is there for operators alone.
var hidden = row{first, is(404), is(404), is(404), is(404)}

// goesOn says of a route that its answer lasts for as long as the caller listens.
func goesOn(path string) bool { return strings.HasSuffix(path, "/arrival") }

// calls states what every route of the client API does with the token that the SDKs send there.
var calls = map[string]row{
	"GET /.well-known/jwks.json":                                             everybody(is(200)),
	"GET /.well-known/openid-configuration":                                  everybody(is(200)),
	"GET /api/client/v2.0/app/{app}/location":                                everybody(is(200)),
	"POST /api/client/v2.0/app/{app}/auth/providers/local-userpass/register": everybody(is(201)),
	"POST /api/client/v2.0/app/{app}/auth/providers/{provider}/login":        everybody(is(200)),
	"POST /api/client/v2.0/app/{app}/functions/call":                         everybody(is(404)),
	"GET /api/client/v2.0/app/{app}/functions/call":                          everybody(is(404)),
	// With the address of the owner, who has it already, and whom others cannot take it from.
	"POST /api/client/v2.0/app/{app}/auth/providers/{provider}/login?link=true": {is(401), is(400), is(400), is(403), is(200)},
	"POST /api/client/v2.0/auth/session":                                        {is(401), is(201), is(201), is(201), is(201)},
	"DELETE /api/client/v2.0/auth/session":                                      {is(401), is(204).and(sessionEnded), is(204).and(sessionEnded), is(204).and(sessionEnded), is(204).and(sessionEnded)},
	"GET /api/client/v2.0/auth/profile":                                         {is(401), is(200), is(200), is(200), is(200)},
	"DELETE /api/client/v2.0/auth/delete":                                       {is(401), is(204).and(accountGone), is(204).and(accountGone), is(403), is(204).and(accountGone)},
	"POST /api/client/v2.0/auth/api_keys":                                       {is(401), is(201).and(made), is(403), is(403), is(201).and(made)},
	"GET /api/client/v2.0/auth/api_keys":                                        {is(401), is(200), is(403), is(403), is(200)},
	"GET /api/client/v2.0/auth/api_keys/{id}":                                   {is(401), is(404), is(403), is(403), is(200)},
	"DELETE /api/client/v2.0/auth/api_keys/{id}":                                {is(401), is(404), is(403), is(403), is(204).and(deleted)},
	"PUT /api/client/v2.0/auth/api_keys/{id}/enable":                            {is(401), is(404), is(403), is(403), is(204).and(turnedOn)},
	"PUT /api/client/v2.0/auth/api_keys/{id}/disable":                           {is(401), is(404), is(403), is(403), is(204).and(turnedOff)},
	"GET /api/latchkey/v1/key_facts":                                            {is(401), is(200), is(403), is(403), is(200)},
	"GET /api/latchkey/v1/sessions":                                             {is(401), is(200), is(403), is(403), is(200)},
	"DELETE /api/latchkey/v1/sessions":                                          {is(401), is(204), is(403), is(403), is(204)},
	"POST /api/latchkey/v1/handovers":                                           {is(401), is(201), is(403), is(403), is(201)},
	"POST /api/latchkey/v1/refresh_token":                                       {is(401), is(201), is(403), is(403), is(201)},
	"DELETE /api/latchkey/v1/sessions/{id}":                                     {is(401), is(404), is(403), is(403), is(204).and(sessionEnded)},

	"POST /api/client/v2.0/app/{app}/auth/providers/local-userpass/confirm":      everybody(is(400)),
	"POST /api/client/v2.0/app/{app}/auth/providers/local-userpass/confirm/send": everybody(is(400)),
	"POST /api/client/v2.0/app/{app}/auth/providers/local-userpass/confirm/call": everybody(is(400)),
	"POST /api/client/v2.0/app/{app}/auth/providers/local-userpass/reset/call":   everybody(is(400)),
	"POST /api/client/v2.0/app/{app}/auth/providers/local-userpass/reset":        everybody(is(400)),
	"POST /api/client/v2.0/app/{app}/auth/providers/local-userpass/reset/send":   everybody(is(400)),

	"POST /api/latchkey/v1/proof":        {is(401), is(204), is(403), is(403), is(204)},
	"POST /api/latchkey/v1/adopted_keys": {is(401), is(201).and(made), is(403), is(403), is(201).and(made)},

	"PUT /api/latchkey/v1/keys/{id}/expiry": {is(401), is(404), is(403), is(403), is(204).and(expires)},
	// By a key that there is not. What becomes of one that there is, is stated in authserver.
	"POST /api/latchkey/v1/keys/{id}/replacement":   {is(401), is(404), is(403), is(403), is(404)},
	"GET /api/latchkey/v1/keys/{id}/replacement":    {is(401), is(404), is(403), is(403), is(404)},
	"DELETE /api/latchkey/v1/keys/{id}/replacement": {is(401), is(404), is(403), is(403), is(204)},

	"PUT /api/latchkey/v1/password": {is(401), is(204), is(403), is(403), is(204)},

	// At an address that is a number there are no passkeys. What becomes of one that there is, is stated in authserver.
	"POST /api/latchkey/v1/passkey_login/options": everybody(is(404)),
	"POST /api/latchkey/v1/passkey_login":         everybody(is(404)),
	"POST /api/latchkey/v1/proof/options":         {is(401), is(404), is(403), is(403), is(404)},
	"POST /api/latchkey/v1/passkey_options":       {is(401), is(404), is(403), is(403), is(404)},
	"POST /api/latchkey/v1/passkeys":              {is(401), is(404), is(403), is(403), is(404)},
	"GET /api/latchkey/v1/passkeys":               {is(401), is(200), is(403), is(403), is(200)},
	"PATCH /api/latchkey/v1/passkeys/{id}":        {is(401), is(404), is(403), is(403), is(404)},
	"DELETE /api/latchkey/v1/passkeys/{id}":       {is(401), is(404), is(403), is(403), is(404)},
}

// No caller here is an operator.
func init() {
	for _, call := range []string{
		"GET users", "POST by_value", "GET users/{id}", "GET users/{id}/keys", "GET users/{id}/sessions", "GET users/{id}/events",
		"POST users/{id}/disable", "POST users/{id}/enable", "POST users/{id}/sign_out", "POST users/{id}/reset",
		"POST users/{id}/keys/{key}/off", "DELETE users/{id}/sessions/{session}", "GET knocks", "POST knocks/{id}/assign", "POST knocks/{id}/ignore",
		"GET server_keys", "POST server_keys", "POST server_keys/{id}/off", "GET acts",
	} {
		method, path, _ := strings.Cut(call, " ")
		calls[method+" /api/latchkey/v1/admin/"+path] = row{is(401), is(403), is(403), is(403), is(403)}
	}
}

// methods are those that every path is asked with. What reads comes first and what ends something last, because the callers
// of a path live through all of them.
var methods = []string{"GET", "HEAD", "OPTIONS", "TRACE", "PATCH", "POST", "PUT", "DELETE"}

// byPath turns "METHOD path" into path and method, and adds HEAD where there is GET.
func byPath(table map[string]row) map[string]map[string]row {
	paths := map[string]map[string]row{}
	for route, r := range table {
		method, path, _ := strings.Cut(route, " ")
		if paths[path] == nil {
			paths[path] = map[string]row{}
		}
		paths[path][method] = r
		if method == http.MethodGet && !goesOn(path) {
			paths[path][http.MethodHead] = r
		}
	}
	return paths
}

// --- The callers ------------------------------------------------------------------------------------------------------

// stage is a program with people in it.
type stage struct {
	running
	t       *testing.T
	at      string // where it listens, whatever its public URL is
	ring    keyRing
	actors  int
	sealing []byte // a public key for what is handed to devices
	visitor *http.Client
}

func newStage(t *testing.T, publicURL string) *stage {
	t.Helper()
	return newStageWith(t, func(cfg *config.Config) { cfg.PublicURL = publicURL })
}

func newStageWith(t *testing.T, change func(*config.Config)) *stage {
	t.Helper()
	cfg := testConfig(t)
	nameAudiences(t, &cfg)
	nameAcme(t, &cfg)
	change(&cfg)
	cfg.Anonymous, cfg.Adoption = "on", "owners"
	cfg.SessionKeys = model.Secret(strings.Repeat("A", 43) + "=")
	ring, err := loadKeyRing(parsed(t, cfg), dataDir{})
	if err != nil {
		t.Fatal(err)
	}
	a := run(t, cfg)
	visitor := &http.Client{CheckRedirect: noRedirect, Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(visitor.CloseIdleConnections)
	sealing, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{running: a, t: t, at: "http://" + a.listener.Addr().String(), ring: ring, visitor: visitor}
	s.sealing = sealing.PublicKey().Bytes()
	return s
}

// nameAcme has people sign in at another provider too.
func nameAcme(t *testing.T, cfg *config.Config) {
	t.Helper()
	provider, dir := testkit.NewProvider(t, time.Now), t.TempDir()
	cfg.Providers = filepath.Join(dir, "providers.json")
	for name, content := range map[string]string{
		"secret": provider.ClientSecret.Reveal(), "providers.json": `{"openid": [{"id": "acme", "name": "Acme", "issuer": "` + provider.URL +
			`", "client_id": "` + provider.ClientID + `", "client_secret_file": "secret"}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// tokens are a session of the key service.
type tokens struct {
	UserID   string `json:"user_id"`
	DeviceID string `json:"device_id"`
	Access   string `json:"access_token"`
	Refresh  string `json:"refresh_token"`
}

// cast is one caller of each kind. The owner has two keys: the target, which routes name, and the device's own.
type cast struct {
	owner, stranger string // user ids
	email           string // of the owner
	target          string // key id
	phone           string // value of the owner's other key
	tokens          [principals]tokens
	cookies         [principals]*http.Cookie
	pairing         model.DeviceGrant             // one that the owner was shown
	waiting         [principals]model.DeviceGrant // one for each caller that nobody was shown
}

// newCast creates new accounts. The target starts as off when a route is to turn it on.
func (s *stage) newCast(targetOff bool) *cast {
	s.t.Helper()
	c := &cast{}
	c.owner, c.email = s.user()
	var other string
	c.stranger, other = s.user()
	c.target = s.key(c.owner, "porch-cam", strings.Repeat(c.owner, 3)[:64], targetOff)
	phone := strings.Repeat(c.stranger, 3)[:64] // the shape of a value, and nobody else's
	s.key(c.owner, "phone", phone, false)
	c.tokens[owner] = s.signIn("local-userpass", map[string]string{"username": c.email, "password": account.Get("password")})
	c.tokens[stranger] = s.signIn("local-userpass", map[string]string{"username": other, "password": account.Get("password")})
	c.tokens[device] = s.signIn("api-key", map[string]string{"key": phone})
	c.tokens[anonymous] = s.signIn("anon-user", map[string]string{})
	c.phone = phone
	for p := stranger; p < principals; p++ {
		c.cookies[p] = s.webSession(c.tokens[p])
		c.waiting[p] = s.grant()
	}
	c.pairing = s.grant()
	var err error
	c.pairing, err = s.store.ClaimGrant(s.t.Context(), c.pairing.UserCode, c.owner, s.sessionOf(c.cookies[owner]), time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// grant puts a device that waits into the store: of one address only so many may ask.
func (s *stage) grant() model.DeviceGrant {
	s.t.Helper()
	s.actors++
	now := time.Now()
	g := model.DeviceGrant{
		ID: rand.Text(), UserCode: userCode(s.actors), ClientID: "latchkey-local", SealingKey: s.sealing,
		DeviceCodeHash: sha256.Sum256(fmt.Append(nil, s.actors)), CreatedAt: now, ExpiresAt: now.Add(time.Hour), State: model.Pending,
	}
	if err := s.store.CreateGrant(s.t.Context(), g, 1<<20); err != nil {
		s.t.Fatal(err)
	}
	return g
}

// userCode writes a number in the letters of user codes.
func userCode(n int) string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	code := make([]byte, 8)
	for i := range code {
		code[i] = letters[n%len(letters)]
		n /= len(letters)
	}
	return string(code)
}

// sessionOf is the hash of the web session that the cookie names.
func (s *stage) sessionOf(cookie *http.Cookie) [32]byte {
	s.t.Helper()
	id, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		s.t.Fatal(err)
	}
	return sha256.Sum256(id)
}

// user puts an account into the store: hashing a password for each would take most of this test's time.
func (s *stage) user() (id, email string) {
	s.t.Helper()
	s.actors++
	email = fmt.Sprintf("person-%d@example.com", s.actors)
	return testkit.Person(s.t, s.store, email, time.Now()), email
}

func (s *stage) key(user, name, value string, off bool) string {
	s.t.Helper()
	now := time.Now()
	key := model.Key{ID: model.NewID(now), UserID: user, Name: name, CreatedAt: now}
	err := s.store.CreateAPIKey(s.t.Context(), key, sha256.Sum256([]byte(value)), client.MaxKeys)
	if err == nil && off {
		err = s.store.SetAPIKeyDisabled(s.t.Context(), user, key.ID, store.Turn{Off: true, At: time.Now()})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return key.ID
}

func (s *stage) signIn(provider string, credentials map[string]string) tokens {
	s.t.Helper()
	var out tokens
	s.api("/app/latchkey-local/auth/providers/"+provider+"/login", credentials, &out)
	return out
}

// api posts to the client API.
func (s *stage) api(path string, body, out any) {
	s.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.request(http.MethodPost, "/api/client/v2.0"+path, string(encoded), "application/json", nil)
	if got.Status/100 != 2 {
		s.t.Fatalf("POST %s: %d %s", path, got.Status, got.Body)
	}
	if out != nil {
		if err := json.Unmarshal([]byte(got.Body), out); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *stage) request(method, path, body, contentType string, header http.Header) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.at+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return do(s.t, s.visitor, req)
}

// webSession signs a browser in with the session given. The dashboard's form opens no session of a key or of an anonymous user, so
// it is put where the dashboard keeps those that it has opened.
func (s *stage) webSession(session tokens) *http.Cookie {
	s.t.Helper()
	browsers := websession.New(s.store, s.ring.sealing, strings.HasPrefix(s.URL(), "https:"), func(context.Context) (o model.Origin) { return o }, time.Now, slog.New(slog.DiscardHandler))
	browsers.Distinguish(instanceAt(s.URL()))
	who := model.Account{UserID: session.UserID, SessionID: newClient(s.t, s.URL()).Resume(session.UserID, client.Secret(session.Refresh)).ID()}
	w := httptest.NewRecorder()
	if err := browsers.Start(w, httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/login", nil), who); err != nil {
		s.t.Fatal(err)
	}
	return sessionCookie(w.Header())
}

// sessionCookieName has the port at its end, where that is not the usual one.
var sessionCookieName = regexp.MustCompile(`^(__Host-)?latchkey(-[0-9]+)?$`)

// sessionCookie is the session cookie that an answer sets, nil when it sets none.
func sessionCookie(header http.Header) *http.Cookie {
	for _, cookie := range (&http.Response{Header: header}).Cookies() {
		if sessionCookieName.MatchString(cookie.Name) {
			return cookie
		}
	}
	return nil
}

// --- What is true before and after ------------------------------------------------------------------------------------

// facts are all that a route may change for the owner and for the caller.
type facts struct {
	Owner, Stranger []string // their keys and whether they are on
	Web, Session    bool     // the caller's web session, and the one at the key service
	Pairing         string   // how far the owner's is
	Shown           bool     // whether the device that waits for the caller is theirs to decide on
}

func (s *stage) facts(c *cast, p principal) facts {
	s.t.Helper()
	f := facts{Owner: s.keysOf(c.owner), Stranger: s.keysOf(c.stranger)}
	f.Pairing = string(s.stored(c.pairing).State)
	if p == nobody {
		return f
	}
	waiting := s.stored(c.waiting[p])
	f.Shown = waiting.UserID == c.tokens[p].UserID && waiting.Session == s.sessionOf(c.cookies[p])
	f.Web = s.alive(c.cookies[p])
	renewed := s.request(http.MethodPost, "/api/client/v2.0/auth/session", "", "", bearer(c.tokens[p].Refresh))
	f.Session = renewed.Status == http.StatusCreated
	return f
}

func (s *stage) stored(g model.DeviceGrant) model.DeviceGrant {
	s.t.Helper()
	g, err := s.store.Grant(s.t.Context(), g.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

func (s *stage) keysOf(user string) []string {
	s.t.Helper()
	keys, err := s.store.Keys(s.t.Context(), user)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for _, key := range keys.List {
		list = append(list, key.Name+map[bool]string{true: " off", false: " on"}[key.Disabled]+map[bool]string{true: "", false: ", expires"}[key.ExpiresAt.IsZero()])
	}
	return list
}

// alive says whether the cookie still names a web session.
func (s *stage) alive(cookie *http.Cookie) bool {
	s.t.Helper()
	_, err := s.store.WebSession(s.t.Context(), s.sessionOf(cookie))
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		s.t.Fatal(err)
	}
	return err == nil
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// after gives the facts that an effect leads to.
func (f facts) after(e effect, p principal) facts {
	f.Owner, f.Stranger = slices.Clone(f.Owner), slices.Clone(f.Stranger)
	mine := &f.Owner
	if p == stranger {
		mine = &f.Stranger
	}
	switch e {
	case none:
	case turnedOn:
		f.Owner[0] = "porch-cam on"
	case turnedOff:
		f.Owner[0] = "porch-cam off"
	case deleted:
		f.Owner = f.Owner[1:]
	case expires:
		f.Owner[0] += ", expires"
	case made:
		*mine = append(*mine, "made on")
	case signedIn, signedOut, sessionEnded:
		f.Web, f.Session = false, false
	case shown:
		f.Shown = true
	case connected:
		f.Owner, f.Pairing = append(f.Owner, "made on"), "approved"
	case denied:
		f.Pairing = "denied"
	case accountGone:
		f.Session, f.Web = false, false
		if p != anonymous {
			*mine = nil
		}
	}
	return f
}

// --- The dashboard ----------------------------------------------------------------------------------------------------

// routesOf is the dashboard's own table, HEAD left out: see pages.
func routesOf() []string {
	var list []string
	for _, r := range handlers.New(handlers.Deps{SessionKeys: [][]byte{make([]byte, 32)}, OwnersAdopt: true, Here: true, Operators: struct{ handlers.Operators }{}}).Routes() {
		if r.Method != http.MethodHead {
			list = append(list, r.Method+" "+r.Path)
		}
	}
	return list
}

func TestEveryRouteOfTheDashboardIsStated(t *testing.T) {
	t.Parallel()
	compareRoutes(t, routesOf(), pages)
}

func compareRoutes(t *testing.T, routes []string, table map[string]row) {
	t.Helper()
	for _, route := range routes {
		if _, ok := table[route]; !ok {
			t.Errorf("%s is a route without stated outcomes", route)
		}
	}
	for route := range table {
		if !slices.Contains(routes, route) {
			t.Errorf("outcomes are stated for %s, which is no route", route)
		}
	}
}

// forms are what the routes are sent that take more than their address says.
func forms(path string, c *cast, p principal) url.Values {
	switch path {
	case "/login":
		return url.Values{"email": {c.email}, "password": account["password"]}
	case "/register":
		return url.Values{"email": {fmt.Sprintf("new-%d-%s", p, c.email)}, "password": account["password"]}
	case "/keys":
		return url.Values{"name": {"made"}, "form_id": {strings.Repeat("A", 22)}}
	case "/keys/:id/replace":
		return url.Values{"name": {"made"}, "form_id": {strings.Repeat("A", 22)}, "finish": {"person"}}
	case "/keys/room":
		return url.Values{"key": {c.target}}
	case "/keys/bulk":
		return url.Values{"key": {c.target}, "act": {"off"}}
	case "/keys/adopt":
		return url.Values{"name": {"made"}, "key": {testkit.OldValue()}}
	case "/keys/:id/expiry":
		return url.Values{"expires": {"90"}, "place": {"row"}}
	case "/keys/which":
		return url.Values{"value": {c.phone}}
	case "/oauth/device_authorization":
		return url.Values{"client_id": {"latchkey-local"}}
	case "/oauth/token":
		return url.Values{"client_id": {"latchkey-local"}, "device_code": {strings.Repeat("A", 43)},
			"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}}
	case "/device":
		return url.Values{"code": {c.waiting[p].UserCode}}
	case "/account/password":
		return url.Values{"current": account["password"], "new": {"another battery"}}
	case "/account/delete":
		return account
	case "/device/:id/approve", "/account/passkeys", "/account/passkeys/:id/name":
		return url.Values{"name": {"made"}}
	default:
		return url.Values{"x": {"y"}}
	}
}

func TestEveryPageAnswersEveryCallerAsStated(t *testing.T) {
	t.Parallel()
	for name, publicURL := range map[string]string{"http": "http://localhost:8080", "https": "https://keys.example.org"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, publicURL)
			for path, stated := range byPath(pages) {
				c := s.newCast(strings.HasSuffix(path, "/turn-on"))
				for p := range principals {
					for _, method := range methods {
						if goesOn(path) && method == http.MethodHead {
							continue // for the router, the last word of such a path may be a key's id
						}
						s.visit(path, method, p, c, stated)
					}
				}
			}
		})
	}
}

// visit asks a page in one way as one caller, and looks at everything that came of it.
func (s *stage) visit(pattern, method string, p principal, c *cast, stated map[string]row) {
	s.t.Helper()
	label := fmt.Sprintf("%s %s for %s", method, pattern, p)
	path := strings.NewReplacer("/device/:id", "/device/"+c.pairing.ID, "/with/:id", "/with/acme", "/openid/:id", "/openid/acme", ":id", c.target, ":key", c.target, ":session", c.target, "/static/*", static.URL("app.css")).Replace(pattern)
	header, body := http.Header{}, ""
	if p != nobody {
		header.Set("Cookie", c.cookies[p].Name+"="+c.cookies[p].Value)
	}
	if method != http.MethodGet && method != http.MethodHead {
		body = forms(pattern, c, p).Encode()
	}
	want, known := stated[method]
	o := want[p]
	if !known {
		o = is(http.StatusMethodNotAllowed)
		switch {
		case strings.HasPrefix(pattern, "/running"):
			o = is(http.StatusNotFound)
		case method == http.MethodOptions:
			o = is(http.StatusNoContent)
		}
	}
	before, writes := s.facts(c, p), s.store.Stats().Writes
	got := s.request(method, path, body, "application/x-www-form-urlencoded", header)
	if wrote := s.store.Stats().Writes - writes; wrote != 0 && (!known || method == http.MethodGet || method == http.MethodHead) {
		s.t.Errorf("%s wrote %d times", label, wrote)
	}
	if got.Status != o.status {
		s.t.Errorf("%s: %d, want %d: %.300s", label, got.Status, o.status, got.Body)
	}
	if !known && o.status != http.StatusNotFound {
		allows(s.t, label, got, stated)
	}
	to := destination(o.to, method, path, c, p)
	if id, ok := strings.CutPrefix(got.Header.Get("Location"), "/keys/"); to == itsKey.to && ok && model.IsID(id) {
		to = "/keys/" + id
	}
	if got.Header.Get("Location") != to {
		s.t.Errorf("%s: leads to %q, want %q", label, got.Header.Get("Location"), to)
	}
	if diff := cmp.Diff(before.after(o.effect, p), s.facts(c, p)); diff != "" {
		s.t.Errorf("%s: want that %q (-want +got):\n%s", label, o.effect, diff)
	}
	s.checkCookie(label, got, o.effect)
	cached := ""
	switch {
	case got.Status != http.StatusOK:
	case path == "/openapi.json":
		cached = "public, max-age=300"
	case strings.HasPrefix(path, static.Prefix):
		cached = "public, max-age=31536000, immutable"
	}
	s.checkHeaders(label, got, cached)
	s.checkSecrets(label, got, c)
}

// allows checks that an answer which refuses a method names those that there are.
func allows(t *testing.T, label string, got answer, stated map[string]row) {
	t.Helper()
	offered := strings.Split(got.Header.Get("Allow"), ", ")
	for method := range stated {
		if !slices.Contains(offered, method) {
			t.Errorf("%s: Allow is %q and lacks %s", label, offered, method)
		}
	}
	for _, method := range offered {
		if _, ok := stated[method]; !ok && method != http.MethodOptions {
			t.Errorf("%s: Allow names %s", label, method)
		}
	}
}

// destination writes out where a redirect leads. People are brought back to what they wanted to read, not to what they
// wanted to do.
func destination(to, method, path string, c *cast, p principal) string {
	switch {
	case to == itsPairing.to && path == "/device":
		return "/device/" + c.waiting[p].ID
	case to == itsPairing.to:
		return "/device/" + c.pairing.ID
	case to == "its own page":
		return "/keys/" + c.target
	case to == "its leak":
		return "/keys/" + c.target + "/leaked"
	case to != first.to:
		return to
	case path == "/keys" && method == http.MethodPost: // what was typed is kept
		path = "/keys/new?name=made"
	case strings.HasPrefix(path, "/activity."): // a file is no page
		path = "/activity"
	case strings.HasPrefix(path, "/device") && method != http.MethodGet:
		path = "/device"
	case method != http.MethodGet:
		path = "/keys"
	}
	return "/login?next=" + url.QueryEscape(path)
}

// checkCookie looks at the session cookie of an answer: only signing in sets one, only signing out clears it.
func (s *stage) checkCookie(label string, got answer, e effect) {
	s.t.Helper()
	cookie := sessionCookie(got.Header)
	switch {
	case e == signedIn:
		if cookie == nil || !s.alive(cookie) {
			s.t.Errorf("%s: no session began", label)
			return
		}
		https := strings.HasPrefix(s.URL(), "https://")
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" ||
			cookie.Secure != https || strings.HasPrefix(cookie.Name, "__Host-") != https || len(cookie.Raw) > 512 {
			s.t.Errorf("%s: the cookie is %s", label, cookie.Raw)
		}
	case strings.HasPrefix(label, "POST ") && strings.HasPrefix(got.Header.Get("Location"), "/login") && !strings.Contains(got.Header.Get("Location"), "next="):
		if cookie == nil || cookie.MaxAge >= 0 || cookie.Value != "" {
			s.t.Errorf("%s: the cookie stays", label)
		}
	case cookie != nil:
		s.t.Errorf("%s: sets the session cookie", label)
	}
}

// jwt matches tokens and nothing else that is random: those parts have dots between them.
var jwt = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.`)

// checkSecrets makes sure that no token gets as far as the browser. The key's value is in the answer that made it alone.
func (s *stage) checkSecrets(label string, got answer, c *cast) {
	s.t.Helper()
	all := got.Body + fmt.Sprint(got.Header)
	if found := jwt.FindString(all); found != "" {
		s.t.Errorf("%s: the answer has a token: %s…", label, found)
	}
	for _, session := range c.tokens {
		for _, token := range []string{session.Access, session.Refresh} {
			if token != "" && strings.Contains(all, token) {
				s.t.Errorf("%s: the answer has a token", label)
			}
		}
	}
}

// --- Headers ----------------------------------------------------------------------------------------------------------

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// overNetwork is plain http to another machine, where browsers ignore one of the headers and complain about it.
const overNetwork = "http://keys.example.org"

// securityHeaders are on every answer of the program, with exactly these values.
func (s *stage) securityHeaders() map[string]string {
	return map[string]string{
		"Content-Security-Policy":    policy,
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "same-origin",
		"X-Frame-Options":            "DENY",
		"Cross-Origin-Opener-Policy": map[bool]string{false: "same-origin"}[s.URL() == overNetwork],
		"Strict-Transport-Security":  map[bool]string{true: "max-age=31536000"}[strings.HasPrefix(s.URL(), "https://")],
	}
}

func (s *stage) checkHeaders(label string, got answer, cached string) {
	s.t.Helper()
	want := s.securityHeaders()
	want["Cache-Control"] = "no-store"
	if cached != "" {
		want["Cache-Control"] = cached
	}
	compareHeaders(s.t, label, got, want)
	for name := range got.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			s.t.Errorf("%s: a page of another site may read it: %s", label, name)
		}
	}
}

func compareHeaders(t *testing.T, label string, got answer, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if values := got.Header.Values(name); strings.Join(values, "; ") != value || len(values) > 1 {
			t.Errorf("%s: %s is %q, want %q", label, name, values, value)
		}
	}
}

func TestErrorPagesHaveTheSecurityHeadersToo(t *testing.T) {
	t.Parallel()
	for _, publicURL := range []string{"", "https://keys.example.org", overNetwork} {
		s := newStage(t, publicURL)
		for name, tc := range map[string]struct {
			method, path, body string
			header             http.Header
			status             int
		}{
			"no such page":             {"GET", "/no-such-page", "", nil, 404},
			"a page below a page":      {"POST", "/keys/a/b/c", "x=y", nil, 404},
			"an old asset":             {"GET", "/static/app.00000000.css", "", nil, 404},
			"an unclean path":          {"GET", "//keys/../x", "", nil, 404},
			"a method of no page":      {"PROPFIND", "/keys", "", nil, 405},
			"a form of another site":   {"POST", "/login", account.Encode(), http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
			"a form that is too large": {"POST", "/login", strings.Repeat("x", 70<<10), nil, 413},
		} {
			got := s.request(tc.method, tc.path, tc.body, "application/x-www-form-urlencoded", tc.header)
			if got.Status != tc.status {
				t.Errorf("%s: %d, want %d", name, got.Status, tc.status)
			}
			s.checkHeaders(name, got, "")
		}
	}
}

// broken is a store of web sessions in which every read is a bug.
type broken struct{ websession.Rows }

func TestAPanicBecomesAnErrorPageWithTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	dashboard := handlers.New(handlers.Deps{
		WebSessions: broken{}, SessionKeys: s.ring.sealing, PublicURL: s.URL(), Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/keys", nil)
	r.AddCookie(&http.Cookie{Name: "latchkey", Value: strings.Repeat("A", 43)})
	w := httptest.NewRecorder()
	handlers.SecureHeaders(s.URL(), dashboard).ServeHTTP(w, r)
	got := answer{w.Code, w.Body.String(), w.Header()}
	if got.Status != http.StatusInternalServerError || !strings.Contains(got.Body, "Something went wrong here") || strings.Contains(got.Body, "nil pointer") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	s.checkHeaders("a panic", got, "")
}

// --- The client API ---------------------------------------------------------------------------------------------------

func TestEveryCallOfTheClientAPIIsStated(t *testing.T) {
	t.Parallel()
	compareRoutes(t, authserver.New(authserver.Config{OwnersAdopt: true}, nil, nil).Routes(), calls)
}

func TestEveryCallAnswersEveryCallerAsStated(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	for path, stated := range byPath(calls) {
		c := s.newCast(strings.HasSuffix(path, "/enable"))
		for p := range principals {
			for _, method := range methods {
				s.call(path, method, p, c, stated)
			}
		}
	}
}

// bodies are what the calls are sent that take more than their address says.
func bodies(pattern string, c *cast, p principal) any {
	switch {
	case strings.HasSuffix(pattern, "/login"), strings.HasSuffix(pattern, "/login?link=true"):
		return map[string]string{"username": c.email, "password": account.Get("password")}
	case strings.HasSuffix(pattern, "/register"):
		return map[string]string{"email": fmt.Sprintf("new-%d-%s", p, c.email), "password": account.Get("password")}
	case strings.HasSuffix(pattern, "/adopted_keys"):
		return map[string]string{"name": "made", "key": testkit.OldValue()}
	case strings.HasSuffix(pattern, "/proof"):
		return map[string]string{"password": account.Get("password")}
	case strings.HasSuffix(pattern, "/passkeys"), strings.HasSuffix(pattern, "/passkey_login"):
		return map[string]any{"challenge": strings.Repeat("A", 43), "name": "phone", "passkey": map[string]string{}}
	case strings.HasSuffix(pattern, "/replacement"):
		return map[string]string{"new_key": strings.Repeat("a", 24), "finish": "now"}
	case strings.HasSuffix(pattern, "/expiry"):
		return map[string]string{"expires_at": time.Now().AddDate(1, 0, 0).Format(time.RFC3339)}
	case strings.HasSuffix(pattern, "/password"):
		return map[string]string{"current_password": account.Get("password"), "new_password": "another battery"}
	default:
		return map[string]string{"name": "made"}
	}
}

func (s *stage) call(pattern, method string, p principal, c *cast, stated map[string]row) {
	s.t.Helper()
	label := fmt.Sprintf("%s %s for %s", method, pattern, p)
	id := c.target
	if strings.Contains(pattern, "/sessions/") {
		id = newClient(s.t, s.URL()).Resume(c.owner, client.Secret(c.tokens[owner].Refresh)).ID()
	}
	path := strings.NewReplacer("{id}", id, "{app}", "latchkey-local", "{provider}", "local-userpass", "{key}", id, "{session}", id).Replace(pattern)
	header, body := http.Header{}, ""
	if p != nobody {
		header = bearer(c.tokens[p].Refresh)
		if strings.HasSuffix(path, "/profile") || strings.HasSuffix(path, "/auth/delete") || strings.HasSuffix(path, "?link=true") || strings.HasSuffix(path, "/handovers") {
			header = bearer(c.tokens[p].Access)
		}
	}
	if method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut && (strings.HasSuffix(path, "/password") || strings.HasSuffix(path, "/expiry")) {
		encoded, err := json.Marshal(bodies(pattern, c, p))
		if err != nil {
			s.t.Fatal(err)
		}
		body = string(encoded)
	}
	want, known := stated[method]
	o := want[p]
	if !known {
		o = is(http.StatusMethodNotAllowed)
	}
	if method == http.MethodOptions {
		o = is(http.StatusNoContent)
	}
	before, writes := s.facts(c, p), s.store.Stats().Writes
	got := s.request(method, path, body, "application/json", header)
	if wrote := s.store.Stats().Writes - writes; wrote != 0 && (!known || method == http.MethodGet || method == http.MethodHead) {
		s.t.Errorf("%s wrote %d times", label, wrote)
	}
	if got.Status != o.status {
		s.t.Errorf("%s: %d, want %d: %.300s", label, got.Status, o.status, got.Body)
	}
	if got.Status == http.StatusMethodNotAllowed {
		allows(s.t, label, got, stated)
	}
	if diff := cmp.Diff(before.after(o.effect, p), s.facts(c, p)); diff != "" {
		s.t.Errorf("%s: want that %q (-want +got):\n%s", label, o.effect, diff)
	}
	s.checkAPIHeaders(label, method, got, strings.HasPrefix(path, "/.well-known/") && got.Status == http.StatusOK)
}

// checkAPIHeaders makes sure that pages of any site may call, since the API knows no cookies, and that errors can be read.
func (s *stage) checkAPIHeaders(label, method string, got answer, public bool) {
	s.t.Helper()
	want := s.securityHeaders()
	want["Access-Control-Allow-Origin"] = "*"
	want["Access-Control-Allow-Credentials"] = ""
	want["Set-Cookie"] = ""
	want["Cache-Control"] = "no-store"
	if public {
		want["Cache-Control"] = "public, max-age=300"
	}
	want["Content-Type"] = "application/json"
	if got.Body == "" && method != http.MethodHead { // realm-web parses whatever claims to be JSON
		want["Content-Type"] = ""
	}
	if method == http.MethodOptions {
		want["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
		want["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Accept"
	}
	compareHeaders(s.t, label, got, want)
}

func TestAPageOfAnotherSiteMayReadTheAPIAndNothingOfTheDashboard(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	elsewhere := http.Header{"Origin": {"https://elsewhere.example.org"}}
	for path, allowed := range map[string]string{
		"/login": "", "/keys": "", "/healthz": "", "/no-such-page": "", static.URL("app.js"): "",
		"/.well-known/jwks.json": "*", "/.well-known/openid-configuration": "*", "/api/client/v2.0/auth/profile": "*", "/api/client/v2.0/no-such-call": "*",
	} {
		got := s.request(http.MethodGet, path, "", "", elsewhere)
		if origin := got.Header.Get("Access-Control-Allow-Origin"); origin != allowed {
			t.Errorf("%s: Access-Control-Allow-Origin is %q, want %q", path, origin, allowed)
		}
	}
}
