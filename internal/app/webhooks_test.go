package app

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// hookReceiver takes deliveries, and gives what it got.
func hookReceiver(t *testing.T) (address string, got chan *http.Request) {
	t.Helper()
	got = make(chan *http.Request, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		got <- r
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/latchkey", got
}

// wantDelivery waits for what a receiver gets next, which must be signed with the secret, and gives its type and the name of its key.
func wantDelivery(t *testing.T, got chan *http.Request, secret string) (what, key string) {
	t.Helper()
	select {
	case r := <-got:
		body, _ := io.ReadAll(r.Body)
		hook, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = hook.Verify(body, r.Header)
		}
		var event struct {
			Type string
			Data struct {
				KeyName string `json:"key_name"`
			}
		}
		if err := errors.Join(err, json.Unmarshal(body, &event)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		return event.Type, event.Data.KeyName
	case <-time.After(time.Minute):
		t.Fatal("nothing is delivered")
		return "", ""
	}
}

var shownSecret = regexp.MustCompile(`\n\n  (whsec_[A-Za-z0-9+/=]{44})\n`)

// addHook adds a webhook by a command, and gives its id and its secret.
func addHook(t *testing.T, out string) (id, secret string) {
	t.Helper()
	shown := shownSecret.FindStringSubmatch(out)
	named := regexp.MustCompile(`^Added the webhook ([0-9a-f]{8}): `).FindStringSubmatch(out)
	if shown == nil || named == nil {
		t.Fatalf("%q", out)
	}
	return named[1], shown[1]
}

func TestWhatHappensIsSentToAWebhookWhetherTheProgramRanThenOrNot(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.HookNetworks = "127.0.0.0/8"
	var log testkit.Log
	cfg.LogTo = &log
	if err := run(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	address, got := hookReceiver(t)
	id, secret := addHook(t, order(t, cfg, "", "webhook", "add", address+"?token=geheim", "--kinds", "key-made, key-turned-off", "--webhook-networks", cfg.HookNetworks))
	order(t, cfg, "", "server-key", "add", "gateway")
	if list := order(t, cfg, "", "webhook", "list"); !strings.Contains(list, id+"  "+address+"?…\n") || !strings.Contains(list, "2 kinds of events · nothing delivered yet · 1 waiting\nWebhooks: 1 of 20\n") {
		t.Errorf("%s", list)
	}
	run(t, cfg)
	if what, key := wantDelivery(t, got, secret); what != "key.made" || key != "gateway" {
		t.Error(what, key)
	}
	if out := order(t, cfg, "", "webhook", "test", id); out != "Delivered to "+address+"?….\n" {
		t.Errorf("%q", out)
	}
	if what, _ := wantDelivery(t, got, secret); what != "webhook.test" {
		t.Error(what)
	}
	rotated := shownSecret.FindStringSubmatch(order(t, cfg, "", "webhook", "rotate", id))
	if rotated == nil || rotated[1] == secret {
		t.Fatal("there is no other secret")
	}
	order(t, cfg, "", "server-key", "off", "gateway")
	if what, _ := wantDelivery(t, got, rotated[1]); what != "key.turned_off" {
		t.Error(what)
	}
	order(t, cfg, "", "webhook", "off", id)
	if list := order(t, cfg, "", "webhook", "list"); !strings.Contains(list, ": turned off by an operator\n") || strings.Contains(list, "geheim") {
		t.Errorf("%s", list)
	}
	order(t, cfg, "", "webhook", "delete", id, "--yes")
	if text := log.String(); strings.Contains(text, "geheim") || strings.Contains(text, "whsec") {
		t.Errorf("%s", text)
	}
}

func TestAWebhookOfASharedDatabaseNeedsTheKeysOfItsNodes(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(t, pgtest.URL(t), "a", accessPEM(t))
	cfg.HookNetworks = "127.0.0.0/8"
	run(t, cfg)
	address, got := hookReceiver(t)
	_, err := orderOn(t, cfg, "", "webhook", "add", address, "--webhook-networks", cfg.HookNetworks)
	testkit.WantSentence(t, err, "--data (LATCHKEY_DATA)", "session-keys", "webhooks need the session keys of the server")

	with := cfg
	with.Data = t.TempDir()
	if err := os.WriteFile(filepath.Join(with.Data, sessionKeysFile), []byte(cfg.SessionKeys.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := order(t, with, "", "webhook", "add", address, "--kinds", "key-made", "--database", cfg.Database.Reveal(), "--webhook-networks", cfg.HookNetworks)
	_, secret := addHook(t, out)
	mustOrderOn(t, cfg, "", "server-key", "add", "gateway")
	if what, key := wantDelivery(t, got, secret); what != "key.made" || key != "gateway" {
		t.Error(what, key)
	}
}
