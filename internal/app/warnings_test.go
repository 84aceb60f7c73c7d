package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/app/operate"
)

func TestAWarningIsInTheLogOnceUntilItWasOver(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Unix(1_800_000_000, 0)
	w := newWarnings(func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	for range 1000 {
		w.raise(warnMail, "no mail gets through", "reason", strings.Repeat("é", 5000))
		now = now.Add(time.Second)
	}
	w.settle(warnMail, "email is delivered again")
	w.settle(warnMail, "email is delivered again")
	w.settle(warnClock, "never was")
	w.raise(warnMail, "no mail gets through")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "again") || strings.Contains(log.String(), "never was") {
		t.Errorf("%d lines: %.500s", len(lines), log.String())
	}
	for _, one := range w.all() {
		want := map[warningKind]uint64{warnMail: 1001}[warningKind(one.Kind)]
		if one.Times != want || len(one.Text) > maxWarning+len("…") || one.Kind == string(warnMail) && !one.Since.Equal(now) {
			t.Errorf("%s: %d times since %s, %d bytes", one.Kind, one.Times, one.Since, len(one.Text))
		}
	}
	if got := len(w.all()); got != len(warningKinds) {
		t.Errorf("%d kinds are kept", got)
	}
}

// passedOn asks for a page as a proxy does.
func passedOn(t *testing.T, a running, headers string) {
	t.Helper()
	got := say(t, dial(t, a.listener.Addr().String()), "GET /login HTTP/1.1\r\nHost: localhost\r\n"+headers+"Connection: close\r\n\r\n")
	if len(got) != 1 || got[0].Status != http.StatusOK {
		t.Fatalf("%v", got)
	}
}

func TestAProxyWhoseWordIsLostIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted, header, word string
		kind                  warningKind
	}{
		"nobody is trusted":            {"", "X-Forwarded-For", "203.0.113.%d", warnStrangeProxy},
		"somebody else is trusted":     {"10.0.0.0/8", "X-Forwarded-For", "203.0.113.%d", warnStrangeProxy},
		"a standard that nobody reads": {"", "Forwarded", "for=203.0.113.%d", warnStrangeProxy},
		"only Forwarded is set":        {"127.0.0.1", "Forwarded", "for=203.0.113.%d", warnUnreadProxy},
		"only X-Real-IP is set":        {"127.0.0.1", "X-Real-IP", "203.0.113.%d", warnUnreadProxy},
		"what is said is no address":   {"127.0.0.1", "X-Forwarded-For", "unknown-%d", warnUnreadProxy},
		"all is well":                  {"127.0.0.1", "X-Forwarded-For", "203.0.113.%d:51234", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			a, at := withAdmin(t, func(cfg *config.Config) {
				cfg.TrustedProxies, cfg.LogTo, cfg.LogLevel = c.trusted, &log, "warn"
			})
			const requests = 52
			for i := range requests {
				passedOn(t, a, fmt.Sprintf(c.header+": "+c.word+"\r\n", i))
			}
			counted := metricsOf(t, at)
			if err := a.stop(); err != nil {
				t.Fatal(err)
			}
			for _, kind := range warningKinds {
				want, active := "0", "0"
				if kind == c.kind {
					want, active = fmt.Sprint(requests), "1"
				}
				if got := counted[fmt.Sprintf(`latchkey_warnings_total{kind=%q}`, kind)]; got != want {
					t.Errorf("%s was counted %s times, want %s", kind, got, want)
				}
				if got := counted[fmt.Sprintf(`latchkey_warnings_active{kind=%q}`, kind)]; got != active {
					t.Errorf("%s is %s", kind, got)
				}
			}
			lines := strings.Count(log.String(), "proxy")
			if c.kind == "" && lines != 0 || c.kind != "" && strings.Count(log.String(), "\n") != 1 {
				t.Errorf("logged %s", log.String())
			}
			if c.kind == warnStrangeProxy && !(strings.Contains(log.String(), "--trusted-proxies") && strings.Contains(log.String(), "127.0.0.1:")) ||
				c.kind != "" && !strings.Contains(strings.ToLower(log.String()), strings.ToLower(c.header)) {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

func TestStatusSaysWhereTheProgramIsAndWhatToLookInto(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	if said := order(t, cfg, "", "status"); said != "Latchkey is running at "+a.URL()+"\nOnly this computer can open that. For phones and other devices, start it with --addr 0.0.0.0:8080\nData: "+cfg.Data+"\nAccounts: 0\nNothing needs attention.\n" {
		t.Errorf("%s", said)
	}
	for range 3 {
		passedOn(t, a, "X-Forwarded-For: 203.0.113.1\r\n")
	}
	a.warnings.raise(warnMail, "no email has been delivered", "reason", "\x1b[31mred")
	a.warnings.settle(warnMail, "well again")
	said := order(t, cfg, "", "status")
	for _, want := range []string{"strange-proxy: a proxy that is not in --trusted-proxies", "header: X-Forwarded-For; peer: 127.0.0.1:", "seen 3 times", "mail: ", "; over since 20"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	if strings.Contains(said, "\x1b") || strings.Contains(said, "Nothing needs attention") {
		t.Errorf("%q", said)
	}
	var told struct {
		Running  bool              `json:"running"`
		Accounts int               `json:"accounts"`
		Warnings []operate.Warning `json:"warnings"`
	}
	if err := json.Unmarshal([]byte(order(t, cfg, "", "status", "--json")), &told); err != nil || !told.Running || len(told.Warnings) != 2 || told.Warnings[0].Times != 3 {
		t.Errorf("%+v, %v", told, err)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if said := order(t, cfg, "", "status"); said != "Latchkey is not running.\nData: "+cfg.Data+"\nAccounts: 0\n" {
		t.Errorf("%s", said)
	}
}
