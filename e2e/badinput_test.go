package e2e

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app/config"
)

// --- Cookies ----------------------------------------------------------------------------------------------------------

func TestACookieThatOpensNothingLeadsToTheLogInPage(t *testing.T) {
	t.Parallel()
	program, other := startProgram(t), startProgram(t)
	ana := program.person(t)
	good := program.cookie(t, ana)
	ended := program.cookie(t, ana)
	program.sendForm(t, http.MethodPost, "/logout", nil, with(ended))
	value := func(v string) *http.Cookie { return &http.Cookie{Name: good.Name, Value: v} }
	another := "_"
	if strings.HasPrefix(good.Value, another) {
		another = "-"
	}
	for name, cookie := range map[string]*http.Cookie{
		"of another server":  other.cookie(t, other.person(t)),
		"after signing out":  ended,
		"empty":              value(""),
		"cut by one":         value(good.Value[:len(good.Value)-1]),
		"cut to half":        value(good.Value[:20]),
		"one letter more":    value(good.Value + "A"),
		"another first one":  value(another + good.Value[1:]),
		"padded":             value(good.Value + "="),
		"twice its length":   value(good.Value + good.Value),
		"no base64":          value(strings.Repeat("!", 43)),
		"all zeros":          value(strings.Repeat("A", 43)),
		"three kilobytes":    value(strings.Repeat("A", 3<<10)),
		"a token":            value(ana.session.RefreshToken().Reveal()),
		"an old signed one":  value("MTcwMDAwMDAwMHxEWDhFQVFMX2dBQUJFQUVRQUFCXzQ0QUFBUVp6ZEhKcGJtYz18c2ln"),
		"a path":             value("../../etc/passwd"),
		"a query":            value("'%20OR%201=1--"),
		"percent signs":      value("%00%ff%zz"),
		"under another name": {Name: "__Host-latchkey", Value: good.Value},
	} {
		for _, request := range []string{"GET /keys", "POST /keys", "GET /keys/6b00a2000000000000000000"} {
			method, path, _ := strings.Cut(request, " ")
			got := program.sendForm(t, method, path, nil, with(cookie))
			if got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/login?") {
				t.Errorf("%s, %s: %d to %q", name, request, got.StatusCode, got.Header.Get("Location"))
			}
		}
		if got := program.sendForm(t, http.MethodGet, "/login", nil, with(cookie)); got.StatusCode != http.StatusOK {
			t.Errorf("%s: the log-in page answers %d", name, got.StatusCode)
		}
	}
	if got := program.sendForm(t, http.MethodGet, "/keys", nil, with(good)); got.StatusCode != http.StatusOK {
		t.Errorf("the good cookie: %d", got.StatusCode)
	}
}

// clock is one that stands still until it is moved on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func TestASessionEndsWhenItIsNotUsedAndAfterHalfADay(t *testing.T) {
	t.Parallel()
	var clock clock
	program := startProgram(t, func(cfg *config.Config) { cfg.Now = clock.now })
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	page.sees(page.heading("No keys yet"))
	clock.advance(31 * time.Minute)
	page.visit("/keys")
	page.sees(page.GetByText("Your session has ended. Sign in to go on."))

	cookie := program.cookie(t, ana)
	visit := func() int { return program.sendForm(t, http.MethodGet, "/keys", nil, with(cookie)).StatusCode }
	for range 24 { // used every half hour, and yet
		if got := visit(); got != http.StatusOK {
			t.Fatalf("a session in use ended before its time: %d", got)
		}
		clock.advance(29 * time.Minute)
	}
	clock.advance(25 * time.Minute) // 12 hours and a minute in all
	if got := visit(); got != http.StatusSeeOther {
		t.Errorf("after half a day: %d", got)
	}
}

// --- Places to go on to -----------------------------------------------------------------------------------------------

