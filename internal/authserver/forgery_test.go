package authserver

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// es256 and hs256 sign any two texts, also those that no library would write.
func es256(t testing.TB, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	signed := encode(header) + "." + encode(payload)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encode(string(signature))
}

func hs256(secret []byte, header, payload string) string {
	signed := encode(header) + "." + encode(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + encode(string(mac.Sum(nil)))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// payload is what a good token says.
func (m mint) payload(t testing.TB, typ tokenType) string {
	t.Helper()
	text, err := json.Marshal(m.claims(typ))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (m mint) kid(t testing.TB, typ tokenType) string {
	t.Helper()
	return part(t, m.token(t, typ), 0)["kid"].(string)
}

// The texts below must be refused for what they say, not because they are signed badly here.
func TestATokenSignedByHandIsGood(t *testing.T) {
	m := newMint(t)
	access := es256(t, m.access, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, m.kid(t, accessToken)), m.payload(t, accessToken))
	refresh := hs256(m.secret, fmt.Sprintf(`{"alg":"HS256","kid":%q}`, m.kid(t, refreshToken)), m.payload(t, refreshToken))
	if got := m.kindOf(t, access, accessToken); got != -1 {
		t.Errorf("access: kind %d", got)
	}
	if got := m.kindOf(t, refresh, refreshToken); got != -1 {
		t.Errorf("refresh: kind %d", got)
	}
}

func TestNoSpellingOfNoneIsAnAlgorithm(t *testing.T) {
	m := newMint(t)
	for _, typ := range []tokenType{accessToken, refreshToken} {
		good := m.token(t, typ)
		signature := good[strings.LastIndexByte(good, '.')+1:]
		for _, alg := range []string{`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `" none"`, `"none "`, `"n\u006fne"`, `"none\u0000"`, `""`, `null`, `[]`, `["none"]`, `{}`, `0`, `true`, `"es256"`, `"ES256 "`, `"hs256"`} {
			header := fmt.Sprintf(`{"alg":%s,"typ":"JWT","kid":%q}`, alg, m.kid(t, typ))
			for _, end := range []string{"", signature, "AAAA", "="} {
				if got := m.kindOf(t, encode(header)+"."+encode(m.payload(t, typ))+"."+end, typ); got != kindBadToken {
					t.Errorf("%s with alg %s and the signature %.8q: kind %d", typ, alg, end, got)
				}
			}
		}
	}
}

// Each is signed with the right key, so that nothing but its header or its shape speaks against it.
func TestHeadersThatWantToBeObeyedAreRefused(t *testing.T) {
	m := newMint(t)
	kid, payload := m.kid(t, accessToken), m.payload(t, accessToken)
	other := m.kid(t, refreshToken)
	for name, header := range map[string]string{
		"a critical extension":             `{"alg":"ES256","kid":%q,"crit":["exp"],"exp":1}`,
		"a critical one that is unknown":   `{"alg":"ES256","kid":%q,"crit":["http://example.com/x"],"http://example.com/x":true}`,
		"none critical":                    `{"alg":"ES256","kid":%q,"crit":[]}`,
		"a payload that is not in base64":  `{"alg":"ES256","kid":%q,"crit":["b64"],"b64":false}`,
		"b64 without crit":                 `{"alg":"ES256","kid":%q,"b64":false}`,
		"a list for a kid":                 `{"alg":"ES256","kid":[%q]}`,
		"no kid":                           `{"alg":"ES256","x":%q}`,
		"a kid with a space":               `{"alg":"ES256","kid":" %[1]s"}`,
		"a kid with a NUL":                 `{"alg":"ES256","kid":"%[1]s\u0000"}`,
		"a header that is a list":          `[{"alg":"ES256","kid":%q}]`,
		"two headers":                      `{"alg":"ES256","kid":%q}{}`,
		"a header cut short":               `{"alg":"ES256","kid":%q`,
		"an algorithm in the wrong case":   `{"alg":"Es256","kid":%q}`,
		"another algorithm than its key's": `{"alg":"ES384","kid":%q}`,
		"a secret's kid":                   `{"alg":"ES256","kid":"` + other + `","x":%q}`,
	} {
		raw := es256(t, m.access, fmt.Sprintf(header, kid), payload)
		if got := m.kindOf(t, raw, accessToken); got != kindBadToken {
			t.Errorf("%s: kind %d", name, got)
		}
	}
}

// What a header says of keys and kinds is not looked at. A token of this server stays one, whatever it says.
func TestAKeyInTheHeaderIsNotLookedAt(t *testing.T) {
	m, other := newMint(t), newMint(t)
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(other.public, &set); err != nil {
		t.Fatal(err)
	}
	for name, member := range map[string]string{
		"a jwk": `"jwk":` + string(set.Keys[0]), "a jku": `"jku":"https://evil.example/jwks.json"`, "an x5u": `"x5u":"https://evil.example/cert.pem"`,
		"a fingerprint": `"x5t":"AAAA"`, "a type": `"typ":"at+jwt"`, "a type that is none": `"typ":"\u0000"`, "another cty": `"cty":"JWT"`,
	} {
		header := fmt.Sprintf(`{"alg":"ES256","kid":%q,%s}`, m.kid(t, accessToken), member)
		if got := m.kindOf(t, es256(t, other.access, header, m.payload(t, accessToken)), accessToken); got != kindBadToken {
			t.Errorf("%s, signed with their key: kind %d", name, got)
		}
		if got := m.kindOf(t, es256(t, m.access, header, m.payload(t, accessToken)), refreshToken); got == -1 {
			t.Errorf("%s makes a refresh token of an access token", name)
		}
	}
}

// A certificate in a header is read by some libraries before anything else.
func TestACertificateInTheHeaderOpensNothing(t *testing.T) {
	m, other := newMint(t), newMint(t)
	for _, chain := range []string{`[]`, `"x"`, `["AAAA"]`, `[1]`, `["` + strings.Repeat("A", 1000) + `"]`} {
		header := fmt.Sprintf(`{"alg":"ES256","kid":%q,"x5c":%s}`, m.kid(t, accessToken), chain)
		if got := m.kindOf(t, es256(t, other.access, header, m.payload(t, accessToken)), accessToken); got != kindBadToken {
			t.Errorf("x5c %.20s: kind %d", chain, got)
		}
	}
}

func TestClaimsThatCanBeReadInTwoWaysDoNotWiden(t *testing.T) {
	m := newMint(t)
	kid := m.kid(t, accessToken)
	good := m.payload(t, accessToken)
	for name, payload := range map[string]string{
		"two types":                            strings.Replace(good, `"typ":"access"`, `"typ":"access","typ":"refresh"`, 1),
		"two types, the other way round":       strings.Replace(good, `"typ":"access"`, `"typ":"refresh","TYP":"none"`, 1),
		"two apps":                             strings.TrimSuffix(good, "}") + `,"baas_domain_id":"0b0b0b0b0b0b0b0b0b0b0b0b"}`,
		"two ends, the later one past":         strings.TrimSuffix(good, "}") + fmt.Sprintf(`,"exp":%d}`, m.now.Add(-time.Hour).Unix()),
		"an end as text":                       strings.TrimSuffix(good, "}") + `,"exp":"9999999999"}`,
		"an end with a fraction":               strings.TrimSuffix(good, "}") + `,"exp":99999999999.5}`,
		"an end beyond all time":               strings.TrimSuffix(good, "}") + `,"exp":1e30}`,
		"something after them":                 good + `{}`,
		"something before them":                `[]` + good,
		"cut short":                            good[:len(good)-1],
		"a list of them":                       "[" + good + "]",
		"a text":                               `"` + "x" + `"`,
		"null":                                 "null",
		"bytes that are no text for a subject": strings.Replace(good, `"sub":"1a1a1a1a`, "\"sub\":\"1a1a1a\xff\xfe", 1),
	} {
		if got := m.kindOf(t, es256(t, m.access, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, kid), payload), accessToken); got == -1 {
			t.Errorf("%s: the token is good", name)
		}
	}
}

