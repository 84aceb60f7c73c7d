package app

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// module is the import path of the repository's root.
const module = "latchkey"

// mayImport says which package may import which others of this project. Arrows point down only, and the dashboard meets the two
// tenants behind its interface, accounts and upstream, in package app alone: so it talks to the keys in one way, wherever they are.
func mayImport() map[string][]string {
	return map[string][]string{
		".": {"internal/app"},

		"client":                       nil,
		"client/clienttest":            {"client"},
		"handlers":                     {"handlers/websession", "internal/apidoc", "internal/lang", "internal/limits", "internal/model", "internal/onboard", "static", "views"}, // limits: places of streams, files and long lists
		"handlers/servicetest":         {"handlers", "internal/model", "internal/testkit"},
		"handlers/websession":          {"internal/model"},
		"internal/accounts":            {"internal/lang", "internal/lang/times", "internal/limits", "internal/model", "internal/passkeys", "internal/store"},
		"internal/apidoc":              nil,
		"internal/apidoc/apidoctest":   {"internal/apidoc"},
		"internal/app":                 {"client", "handlers", "handlers/websession", "internal/accounts", "internal/app/config", "internal/app/doctor", "internal/app/hooks", "internal/app/listen", "internal/app/mail", "internal/app/operate", "internal/app/pair", "internal/app/texts", "internal/app/weburl", "internal/authserver", "internal/fileowner", "internal/idtokens", "internal/lang", "internal/limits", "internal/model", "internal/onboard", "internal/openid", "internal/store", "internal/upstream", "static", "views"}, // limits: whom the counts are shared with
		"internal/app/config":          {"internal/app/weburl", "internal/idtokens", "internal/lang", "internal/model", "internal/openid"},
		"internal/app/doctor":          {"internal/app/newfile", "internal/app/texts", "internal/app/weburl", "internal/model"},
		"internal/app/hooks":           {"internal/accounts", "internal/model"},
		"internal/app/listen":          nil,
		"internal/app/mail":            {"internal/accounts", "internal/app/weburl", "internal/model"},
		"internal/app/newfile":         nil,
		"internal/app/operate":         {"internal/accounts", "internal/app/newfile", "internal/app/texts", "internal/model", "internal/store"},
		"internal/app/pair":            {"internal/app/newfile", "internal/app/weburl", "internal/model", "internal/onboard"},
		"internal/app/texts":           nil,
		"internal/app/weburl":          nil,
		"internal/authserver":          {"internal/accounts", "internal/limits", "internal/model"},
		"internal/fileowner":           nil,
		"internal/idtokens":            {"internal/model"},
		"internal/lang":                {"views/locales"},
		"internal/lang/times":          {"internal/lang"},
		"internal/limits":              nil,
		"internal/model":               nil,
		"internal/onboard":             {"internal/limits", "internal/model"},
		"internal/onboard/onboardtest": {"internal/model", "internal/onboard", "internal/testkit"},
		"internal/passkeys":            {"internal/model"},
		"internal/openid":              {"internal/idtokens", "internal/model"},
		"internal/store":               {"internal/fileowner", "internal/model"},
		"internal/store/pgtest":        nil,
		"internal/store/storetest":     {"internal/model", "internal/store", "internal/testkit"},
		"internal/testkit":             {"internal/model", "internal/store", "internal/store/pgtest"},
		"internal/upstream":            {"client", "internal/model"},
		"static":                       nil,
		"views":                        {"internal/lang", "internal/lang/times", "static"},
		"views/locales":                nil,

		"e2e/story":    {"client", "internal/app", "internal/app/config", "internal/model", "internal/testkit"},
		"e2e/accounts": nil, // stories are tests, here and below
		"e2e/devices":  nil,
		"e2e/faults":   nil,
		"e2e/firefox":  nil,
		"e2e/keys":     nil,
		"e2e/looks":    nil,
	}
}

// theTestkit and theTestServer are what all tests may import but those of the client, which stands by itself, and no package that is in
// the program.
const (
	theTestkit    = "internal/testkit"
	theTestServer = "internal/store/pgtest"
)

