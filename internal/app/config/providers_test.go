package config

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/idtokens"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// anyKey takes a while to find.
var anyKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// writeProviders writes the file of --providers, beside those that it may name.
func writeProviders(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	key, err := anyKey()
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"providers.json": content,
		"secret":         strings.Repeat("s", 32) + "\n",
		"short":          strings.Repeat("s", 31) + "\n",
		"long":           strings.Repeat("s", 513),
		"public.pem":     string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"private.pem":    string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "providers.json")
}

func providers(t *testing.T, content string, more ...string) (Providers, error) {
	t.Helper()
	c, err := Load(append([]string{"--app-id", "myapp-abcde", "--providers", writeProviders(t, content)}, more...), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Parse()
	return s.Providers, err
}

func TestAFileNamesTheProvidersWhoseTokensAreTaken(t *testing.T) {
	t.Parallel()
	got, err := providers(t, "\ufeff"+`{
		"custom-token": { "algorithm": "RS256", "jwks": "https://id.example.org/jwks.json?p=sign-in", "issuer": "https://id.example.org/",
			"audience": ["one", "two"], "audience_match": "all", "new_users": true,
			"data": [{"claim": "profile.full_name", "field": "name", "required": true}, {"claim": "id\\.example\\.org/role"}] },
		"oauth2-google": { "client_ids": ["123.apps.googleusercontent.com"] },
		"oauth2-apple":  { "client_ids": ["org.example.app"], "new_users": true } }`, "--registration", "closed")
	if err != nil {
		t.Fatal(err)
	}
	want := Providers{
		Tokens: []idtokens.Provider{
			{
				Name: model.ProviderCustomToken, KeySet: "https://id.example.org/jwks.json?p=sign-in", Issuers: []string{"https://id.example.org/"},
				Audience: []string{"one", "two"}, AllAudiences: true,
				Data: []idtokens.Claim{{Path: []string{"profile", "full_name"}, Field: "name", Required: true}, {Path: []string{"id.example.org/role"}, Field: "id.example.org/role"}},
			},
			{
				Name: model.ProviderGoogle, KeySet: googleKeys, Issuers: []string{"accounts.google.com", "https://accounts.google.com"},
				Audience: []string{"123.apps.googleusercontent.com"}, Party: true,
			},
			{Name: model.ProviderApple, KeySet: appleKeys, Issuers: []string{"https://appleid.apple.com"}, Audience: []string{"org.example.app"}},
		},
		NewUsers: map[string]bool{model.ProviderCustomToken: true, model.ProviderGoogle: false, model.ProviderApple: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFilesOfKeysAreBesideTheFileThatNamesThem(t *testing.T) {
	t.Parallel()
	got, err := providers(t, `{"custom-token": {"algorithm": "HS256", "secret_files": ["secret"]}}`)
	if err != nil {
		t.Fatal(err)
	}
	one := got.Tokens[0]
	if len(one.Secrets) != 1 || one.Secrets[0].Reveal() != strings.Repeat("s", 32) || !got.NewUsers[model.ProviderCustomToken] || len(got.SecretFiles) != 1 {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]string{"myapp-abcde"}, one.Audience); diff != "" {
		t.Error("the audience is not the app: " + diff)
	}
	got, err = providers(t, `{"custom-token": {"algorithm": "RS256", "public_key_files": ["public.pem"]}}`)
	if err != nil || len(got.Tokens[0].PublicKeys) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAFileOfProvidersThatCannotBeIsRefusedInASentence(t *testing.T) {
	t.Parallel()
	const hidden = "dOnTtElLaNyBoDyThIsSeCrEtOfOuRs/0123456789=" // which could be a path
	custom := func(text string) string { return `{"custom-token": {` + text + `}}` }
	for what, tc := range map[string]struct{ content, why string }{
		"no JSON":                  {`{"custom-token": `, "no JSON at byte 17"},
		"a list":                   {`[]`, "must be a JSON object"},
		"null":                     {`null`, "must be a JSON object"},
		"nothing":                  {`{}`, "names no provider"},
		"another provider":         {`{"oauth2-facebook": {"client_ids": ["x"]}}`, `"oauth2-facebook", which is no provider`},
		"an unknown field":         {`{"oauth2-google": {"client_ids": ["x"], "domains": ["y"]}}`, `oauth2-google: has the field "domains"`},
		"a secret in it":           {custom(`"algorithm": "HS256", "secret": "` + hidden + `"`), "does not belong in this file"},
		"a secret for a file":      {custom(`"algorithm": "HS256", "secret_files": ["` + hidden + `"]`), `file 1 of secret_files: cannot be read`},
		"not filled in":            {custom(`"algorithm": "HS256", "secret_files": ["FILL IN"]`), `custom-token: secret_files still says "FILL IN"`},
		"another type":             {custom(`"algorithm": "HS256", "secret_files": "secret"`), "secret_files must not be a JSON string"},
		"no algorithm":             {custom(`"jwks": "https://id.example.org"`), "must be HS256 or RS256"},
		"none":                     {custom(`"algorithm": "none", "jwks": "https://id.example.org"`), "must be HS256 or RS256"},
		"no key":                   {custom(`"algorithm": "RS256"`), "either public_key_files or jwks"},
		"both kinds of keys":       {custom(`"algorithm": "RS256", "jwks": "https://id.example.org", "secret_files": ["secret"]`), "no secret_files"},
		"two sources":              {custom(`"algorithm": "RS256", "jwks": "https://id.example.org", "public_key_files": ["public.pem"]`), "either"},
		"public keys as secrets":   {custom(`"algorithm": "HS256", "public_key_files": ["public.pem"]`), "secret_files, and neither"},
		"four secrets":             {custom(`"algorithm": "HS256", "secret_files": ["secret", "secret", "secret", "secret"]`), "at most 3"},
		"a file that is not there": {custom(`"algorithm": "HS256", "secret_files": ["secret", "gone.txt"]`), `file 2 of secret_files: cannot be read`},
		"a short secret":           {custom(`"algorithm": "HS256", "secret_files": ["short"]`), "has 31 characters"},
		"a long secret":            {custom(`"algorithm": "HS256", "secret_files": ["long"]`), "has 513 characters"},
		"no PEM":                   {custom(`"algorithm": "RS256", "public_key_files": ["secret"]`), "no PEM"},
		"a private key":            {custom(`"algorithm": "RS256", "public_key_files": ["private.pem"]`), "must have a public key"},
		"plain http":               {custom(`"algorithm": "RS256", "jwks": "http://id.example.org/jwks.json"`), "https URL"},
		"no URL":                   {custom(`"algorithm": "RS256", "jwks": "id.example.org"`), "https URL"},
		"a file URL":               {custom(`"algorithm": "RS256", "jwks": "file:///etc/passwd"`), "https URL"},
		"a user in the URL":        {custom(`"algorithm": "RS256", "jwks": "https://u:` + hidden + `@id.example.org"`), "https URL"},
		"no audience":              {custom(`"algorithm": "RS256", "jwks": "https://id.example.org", "audience": []`), "audience must be a list"},
		"another match":            {custom(`"algorithm": "RS256", "jwks": "https://id.example.org", "audience_match": "some"`), "any or all"},
		"an empty claim":           {custom(`"algorithm": "RS256", "jwks": "https://id.example.org", "data": [{"claim": "a..b"}]`), `"a..b"`},
		"a field twice":            {custom(`"algorithm": "RS256", "jwks": "https://id.example.org", "data": [{"claim": "a"}, {"claim": "b", "field": "a"}]`), `"a" twice`},
		"no client":                {`{"oauth2-apple": {}}`, "client_ids must be a list"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := providers(t, tc.content)
			testkit.WantSentence(t, err, "--providers (LATCHKEY_PROVIDERS)", tc.why)
			if err != nil && strings.Contains(err.Error(), hidden) {
				t.Errorf("the secret is in %q", err)
			}
		})
	}
	_, err := load([]string{"--providers", "/no/such/file.json"}, nil)
	testkit.WantSentence(t, err, `"/no/such/file.json"`, "cannot be read")
}

// The example is the one of the documents.
func TestTheDocumentedFileOfProvidersCanBeRead(t *testing.T) {
	t.Parallel()
	_, document, found := strings.Cut(testkit.ReadFile(t, "../../../docs/operating.md"), "providers.json")
	_, document, there := strings.Cut(document, "```json\n")
	example, _, ends := strings.Cut(document, "```")
	if !found || !there || !ends || !json.Valid([]byte(example)) {
		t.Fatal("docs/operating.md has no example of a providers.json")
	}
	got, err := providers(t, example)
	if err != nil || len(got.Tokens) != 3 {
		t.Errorf("got %d providers, %v", len(got.Tokens), err)
	}
}
