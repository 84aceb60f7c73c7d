package clienttest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// lieVariable makes this test binary run the suite on a server that lies.
const lieVariable = "CLIENTTEST_LIE"

func memoryTarget(t *testing.T, lie string) Target {
	t.Helper()
	m := newMemory(lie)
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	m.url = server.URL
	return Target{
		BaseURL: server.URL, AppID: memoryApp, Anonymous: true, Strict: true, CustomToken: memoryToken, Audience: memoryAudience,
	}
}

func TestTheSuiteAcceptsAFaithfulServer(t *testing.T) {
	lie := os.Getenv(lieVariable)
	target := memoryTarget(t, lie)
	if lie == "" {
		t.Run("when less is promised", func(t *testing.T) {
			relaxed := target
			relaxed.Anonymous, relaxed.Strict, relaxed.CustomToken, relaxed.Audience = false, false, nil, ""
			Run(t, relaxed)
		})
	}
	Run(t, target)
}

// A server need not have the calls that are Latchkey's own, whatever it says
// of a path that it does not know.
func TestTheSuiteAcceptsAServerWithoutCallsOfOurOwn(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"404 as text":   http.NotFound,
		"401 as a page": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusUnauthorized) },
		"403 unsaid":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"a start page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>welcome") },
		"a redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory("")
			mux := http.NewServeMux()
			mux.Handle("/", m)
			mux.HandleFunc(ownRoot+"/", answer)
			server := httptest.NewServer(mux)
			defer server.Close()
			m.url = server.URL
			s := newSuite(Target{BaseURL: server.URL, AppID: memoryApp})
			s.testFacts(t)
			s.testExpiry(t)
			s.testAuthSessions(t)
			s.testPasswords(t)
		})
	}
}

// TestTheSuiteNoticesEveryLie is what makes a passing suite worth something. A
// test cannot fail without failing its parents, so each liar gets a process.
func TestTheSuiteNoticesEveryLie(t *testing.T) {
	if os.Getenv(lieVariable) != "" {
		return
	}
	for lie, noticedBy := range map[string]string{
		"401 for strangers":           "strangers",
		"400 for odd ids":             "keys",
		"21 keys":                     "key_limit",
		"a charset":                   "location",
		"a type on empty answers":     "accounts",
		"another session reissued":    "auth_sessions",
		"any current password":        "passwords",
		"any name":                    "key_names",
		"any signature":               "signed_tokens",
		"a new user for each token":   "signed_tokens",
		"any token will do":           "tokens",
		"anybody ends sessions":       "auth_sessions",
		"case is no matter":           "passwords",
		"dates on keys":               "keys",
		"devices change passwords":    "passwords",
		"devices end sessions":        "auth_sessions",
		"email without case":          "accounts",
		"ended sessions live":         "auth_sessions",
		"errors without CORS":         "browsers",
		"any expiry":                  "key_expiry",
		"anybody ends keys":           "key_expiry",
		"no expiry":                   "key_expiry",
		"no expiry told":              "key_expiry",
		"facts for devices":           "key_facts",
		"facts of others":             "key_facts",
		"foreign keys":                "keys",
		"fractions of seconds":        "tokens",
		"keys manage keys":            "strangers",
		"linked users are others":     "linking",
		"linking what is in use":      "linking",
		"linking with a key":          "linking",
		"401 for what is linked":      "linking",
		"long passwords":              "accounts",
		"names without case":          "key_names",
		"new devices":                 "devices",
		"new value when on again":     "key_sign-in",
		"newest first":                "keys",
		"no DELETE for browsers":      "browsers",
		"no facts":                    "key_facts",
		"no list of sessions":         "auth_sessions",
		"no sign-out":                 "sessions",
		"no proofs":                   "passwords",
		"no refusals told":            "key_facts",
		"no uses told":                "key_facts",
		"off ended nothing":           "key_facts",
		"off still when on":           "key_facts",
		"access nobody had":           "key_facts",
		"null links":                  "keys",
		"off keys sign in":            "key_sign-in",
		"off only once":               "keys",
		"other fingerprints":          "key_facts",
		"others are all":              "auth_sessions",
		"others are this one too":     "auth_sessions",
		"sessions of others":          "auth_sessions",
		"sessions outlive keys":       "key_sign-in",
		"sessions outlive passwords":  "passwords",
		"sessions without their keys": "auth_sessions",
		"short new passwords":         "passwords",
		"words of others":             "key_facts",
		"words without a shape":       "key_facts",
		"the last use is the first":   "key_facts",
		"tokens by default":           "service_tokens",
		"tokens of ended sessions":    "service_tokens",
		"tokens that open":            "service_tokens",
		"unknown users told":          "accounts",
		"values in facts":             "key_facts",
		"values in lists":             "keys",
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheSuiteAcceptsAFaithfulServer$")
			cmd.Env = append(os.Environ(), lieVariable+"="+lie)
			output, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("the suite noticed nothing")
			}
			if groups := failedGroups(string(output)); !slices.Contains(groups, noticedBy) {
				t.Errorf("noticed by %v, want %s\n%s", groups, noticedBy, firstLines(string(output)))
			}
		})
	}
}

var failedGroup = regexp.MustCompile(`(?m)^    --- FAIL: TestTheSuiteAcceptsAFaithfulServer/(\S+)`)

// failedGroups returns the tests of Run that failed.
func failedGroups(output string) []string {
	var groups []string
	for _, match := range failedGroup.FindAllStringSubmatch(output, -1) {
		groups = append(groups, match[1])
	}
	return groups
}

func firstLines(output string) string {
	lines := strings.Split(output, "\n")
	return strings.Join(lines[:min(len(lines), 20)], "\n")
}