// elsewheres spells other sites, and what might be taken for them, in every way that has fooled somebody.
func elsewheres() []string {
	hosts := []string{
		"//evil.example", "///evil.example", "////evil.example/", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example",
		"http://evil.example", "https://evil.example/keys", "HTTPS://EVIL.EXAMPLE", "http:/evil.example", "http:evil.example", "https:evil.example/keys",
		"http:\\\\evil.example", "http:///evil.example", "//evil.example:443/keys", "//user@evil.example", "http://127.0.0.1@evil.example/",
		"//evil.example/%2e%2e", "//evil.example#/keys", "//evil.example?/keys", "//[::1]/", "//1.1.1.1", "//0x7f.1", "//evil。example", "//ｅvil.example",
		"ftp://evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "javascript://%0aalert(1)", "data:text/html,<script>alert(1)</script>",
		"vbscript:msgbox(1)", "blob:http://evil.example/1", "file:///etc/passwd", "mailto:a@evil.example", "view-source:http://evil.example", "about:blank",
	}
	prefixes := []string{" ", "\t", "\n", "\r\n", "\x00", "\v", "\f", "\u00a0", "\u200b", "\ufeff", "%20", "%09", "%0a", "%0d%0a", "%00", "."}
	paths := []string{
		"/keys/..//evil.example", "/keys/../\\evil.example", "/keys//evil.example", "/keys/../../evil.example", "/a/..//evil.example",
		"/%2fevil.example", "/%5cevil.example", "/%2f%2fevil.example", "%2f%2fevil.example", "%5c%5cevil.example", "/%09/evil.example", "/\t/evil.example",
		"/keys%2f..%2f..%2f%2fevil.example", "/%252fevil.example", "/keys;//evil.example", "/keys?next=//evil.example", "/keys#//evil.example", "/keys/%2e%2e//evil.example",
		"/.//evil.example", "/..//evil.example", "./", "../", "..", ".", "keys", "evil.example", "evil.example/keys", "@evil.example", ":80", "?", "#", "",
		"/logout", "/theme", "/static/app.js", "/healthz", "/api/client/v2.0/auth/profile", "/.well-known/jwks.json", "/login/../logout",
		"/keysevil", "/keys.evil.example", "/keys@evil.example", "/keys\r\nLocation: http://evil.example", "/keys\r\nSet-Cookie: a=b", "/keys\x00//evil.example", "/\u2028/evil.example",
		"/keys/\xff", "/keys/" + strings.Repeat("a", 5000),
	}
	all := slices.Concat(hosts, paths)
	for _, prefix := range prefixes {
		all = append(all, prefix+"//evil.example", prefix+"http://evil.example", "/"+prefix+"/evil.example")
	}
	return all
}

// ownPage matches the plain spelling of one of our own pages, or of one that could be.
var ownPage = regexp.MustCompile(`^/(login|register|keys(/[^/?#\\%\s.]([^/?#\\%\s]*[^/?#\\%\s.])?)*)$`)

func TestNobodyIsSentOnToAnotherSite(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	cookie := program.cookie(t, ana)
	spellings := elsewheres()
	if len(spellings) < 100 {
		t.Errorf("only %d spellings", len(spellings))
	}
	var locations []string
	for i, next := range spellings {
		answers := map[string]answer{
			"choice of colours":        program.sendForm(t, "POST", "/theme", url.Values{"theme": {"dark"}, "return": {next}}, nil),
			"log-in page when in":      program.sendForm(t, "GET", "/login?"+url.Values{"next": {next}}.Encode(), nil, with(cookie)),
			"registration page, in":    program.sendForm(t, "GET", "/register?"+url.Values{"next": {next}}.Encode(), nil, with(cookie)),
			"a page that must sign in": program.sendForm(t, "GET", "/keys/"+url.PathEscape(next), nil, nil),
		}
		if i%8 == 0 { // hashing a password takes its time, and the code is the same
			answers["log-in"] = program.sendForm(t, "POST", "/login", url.Values{"email": {ana.email}, "password": {password}, "next": {next}}, nil)
		}
		for what, got := range answers {
			location := got.Header.Get("Location")
			if len(got.Header.Values("Location")) > 1 || got.Header.Get("Set-Cookie") == "a=b" {
				t.Errorf("%s, %q: the answer was split: %v", what, next, got.Header)
			}
			if location == "" {
				if got.StatusCode != http.StatusNotFound {
					t.Errorf("%s, %q: %d and no redirect", what, next, got.StatusCode)
				}
				continue
			}
			place, query, _ := strings.Cut(location, "?")
			values, err := url.ParseQuery(query)
			if back := values.Get("next"); err != nil || !ownPage.MatchString(place) || back != "" && !ownPage.MatchString(back) {
				t.Errorf("%s, %q: leads to %q", what, next, location)
			}
			locations = append(locations, location)
		}
	}
	page := program.open(t)
	if left := page.evaluate(`(all) => all.filter((l) => new URL(l, location).origin !== location.origin)`, locations); len(left.([]any)) > 0 {
		t.Errorf("a browser takes these for other sites: %q", left)
	}
}

var (
	hiddenNext = regexp.MustCompile(`<input type="hidden" name="next" value="([^"]*)">`)
	linkedNext = regexp.MustCompile(`<a href="/register\?next=([^"]*)">`)
)

func TestTheLogInPageHandsOnNoOtherSite(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	for _, next := range elsewheres() {
		page := program.sendForm(t, http.MethodGet, "/login?"+url.Values{"next": {next}}.Encode(), nil, nil).Body
		for _, pattern := range []*regexp.Regexp{hiddenNext, linkedNext} {
			found := pattern.FindStringSubmatch(page)
			if found == nil {
				t.Fatalf("%q: the page has no %s:\n%s", next, pattern, page)
			}
			if on, err := url.QueryUnescape(html.UnescapeString(found[1])); err != nil || !ownPage.MatchString(on) {
				t.Errorf("%q: the page leads on to %q", next, found[1])
			}
		}
	}
}

