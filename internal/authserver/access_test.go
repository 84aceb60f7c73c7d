package authserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// outcomes are the statuses a route answers with, by caller.
type outcomes struct {
	nobody, emptyBearer, garbage, otherType int // no usable token
	signedOut, expired, deletedUser         int // a token that once was good
	anonymous, key, stranger, owner         int // live sessions
}

// same is for routes that want no token: whatever comes along is not looked at.
func same(status int) outcomes {
	return outcomes{status, status, status, status, status, status, status, status, status, status, status}
}

// stated is what every route does for every caller. The stranger is another person, who names the owner's key or session where a
// route takes an id. An access token outlives its session, as on App Services, but not its user, and cannot delete one.
var stated = map[string]outcomes{
	"GET /.well-known/jwks.json":                         same(200),
	"GET /.well-known/openid-configuration":              same(200),
	"GET " + inApp + "/location":                         same(200),
	"POST " + inApp + registerRest:                       same(201),
	"POST " + inApp + "/auth/providers/{provider}/login": same(200),

	"POST " + inApp + "/functions/call": same(404),
	"GET " + inApp + "/functions/call":  same(404),
	// With the credentials of the owner, who has them already.
	"POST " + inApp + "/auth/providers/{provider}/login" + whenLinking: {401, 401, 401, 401, 401, 401, 401, 400, 403, 400, 200},

	"POST " + auth + "/session":   {401, 401, 401, 401, 401, 401, 401, 201, 201, 201, 201},
	"DELETE " + auth + "/session": {401, 401, 401, 401, 401, 401, 401, 204, 204, 204, 204},
	"GET " + auth + "/profile":    {401, 401, 401, 401, 200, 401, 401, 200, 200, 200, 200},
	"DELETE " + auth + "/delete":  {401, 401, 401, 401, 401, 401, 401, 204, 403, 204, 204},

	"POST " + apiKeys:                  {401, 401, 401, 401, 401, 401, 401, 403, 403, 201, 201},
	"GET " + apiKeys:                   {401, 401, 401, 401, 401, 401, 401, 403, 403, 200, 200},
	"GET " + apiKeys + "/{id}":         {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 200},
	"DELETE " + apiKeys + "/{id}":      {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 204},
	"PUT " + apiKeys + "/{id}/enable":  {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 204},
	"PUT " + apiKeys + "/{id}/disable": {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 204},

	// Without a mailer, and without a link, there is nothing to be had.
	"POST " + byMail + "/confirm":      same(400),
	"POST " + byMail + "/confirm/send": same(400),
	"POST " + byMail + "/confirm/call": same(400),
	"POST " + byMail + "/reset/call":   same(400),
	"POST " + byMail + "/reset/send":   same(400),
	"POST " + byMail + "/reset":        same(400),

	"POST " + proofPath:   {401, 401, 401, 401, 401, 401, 401, 403, 403, 204, 204},
	"PUT " + passwordPath: {401, 401, 401, 401, 401, 401, 401, 403, 403, 204, 204},

	"GET " + keyFactsPath:              {401, 401, 401, 401, 401, 401, 401, 403, 403, 200, 200},
	"GET " + sessionsPath:              {401, 401, 401, 401, 401, 401, 401, 403, 403, 200, 200},
	"DELETE " + sessionsPath:           {401, 401, 401, 401, 401, 401, 401, 403, 403, 204, 204},
	"POST " + reissuePath:              {401, 401, 401, 401, 401, 401, 401, 403, 403, 201, 201},
	"PUT " + expiryPath:                {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 204},
	"POST " + replacedPath:             {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 201},
	"GET " + replacedPath:              {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 404},
	"DELETE " + replacedPath:           {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 204},
	"POST " + handoverPath:             {401, 401, 401, 401, 401, 401, 401, 403, 403, 201, 201},
	"DELETE " + sessionsPath + "/{id}": {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 204},

	"POST " + passkeyLoginPath + "/options": {200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200},
	"POST " + passkeyLoginPath:              {401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401}, // by no passkey that there is
	"POST " + proofPath + "/options":        {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 404}, // nobody has one
	"POST " + passkeyOptionsPath:            {401, 401, 401, 401, 401, 401, 401, 403, 403, 200, 200},
	"POST " + passkeysPath:                  {401, 401, 401, 401, 401, 401, 401, 403, 403, 422, 422}, // without a name
	"GET " + passkeysPath:                   {401, 401, 401, 401, 401, 401, 401, 403, 403, 200, 200},
	"PATCH " + passkeysPath + "/{id}":       {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 404},
	"DELETE " + passkeysPath + "/{id}":      {401, 401, 401, 401, 401, 401, 401, 403, 403, 404, 404},
}

