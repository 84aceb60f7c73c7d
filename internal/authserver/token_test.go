package authserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// mint is a token maker under test, with the keys in hand.
type mint struct {
	*Tokens
	access *ecdsa.PrivateKey
	secret []byte
	now    time.Time
}

const mintDomain = "0a0a0a0a0a0a0a0a0a0a0a0a"

func newMint(t testing.TB) mint {
	t.Helper()
	m := mint{access: newAccessKey(t), secret: random(32), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var err error
	if m.Tokens, err = NewTokens(accessKeys(m.access), [][]byte{m.secret}); err != nil {
		t.Fatal(err)
	}
	return m
}

// claims are good for half an hour.
func (m mint) claims(typ tokenType) claims {
	c := claims{
		Type: typ, Subject: "1a1a1a1a1a1a1a1a1a1a1a1a", Issued: m.now.Unix(), Expires: m.now.Add(accessLifetime).Unix(),
		DeviceID: noDevice, DomainID: mintDomain, Identity: identityClaim{ID: "2b2b2b2b2b2b2b2b2b2b2b2b", Provider: "local-userpass"},
	}
	if typ == accessToken {
		c.Issuer = "3c3c3c3c3c3c3c3c3c3c3c3c"
	} else {
		c.SessionID = "3c3c3c3c3c3c3c3c3c3c3c3c"
	}
	return c
}

func (m mint) token(t testing.TB, typ tokenType) string {
	t.Helper()
	return mustSign(t, m.Tokens, m.claims(typ))
}

// verify returns the claims of a token as admit takes them.
func (t *Tokens) verify(raw string, want tokenType, domainID string, now time.Time) (claims, error) {
	c, err := t.open(raw)
	if err != nil {
		return claims{}, refuse(kindBadToken).because(err)
	}
	return c.judge(want, domainID, now)
}

// kindOf verifies a token and says what is wrong with it, or -1.
func (m mint) kindOf(t testing.TB, raw string, want tokenType) kind {
	t.Helper()
	_, err := m.verify(raw, want, mintDomain, m.now)
	if err == nil {
		return -1
	}
	var f *failure
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no failure", err)
	}
	return f.kind
}