func TestABrowserThatSignsInStaysHereWhereverItWasToGo(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	for _, next := range []string{"//evil.example", "/\\evil.example", "https://evil.example/keys"} {
		page := program.open(t, noScript, at("/login?"+url.Values{"next": {next}}.Encode()))
		page.fill("E-mail", ana.email)
		page.fill("Password", password)
		page.press(page.button("Sign in"))
		page.sees(page.heading("No keys yet"))
		page.isAt("/keys")
	}
}

func TestABrowserThatSignsInComesBackToThePageItAskedFor(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, at("/keys/"+key.ID+"/delete"))
	page.fill("E-mail", ana.email)
	page.fill("Password", password)
	page.press(page.button("Sign in"))
	page.isAt("/keys/" + key.ID + "/delete")
	page.sees(page.heading("Delete porch-cam?"))
}

// --- Other sites ------------------------------------------------------------------------------------------------------

// acts are all requests of the dashboard that change something.
func acts(id string) map[string]url.Values {
	return map[string]url.Values{
		"/login":                    {"email": {"mal@example.com"}, "password": {password}},
		"/register":                 {"email": {"eve@example.com"}, "password": {password}},
		"/logout":                   nil,
		"/theme":                    {"theme": {"dark"}},
		"/keys":                     {"name": {"planted"}, "form_id": {strings.Repeat("A", 22)}},
		"/keys/" + id + "/turn-on":  nil,
		"/keys/" + id + "/turn-off": nil,
		"/keys/" + id + "/delete":   nil,
	}
}

func TestNoOtherSiteCanActInAPersonsName(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	program.personNamed(t, "mal@example.com")
	key := ana.keys(t, "porch-cam")[0]
	cookie := program.cookie(t, ana)
	for path, form := range acts(key.ID) {
		for name, header := range map[string]http.Header{
			"another site":                 {"Sec-Fetch-Site": {"cross-site"}},
			"a sibling":                    {"Sec-Fetch-Site": {"same-site"}},
			"another origin":               {"Origin": {"https://evil.example"}},
			"another port":                 {"Origin": {"http://127.0.0.1:1"}},
			"another scheme":               {"Origin": {strings.Replace(program.url, "http:", "https:", 1)}, "Sec-Fetch-Site": {"cross-site"}},
			"no origin":                    {"Origin": {"null"}},
			"another site that says htmx":  {"Sec-Fetch-Site": {"cross-site"}, "HX-Request": {"true"}},
			"an origin that looks like us": {"Origin": {program.url + ".evil.example"}},
		} {
			header.Set("Cookie", cookie.Name+"="+cookie.Value)
			got := program.sendForm(t, http.MethodPost, path, form, header)
			if got.StatusCode != http.StatusForbidden || !strings.Contains(got.Body, "This request came from another site") || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s to %s: %v", name, path, got)
			}
		}
	}
	keys, err := ana.session.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 || keys[0].Disabled {
		t.Errorf("the keys are %v, %v", keys, err)
	}
	if got := program.sendForm(t, http.MethodGet, "/keys", nil, with(cookie)); got.StatusCode != http.StatusOK {
		t.Errorf("the session is over: %d", got.StatusCode)
	}
	if _, err := program.client.Login(t.Context(), client.EmailPassword("eve@example.com", password)); !client.IsUnauthorized(err) {
		t.Errorf("an account was made: %v", err)
	}
}

func TestAFormOnAnotherSiteIsRefusedInTheBrowserToo(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	program.personNamed(t, "mal@example.com")
	key := ana.keys(t, "porch-cam")[0]
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		page := `<!doctype html><title>Win</title><link rel="icon" href="data:,"><form method="post" action="` + program.url + r.URL.Path + `">`
		for name, values := range acts(key.ID)[r.URL.Path] {
			page += `<input type="hidden" name="` + name + `" value="` + values[0] + `">`
		}
		_, _ = w.Write([]byte(page + `<button>Win</button></form>`))
	}))
	defer evil.Close()
	site := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1) // another site, not another port of this one
	page := program.open(t, signedIn(ana))
	page.expects(http.StatusForbidden)
	for path := range acts(key.ID) {
		_, err := page.Goto(site + path)
		page.must(err)
		page.press(page.button("Win"))
		page.sees(page.heading("This request came from another site"))
		page.isAt(path)
	}
	page.visit("/keys")
	page.sees(page.GetByText(ana.email))
	page.sees(page.GetByText("1 of 20 keys used"))
	page.isOn("porch-cam", true)
}

// A page that is framed could be clicked without being seen.
func TestNoOtherSiteCanShowAPageInAFrame(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><title>Win</title><link rel="icon" href="data:,"><iframe title="Win" src="` + program.url + `/keys"></iframe>`))
	}))
	defer evil.Close()
	page := program.open(t, signedIn(ana))
	_, err := page.Goto(evil.URL)
	page.must(err)
	if n, err := page.FrameLocator("iframe").GetByRole("heading").Count(); n != 0 || err != nil {
		t.Errorf("the frame shows %d headings, %v", n, err)
	}
	page.forgives("frame-ancestors")
	page.forgives("ERR_BLOCKED_BY_RESPONSE")
}
