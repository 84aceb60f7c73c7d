package handlers_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/PuerkitoBio/goquery"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/onboard"
	"latchkey/internal/testkit"
)

// skeleton is a page's elements with the names of their attributes, and where its links and forms lead when that is no address
// of ours: all that text must not be able to change.
func skeleton(doc *goquery.Document) string {
	var b strings.Builder
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		node := s.Nodes[0]
		fmt.Fprintf(&b, "%*s<%s", s.Parents().Length(), "", node.Data)
		for _, attr := range node.Attr {
			b.WriteString(" " + attr.Key)
			if slices.Contains(addresses, attr.Key) && !ourAddress(attr.Val) {
				b.WriteString("=" + attr.Val)
			}
		}
		b.WriteString(">\n")
	})
	return b.String()
}

var addresses = []string{"href", "src", "action", "formaction", "hx-get", "hx-post", "style"}

// ourAddress says whether a browser stays here with it whatever stands after its beginning.
func ourAddress(address string) bool {
	return strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") && !strings.Contains(address, `\`) || strings.HasPrefix(address, "#")
}

// place is where a text of somebody else is drawn.
type place struct {
	// draw has the text drawn there, whole or as a part.
	draw func(text string) answer
	// plain are harmless texts, one for each of the ways in which the place can look.
	plain []string
}

// keepTheirShape draws every hostile text in every place and compares what the pages are made of with what they are made of
// when the text is plain.
func keepTheirShape(t *testing.T, places map[string]place) {
	t.Helper()
	texts := handlers.Corpus(t, "names.txt")
	if len(texts) < 200 {
		t.Errorf("only %d texts", len(texts))
	}
	for name, place := range places {
		var shapes []string
		for _, text := range place.plain {
			shapes = append(shapes, skeleton(place.draw(text).doc))
		}
		for _, text := range texts {
			got := place.draw(text)
			if got.status == http.StatusRequestEntityTooLarge { // and was not read
				continue
			}
			if got.status >= http.StatusInternalServerError {
				t.Errorf("%s, %.60q: status %d", name, text, got.status)
			}
			if shape := skeleton(got.doc); !slices.Contains(shapes, shape) {
				t.Errorf("%s, %.60q: the page is made of other things:\n%s", name, text, firstDifference(shapes[0], shape))
			}
			for name, values := range got.header {
				if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") || strings.HasSuffix(http.CanonicalHeaderKey(name), "Set-Cookie") && strings.Contains(values[0], "a=b") {
					t.Errorf("%s, %.60q: header %s is %q", name, text, name, values)
				}
			}
		}
	}
}

// firstDifference is the first line in which two differ.
func firstDifference(want, got string) string {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(wants), len(gots)) {
		if wants[i] != gots[i] {
			return "-" + wants[i] + "\n+" + gots[i]
		}
	}
	return fmt.Sprintf("%d elements, not %d", len(gots), len(wants))
}

// asText replaces the answer to a call by one that is made anew each time.
func asText(make func() any) happens {
	return func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		body, err := json.Marshal(make())
		if err != nil {
			return nil, err
		}
		return testkit.Answer(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, strings.NewReader(string(body))), nil
	}
}

// logInOnce lets the first log-in through and gives its answer to all that follow: hashing passwords takes its time.
func logInOnce() happens {
	var kept []byte
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if kept == nil {
			res, err := next.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			if kept, err = io.ReadAll(res.Body); err != nil {
				return nil, err
			}
		}
		return says(http.StatusOK, string(kept))(next, r)
	}
}