// testsMayImport is what the tests of a package may import beyond that and the test kit, where it is anything.
func testsMayImport() map[string][]string {
	return map[string][]string{
		"client":               {"client/clienttest"},
		"handlers":             {"client", "internal/accounts", "internal/apidoc/apidoctest", "internal/authserver", "internal/onboard/onboardtest", "internal/openid", "internal/store", "internal/upstream"}, // the real thing is the best fake
		"internal/accounts":    {"handlers", "handlers/servicetest", "internal/openid"},
		"internal/app":         {"client/clienttest", "internal/onboard/onboardtest"},
		"internal/app/mail":    {"internal/app/config"},
		"internal/app/operate": {"internal/app/config"},
		"internal/apidoc":      {"internal/apidoc/apidoctest"},
		"internal/authserver":  {"client", "client/clienttest", "internal/apidoc", "internal/apidoc/apidoctest", "internal/idtokens", "internal/store"},
		"internal/onboard":     {"internal/onboard/onboardtest"},
		"internal/store":       {"internal/onboard", "internal/onboard/onboardtest", "internal/store/storetest"},
		"internal/upstream":    {"handlers", "handlers/servicetest", "internal/accounts", "internal/authserver", "internal/store"},
		"views":                {"internal/onboard"}, // the texts of whose snippets are compared

		"e2e/accounts": {"client", "e2e/story", "internal/app", "internal/app/config", "internal/lang", "internal/model", "internal/store", "views"},
		"e2e/devices":  {"client", "e2e/story", "internal/app", "internal/app/config"},
		"e2e/faults":   {"client", "e2e/story", "internal/app", "internal/app/config"},
		"e2e/firefox":  {"client", "e2e/story"},
		"e2e/keys":     {"client", "e2e/story", "internal/app", "internal/app/config", "internal/model", "internal/onboard/onboardtest"}, // model: the words of a value
		"e2e/looks":    {"client", "e2e/story", "internal/app", "internal/app/config"},
	}
}

// onlyIn says where else a dependency may be imported, tests aside.
func onlyIn() map[string][]string {
	return map[string][]string{
		"github.com/labstack/echo/v4": {"handlers"},
		"github.com/gorilla/sessions": {"handlers/websession"},
		"github.com/a-h/templ":        {"handlers", "views"},
		"database/sql":                {"internal/store", "internal/store/storetest"},
		"modernc.org/sqlite":          {"internal/store"},
		"github.com/jackc/pgx/v5":     {"internal/store", "internal/store/pgtest"},
		"github.com/wneessen/go-mail": {"internal/app/mail"},
		"golang.org/x/term":           {"internal/app", "internal/app/operate"},
		"golang.org/x/oauth2":         {"internal/openid"},

		"golang.org/x/text/language":       {"internal/lang"},
		"golang.org/x/text/feature/plural": {"internal/lang"},

		"github.com/gosimple/unidecode": {"internal/model"},

		"github.com/go-webauthn/webauthn/webauthn":              {"internal/passkeys"},
		"github.com/go-webauthn/webauthn/protocol":              {"internal/passkeys"},
		"github.com/go-webauthn/webauthn/protocol/webauthncose": {"internal/passkeys"},

		"github.com/VictoriaMetrics/metrics": {"internal/app"},
		"github.com/andybalholm/brotli":      {"static"},

		"github.com/getkin/kin-openapi/openapi3":       {"internal/apidoc/apidoctest"},
		"github.com/getkin/kin-openapi/openapi3filter": {"internal/apidoc/apidoctest"},
		"github.com/getkin/kin-openapi/routers":        {"internal/apidoc/apidoctest"},
	}
}

// goPackage is what "go list -json" says of a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// name is the package's path in the repository.
func (p goPackage) name() string { return nameOf(p.ImportPath) }

func nameOf(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	table, forTests := mayImport(), testsMayImport()
	seen := map[string]bool{}
	for _, p := range packages(t) {
		seen[p.name()] = true
		allowed, ok := table[p.name()]
		if !ok {
			t.Errorf("package %s is not in the table", p.name())
			continue
		}
		for _, path := range p.Imports {
			if ours(path) && !slices.Contains(allowed, nameOf(path)) {
				t.Errorf("%s may not import %s", p.name(), path)
			}
		}
		allowed = append(append(allowed, forTests[p.name()]...), p.name())
		if !strings.HasPrefix(p.name(), "client") {
			allowed = append(allowed, theTestkit, theTestServer)
		}
		for _, path := range append(p.TestImports, p.XTestImports...) {
			if ours(path) && !slices.Contains(allowed, nameOf(path)) {
				t.Errorf("tests of %s may not import %s", p.name(), path)
			}
		}
	}
	for name := range table {
		if !seen[name] && name != "e2e" && !strings.HasSuffix(name, "test") { // packages of tests alone
			t.Errorf("the table has %s, and the repository has not", name)
		}
	}
}

func TestDependenciesStayInTheirPackages(t *testing.T) {
	t.Parallel()
	places := onlyIn()
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			if p.name() == "client" && (strings.Contains(path, ".") || ours(path)) {
				t.Errorf("client imports %s, and may import the standard library only", path)
			}
			if allowed, ok := places[path]; ok && !slices.Contains(allowed, p.name()) {
				t.Errorf("%s imports %s, which only %v may", p.name(), path, allowed)
			}
		}
	}
}

func TestTheTestkitIsInNoProgram(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		forTests := strings.HasSuffix(p.name(), "test") || p.name() == "e2e/story" || p.name() == theTestkit
		for _, support := range []string{theTestkit, theTestServer} {
			if !forTests && slices.Contains(p.Imports, module+"/"+support) {
				t.Errorf("%s imports %s, which only tests and what supports them may", p.name(), support)
			}
		}
	}
}

func TestViewsDoNoInputOrOutput(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			if p.name() == "views" && (path == "os" || path == "net" || path == "net/http" || path == "database/sql") {
				t.Errorf("views imports %s", path)
			}
		}
	}
}
