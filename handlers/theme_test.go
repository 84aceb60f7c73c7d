package handlers_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestTheChosenColoursAreInTheFirstPaint(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	themeOf := func() (theme, pressed string) {
		a := b.get("/account").want(http.StatusOK)
		return a.attr("html", "data-theme"), a.text(".themes button[aria-pressed=true]")
	}
	if theme, pressed := themeOf(); theme != "" || pressed != "System" {
		t.Errorf("at first the theme is %q, pressed %q", theme, pressed)
	}
	for _, c := range []struct{ choose, theme, pressed string }{
		{"dark", "dark", "Dark"}, {"light", "light", "Light"}, {"", "", "System"},
		{"dark", "dark", "Dark"}, {"purple", "", "System"}, {`"><script>`, "", "System"},
	} {
		b.post("/theme", url.Values{"theme": {c.choose}, "return": {"/account"}}).leadsTo("/account")
		if theme, pressed := themeOf(); theme != c.theme || pressed != c.pressed {
			t.Errorf("after choosing %q the theme is %q, pressed %q", c.choose, theme, pressed)
		}
	}
}

func TestTheChoiceIsKeptForAYear(t *testing.T) {
	t.Parallel()
	p := newProgram(t, https)
	a := p.browser().post("/theme", url.Values{"theme": {"dark"}})
	if len(a.cookies) != 1 {
		t.Fatalf("cookies %v", a.cookies)
	}
	if c := a.cookies[0]; c.Name != "__Host-latchkey-theme" || c.Value != "dark" || c.MaxAge != 365*24*60*60 || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %s", c.Raw)
	}
}

func TestTheChoiceReturnsToThePageItWasMadeOn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for _, path := range []string{"/keys", "/keys/" + key.ID, "/keys/" + key.ID + "/delete"} {
		form := b.get(path).want(http.StatusOK)
		b.post("/theme", url.Values{"theme": {"dark"}, "return": {form.attr(".themes input[name=return]", "value")}}).leadsTo(path)
	}
	for _, elsewhere := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "", "/logout"} {
		b.post("/theme", url.Values{"theme": {"dark"}, "return": {elsewhere}}).leadsTo("/keys").keepsQuiet("evil.example")
	}
	if got := b.htmx().post("/theme", url.Values{"theme": {"dark"}, "return": {"/login"}}).want(http.StatusOK).header.Get("HX-Redirect"); got != "/login" {
		t.Errorf("leads htmx to %q", got)
	}
}

func TestAPlantedThemeIsNoTheme(t *testing.T) {
	t.Parallel()
	b := newProgram(t).browser()
	for _, planted := range []string{"", "Dark", "dark light", `x"onload=alert(1)`, "system"} {
		r := b.request(http.MethodGet, "/login", nil)
		r.Header.Set("Cookie", "latchkey-theme="+planted)
		if got := b.send(r).want(http.StatusOK).attr("html", "data-theme"); got != "" {
			t.Errorf("%q becomes the theme %q", planted, got)
		}
	}
}

func TestChoosingColoursNeedsNoSession(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	before := p.store.Stats()
	b.post("/theme", url.Values{"theme": {"dark"}}).leadsTo("/keys")
	if after := p.store.Stats(); after != before {
		t.Errorf("the store did something: %+v, before %+v", after, before)
	}
}