// A server of the operator's choice may have let any name in. Here it is the name of a key, and of what a device says it is.
func TestANameFromTheKeyServiceIsTextWhereverItIsDrawn(t *testing.T) {
	if testing.Short() {
		t.Skip("draws hundreds of texts, one after the other")
	}
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "pump")[0]
	text := ""
	one := func() any { return map[string]any{"_id": key.ID, "name": text, "disabled": false} }
	p.upstream.breaks(listKeys, asText(func() any {
		return []any{one(), map[string]any{"_id": "69cc8d000000000000000002", "name": "x" + text, "disabled": true}}
	}))
	p.upstream.breaks(fetchKey, asText(one))
	p.upstream.breaks(turnOff, says(http.StatusNoContent, ""))
	p.upstream.breaks(turnOn, says(http.StatusNoContent, ""))
	p.upstream.breaks(keyFacts, asText(func() any {
		use := map[string]any{
			"at": p.clock.Now(), "address": text, "device_name": text, "platform": text, "platform_version": text, "sdk": text, "sdk_version": text,
		}
		refusal := map[string]any{"at": p.clock.Now(), "address": text, "reason": text}
		return map[string]any{"recording_since": noon.AddDate(-1, 0, 0), "keys": []any{
			map[string]any{"_id": key.ID, "fingerprint": text, "first_used_at": p.clock.Now(), "last_use": use, "last_refusal": refusal},
		}}
	}))
	at := "/keys/" + key.ID
	places := map[string]place{}
	for name, ask := range map[string]func(*browser) answer{
		"the list":          func(b *browser) answer { return b.get("/keys") },
		"a key's page":      func(b *browser) answer { return b.get(at) },
		"a row":             func(b *browser) answer { return b.get(at + "?place=row") },
		"before a deletion": func(b *browser) answer { return b.get(at + "/delete?place=row") },
		"a key turned off":  func(b *browser) answer { return b.post(at+"/turn-off", url.Values{"place": {"row"}, "name": {text}}) },
		"a key turned on":   func(b *browser) answer { return b.post(at+"/turn-on", url.Values{"place": {"page"}, "name": {text}}) },
	} {
		for way, b := range map[string]*browser{"whole": b, "part": b.htmx()} {
			places[name+", "+way] = place{plain: []string{"pump", "\u200b"}, draw: func(hostile string) answer {
				if text = hostile; text == "" {
					text = "x"
				}
				got := ask(b)
				if got.status == http.StatusSeeOther {
					got = b.get(got.header.Get("Location"))
				}
				return got
			}}
		}
	}
	keepTheirShape(t, places)
}

func TestWhatAPersonTypesIsTextWhereverItIsDrawnAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("draws hundreds of texts, one after the other")
	}
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks(register, says(http.StatusConflict, `{"error":"name already in use","error_code":"AccountNameInUse"}`))
	out := p.browser()
	p.upstream.breaks(logIn, says(http.StatusUnauthorized, `{"error":"unauthorized","error_code":"InvalidPassword"}`))
	form := func(b *browser, path string, fields ...string) func(string) answer {
		return func(text string) answer {
			values := url.Values{"form_id": {strings.Repeat("A", 22)}, "password": {"x"}}
			for _, field := range fields {
				values.Set(field, text)
			}
			return b.post(path, values)
		}
	}
	page := func(b *browser, path string) func(string) answer {
		return func(text string) answer { return b.get(path + url.QueryEscape(text)) }
	}
	places := map[string]place{}
	for way, change := range map[string]func(*browser) *browser{"whole": func(b *browser) *browser { return b }, "part": (*browser).htmx} {
		in, out := change(b), change(out)
		for name, place := range map[string]place{
			"a search":                {page(in, "/keys?q="), []string{"pump", ""}},
			"a name in the address":   {page(in, "/keys?name="), []string{"pump", "<"}},
			"a refused name":          {form(in, "/keys", "name"), []string{"a b", "🔑", "", strings.Repeat("x", 65)}},
			"a code":                  {form(in, "/device", "code"), []string{"x", "BBBB-BBBB", ""}},
			"a code in the address":   {page(in, "/device?user_code="), []string{"x", "BBBB-BBBB"}},
			"a wrong value":           {form(in, "/keys/which", "value"), []string{"x", ""}},
			"a refused log-in":        {form(out, "/login", "email", "next"), []string{"x@example.com", ""}},
			"a refused registration":  {form(out, "/register", "email", "next"), []string{"x", "x@example.com"}},
			"an account there is":     {form(out, "/register", "email", "next", "password"), []string{"x", strings.Repeat("x", 200), "x@example.com"}},
			"a log entry":             {page(out, "/logs?co_id="), []string{"x", ""}},
			"a reason on the log-in":  {page(out, "/login?next=/keys&ended="), []string{"x", ""}},
			"a key there is not":      {func(text string) answer { return in.get("/keys/" + url.PathEscape(text)) }, []string{"x", "5f9d1a2b3c4d5e6f70819203", ""}},
			"a pairing there is not":  {func(text string) answer { return in.get("/device/" + url.PathEscape(text)) }, []string{"x", ""}},
			"a page there is not":     {func(text string) answer { return in.get("/" + url.PathEscape(text) + "/x") }, []string{"x", ""}},
			"a key that is not there": {form(in, "/keys/5f9d1a2b3c4d5e6f70819203/turn-off", "name", "place"), []string{"x", ""}},
		} {
			places[name+", "+way] = place
		}
	}
	// Some of the texts are names that a key can have: they would be taken.
	for name, place := range places {
		if strings.HasPrefix(name, "a refused name") {
			draw := place.draw
			place.draw = func(text string) answer {
				if client.ValidName(strings.TrimSpace(text)) == nil {
					text = "a b"
				}
				return draw(text)
			}
			places[name] = place
		}
	}
	keepTheirShape(t, places)
}