// No caller here is an operator.
func init() {
	for _, rt := range (&Server{}).adminRoutes() {
		stated[rt.method+" "+rt.path] = outcomes{401, 401, 401, 401, 401, 401, 401, 403, 403, 403, 403}
	}
}

// cast is everybody who may knock, made afresh for each knock because some calls end accounts.
type cast struct {
	owner, key, anonymous, stranger loginAnswer
	keyID, spareID                  string
	email, sessionID                string // the session is the owner's
}

func (f *fixture) newCast(n int) cast {
	f.t.Helper()
	c := cast{email: fmt.Sprintf("owner-%d@example.org", n)}
	f.clock.Advance(3 * registrationPause) // all of them come from one address
	c.owner = f.signUp(c.email)
	c.sessionID = f.mustVerify(c.owner.RefreshToken, refreshToken).SessionID
	made := f.createKey(c.owner, "probe")
	c.keyID, c.spareID = made.ID, f.createKey(c.owner, "spare").ID
	c.key = f.loginWithKey(made.Value)
	c.anonymous = f.loginAnonymously()
	c.stranger = f.signUp(fmt.Sprintf("stranger-%d@example.org", n))
	return c
}

// tokenFor is the token of a session that an access rule asks for, or the one it does not.
func tokenFor(d accessRule, s loginAnswer, right bool) string {
	if (d.token == refreshToken) == right {
		return s.RefreshToken
	}
	return s.AccessToken
}

// knock calls a route of the table with the Authorization header given; "" sends none.
func (f *fixture) knock(rt route, c cast, authorization string, n int) reply {
	f.t.Helper()
	id := c.keyID
	if strings.HasPrefix(rt.path, sessionsPath) {
		id = c.sessionID
	}
	path := strings.NewReplacer("{app}", testApp, "{provider}", "local-userpass", "{id}", id).Replace(rt.path)
	body := ""
	switch {
	case strings.HasSuffix(path, "/login"), strings.HasSuffix(path, whenLinking):
		body = object("username", c.email, "password", testPassword)
	case strings.HasSuffix(path, "/register"):
		body = object("email", fmt.Sprintf("new-%d@example.org", n), "password", testPassword)
	case path == proofPath:
		body = object("password", testPassword)
	case path == passwordPath:
		body = object("current_password", testPassword, "new_password", "another battery")
	case strings.HasSuffix(path, "/send"), strings.HasSuffix(path, "/reset/call"), strings.HasSuffix(path, "/confirm/call"):
		body = object("email", c.email)
	case strings.HasSuffix(path, "/confirm"), strings.HasSuffix(path, "/reset"):
		body = object("token", "none", "tokenId", c.keyID, "password", testPassword)
	case rt.path == expiryPath:
		body = object("expires_at", f.clock.Now().AddDate(1, 0, 0).Format(time.RFC3339))
	case rt.path == replacedPath && rt.method == "POST":
		body = object("new_key", c.spareID, "finish", "now")
	case path == passkeyLoginPath, path == passkeysPath:
		body = `{"challenge":"` + strings.Repeat("A", 43) + `","passkey":{}}`
	case rt.method == "PATCH":
		body = object("name", "phone")
	case rt.method == "POST" && path == keysPath:
		body = object("name", "another")
	}
	req := newRequest(rt.method, path, body)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	return f.send(req)
}

