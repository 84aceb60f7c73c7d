package app

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// recipes is what docs/tokens.md tells of receivers, by their headings.
func recipes(t *testing.T) map[string]string {
	t.Helper()
	_, text, found := strings.Cut(testkit.ReadFile(t, "../../docs/tokens.md"), "\n## Recipes\n")
	if !found {
		t.Fatal("docs/tokens.md has no recipes")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	sections := map[string]string{}
	for _, section := range strings.Split(text, "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = body
	}
	return sections
}

// blocks are those of one language in a recipe.
func blocks(recipe, language string) (all []string) {
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(recipe, -1) {
		all = append(all, match[1])
	}
	return all
}

// kitchen is the program with the services of all recipes, as the page has them.
type kitchen struct {
	*stage
	recipes map[string]string
	person  tokens // of an account that is signed in
	old     string // a token for the Go service that has expired
}

func newKitchen(t *testing.T) *kitchen {
	t.Helper()
	k := &kitchen{recipes: recipes(t)}
	services := map[string]json.RawMessage{}
	for name, recipe := range k.recipes {
		files := blocks(recipe, "json")
		if len(files) == 0 {
			t.Fatalf("%s has no file", name)
		}
		maps.Copy(services, decoded[map[string]json.RawMessage](t, files[0]))
	}
	file, err := json.Marshal(services)
	if err != nil {
		t.Fatal(err)
	}
	var behind atomic.Int64
	behind.Store(int64(2 * time.Hour))
	k.stage = newStageWith(t, func(cfg *config.Config) {
		cfg.Audiences = filepath.Join(t.TempDir(), "audiences.json")
		testkit.WriteFile(t, cfg.Audiences, string(file), 0o600)
		cfg.Now = func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) }
	})
	_, email := k.user()
	signIn := func() {
		k.person = k.signIn("local-userpass", map[string]string{"username": email, "password": account.Get("password")})
	}
	signIn()
	k.old = k.token("orders")
	behind.Store(0)
	signIn()
	return k
}

func decoded[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

func (k *kitchen) token(audience string) string {
	k.t.Helper()
	return k.exchanged(asking(k.person.Access, "audience", audience))
}

// What all of them ask for: RFC 7519 and 7517, a key that is found by its id, and times that are whole seconds.
func TestTokensKeepTheRulesOfEveryReceiver(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	set := k.keySet()
	for receiver, rules := range map[string]func(claims map[string]any) bool{
		// docs.powersync.com/configuration/auth/custom: aud, sub, and exp at most 24 hours after iat (formerly 60 minutes).
		"powersync": func(claims map[string]any) bool {
			aud := regexp.MustCompile(`audience: \["(.*)"\]`).FindStringSubmatch(k.recipes["PowerSync"])
			return claims["aud"] == aud[1] && claims["exp"].(float64)-claims["iat"].(float64) <= 3600
		},
		// supabase.com/docs/guides/auth/third-party/custom-oidc: an asymmetric key, a kid, and a role of Postgres.
		"supabase": func(claims map[string]any) bool { return claims["role"] == "authenticated" },
		// docs.postgrest.org/en/v13/references/auth.html: aud is a text that equals jwt-aud, role is a text, no time is ahead.
		"postgrest": func(claims map[string]any) bool {
			aud := regexp.MustCompile(`(?m)^jwt-aud = "(.*)"$`).FindStringSubmatch(k.recipes["PostgREST"])
			return claims["aud"] == aud[1] && claims["role"] == "app_user" && claims["nbf"] == nil
		},
		// hasura.io/docs/latest/auth/authentication/jwt: aud and iss as configured; what the map names must be texts.
		"hasura": func(claims map[string]any) bool {
			secret := decoded[struct {
				JWKs     string `json:"jwk_url"`
				Audience string
				Issuer   string
				Map      map[string]any `json:"claims_map"`
			}](t, blocks(k.recipes["Hasura"], "json")[1])
			user, ok := claims[strings.TrimPrefix(secret.Map["x-hasura-user-id"].(map[string]any)["path"].(string), "$.")].(string)
			role, roles := secret.Map["x-hasura-default-role"], secret.Map["x-hasura-allowed-roles"].([]any)
			return claims["aud"] == secret.Audience && ok && user == k.person.UserID && slices.Contains(roles, role) &&
				secret.JWKs == secret.Issuer+"/.well-known/jwks.json"
		},
		"orders": func(claims map[string]any) bool { return claims["aud"] == "https://orders.example.org" },
		"ditto":  func(claims map[string]any) bool { return claims["aud"] == "ditto" },
	} {
		token := k.token(receiver)
		header, claims := k.opened(token)
		keys := set.Key(header.KeyID)
		if header.Algorithm != "ES256" || len(keys) != 1 || keys[0].Algorithm != "ES256" || keys[0].Use != "sig" {
			t.Errorf("%s: the header is %+v, of the keys %d have its kid", receiver, header, len(keys))
		}
		now := float64(time.Now().Unix())
		if claims["iss"] != k.URL() || claims["sub"] != k.person.UserID || claims["iat"].(float64) > now || claims["exp"].(float64) <= now || !rules(claims) {
			t.Errorf("%s: the claims are %v", receiver, claims)
		}
		if len(token) > 2000 {
			t.Errorf("%s: the token has %d characters", receiver, len(token))
		}
	}
}

// It is how Supabase finds the keys, and every program that has OpenID Connect from a library.
func TestALibraryFindsTheIssuerByItsAddress(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	provider, err := oidc.NewProvider(t.Context(), k.URL())
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: "authenticated"})
	token, err := verifier.Verify(t.Context(), k.token("supabase"))
	if err != nil || token.Subject != k.person.UserID {
		t.Errorf("%v, %v", token, err)
	}
	for name, raw := range map[string]string{"another service's": k.token("hasura"), "an access token": k.person.Access} {
		if _, err := verifier.Verify(t.Context(), raw); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := oidc.NewProvider(t.Context(), strings.Replace(k.URL(), "127.0.0.1", "localhost", 1)); err == nil {
		t.Error("an issuer that is in no token is found")
	}
}