func TestAnEMailAddressIsTextWhereverItIsDrawn(t *testing.T) {
	if testing.Short() {
		t.Skip("draws hundreds of texts, one after the other")
	}
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.person(email)
	p.upstream.breaks(logIn, logInOnce())
	p.browser().post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
	places := map[string]place{}
	for _, path := range []string{"/keys", "/device", "/keys/which", "/no-such-page"} {
		places[path] = place{plain: []string{email}, draw: func(text string) answer {
			if strings.TrimSpace(text) == "" {
				text = email
			}
			b := p.browser() // a new one: of too many, the oldest are signed out
			b.post("/login", url.Values{"email": {text}, "password": {password}}).leadsTo("/keys")
			return b.get(path)
		}}
	}
	keepTheirShape(t, places)
}

// Anybody can ask for a code, under any name and with any program.
func TestWhatADeviceSaysOfItselfIsTextWhereverItIsDrawn(t *testing.T) {
	if testing.Short() {
		t.Skip("draws hundreds of texts, one after the other")
	}
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	n := 0
	ask := func(text string) (address string) {
		n++
		d := p.device()
		d.agent, d.address = text, fmt.Sprintf("%d.%d.7.1", 11+n/250, n%250) // each in a network of its own, for the limits
		started := d.start(url.Values{"client_id": {appID}, "device_name": {text}}).want(http.StatusOK).json()
		return b.post("/device", url.Values{"code": {started["user_code"].(string)}}).want(http.StatusSeeOther).header.Get("Location")
	}
	places := map[string]place{}
	for name, c := range map[string]struct{ act string }{"a question": {""}, "denied": {"/deny"}, "approved": {"/approve"}} {
		places[name] = place{plain: []string{"pump", "\u200b", "curl/8.5.0"}, draw: func(text string) answer {
			at := ask(text)
			page := b.get(at).want(http.StatusOK)
			if c.act == "" {
				return page
			}
			b.post(at+c.act, url.Values{"name": {"a b" + text}}) // a name that is refused is drawn again
			return b.htmx().get(at)
		}}
	}
	keepTheirShape(t, places)
}

