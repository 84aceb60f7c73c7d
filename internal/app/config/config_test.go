package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// theSettings compares what an operator decides.
var theSettings = cmpopts.IgnoreFields(Config{}, "LogTo", "Now", "Unknown")

// load reads the settings and checks them.
func load(args, environ []string) (Config, error) {
	c, err := Load(args, environ)
	if err == nil {
		_, err = c.Parse()
	}
	return c, err
}

func TestWithoutAnySettingTheDefaultsHold(t *testing.T) {
	t.Parallel()
	got, err := load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Defaults(), got, theSettings); diff != "" {
		t.Error(diff)
	}
}

func TestEverySettingHasAFlagAndAVariable(t *testing.T) {
	t.Parallel()
	want := Defaults()
	want.Addr, want.PublicURL, want.Data, want.AppID = ":9000", "https://keys.example.org", "/var/lib/latchkey", "my-app"
	want.Upstream, want.Registration, want.Anonymous, want.MinPassword = "https://services.example.org/base", "closed", "on", 15
	want.Database, want.Node = "postgres://latchkey@localhost/latchkey", "keys-1:8080"
	want.AlsoHosts = "192.168.1.5,http://keys.local:8080"
	want.Name, want.Language, want.Contact = "Keys of the house", "de", "mailto:ada@example.org"
	want.Adoption = "owners"
	want.PairingTime, want.StepUp = 5*time.Minute, 2*time.Hour
	want.Knocks, want.SessionTime = "off", 48*time.Hour
	want.DrainTime, want.AdminAddr = 15*time.Second, "127.0.0.1:9090"
	want.TrustedProxies, want.Log, want.LogLevel = "10.0.0.0/8, 2001:db8::/32", "json", "warn"
	want.HookNetworks = "10.1.0.0/16"
	want.Providers = writeProviders(t, `{"oauth2-google": {"client_ids": ["123.apps.googleusercontent.com"]}}`)
	values := map[string]string{
		"addr": want.Addr, "public-url": want.PublicURL, "also-host": want.AlsoHosts, "data": want.Data, "app-id": want.AppID,
		"database": want.Database.Reveal(), "node": want.Node,
		"upstream": want.Upstream, "registration": want.Registration, "anonymous": want.Anonymous, "adoption": want.Adoption, "providers": want.Providers, "min-password": "15", "pairing-time": "5m",
		"passwords": "on", "session-time": "48h",
		"knocks": want.Knocks, "step-up": "2h", "name": want.Name, "language": want.Language, "contact": want.Contact,
		"drain-time": "15s", "admin-addr": want.AdminAddr,
		"webhook-networks": want.HookNetworks,
		"trusted-proxies":  want.TrustedProxies, "log": want.Log, "log-level": want.LogLevel,
	}
	var args, environ []string
	(&Config{}).Flags().VisitAll(func(f *flag.Flag) {
		args = append(args, "--"+f.Name, values[f.Name])
		environ = append(environ, Variable(f.Name)+"="+values[f.Name])
	})
	for name, given := range map[string][2][]string{"by flag": {args, nil}, "by variable": {nil, environ}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(given[0], given[1])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, theSettings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What only several nodes need is told where running them is.
func TestTheDocumentsListEverySetting(t *testing.T) {
	t.Parallel()
	readme := testkit.ReadFile(t, "../../../README.md") + testkit.ReadFile(t, "../../../docs/operating.md")
	defaults := Defaults()
	defaults.Flags().VisitAll(func(f *flag.Flag) {
		row := fmt.Sprintf("| `--%s` | `%s` | ", f.Name, Variable(f.Name))
		if f.DefValue != "" {
			row += "`" + f.DefValue + "` |"
		}
		if !strings.Contains(readme, row) {
			t.Errorf("no row %s", row)
		}
	})
	for _, name := range []string{SessionKeysVariable, SessionKeysFileVariable, AccessKeysVariable, AccessKeysFileVariable, DatabaseFileVariable} {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("no %s", name)
		}
	}
}

func TestAFlagCountsMoreThanAVariableAndAVariableMoreThanTheDefault(t *testing.T) {
	t.Parallel()
	environ := []string{"LATCHKEY_APP_ID=from-variable", "LATCHKEY_MIN_PASSWORD=20", "LATCHKEY_LOG=", "PATH=/bin", "LATCHKEY_DATA=/data"}
	got, err := load([]string{"--app-id=from-flag", "-min-password", "30"}, environ)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.AppID, want.MinPassword, want.Data = "from-flag", 30, "/data"
	if diff := cmp.Diff(want, got, theSettings); diff != "" {
		t.Error(diff)
	}
}

func TestABadSettingIsNamedWithItsValueAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, tc := range []struct{ flag, value, allowed string }{
		{"addr", "8080", "HOST:PORT"},
		{"addr", "127.0.0.1", "HOST:PORT"},
		{"addr", "127.0.0.1:99999", "HOST:PORT"},
		{"addr", "127.0.0.1:http", "HOST:PORT"},
		{"public-url", "keys.example.org", "http or https URL"},
		{"public-url", "ftp://keys.example.org", "http or https URL"},
		{"public-url", "https://keys.example.org/path", "http or https URL"},
		{"public-url", "https://keys.example.org?x=1", "http or https URL"},
		{"public-url", "https://keys.example.org#x", "http or https URL"},
		{"public-url", "https://", "http or https URL"},
		{"public-url", "https://keys.example.org:99999", "http or https URL"},
		{"public-url", "https://keys.example.org\\@evil.example", "http or https URL"},
		{"also-host", "keys.example.org/path", "must be hosts"},
		{"also-host", "ftp://keys.example.org", "must be hosts"},
		{"also-host", "http://keys.example.org/path", "must be hosts"},
		{"also-host", "[fe80::1%eth0]", "a zone"},
		{"also-host", "a b", "must be hosts"},
		{"also-host", strings.Repeat("a,", 20) + "a", "at most 20"},
		{"app-id", "my app", "letters, digits"},
		{"name", strings.Repeat("ü", 61), "at most 60 characters"},
		{"name", "Keys\nBcc: eve@example.org", "control characters"},
		{"name", "Keys\u202egro.elpmaxe", "control characters"},
		{"language", "fr", "must be one of en, "},
		{"language", "en-XA", "must be one of en, "},
		{"contact", "ada@example.org", "mailto:ada@example.org"},
		{"contact", "http://example.org/help", "an https URL"},
		{"contact", "javascript:alert(1)", "an https URL"},
		{"contact", "mailto:ada", "an email address"},
		{"contact", "mailto:", "an email address"},
		{"contact", "https://", "an https URL"},
		{"contact", "https://a b", "an https URL"},
		{"node", "my node", "letters, digits"},
		{"node", "a~b", "letters, digits"},
		{"node", strings.Repeat("x", 65), "1 to 64"},
		{"app-id", "..", "letters, digits"},
		{"app-id", strings.Repeat("x", 65), "1 to 64"},
		{"upstream", "http://services.example.org", "https URL"},
		{"upstream", "http://127.0.0.1.example.org", "https URL"},
		{"upstream", "https://services.example.org/?x=1", "https URL"},
		{"upstream", "services.example.org", "https URL"},
		{"upstream", "unix:/run/services", "https URL"},
		{"registration", "maybe", "open or closed"},
		{"anonymous", "yes", "off or on"},
		{"adoption", "all", "operator or owners"},
		{"min-password", "5", "6 to 64"},
		{"min-password", "65", "6 to 64"},
		{"min-password", "eight", "6 to 64"},
		{"session-time", "59m", "1h to 1440h"},
		{"session-time", "1441h", "1h to 1440h"},
		{"session-time", "long", "1h to 1440h"},
		{"passwords", "maybe", "on or off"},
		{"step-up", "59s", "1m to 12h"},
		{"step-up", "13h", "1m to 12h"},
		{"step-up", "soon", "1m to 12h"},
		{"pairing-time", "999ms", "1s to 10m"},
		{"pairing-time", "11m", "1s to 10m"},
		{"pairing-time", "ten", "1s to 10m"},
		{"drain-time", "-1s", "0s to 60s"},
		{"drain-time", "2m", "0s to 60s"},
		{"drain-time", "soon", "0s to 60s"},
		{"admin-addr", ":9090", "with the host named"},
		{"admin-addr", "9090", "HOST:PORT"},
		{"admin-addr", "127.0.0.1:http", "HOST:PORT"},
		{"trusted-proxies", "10.0.0", "networks such as"},
		{"trusted-proxies", "fe80::1%eth0", "networks such as"},
		{"public-url", "http://[fe80::1%25eth0]", "a zone"},
		{"public-url", "http://[fe80::1%eth0]:8080", "a zone"},
		{"upstream", "https://[fe80::1%25eth0]", "a zone"},
		{"public-url", "https://keys..example.org", "http or https URL"},
		{"public-url", "https://1.2.3.400", "http or https URL"},
		{"trusted-proxies", "10.0.0.0/8,nginx", "networks such as"},
		{"webhook-networks", "10.0.0.0/8,ops", "networks such as"},
		{"log", "xml", "text or json"},
		{"log-level", "loud", "debug or info or warn or error"},
	} {
		t.Run(tc.flag+"="+tc.value, func(t *testing.T) {
			t.Parallel()
			_, err := load([]string{"--" + tc.flag, tc.value}, nil)
			testkit.WantSentence(t, err, "-"+tc.flag, fmt.Sprintf("%q", tc.value), tc.allowed)
			_, err = load(nil, []string{Variable(tc.flag) + "=" + tc.value})
			testkit.WantSentence(t, err, Variable(tc.flag), fmt.Sprintf("%q", tc.value), tc.allowed)
		})
	}
	for _, flagName := range []string{"public-url", "upstream", "also-host", "contact"} {
		t.Run(flagName+" with a password", func(t *testing.T) {
			t.Parallel()
			_, err := load([]string{"--" + flagName, "https://user:" + secret + "@example.org"}, nil)
			testkit.WantSentence(t, err, "--"+flagName, "https://user:xxxxx@example.org")
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

func TestAnEmptyFlagIsNoDefault(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"addr", "data", "app-id", "registration", "anonymous", "adoption", "passwords", "session-time", "min-password", "step-up", "pairing-time", "drain-time", "log-level"} {
		_, err := load([]string{"--" + name, ""}, nil)
		testkit.WantSentence(t, err, "-"+name)
	}
}

func TestAMistypedCommandLineIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"an unknown flag":        {[]string{"--adr", ":80"}, "-adr"},
		"a flag without a value": {[]string{"--addr"}, "-addr"},
		"an argument too many":   {[]string{"--addr", ":80", "now"}, `"now"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(tc.args, nil)
			testkit.WantSentence(t, err, tc.want, "latchkey help")
		})
	}
	if _, err := load([]string{"-h"}, nil); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}

func TestKeysComeFromOnePlaceAndAreNeverPrinted(t *testing.T) {
	t.Parallel()
	for variable, given := range map[string]func(Config) model.Secret{
		"LATCHKEY_SESSION_KEYS": func(c Config) model.Secret { return c.SessionKeys },
		"LATCHKEY_ACCESS_KEY":   func(c Config) model.Secret { return c.AccessKeys },
	} {
		keysComeFromOnePlace(t, variable, given)
	}
}

func keysComeFromOnePlace(t *testing.T, variable string, given func(Config) model.Secret) {
	t.Helper()
	const secret = "c2VjcmV0"
	cfg, err := load(nil, []string{variable + "=" + secret})
	if err != nil {
		t.Fatal(err)
	}
	if given(cfg).Reveal() != secret {
		t.Errorf("%s was not read", variable)
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("config", "keys", given(cfg))
	cfg.LogTo, cfg.Now = nil, nil
	encoded, err := json.Marshal(struct{ Keys any }{given(cfg)})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %s", cfg, cfg, cfg, logged.String(), encoded)
	if strings.Contains(printed, secret) {
		t.Errorf("printed: %s", printed)
	}
	_, err = load(nil, []string{variable + "=" + secret, variable + "_FILE=/run/keys"})
	testkit.WantSentence(t, err, variable+" ", variable+`_FILE is "/run/keys"`, "only one")
	if strings.Contains(err.Error(), secret) {
		t.Errorf("printed: %v", err)
	}
}

func TestVariablesThatAreNoSettingsAreNoticed(t *testing.T) {
	t.Parallel()
	cfg, err := load(nil, []string{
		"LATCHKEY_REGISTRATON=closed", "LATCHKEY_DATABASES=postgres://x", "LATCHKEY_LOG=json", "OTHER=1",
		// What Kubernetes sets for a service of the name "latchkey" or "latchkey-web".
		"LATCHKEY_SERVICE_HOST=10.1.2.3", "LATCHKEY_SERVICE_PORT=80", "LATCHKEY_PORT=tcp://10.1.2.3:80",
		"LATCHKEY_PORT_80_TCP_ADDR=10.1.2.3", "LATCHKEY_WEB_SERVICE_PORT_HTTP=80",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"LATCHKEY_DATABASES", "LATCHKEY_REGISTRATON"}, cfg.Unknown); diff != "" {
		t.Error(diff)
	}
}

func TestAVariableIsReadAsItWasMeantInAFile(t *testing.T) {
	t.Parallel()
	got, err := load(nil, []string{
		"\ufeffLATCHKEY_APP_ID=first\r", "LATCHKEY_DATA= /var/lib/latchkey \r", "LATCHKEY_MIN_PASSWORD=20\r\n", `LATCHKEY_PUBLIC_URL="https://keys.example.org"` + "\r",
		"LATCHKEY_LOG='json'", "LATCHKEY_ADMIN_ADDR=\r", "LATCHKEY_STEP_UP=\ufeff5m", "LATCHKEY_SESSION_KEYS=\"AAAA\"\r", "LATCHKEY_ACCESS_KEY_FILE= /run/pem\r", "LATCHKEY_SMTP=\"smtp://localhost?from=a@example.org\"\r",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.AppID, want.Data, want.MinPassword, want.PublicURL, want.Log = "first", "/var/lib/latchkey", 20, "https://keys.example.org", "json"
	want.StepUp = 5 * time.Minute
	want.SessionKeys, want.AccessKeysFile, want.SMTP = "AAAA", "/run/pem", "smtp://localhost?from=a@example.org"
	if diff := cmp.Diff(want, got, theSettings); diff != "" {
		t.Error(diff)
	}
}

func TestAPathThatNoShellHasCompletedIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"~/data", "~", "~latchkey/data", "$HOME/data", "${HOME}/data", "%USERPROFILE%/data", "%h/data"} {
		c := Defaults()
		c.Data = path
		_, err := c.Parse()
		testkit.WantSentence(t, err, "--data (LATCHKEY_DATA)", path, "whole path")
	}
	for _, path := range []string{"./~data", "data~", "/srv/$data", "100%"} {
		c := Defaults()
		c.Data = path
		if _, err := c.Parse(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