func TestEveryRouteAnswersEveryCallerAsStated(t *testing.T) {
	f := newFixture(t)
	n := 0
	for _, rt := range f.routes {
		pattern := rt.method + " " + rt.path
		want, ok := stated[pattern]
		if !ok {
			t.Errorf("%s is in the table and has no stated outcomes", pattern)
			continue
		}
		login := strings.HasSuffix(rt.path, "/login") // a deleted owner cannot sign in: that is not about tokens
		for _, caller := range []struct {
			name   string
			status int
			header func(c cast) string
		}{
			{"nobody", want.nobody, func(cast) string { return "" }},
			{"an empty bearer", want.emptyBearer, func(cast) string { return "Bearer " }},
			{"garbage", want.garbage, func(cast) string { return "Bearer not.a.token" }},
			{"the owner with the other type of token", want.otherType, func(c cast) string {
				return "Bearer " + tokenFor(rt.rule, c.owner, false)
			}},
			{"the owner after signing out", want.signedOut, func(c cast) string {
				f.do("DELETE", sessionPath, c.owner.RefreshToken, "").want(204)
				return "Bearer " + tokenFor(rt.rule, c.owner, true)
			}},
			{"the owner after the token's time", want.expired, func(c cast) string {
				f.clock.Advance(refreshLifetime)
				return "Bearer " + tokenFor(rt.rule, c.owner, true)
			}},
			{"a deleted user", want.deletedUser, func(c cast) string {
				gone := c.stranger
				if !login {
					gone = c.owner
				}
				f.do("DELETE", deletePath, gone.AccessToken, "").want(204)
				return "Bearer " + tokenFor(rt.rule, gone, true)
			}},
			{"an anonymous session", want.anonymous, func(c cast) string { return "Bearer " + tokenFor(rt.rule, c.anonymous, true) }},
			{"a session opened with the owner's key", want.key, func(c cast) string { return "Bearer " + tokenFor(rt.rule, c.key, true) }},
			{"a stranger", want.stranger, func(c cast) string { return "Bearer " + tokenFor(rt.rule, c.stranger, true) }},
			{"the owner", want.owner, func(c cast) string { return "Bearer " + tokenFor(rt.rule, c.owner, true) }},
		} {
			n++
			c := f.newCast(n)
			got := f.knock(rt, c, caller.header(c), n)
			if got.status != caller.status {
				t.Errorf("%s for %s: %d, want %d: %s", pattern, caller.name, got.status, caller.status, got.body)
			}
			got.obeysRules()
		}
	}
	for pattern := range stated {
		if !slices.Contains(f.Routes(), pattern) {
			t.Errorf("outcomes are stated for %s, which is no route", pattern)
		}
	}
}

func TestEveryPathRefusesEveryOtherMethod(t *testing.T) {
	f := newFixture(t)
	offered := map[string][]string{}
	for _, pattern := range f.Routes() {
		method, path, _ := strings.Cut(pattern, " ")
		offered[path] = append(offered[path], method)
	}
	n := 100_000
	for path, methods := range offered {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "LINK", "get"} {
			n++
			c := f.newCast(n)
			rt := route{method: method, path: path}
			got := f.knock(rt, c, "Bearer "+c.owner.RefreshToken, n)
			switch {
			case method == "OPTIONS":
				got.want(204)
			case slices.Contains(methods, method), method == "HEAD" && slices.Contains(methods, "GET"):
				if got.status == 405 || got.status == 404 && !strings.HasSuffix(path, "/functions/call") && path != replacedPath &&
					path != proofPath+"/options" && path != passkeysPath+"/{id}" {
					t.Errorf("%s %s: %d", method, path, got.status)
				}
			default:
				got.want(405)
				for _, m := range methods {
					if !strings.Contains(got.header.Get("Allow"), m) {
						t.Errorf("%s %s: Allow is %q, lacks %s", method, path, got.header.Get("Allow"), m)
					}
				}
			}
		}
	}
}

func TestAMissingAccessRuleRefusesEverybody(t *testing.T) {
	f := newFixture(t)
	c := f.newCast(1)
	rt := route{method: "GET", path: "/api/client/v2.0/auth/forgotten", answer: f.listKeys}
	f.mux.HandleFunc(rt.method+" "+rt.path, f.serve(rt))
	f.do("GET", rt.path, "", "").want(401)
	for _, s := range []loginAnswer{c.owner, c.key, c.anonymous, c.stranger} {
		for _, token := range []string{s.AccessToken, s.RefreshToken} {
			if got := f.do("GET", rt.path, token, ""); got.status != 401 && got.status != 403 {
				t.Errorf("a route without an access rule answered %d: %s", got.status, got.body)
			}
		}
	}
}

func TestASessionOfAnUnknownKindPassesNoAccessRule(t *testing.T) {
	for _, set := range []openedBy{0, byPassword, byKey, byNobody, byToken, byAnything} {
		for _, provider := range []string{"", "oauth2-facebook", "API-KEY", "local-userpass "} {
			if set.has(provider) {
				t.Errorf("set %b lets in %q", set, provider)
			}
		}
	}
}