// A library that decodes loosely would take each of these for the token that it was made of.
func TestATokenHasOneSpelling(t *testing.T) {
	m := newMint(t)
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, typ := range []tokenType{accessToken, refreshToken} {
		raw := m.token(t, typ)
		head, payload, signature := cutToken(t, raw)
		last := strings.IndexByte(digits, signature[len(signature)-1])
		respelt := signature[:len(signature)-1] + string(digits[last^1])
		spellings := map[string]string{
			"spare bits of the last digit": head + "." + payload + "." + respelt,
			"standard base64":              strings.NewReplacer("-", "+", "_", "/").Replace(raw) + "+",
			"padded parts":                 head + "=." + payload + "=." + signature + "==",
			"a line break in a part":       head[:5] + "\n" + head[5:] + "." + payload + "." + signature,
			"a carriage return":            head + "." + payload[:9] + "\r" + payload[9:] + "." + signature,
			"a space in a part":            head + "." + payload[:9] + " " + payload[9:] + "." + signature,
			"a fourth part":                raw + "." + signature,
			"an empty part":                head + ".." + payload + "." + signature,
			"no payload":                   head + ".." + signature,
			"a dot before":                 "." + raw,
			"two tokens":                   raw + "," + raw,
			"JSON":                         fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, head, payload, signature),
			"in quotes":                    `"` + raw + `"`,
			"in upper case":                strings.ToUpper(raw),
			"two megabytes of itself":      strings.Repeat(raw, 2<<20/len(raw)),
		}
		for name, spelling := range spellings {
			if got := m.kindOf(t, spelling, typ); got != kindBadToken {
				t.Errorf("%s with %s: kind %d", typ, name, got)
			}
		}
	}
}

func cutToken(t testing.TB, raw string) (head, payload, signature string) {
	t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	return parts[0], parts[1], parts[2]
}

// What holds for verify holds for every call: no forged token gets past the access rule.
func TestNoForgedTokenPassesAnyAccessRule(t *testing.T) {
	f := newFixture(t)
	out := f.signUp("a@example.org")
	key := f.createKey(out, "pump")
	head, payload, _ := cutToken(t, out.RefreshToken)
	accessHead, _, accessSignature := cutToken(t, out.AccessToken)
	for name, token := range map[string]string{
		"without a signature":   head + "." + payload + ".",
		"alg none":              encode(`{"alg":"none"}`) + "." + payload + ".",
		"the other's signature": head + "." + payload + "." + accessSignature,
		"the other's header":    accessHead + "." + payload + "." + accessSignature,
		"a megabyte":            strings.Repeat("A", 1<<20),
		"a key's value":         key.Value,
	} {
		for _, route := range f.Routes() {
			method, path, _ := strings.Cut(route, " ")
			if strings.Contains(path, "{app}") || strings.HasPrefix(path, "/.well-known") || strings.HasPrefix(path, passkeyLoginPath) {
				continue // for which no token is needed
			}
			if got := f.do(method, strings.ReplaceAll(path, "{id}", key.ID), token, ""); got.status != 401 {
				t.Errorf("a token %s at %s: status %d", name, route, got.status)
			}
		}
	}
	if keys := f.do("GET", keysPath, out.RefreshToken, "").want(200); !strings.Contains(string(keys.body), `"disabled":false`) {
		t.Errorf("the keys are now %s", keys.body)
	}
}
