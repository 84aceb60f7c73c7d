package handlers_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestAMessageOutlivesOneRedirectAndNoMore(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	a := b.post("/keys/"+key.ID+"/turn-off", row(key)).leadsTo("/keys")
	if len(a.cookies) != 1 {
		t.Fatalf("cookies %v", a.cookies)
	}
	if c := a.cookies[0]; c.Name != "latchkey-flash" || c.MaxAge != 60 || !c.HttpOnly || c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %s", c.Raw)
	}
	writes := p.store.Stats().Writes
	a = b.get("/keys").says("#status", "porch-cam is off.")
	if len(a.cookies) != 1 || a.cookies[0].Name != "latchkey-flash" || a.cookies[0].MaxAge != -1 {
		t.Errorf("showing the message leaves the cookies %v", a.cookies)
	}
	if got := p.store.Stats().Writes - writes; got != 0 {
		t.Errorf("showing a message costs %d writes", got)
	}
	if a := b.get("/keys"); a.text("#status") != "" || len(a.cookies) != 0 {
		t.Errorf("the message comes again: %q", a.text("#status"))
	}
}

func TestAMessageIsSecureOnHttps(t *testing.T) {
	t.Parallel()
	p := newProgram(t, https)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	if c := b.post("/keys/"+key.ID+"/turn-off", row(key)).cookies[0]; !c.Secure {
		t.Errorf("cookie %s", c.Raw)
	}
}

func TestAPlantedMessageShowsNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	for _, planted := range []string{
		"", ".", "..", "x", "on", "off", "deleted", "on.", "off.", "deleted.", "nothing.porch-cam", "Off.porch-cam", "off porch-cam", "off.porch cam",
		"off.<script>alert(1)</script>", "off.<b>x</b>", "off.Call-555-now!", "off.%s", "off.%3Cb%3E", "off.a.b", "%s.porch-cam", "off.ü", "off.\xff",
		"Your account was closed.", "off." + strings.Repeat("x", 65), "off." + strings.Repeat("x", 3000), "b2ZmLnBvcmNoLWNhbQ==", `"off.porch cam"`,
	} {
		for _, path := range []string{"/keys", "/login", "/nowhere"} {
			r := b.request(http.MethodGet, path, nil)
			r.Header.Set("Cookie", "latchkey-flash="+planted)
			a := b.send(r)
			if got := a.text("#status"); got != "" {
				t.Errorf("%s says %q for %q", path, got, planted)
			}
			a.lacks("script:not([src])", "b")
		}
	}
}

func TestAMessageOfAnotherHostIsNotShownOnHttps(t *testing.T) {
	t.Parallel()
	b := newProgram(t, https).browser()
	for name, want := range map[string]string{"__Host-latchkey-flash": "Your account was deleted.", "latchkey-flash": "", "__Host-latchkey-flash-8443": ""} {
		r := b.request(http.MethodGet, "/login", nil)
		r.Header.Set("Cookie", name+"=account-deleted.; latchkey-theme=dark")
		a := b.send(r).want(http.StatusOK)
		if got := a.text("#status"); got != want {
			t.Errorf("%s: the page says %q, want %q", name, got, want)
		}
		if got := a.attr("html", "data-theme"); got != "" {
			t.Errorf("the page has the theme %q of another host", got)
		}
	}
}