func TestRefusalsOfTheAuthorizationHeader(t *testing.T) {
	const noBearer = "expected Authorization header with JWT (Bearer schema)"
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	for _, tt := range []struct {
		name, header, text, code string
	}{
		{"no token after the scheme", "Bearer", noBearer, ""},
		{"only spaces after the scheme", "Bearer   ", noBearer, ""},
		{"another scheme", "Basic " + owner.RefreshToken, noBearer, ""},
		{"no scheme", owner.RefreshToken, noBearer, ""},
		{"garbage", "Bearer abc", "unauthorized", "InvalidSession"},
		{"two tokens", "Bearer " + owner.RefreshToken + " " + owner.RefreshToken, "unauthorized", "InvalidSession"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := newRequest("GET", keysPath, "")
			req.Header.Set("Authorization", tt.header)
			f.on(t).send(req).want(401).says(tt.text, tt.code)
		})
	}
	f.do("GET", keysPath, "", "").want(401).says("must authenticate first", "")

	twice := newRequest("GET", keysPath, "")
	twice.Header["Authorization"] = []string{"Bearer " + owner.RefreshToken, "Bearer " + owner.RefreshToken}
	f.send(twice).want(401).says(noBearer, "")
}

func TestTheSchemeIsMatchedWithoutCase(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		req := newRequest("GET", keysPath, "")
		req.Header.Set("Authorization", scheme+" "+owner.RefreshToken)
		f.send(req).want(200)
	}
}

func TestARefreshTokenIsWorthNothingWithoutItsRow(t *testing.T) {
	const text = "invalid session: failed to find refresh token"
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	other := f.login("a@example.org", testPassword)

	f.do("DELETE", sessionPath, owner.RefreshToken, "").want(204)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(401).says(text, "InvalidSession")
	f.do("GET", keysPath, owner.RefreshToken, "").want(401).says(text, "InvalidSession")
	f.do("GET", keysPath, other.RefreshToken, "").want(200)

	f.do("DELETE", deletePath, other.AccessToken, "").want(204)
	// realm-web signs out after deleting the account and swallows exactly this text.
	f.do("DELETE", sessionPath, other.RefreshToken, "").want(401).says(text, "InvalidSession")
	f.do("GET", profilePath, other.AccessToken, "").want(401).says("invalid session", "InvalidSession")
}

func TestAnEndedSessionReadsTheProfileAndDeletesNothing(t *testing.T) {
	f := newFixture(t)
	lost := f.signUp("a@example.org")
	kept := f.login("a@example.org", testPassword)
	f.do("DELETE", sessionPath, lost.RefreshToken, "").want(204)
	f.do("GET", profilePath, lost.AccessToken, "").want(200)
	f.do("DELETE", deletePath, lost.AccessToken, "").want(401).says("invalid session: failed to find refresh token", "InvalidSession")
	f.do("DELETE", deletePath, kept.AccessToken, "").want(204)
}

func TestASessionRowPastItsTimeIsRefusedEvenWithALongerToken(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	c, err := f.tokens.verify(owner.RefreshToken, refreshToken, f.ids.domain, f.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	c.Expires += int64((24 * time.Hour).Seconds())
	longer := mustSign(t, f.tokens, c)
	f.clock.Advance(refreshLifetime)
	f.do("GET", keysPath, longer, "").want(401).says("invalid session", "InvalidSession")
}

func TestATokenThatNamesAnotherUsersSessionIsRefused(t *testing.T) {
	f := newFixture(t)
	owner, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	c, err := f.tokens.verify(owner.RefreshToken, refreshToken, f.ids.domain, f.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	c.Subject = stranger.UserID
	f.do("GET", keysPath, mustSign(t, f.tokens, c), "").want(401).says("unauthorized", "InvalidSession")
}

func mustSign(t testing.TB, tokens *Tokens, c claims) string {
	t.Helper()
	raw, err := tokens.sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestKeyAndAnonymousSessionsAreToldWhyInWords(t *testing.T) {
	f := newFixture(t)
	c := f.newCast(1)
	for _, s := range []loginAnswer{c.key, c.anonymous} {
		f.do("GET", keysPath, s.RefreshToken, "").want(http.StatusForbidden).
			says("keys can only be managed when signed in as a person, not anonymously or with a key", "")
	}
	f.do("DELETE", deletePath, c.key.AccessToken, "").want(http.StatusForbidden).
		says("an account cannot be deleted with an API key: sign in as the person", "")
	f.do("GET", profilePath, c.owner.AccessToken, "").want(200)
}
