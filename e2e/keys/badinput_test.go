package keys

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// --- Cookies ----------------------------------------------------------------------------------------------------------

func TestACookieThatOpensNothingLeadsToTheLogInPage(t *testing.T) {
	t.Parallel()
	program, other := story.StartProgram(t), story.StartProgram(t)
	ana := program.Person(t)
	good := program.Cookie(t, ana)
	ended := program.Cookie(t, ana)
	program.SendForm(t, http.MethodPost, "/logout", nil, story.With(ended))
	value := func(v string) *http.Cookie { return &http.Cookie{Name: good.Name, Value: v} }
	another := "_"
	if strings.HasPrefix(good.Value, another) {
		another = "-"
	}
	for name, cookie := range map[string]*http.Cookie{
		"of another server":  other.Cookie(t, other.Person(t)),
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
		"a token":            value(ana.Session.RefreshToken().Reveal()),
		"an old signed one":  value("MTcwMDAwMDAwMHxEWDhFQVFMX2dBQUJFQUVRQUFCXzQ0QUFBUVp6ZEhKcGJtYz18c2ln"),
		"a path":             value("../../etc/passwd"),
		"a query":            value("'%20OR%201=1--"),
		"percent signs":      value("%00%ff%zz"),
		"under another name": {Name: "__Host-latchkey", Value: good.Value},
	} {
		for _, request := range []string{"GET /keys", "POST /keys", "GET /keys/6b00a2000000000000000000"} {
			method, path, _ := strings.Cut(request, " ")
			got := program.SendForm(t, method, path, nil, story.With(cookie))
			if got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/login?") {
				t.Errorf("%s, %s: %d to %q", name, request, got.StatusCode, got.Header.Get("Location"))
			}
		}
		if got := program.SendForm(t, http.MethodGet, "/login", nil, story.With(cookie)); got.StatusCode != http.StatusOK {
			t.Errorf("%s: the log-in page answers %d", name, got.StatusCode)
		}
	}
	if got := program.SendForm(t, http.MethodGet, "/keys", nil, story.With(good)); got.StatusCode != http.StatusOK {
		t.Errorf("the good cookie: %d", got.StatusCode)
	}
}

