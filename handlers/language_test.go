package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"latchkey/handlers"
	"latchkey/internal/lang"
)

func TestTheLanguageIsThatOfTheChoiceThenOfTheBrowserThenOfTheServer(t *testing.T) {
	t.Parallel()
	german, _ := lang.Named("de")
	p := newProgram(t, func(d *handlers.Deps) { d.Language = german })
	for _, c := range []struct{ cookie, accept, tag, dir string }{
		{"", "", "de", "ltr"}, {"", "fr, *", "de", "ltr"}, {"", "ar", "ar", "rtl"}, {"", "en-GB,en;q=0.9", "en", "ltr"},
		{"en", "ar", "en", "ltr"}, {"ar", "en", "ar", "rtl"}, {"fr", "ar", "ar", "rtl"}, {`"><script>`, "", "de", "ltr"}, {"en-XA", "de", "en-XA", "ltr"},
	} {
		b := p.browser()
		r := b.request(http.MethodGet, "/login", nil)
		r.Header.Set("Accept-Language", c.accept)
		r.Header.Set("Cookie", "latchkey-language="+c.cookie)
		a := b.send(r).want(http.StatusOK)
		if tag, dir := a.attr("html", "lang"), a.attr("html", "dir"); tag != c.tag || dir != c.dir {
			t.Errorf("%+v: %s, %s", c, tag, dir)
		}
	}
}

func TestALanguageIsChosenByHandAndGivenBackToTheBrowser(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	const byHand = "form[action='/language'] button[value='']"
	signedIn, _ := p.signedIn(email)
	for path, b := range map[string]*browser{"/login": p.browser(), "/language": signedIn} {
		choose := func(tag string) answer {
			form := b.with("Referer", publicURL+"/account").get(path).want(http.StatusOK)
			back := form.attr("form[action='/language'] input[name=return]", "value")
			if back != path && back != "/account" {
				t.Errorf("%s leads back to %s", path, back)
			}
			b.post("/language", url.Values{"language": {tag}, "return": {back}}).leadsTo(back)
			return b.get(path).want(http.StatusOK)
		}
		b.get(path).lacks(byHand).says("form[action='/language'] [aria-pressed=true]", "English")
		choose("de").says("form[action='/language'] [aria-pressed=true]", "Deutsch").says(byHand, "Sprache des Browsers").says("footer", "Hilfe")
		a := choose("ar").says(".skip", "انتقل إلى المحتوى")
		if got := a.attr("html", "dir"); got != "rtl" {
			t.Errorf("%s: Arabic runs %q", path, got)
		}
		for _, none := range []string{"", "fr", "EN", `"><script>`} {
			choose("de")
			if got := choose(none).lacks(byHand).attr("html", "lang"); got != "en" {
				t.Errorf("%s: %q chooses %q", path, none, got)
			}
		}
	}
	if c := p.browser().post("/language", url.Values{"language": {"de"}}).leadsTo("/keys").cookies[0]; c.Name != "latchkey-language" || c.Value != "de" || c.MaxAge != 365*24*60*60 || !c.HttpOnly {
		t.Errorf("cookie %s", c.Raw)
	}
}

func TestALanguageThatNobodyReadSaysSoInItself(t *testing.T) {
	t.Parallel()
	a := newProgram(t).browser().get("/login")
	for _, l := range lang.All() {
		button := "button[name=language][lang=" + l.Tag + "]"
		if l.ReadBy != "" {
			a.says(button, l.Name).lacks(button + " .small")
			continue
		}
		a.says(button+" .small", l.T("language.unread", "not yet read by a speaker"))
	}
}

func TestThePageForLanguagesLeadsBackToOurPagesAlone(t *testing.T) {
	t.Parallel()
	b, _ := newProgram(t).signedIn(email)
	for referer, want := range map[string]string{
		"": "/keys", publicURL + "/account": "/account", publicURL + "/keys?q=x": "/keys", publicURL + "/language": "/keys", "https://evil.example/account": "/keys",
		publicURL + "//evil.example": "/keys", "%": "/keys",
	} {
		if got := b.with("Referer", referer).get("/language").want(http.StatusOK).attr("form[action='/language'] input[name=return]", "value"); got != want {
			t.Errorf("%q leads back to %q", referer, got)
		}
	}
}

// Answers that no page of its own gives are in the person's language too.
func TestWhatFailsIsSaidInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	b.post("/language", url.Values{"language": {"de"}})
	b.get("/nowhere").want(http.StatusNotFound).says("h1", "Seite nicht gefunden")
	b.htmx().get("/nowhere").want(http.StatusNotFound).isPart().says(".notice", "Seite nicht gefunden")
	b.with("Sec-Fetch-Site", "cross-site").post("/logout", nil).want(http.StatusForbidden).says("h1", "von einer anderen Website")
	b.post("/keys", url.Values{"name": {string(make([]byte, 65<<10))}}).want(http.StatusRequestEntityTooLarge).says("h1", "zu viel")
	p.rows.afterRead(func() { panic("planted") })
	b.get("/keys").want(http.StatusInternalServerError).says("h1", "schiefgegangen")
}

func TestTheLanguageOfASignInAndOfAChoiceIsThatOfEmails(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	b := p.browser().with("Accept-Language", "ar")
	kept := func(want string) {
		t.Helper()
		all, err := p.store.Identities(t.Context(), who.id)
		if err != nil || all[0].Language != want {
			t.Errorf("it is %q (%v), not %q", all[0].Language, err, want)
		}
	}
	b.post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
	kept("ar")
	b.post("/language", url.Values{"language": {"de"}})
	kept("de")
	b.post("/language", url.Values{"language": {""}}) // that of the browser
	kept("ar")
	p.browser().post("/language", url.Values{"language": {"de"}}) // of nobody
	kept("ar")
	b.with("Accept-Language", "de").get("/keys").want(http.StatusOK) // a look writes nothing
	kept("ar")
}