// built is the program of a recipe, compiled with what this repository is compiled with.
func (k *kitchen) built(recipe string) string {
	k.t.Helper()
	programs := blocks(k.recipes[recipe], "go")
	if len(programs) != 1 {
		k.t.Fatalf("%s has %d programs", recipe, len(programs))
	}
	dir := k.t.TempDir()
	module := strings.Replace(testkit.ReadFile(k.t, "../../go.mod"), "module latchkey", "module recipe", 1)
	for name, content := range map[string]string{"main.go": programs[0], "go.mod": module, "go.sum": testkit.ReadFile(k.t, "../../go.sum")} {
		testkit.WriteFile(k.t, filepath.Join(dir, name), content, 0o600)
	}
	for _, args := range [][]string{{"vet", "."}, {"build", "-o", "recipe", "."}} {
		cmd := exec.CommandContext(k.t.Context(), "go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOPROXY=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			k.t.Fatalf("%s: go %s: %v\n%s", recipe, args[0], err, out)
		}
	}
	return filepath.Join(dir, "recipe")
}

// wrong are tokens that a service must not take.
func (k *kitchen) wrong(right string) map[string]string {
	k.t.Helper()
	head, rest, _ := strings.Cut(right, ".")
	_, signature, _ := strings.Cut(rest, ".")
	_, other, _ := strings.Cut(k.token("hasura"), ".")
	claims, _, _ := strings.Cut(other, ".")
	return map[string]string{
		"another service's": k.token("hasura"), "one that has expired": k.old, "an access token": k.person.Access,
		"a refresh token": k.person.Refresh, "other claims under its signature": head + "." + claims + "." + signature, "no token": "x",
	}
}

func TestTheGoServiceOfTheDocumentsTakesItsTokensAlone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a program")
	}
	k := newKitchen(t)
	service := k.built("Any Go service")
	ask := func(token string) (string, error) {
		out, err := exec.CommandContext(t.Context(), service, k.URL(), "https://orders.example.org", token).Output()
		return strings.TrimSpace(string(out)), err
	}
	right := k.token("orders")
	if got, err := ask(right); err != nil || got != k.person.UserID {
		t.Errorf("%q, %v", got, err)
	}
	for name, token := range k.wrong(right) {
		if got, err := ask(token); err == nil || got != "" {
			t.Errorf("%s: it prints %q, %v", name, got, err)
		}
	}
}

// The body and the answer are those of docs.ditto.live/sdk/latest/auth-and-authorization.
func TestTheWebhookOfTheDocumentsAnswersAsDittoAsks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a program")
	}
	k := newKitchen(t)
	at := "127.0.0.1:" + freePort(t)
	webhook := exec.CommandContext(t.Context(), k.built("Ditto"), at, k.URL())
	webhook.Stderr = t.Output()
	if err := webhook.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = webhook.Process.Kill(); _ = webhook.Wait() })
	awaitListener(t, at)
	ask := func(token string) map[string]any {
		body, err := json.Marshal(map[string]string{"databaseID": "7b8d", "version": "1", "provider": "latchkey", "token": token})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+"/", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		got := do(t, k.visitor, req)
		if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d %v", got.Status, got.Header)
		}
		return decoded[map[string]any](t, got.Body)
	}
	right := k.token("ditto")
	answer := ask(right)
	if left, _ := answer["expirationSeconds"].(float64); left < 3500 || left > 3600 || left != float64(int(left)) {
		t.Errorf("it is for %v s", left)
	}
	delete(answer, "expirationSeconds")
	mine := map[string]any{"everything": false, "queriesByCollection": map[string]any{"notes": []any{"_id.owner == '" + k.person.UserID + "'"}}}
	want := map[string]any{"authenticated": true, "userID": k.person.UserID, "permissions": map[string]any{"read": mine, "write": mine}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, token := range k.wrong(right) {
		if diff := cmp.Diff(map[string]any{"authenticated": false}, ask(token)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// awaitListener waits for a program of another process to listen.
func awaitListener(t *testing.T, at string) {
	t.Helper()
	for patience := time.Now().Add(time.Minute); time.Now().Before(patience); time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", at)
		if err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatal("nobody listens")
}