// forge signs any payload under any header.
func forge(t testing.TB, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, payload any) string {
	t.Helper()
	opts := &jose.SignerOptions{}
	for name, v := range header {
		opts = opts.WithHeader(name, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// part decodes one part of a token.
func part(t testing.TB, raw string, i int) map[string]any {
	t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || parts[2] == "" {
		t.Fatalf("token of %d parts", len(parts))
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(decoded, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func unsigned(header, payload string) string {
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(payload)) + "."
}

func TestClaimsOnTheWire(t *testing.T) {
	f := newFixture(t)
	out := f.signUp("a@example.org")
	access, refresh := part(t, out.AccessToken, 1), part(t, out.RefreshToken, 1)
	now := f.clock.Now()
	id, ok := refresh["baas_identity"].(map[string]any)
	if !ok || id["provider_type"] != "local-userpass" || id["provider_id"] != f.ids.passwords || !model.IsID(id["id"].(string)) {
		t.Errorf("identity %v", refresh["baas_identity"])
	}
	wantAccess := map[string]any{
		"typ": "access", "sub": out.UserID, "iat": float64(now.Unix()), "exp": float64(now.Unix() + 1800),
		"iss": refresh["baas_id"], "jti": access["jti"], "baas_device_id": noDevice, "baas_domain_id": f.ids.domain, "baas_identity": id,
	}
	wantRefresh := map[string]any{
		"typ": "refresh", "sub": out.UserID, "iat": float64(now.Unix()), "exp": float64(now.Unix() + 5184000),
		"baas_id": refresh["baas_id"], "baas_device_id": noDevice, "baas_domain_id": f.ids.domain, "baas_identity": id,
	}
	if diff := cmp.Diff(wantAccess, access); diff != "" {
		t.Errorf("access (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantRefresh, refresh); diff != "" {
		t.Errorf("refresh (-want +got):\n%s", diff)
	}
	for raw, alg := range map[string]string{out.AccessToken: "ES256", out.RefreshToken: "HS256"} {
		header := part(t, raw, 0)
		if header["alg"] != alg || header["typ"] != "JWT" || header["kid"] == nil || len(header) != 3 {
			t.Errorf("header %v, want %s", header, alg)
		}
	}
}

// Realm's core reads the raw text of exp and iat: 1.7e9 would not do.
func TestTimesAreWrittenAsIntegers(t *testing.T) {
	m := newMint(t)
	for _, typ := range []tokenType{accessToken, refreshToken} {
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(m.token(t, typ), ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`"iat":%d,"exp":%d`, m.now.Unix(), m.now.Unix()+1800); !strings.Contains(string(payload), want) {
			t.Errorf("%s: %s lacks %s", typ, payload, want)
		}
		if strings.Contains(string(payload), "user_data") {
			t.Errorf("%s has user_data: %s", typ, payload)
		}
	}
}

func TestTheAccessKeyIsNamedByItsThumbprint(t *testing.T) {
	m := newMint(t)
	thumbprint, err := (&jose.JSONWebKey{Key: m.access.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if got := part(t, m.token(t, accessToken), 0)["kid"]; got != base64.RawURLEncoding.EncodeToString(thumbprint) {
		t.Errorf("kid %v", got)
	}
}

func TestGoodTokensVerifyAsTheirOwnTypeOnly(t *testing.T) {
	m := newMint(t)
	for _, tt := range []struct {
		typ, as tokenType
		want    kind
	}{
		{accessToken, accessToken, -1},
		{refreshToken, refreshToken, -1},
		{accessToken, refreshToken, kindNotRefreshToken},
		{refreshToken, accessToken, kindNotAccessToken},
	} {
		if got := m.kindOf(t, m.token(t, tt.typ), tt.as); got != tt.want {
			t.Errorf("%s as %s: kind %d, want %d", tt.typ, tt.as, got, tt.want)
		}
	}
}

func TestATokenLivesUntilItsLastSecond(t *testing.T) {
	m := newMint(t)
	for _, typ := range []tokenType{accessToken, refreshToken} {
		raw := m.token(t, typ)
		for after, want := range map[time.Duration]kind{
			accessLifetime - time.Nanosecond: -1,
			accessLifetime:                   kindExpiredToken,
			accessLifetime + time.Hour:       kindExpiredToken,
		} {
			later := m
			later.now = m.now.Add(after)
			if got := later.kindOf(t, raw, typ); got != want {
				t.Errorf("%s after %v: kind %d, want %d", typ, after, got, want)
			}
		}
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	m, other := newMint(t), newMint(t)
	access, refresh := m.claims(accessToken), m.claims(refreshToken)
	accessKID, refreshKID := part(t, m.token(t, accessToken), 0)["kid"], part(t, m.token(t, refreshToken), 0)["kid"]
	spki, err := x509.MarshalPKIXPublicKey(m.access.Public())
	if err != nil {
		t.Fatal(err)
	}
	published := []byte(m.public)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	theirs := jose.JSONWebKey{Key: other.access.Public(), KeyID: "theirs", Algorithm: "ES256"}
	type header = map[jose.HeaderKey]any
	payload, err := json.Marshal(access)
	if err != nil {
		t.Fatal(err)
	}

	for name, raw := range map[string]string{
		"alg none":                     unsigned(`{"alg":"none","typ":"JWT"}`, string(payload)),
		"alg none with our kid":        unsigned(fmt.Sprintf(`{"alg":"none","kid":%q}`, accessKID), string(payload)),
		"alg NONE and a signature":     unsigned(`{"alg":"NONE"}`, string(payload)) + "AAAA",
		"no alg":                       unsigned(fmt.Sprintf(`{"kid":%q}`, accessKID), string(payload)) + "AAAA",
		"public key as HMAC secret":    forge(t, jose.HS256, spki, header{"kid": accessKID}, access),
		"published set as HMAC secret": forge(t, jose.HS256, published, header{"kid": accessKID}, access),
		"HS256 under the ES256 kid":    forge(t, jose.HS256, m.secret, header{"kid": accessKID}, access),
		"ES256 under the HS256 kid":    forge(t, jose.ES256, m.access, header{"kid": refreshKID}, refresh),
		"access claims, HS256":         forge(t, jose.HS256, m.secret, header{"kid": refreshKID}, access),
		"refresh claims, ES256":        forge(t, jose.ES256, m.access, header{"kid": accessKID}, refresh),
		"HS512":                        forge(t, jose.HS512, append(m.secret, m.secret...), header{"kid": refreshKID}, refresh),
		"RS256":                        forge(t, jose.RS256, rsaKey, header{"kid": accessKID}, access),
		"another server's ES256 key":   other.token(t, accessToken),
		"another server's secret":      other.token(t, refreshToken),
		"their key under our kid":      forge(t, jose.ES256, other.access, header{"kid": accessKID}, access),
		"their secret under our kid":   forge(t, jose.HS256, other.secret, header{"kid": refreshKID}, refresh),
		"their key in the header":      forge(t, jose.ES256, other.access, header{"kid": accessKID, "jwk": theirs}, access),
		"a jku to their keys":          forge(t, jose.ES256, other.access, header{"kid": "theirs", "jku": "https://evil.example/jwks"}, access),
		"an x5u to their keys":         forge(t, jose.ES256, other.access, header{"kid": "theirs", "x5u": "https://evil.example/cert"}, access),
		"a path for a kid":             forge(t, jose.HS256, other.secret, header{"kid": "../../dev/null"}, refresh),
		"an empty kid":                 forge(t, jose.HS256, m.secret, header{"kid": ""}, refresh),
		"no kid":                       forge(t, jose.ES256, m.access, nil, access),
		"claims that are no object":    forge(t, jose.ES256, m.access, header{"kid": accessKID}, []int{1}),
		"times as text":                forge(t, jose.ES256, m.access, header{"kid": accessKID}, map[string]any{"typ": "access", "exp": "never"}),
		"no claims at all":             forge(t, jose.ES256, m.access, header{"kid": accessKID}, map[string]any{}),
		"empty":                        "",
		"dots":                         "..",
		"five parts, as if encrypted":  "a.b.c.d.e",
		"JSON serialisation":           `{"payload":"","signatures":[]}`,
		"huge":                         m.token(t, accessToken) + strings.Repeat("A", maxToken),
		"huge and of nothing but dots": strings.Repeat(".", 1<<20),
	} {
		for _, typ := range []tokenType{accessToken, refreshToken} {
			if got := m.kindOf(t, raw, typ); got != kindBadToken {
				t.Errorf("%s as %s: kind %d", name, typ, got)
			}
		}
	}
}

func TestSignedTokensWithWrongClaimsAreRefused(t *testing.T) {
	m := newMint(t)
	for name, tt := range map[string]struct {
		change func(*claims)
		want   kind
	}{
		"of another app":      {func(c *claims) { c.DomainID = "0b0b0b0b0b0b0b0b0b0b0b0b" }, kindBadToken},
		"of no app":           {func(c *claims) { c.DomainID = "" }, kindBadToken},
		"without a user":      {func(c *claims) { c.Subject = "" }, kindBadToken},
		"without a session":   {func(c *claims) { c.Issuer, c.SessionID = "", "" }, kindBadToken},
		"with a strange user": {func(c *claims) { c.Subject = "' OR 1=1 --" }, kindBadToken},
		"without an end":      {func(c *claims) { c.Expires = 0 }, kindExpiredToken},
		"from before 1970":    {func(c *claims) { c.Expires = -1 }, kindExpiredToken},
		"not good yet":        {func(c *claims) { c.NotBefore = m.now.Unix() + 1 }, kindExpiredToken},
		"without a beginning": {func(c *claims) { c.Issued = 0 }, kindExpiredToken},
		"begun before 1970":   {func(c *claims) { c.Issued = -1 }, kindExpiredToken},
		"of a life too long":  {func(c *claims) { c.Issued, c.Expires = m.now.Unix()-1, m.now.Add(refreshLifetime).Unix() }, kindExpiredToken},
		"without end":         {func(c *claims) { c.Expires = math.MaxInt64 }, kindExpiredToken},
		"of all times":        {func(c *claims) { c.Issued, c.Expires = math.MinInt64, math.MaxInt64 }, kindExpiredToken},
		"that ends first":     {func(c *claims) { c.Issued = c.Expires + 1 }, kindExpiredToken},
	} {
		for _, typ := range []tokenType{accessToken, refreshToken} {
			c := m.claims(typ)
			tt.change(&c)
			if got := m.kindOf(t, mustSign(t, m.Tokens, c), typ); got != tt.want {
				t.Errorf("%s token %s: kind %d, want %d", typ, name, got, tt.want)
			}
		}
	}
	// The session of an access token is iss; one in baas_id does not stand in for it.
	c := m.claims(accessToken)
	c.Issuer, c.SessionID = "", "3c3c3c3c3c3c3c3c3c3c3c3c"
	if got := m.kindOf(t, mustSign(t, m.Tokens, c), accessToken); got != kindBadToken {
		t.Errorf("session in the wrong claim: kind %d", got)
	}
}

func TestTimesThatAreNoWholeNumbersAreRefused(t *testing.T) {
	m := newMint(t)
	for _, typ := range []tokenType{accessToken, refreshToken} {
		for _, claim := range []string{"iat", "exp", "nbf"} {
			for _, value := range []string{`"1772366400"`, `1e300`, `9223372036854775808`, `-9223372036854775809`, `1772366400.5`, `[]`, `{}`, `true`} {
				payload := strings.TrimSuffix(m.payload(t, typ), "}") + fmt.Sprintf(`,%q:%s}`, claim, value)
				raw := es256(t, m.access, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, m.kid(t, typ)), payload)
				if typ == refreshToken {
					raw = hs256(m.secret, fmt.Sprintf(`{"alg":"HS256","kid":%q}`, m.kid(t, typ)), payload)
				}
				if got := m.kindOf(t, raw, typ); got != kindBadToken {
					t.Errorf("%s token with %s %s: kind %d", typ, claim, value, got)
				}
			}
		}
	}
}

func TestAnAccessTokenFromTheFutureIsRefusedAndItsSessionGetsAnother(t *testing.T) {
	for _, ahead := range []time.Duration{model.MaxAhead + time.Second, 12 * time.Hour, 365 * 24 * time.Hour} {
		f := newFixture(t)
		f.clock.Advance(ahead)
		early := f.signUp("a@example.org")
		f.clock.Advance(-ahead)
		f.do("GET", profilePath, early.AccessToken, "").want(401).says("invalid session", "InvalidSession")
		var renewed renewAnswer
		f.do("POST", sessionPath, early.RefreshToken, "").want(201).into(&renewed)
		f.do("GET", profilePath, renewed.AccessToken, "").want(200)
		var reissued reissueAnswer
		f.do("POST", reissuePath, early.RefreshToken, "").want(201).into(&reissued)
		f.do("POST", sessionPath, reissued.RefreshToken, "").want(201)
	}
	f := newFixture(t)
	f.clock.Advance(model.MaxAhead)
	early := f.signUp("a@example.org")
	f.clock.Advance(-model.MaxAhead)
	f.do("GET", profilePath, early.AccessToken, "").want(200)
}

// A device that keeps nothing but its session would be out for good.
func TestARefreshTokenFromTheFutureIsAsGoodAsItsRow(t *testing.T) {
	const ahead = 365 * 24 * time.Hour
	f := newFixture(t)
	f.clock.Advance(ahead)
	early := f.signUp("a@example.org")
	f.clock.Advance(-ahead)
	f.do("POST", sessionPath, early.RefreshToken, "").want(201)

	// What the sweep does when the clock is right again.
	err := f.store.Bound(t.Context(), f.clock.Now(), store.Longest{AuthSession: refreshLifetime, WebSession: time.Hour, Grant: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	f.do("POST", sessionPath, early.RefreshToken, "").want(201)
	var reissued reissueAnswer
	f.do("POST", reissuePath, early.RefreshToken, "").want(201).into(&reissued)
	f.do("POST", sessionPath, reissued.RefreshToken, "").want(201)
	f.clock.Advance(refreshLifetime - time.Second)
	f.do("POST", sessionPath, early.RefreshToken, "").want(201)
	f.clock.Advance(time.Second)
	f.do("POST", sessionPath, early.RefreshToken, "").want(401).says("invalid session", "InvalidSession")
	f.do("POST", sessionPath, reissued.RefreshToken, "").want(401)
}

func TestARefreshTokenFromTheFutureWhoseSessionIsNotIsRefused(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	c, err := f.tokens.verify(owner.RefreshToken, refreshToken, f.ids.domain, f.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	c.Issued += 3600
	c.Expires += 3600
	f.do("GET", keysPath, mustSign(t, f.tokens, c), "").want(401).says("invalid session", "InvalidSession")
	f.do("GET", keysPath, owner.RefreshToken, "").want(200)
}

func TestASessionThatIsOpenedWhileTheClockIsBehindIsGoodWhenItIsRight(t *testing.T) {
	const behind = 2 * 365 * 24 * time.Hour
	f := newFixture(t)
	if _, err := f.store.Look(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(-behind)
	early := f.signUp("a@example.org")
	f.do("POST", sessionPath, early.RefreshToken, "").want(201)
	f.clock.Advance(behind)
	f.do("POST", sessionPath, early.RefreshToken, "").want(201)
	f.clock.Advance(refreshLifetime)
	f.minutes(62)
	f.do("POST", sessionPath, early.RefreshToken, "").want(401)
}

// minutes go by, with a look at the clock in each.
func (f *fixture) minutes(n int) {
	f.t.Helper()
	for range n {
		f.clock.Advance(time.Minute)
		if _, err := f.store.Look(f.t.Context(), f.clock.Now()); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestASessionIsNotProlongedByAClockThatIsBehind(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.minutes(1)
	f.clock.Advance(-12 * time.Hour)
	for range 61 * 24 * 60 / 40 { // two months of running, as long a step as counts as that
		f.clock.Advance(40 * time.Minute)
		if _, err := f.store.Look(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	f.clock.Advance(-24 * time.Hour)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(401).says("invalid session", "InvalidSession")
}

// SDKs throw a session away on any 401, and a device that keeps nothing else is out for good.
func TestAServerWhoseClockHasJustGoneAheadHasDevicesComeBack(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.minutes(2)
	f.clock.Advance(365 * 24 * time.Hour)
	for _, looked := range []int{0, 1, 57} {
		f.minutes(looked)
		for _, call := range []string{"POST " + sessionPath, "GET " + keysPath, "POST " + reissuePath} {
			method, path, _ := strings.Cut(call, " ")
			r := f.do(method, path, owner.RefreshToken, "").want(503).says("the clock of this server may be wrong: try again in a moment", "")
			if got := r.header.Get("Retry-After"); got != "60" {
				t.Errorf("%s: Retry-After %q", call, got)
			}
		}
		f.do("GET", profilePath, owner.AccessToken, "").want(401) // which is asked for again
		f.do("POST", sessionPath, owner.RefreshToken+"A", "").want(401)
	}
	f.minutes(3)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(401).says("invalid session", "InvalidSession")
	f.clock.Advance(-365 * 24 * time.Hour)
	f.minutes(1)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
}

func TestALongTokenIsRefusedUnread(t *testing.T) {
	m := newMint(t)
	c := m.claims(refreshToken)
	c.DeviceID = strings.Repeat("0", maxToken)
	if _, err := m.open(mustSign(t, m.Tokens, c)); err == nil || err.Error() != "token too long" {
		t.Errorf("a good token of over 4 KB: %v", err)
	}
}

func TestAKeyIsNeverTriedWithAnotherAlgorithm(t *testing.T) {
	m := newMint(t)
	accessKID := part(t, m.token(t, accessToken), 0)["kid"]
	raw := forge(t, jose.HS256, m.secret, map[jose.HeaderKey]any{"kid": accessKID}, m.claims(accessToken))
	if _, err := m.open(raw); err == nil || err.Error() != "token names no key of this server" {
		t.Errorf("HS256 under the kid of the public key: %v", err)
	}
}

func TestACutOrChangedTokenIsRefused(t *testing.T) {
	m := newMint(t)
	for _, typ := range []tokenType{accessToken, refreshToken} {
		raw := m.token(t, typ)
		for i := range len(raw) {
			if got := m.kindOf(t, raw[:i], typ); got != kindBadToken {
				t.Fatalf("%s cut after %d bytes: kind %d", typ, i, got)
			}
			// The lowest bit of the last character of a part may be padding, so flip the highest.
			changed := []byte(raw)
			changed[i] ^= 0x20
			if got := m.kindOf(t, string(changed), typ); got != kindBadToken {
				t.Fatalf("%s with byte %d changed: kind %d", typ, i, got)
			}
		}
		for _, around := range []string{" " + raw, raw + " ", raw + "=", raw + "\n", raw + ".", raw + "." + raw, "\x00" + raw} {
			if got := m.kindOf(t, around, typ); got != kindBadToken {
				t.Errorf("%s with something around it: kind %d", typ, got)
			}
		}
	}
}

func TestANewSecretLogsNobodyOut(t *testing.T) {
	m := newMint(t)
	raw := m.token(t, refreshToken)
	newSecret := random(32)
	rotated, err := NewTokens(accessKeys(m.access), [][]byte{newSecret, m.secret})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rotated.verify(raw, refreshToken, mintDomain, m.now); err != nil {
		t.Errorf("old token after rotation: %v", err)
	}
	fresh := mustSign(t, rotated, m.claims(refreshToken))
	if got := m.kindOf(t, fresh, refreshToken); got != kindBadToken {
		t.Errorf("the new secret does not sign: kind %d", got)
	}
	dropped, err := NewTokens(accessKeys(m.access), [][]byte{newSecret})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dropped.verify(raw, refreshToken, mintDomain, m.now); err == nil {
		t.Error("a token of a dropped secret is still good")
	}
}

func accessKeys(keys ...*ecdsa.PrivateKey) []*ecdsa.PrivateKey { return keys }

// A key is changed in two rolls: it is known everywhere before anybody signs with it.
func TestANewAccessKeyIsKnownBeforeItSigns(t *testing.T) {
	first, second, secret := newAccessKey(t), newAccessKey(t), random(32)
	m := newMint(t)
	made := map[string]*Tokens{}
	for name, keys := range map[string][]*ecdsa.PrivateKey{
		"before": {first}, "known": {first, second}, "in use": {second, first}, "after": {second}, "twice": {second, second},
	} {
		tokens, err := NewTokens(keys, [][]byte{secret})
		if err != nil {
			t.Fatal(err)
		}
		made[name] = tokens
	}
	for signer, goodAt := range map[string][]string{
		"before": {"before", "known", "in use"}, "known": {"before", "known", "in use"}, "in use": {"known", "in use", "after", "twice"}, "after": {"known", "in use", "after", "twice"},
	} {
		raw := mustSign(t, made[signer], m.claims(accessToken))
		for name, tokens := range made {
			_, err := tokens.verify(raw, accessToken, mintDomain, m.now)
			if good := err == nil; good != slices.Contains(goodAt, name) {
				t.Errorf("a token of %q at %q: %v", signer, name, err)
			}
		}
	}
	for name, want := range map[string][]*ecdsa.PrivateKey{"known": {first, second}, "in use": {second, first}, "twice": {second}} {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(made[name].public, &set); err != nil || len(set.Keys) != len(want) {
			t.Fatalf("%s: %d keys are published, %v", name, len(set.Keys), err)
		}
		for i, key := range want {
			kid, err := AccessKeyName(key)
			if err != nil || set.Keys[i].KeyID != kid || !set.Keys[i].IsPublic() || !key.PublicKey.Equal(set.Keys[i].Key) {
				t.Errorf("%s: key %d is %s, %v", name, i+1, set.Keys[i].KeyID, err)
			}
		}
	}
}

func TestNewTokensRefusesOtherKeys(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good, secret := newAccessKey(t), random(32)
	for name, tt := range map[string]struct {
		access  []*ecdsa.PrivateKey
		secrets [][]byte
	}{
		"no access key":          {nil, [][]byte{secret}},
		"an access key of none":  {accessKeys(nil), [][]byte{secret}},
		"an access key of P-384": {accessKeys(p384), [][]byte{secret}},
		"a second one of P-384":  {accessKeys(good, p384), [][]byte{secret}},
		"no secret":              {accessKeys(good), nil},
		"a short secret":         {accessKeys(good), [][]byte{secret[:31]}},
		"a long secret":          {accessKeys(good), [][]byte{append(secret, 1)}},
		"an empty second secret": {accessKeys(good), [][]byte{secret, {}}},
	} {
		if _, err := NewTokens(tt.access, tt.secrets); err == nil {
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), string(secret)) {
			t.Errorf("%s: the error has the secret", name)
		}
	}
}

func TestTokensStayFarBelowTheCap(t *testing.T) {
	f := newFixture(t)
	out := f.signUp("a@example.org")
	if len(out.AccessToken) > 1000 || len(out.RefreshToken) > 1000 {
		t.Errorf("access %d, refresh %d bytes", len(out.AccessToken), len(out.RefreshToken))
	}
}

func FuzzVerify(f *testing.F) {
	m := newMint(f)
	good := map[string]bool{}
	for _, typ := range []tokenType{accessToken, refreshToken} {
		raw := m.token(f, typ)
		good[raw] = true
		f.Add(raw)
		f.Add(raw[:len(raw)/2])
		f.Add(raw + "A")
	}
	for _, seed := range []string{
		"", ".", "..", "...", "a.b.c", unsigned(`{"alg":"none"}`, `{}`), unsigned(`{"alg":"HS256","crit":["b64"],"b64":false}`, `{}`) + "AA",
		"{}", `{"payload":"e30","protected":"","signature":""}`, strings.Repeat("A", 5000), "\xff.\x00.\n", unsigned(`{"alg":["ES256"]}`, `{}`),
	} {
		f.Add(seed)
	}
	payloads := func(raw string) string { // what is signed decides; base64 can spell the last bits of a signature in several ways
		head, _, _ := strings.Cut(raw, ".")
		_, rest, _ := strings.Cut(raw, ".")
		body, _, _ := strings.Cut(rest, ".")
		return head + "." + body
	}
	signed := map[string]bool{}
	for raw := range good {
		signed[payloads(raw)] = true
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, typ := range []tokenType{accessToken, refreshToken} {
			if m.kindOf(t, raw, typ) == -1 && !signed[payloads(raw)] {
				t.Errorf("a token nobody signed is good as %s: %q", typ, raw)
			}
		}
	})
}

func TestTokensAreThoseOfTheLibrary(t *testing.T) {
	m := newMint(t)
	for _, typ := range []tokenType{accessToken, refreshToken} {
		alg, key := jose.ES256, any(m.access)
		if typ == refreshToken {
			alg, key = jose.HS256, m.secret
		}
		for range 300 { // in a hundredth of the signatures a number begins with a zero
			raw := m.token(t, typ)
			theirs := forge(t, alg, key, map[jose.HeaderKey]any{"typ": "JWT", "kid": part(t, raw, 0)["kid"]}, m.claims(typ))
			if typ == accessToken { // whose signatures are never twice the same
				raw, theirs = raw[:strings.LastIndex(raw, ".")], theirs[:strings.LastIndex(theirs, ".")]
			}
			if raw != theirs {
				t.Fatalf("token\n%s\nis not\n%s", raw, theirs)
			}
			if got := m.kindOf(t, m.token(t, typ), typ); got != -1 {
				t.Fatalf("refused as %v", got)
			}
		}
	}
}