// A log is read in terminals, line by line, and by programs that take each line for an entry.
func TestNoTextOfSomebodyElseMakesALineOfTheLog(t *testing.T) {
	t.Parallel()
	kept := &logs{}
	p := newProgram(t, elsewhere, func(d *handlers.Deps) {
		d.Log = slog.New(slog.NewTextHandler(kept, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b, who := p.signedIn(email)
	key := p.seed(who, "pump")[0]
	for _, text := range handlers.Corpus(t, "names.txt") {
		kept.Reset()
		p.upstream.heal()
		body, _ := json.Marshal(map[string]string{"error": text, "error_code": text, "link": "https://x.example/logs?co_id=" + url.QueryEscape(text)})
		p.upstream.breaks(listKeys, says(http.StatusInternalServerError, string(body)))
		p.upstream.breaks(fetchKey, says(http.StatusBadGateway, text))
		p.upstream.breaks(keyFacts, says(http.StatusBadGateway, string(body)))
		strange := b.with("User-Agent", text).with("X-Forwarded-For", text).with("X-Request-Id", text).with("Referer", text).with("HX-Current-URL", text)
		strange.get("/keys?q=" + url.QueryEscape(text))
		strange.get("/keys/" + key.ID)
		strange.get("/" + url.PathEscape(text))
		strange.post("/device", url.Values{"code": {text}})
		d := p.device()
		d.agent = text
		p.clock.Advance(time.Minute)
		d.start(url.Values{"client_id": {text}, "device_name": {text}})
		if kept.String() == "" {
			t.Fatal("nothing was logged")
		}
		for line := range strings.Lines(kept.String()) {
			if !strings.HasPrefix(line, "time=") || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), unfit) {
				t.Fatalf("%.60q: the log has the line %q", text, line)
			}
		}
	}
}

// unfit are the characters that a terminal obeys, or that show a line otherwise than it is.
func unfit(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func TestNoNameChangesTheFilesForADevice(t *testing.T) {
	t.Parallel()
	for _, name := range handlers.Corpus(t, "names.txt") {
		h := onboard.Handoff{AppID: appID, BaseURL: publicURL, KeyName: name}
		if file := h.EnvFile(); strings.Trim(file, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != ".env" && !strings.HasSuffix(file, ".env") ||
			strings.ContainsAny(strings.TrimSuffix(file, ".env"), "./\\ \x00") {
			t.Errorf("%.60q: the file is called %q", name, file)
		}
		want := strings.Count(onboard.Handoff{AppID: appID, BaseURL: publicURL, KeyName: "pump"}.Env(), "\n")
		if env := h.Env(); strings.Count(env, "\n") != want || strings.ContainsFunc(strings.ReplaceAll(env, "\n", ""), unfit) || !strings.HasSuffix(env, "\nAPI_KEY=") {
			t.Errorf("%.60q: the file is %q", name, env)
		}
	}
}

func TestWhoSignsInIsSentToTheirKeysWhateverTheAddressSaid(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("one request after the other, very many: nothing for the race detector")
	}
	p := newProgram(t, elsewhere)
	p.person(email)
	p.upstream.breaks(logIn, logInOnce())
	p.upstream.breaks(register, says(http.StatusCreated, ""))
	wrong := newProgram(t, elsewhere)
	wrong.upstream.breaks(logIn, says(http.StatusUnauthorized, `{"error":"unauthorized","error_code":"InvalidPassword"}`))
	for i, next := range handlers.Corpus(t, "nexts.txt") {
		if testing.Short() && i%5 != 0 {
			continue
		}
		for _, path := range []string{"/login", "/register"} {
			query := "?" + url.Values{"next": {next}}.Encode()
			if got := p.browser().get(path+query).want(http.StatusOK).attr("input[name=next]", "value"); got != "/keys" {
				t.Errorf("%.60q: %s hands on %q", next, path, got)
			}
			form := url.Values{"email": {email}, "password": {password}, "next": {next}}
			p.browser().post(path, form).leadsToOnly("/keys", next)
			p.browser().htmx().post(path, form).leadsToOnly("/keys", next)
		}
		again := wrong.browser().post("/login", url.Values{"email": {email}, "password": {password}, "next": {next}}).want(http.StatusUnprocessableEntity)
		if got := again.attr("input[name=next]", "value"); got != "/keys" {
			t.Errorf("%.60q: the refused form hands on %q", next, got)
		}
		p.browser().post("/theme", url.Values{"theme": {"dark"}, "return": {next}}).leadsToOnly("/keys", next)
	}
}

// leadsToOnly is leadsTo, also for what the page's script follows.
func (a answer) leadsToOnly(place, next string) {
	a.t.Helper()
	to := slices.Concat(a.header.Values("Location"), a.header.Values("HX-Redirect"), a.header.Values("HX-Location"))
	if !slices.Equal(to, []string{place}) {
		a.t.Errorf("%.60q: status %d leads to %q", next, a.status, to)
	}
}