func TestASessionEndsWhenItIsNotUsedAndAfterHalfADay(t *testing.T) {
	t.Parallel()
	var clock testkit.Clock
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Now = clock.Now })
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	page.Sees(page.Heading(story.FirstVisit))
	clock.Advance(31 * time.Minute)
	page.Visit("/keys")
	page.Sees(page.GetByText("Your session has ended. Sign in to continue."))

	cookie := program.Cookie(t, ana)
	visit := func() int { return program.SendForm(t, http.MethodGet, "/keys", nil, story.With(cookie)).StatusCode }
	for range 24 { // used every half hour, and yet
		if got := visit(); got != http.StatusOK {
			t.Fatalf("a session in use ended before its time: %d", got)
		}
		clock.Advance(29 * time.Minute)
	}
	clock.Advance(25 * time.Minute) // 12 hours and a minute in all
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
		"/logout", "/theme", "/language", "/static/app.js", "/healthz", "/api/client/v2.0/auth/profile", "/.well-known/jwks.json", "/login/../logout",
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
	program := story.StartProgram(t)
	ana := program.Person(t)
	cookie := program.Cookie(t, ana)
	spellings := elsewheres()
	if len(spellings) < 100 {
		t.Errorf("only %d spellings", len(spellings))
	}
	var locations []string
	for i, next := range spellings {
		answers := map[string]story.Answer{
			"choice of colours":        program.SendForm(t, "POST", "/theme", url.Values{"theme": {"dark"}, "return": {next}}, nil),
			"log-in page when in":      program.SendForm(t, "GET", "/login?"+url.Values{"next": {next}}.Encode(), nil, story.With(cookie)),
			"registration page, in":    program.SendForm(t, "GET", "/register?"+url.Values{"next": {next}}.Encode(), nil, story.With(cookie)),
			"a page that must sign in": program.SendForm(t, "GET", "/keys/"+url.PathEscape(next), nil, nil),
		}
		if i%8 == 0 { // hashing a password takes its time, and the code is the same
			answers["log-in"] = program.SendForm(t, "POST", "/login", url.Values{"email": {ana.Email}, "password": {story.Password}, "next": {next}}, nil)
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
	page := program.Open(t)
	if left := page.Evaluate(`(all) => all.filter((l) => new URL(l, location).origin !== location.origin)`, locations); len(left.([]any)) > 0 {
		t.Errorf("a browser takes these for other sites: %q", left)
	}
}

var (
	hiddenNext = regexp.MustCompile(`<input type="hidden" name="next" value="([^"]*)">`)
	linkedNext = regexp.MustCompile(`<a href="/register\?next=([^"]*)">`)
)

func TestTheLogInPageHandsOnNoOtherSite(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	for _, next := range elsewheres() {
		page := program.SendForm(t, http.MethodGet, "/login?"+url.Values{"next": {next}}.Encode(), nil, nil).Body
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
	program := story.StartProgram(t)
	ana := program.Person(t)
	for _, next := range []string{"//evil.example", "/\\evil.example", "https://evil.example/keys"} {
		page := program.Open(t, story.NoScript, story.At("/login?"+url.Values{"next": {next}}.Encode()))
		page.Fill("Email", ana.Email)
		page.Fill("Password", story.Password)
		page.Press(page.Button("Sign in"))
		page.Sees(page.Heading(story.FirstVisit))
		page.IsAt("/keys")
	}
}

func TestABrowserThatSignsInComesBackToThePageItAskedFor(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.At("/keys/"+key.ID+"/delete"))
	page.Fill("Email", ana.Email)
	page.Fill("Password", story.Password)
	page.Press(page.Button("Sign in"))
	page.IsAt("/keys/" + key.ID + "/delete")
	page.Sees(page.Heading("Delete porch-cam?"))
}

// --- Other sites ------------------------------------------------------------------------------------------------------

// acts are all requests of the dashboard that change something.
func acts(id string) map[string]url.Values {
	return map[string]url.Values{
		"/login":                    {"email": {"mal@example.com"}, "password": {story.Password}},
		"/register":                 {"email": {"eve@example.com"}, "password": {story.Password}},
		"/logout":                   nil,
		"/theme":                    {"theme": {"dark"}},
		"/language":                 {"language": {"de"}},
		"/keys":                     {"name": {"planted"}, "form_id": {strings.Repeat("A", 22)}},
		"/keys/" + id + "/turn-on":  nil,
		"/keys/" + id + "/turn-off": nil,
		"/keys/" + id + "/delete":   nil,
	}
}

func TestNoOtherSiteCanActInAPersonsName(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	program.PersonNamed(t, "mal@example.com")
	key := ana.Keys(t, "porch-cam")[0]
	cookie := program.Cookie(t, ana)
	for path, form := range acts(key.ID) {
		for name, header := range map[string]http.Header{
			"another site":                 {"Sec-Fetch-Site": {"cross-site"}},
			"a sibling":                    {"Sec-Fetch-Site": {"same-site"}},
			"another origin":               {"Origin": {"https://evil.example"}},
			"another port":                 {"Origin": {"http://127.0.0.1:1"}},
			"another scheme":               {"Origin": {strings.Replace(program.URL, "http:", "https:", 1)}, "Sec-Fetch-Site": {"cross-site"}},
			"no origin":                    {"Origin": {"null"}},
			"another site that says htmx":  {"Sec-Fetch-Site": {"cross-site"}, "HX-Request": {"true"}},
			"an origin that looks like us": {"Origin": {program.URL + ".evil.example"}},
		} {
			header.Set("Cookie", cookie.Name+"="+cookie.Value)
			got := program.SendForm(t, http.MethodPost, path, form, header)
			if got.StatusCode != http.StatusForbidden || !strings.Contains(got.Body, "This request came from another site") || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s to %s: %v", name, path, got)
			}
		}
	}
	keys, err := ana.Session.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 1 || keys[0].Disabled {
		t.Errorf("the keys are %v, %v", keys, err)
	}
	if got := program.SendForm(t, http.MethodGet, "/keys", nil, story.With(cookie)); got.StatusCode != http.StatusOK {
		t.Errorf("the session is over: %d", got.StatusCode)
	}
	if _, err := program.Client.Login(t.Context(), client.EmailPassword("eve@example.com", story.Password)); !client.IsUnauthorized(err) {
		t.Errorf("an account was made: %v", err)
	}
}

func TestAFormOnAnotherSiteIsRefusedInTheBrowserToo(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	program.PersonNamed(t, "mal@example.com")
	key := ana.Keys(t, "porch-cam")[0]
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		page := `<!doctype html><title>Win</title><link rel="icon" href="data:,"><form method="post" action="` + program.URL + r.URL.Path + `">`
		for name, values := range acts(key.ID)[r.URL.Path] {
			page += `<input type="hidden" name="` + name + `" value="` + values[0] + `">`
		}
		_, _ = w.Write([]byte(page + `<button>Win</button></form>`))
	}))
	defer evil.Close()
	site := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1) // another site, not another port of this one
	page := program.Open(t, story.SignedIn(ana))
	page.Expects(http.StatusForbidden)
	for path := range acts(key.ID) {
		_, err := page.Goto(site + path)
		page.Must(err)
		page.Press(page.Button("Win"))
		page.Sees(page.Heading("This request came from another site"))
		page.IsAt(path)
	}
	page.Visit("/keys")
	page.IsSignedInAs(ana.Email)
	page.Sees(page.GetByText("1 of 20"))
	page.IsOn("porch-cam", true)
}

// A page that is framed could be clicked without being seen.
func TestNoOtherSiteCanShowAPageInAFrame(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><title>Win</title><link rel="icon" href="data:,"><iframe title="Win" src="` + program.URL + `/keys"></iframe>`))
	}))
	defer evil.Close()
	page := program.Open(t, story.SignedIn(ana))
	_, err := page.Goto(evil.URL)
	page.Must(err)
	if n, err := page.FrameLocator("iframe").GetByRole("heading").Count(); n != 0 || err != nil {
		t.Errorf("the frame shows %d headings, %v", n, err)
	}
	page.Forgives("frame-ancestors")
	page.Forgives("ERR_BLOCKED_BY_RESPONSE")
}
