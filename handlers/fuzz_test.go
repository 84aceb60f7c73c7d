package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// FuzzCookie sends any Cookie header. The one value that a browser was given opens the page; every other, however close, leads to
// the sign-in page, and so do other spellings of it.
func FuzzCookie(f *testing.F) {
	p := newProgram(f)
	b, _ := p.signedIn(email)
	out, good := p.browser(), b.cookie("latchkey")
	for _, header := range []string{
		"latchkey=" + good, "", "latchkey", "latchkey=", "latchkey=" + good[:42], "latchkey=" + good + "A", "latchkey=" + good + "=", `latchkey="` + good + `"`, "LATCHKEY=" + good,
		"__Host-latchkey=" + good, "latchkey=x; latchkey=" + good, "latchkey=" + good + "; latchkey=x", " latchkey = " + good, "a=b;;latchkey=" + good, "latchkey=" + strings.Repeat("A", 43),
		"latchkey=" + good[:42] + "\x00", "latchkey=" + good[:20] + "\r\n" + good[20:], "latchkey=%00%ff", "latchkey=MTcwMDAwMDAwMHxEWDhFQVFMX2dBQUJFQUVRQUFCXzQ0QUFBUVp6ZEhKcGJtYz18c2ln",
		"latchkey=" + strings.ToUpper(good), strings.Repeat("latchkey=x; ", 500), "latchkey=../../etc/passwd",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		stranger := out.on(t)
		r := stranger.request(http.MethodGet, "/device", nil)
		r.Header.Set("Cookie", header)
		cookie, err := r.Cookie("latchkey")
		opens := err == nil && !cookie.Quoted && cookie.Value == good
		got := stranger.send(r)
		if opens {
			got.want(http.StatusOK).says(".who", email)
			return
		}
		if to := got.want(http.StatusSeeOther).header.Get("Location"); !strings.HasPrefix(to, "/login?") {
			t.Errorf("%q leads to %q", header, to)
		}
		if strings.Contains(got.body, email) {
			t.Errorf("%q tells who is signed in", header)
		}
	})
}

// FuzzKeysFromUpstream has the key service answer anything when it is asked for the keys, and for what is known of them. The
// page is then one of three: a list, a list without its facts, or the news that the keys could not be read.
func FuzzKeysFromUpstream(f *testing.F) {
	p := newProgram(f, elsewhere)
	b, _ := p.signedIn(email)
	const one = `{"_id":"69cc8d000000000000000001","name":"pump","disabled":false}`
	const fact = `{"recording_since":"2026-01-01T00:00:00Z","keys":[{"_id":"69cc8d000000000000000001","fingerprint":"0011223344556677","first_used_at":"2026-05-01T00:00:00Z",` +
		`"last_use":{"at":"2026-05-01T00:00:00Z","address":"192.0.2.1","device_name":"<b>","platform":"\u202e"},"last_refusal":{"at":"2026-05-02T00:00:00Z","address":"x","reason":"off"}}]}`
	for _, list := range []string{
		"[]", "[" + one + "]", "[" + one + "," + one + "]", "null", "{}", "[null]", "[{}]", "[[]]", `"x"`, "1", "", " ", "[" + one, `[{"_id":"x","name":"pump","disabled":false}]`,
		`[{"_id":"69cc8d000000000000000001","name":"","disabled":false}]`, `[{"_id":"69cc8d000000000000000001","name":1,"disabled":false}]`, `[{"_id":"69cc8d000000000000000001","name":"x","disabled":null}]`,
		`[{"_id":{"$oid":"69cc8d000000000000000001"},"name":"<script>alert(1)</script>","disabled":true,"name":"\" onclick=alert(1) x=\""}]`, `[{"_id":"ffffffffffffffffffffffff","name":"\u0000\ud800","disabled":true,"extra":[1]}]`,
		strings.Repeat("[", 20_000), `{"error":"<b>","error_code":"<i>","link":"javascript:alert(1)"}`, "<html><body>502</body></html>", "\xff\xfe", "[" + one + "]x", "[1e999]",
	} {
		f.Add(list, fact)
	}
	for _, facts := range []string{"", "{}", "[]", "null", `{"recording_since":"2026-01-01T00:00:00Z","keys":[]}`, `{"recording_since":"0001-01-01T00:00:00Z","keys":null}`, strings.Replace(fact, "2026-05-01", "9999-12-31", 2), strings.Replace(fact, "192.0.2.1", "<script>alert(1)</script>", 1)} {
		f.Add("["+one+"]", facts)
	}
	again := logInOnce()
	f.Fuzz(func(t *testing.T, list, facts string) {
		p.upstream.heal()
		p.upstream.reset()
		p.upstream.breaks(listKeys, says(http.StatusOK, list))
		p.upstream.breaks(keyFacts, says(http.StatusOK, facts))
		got := b.on(t).get("/keys")
		if got.status == http.StatusSeeOther { // half a day is over
			p.upstream.breaks(logIn, again)
			b.on(t).post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
			got = b.on(t).get("/keys")
		}
		switch got.status {
		case http.StatusOK:
			got.listsWhatItWasTold(list)
		case http.StatusBadGateway:
			got.says("main", "We couldn’t read your keys.").lacks("#keys li")
		default:
			t.Fatalf("status %d: %s", got.status, squeeze(got.doc.Find("main").Text()))
		}
		got.hasNoMoreThanOurs()
		if p.upstream.count(keyFacts) == 0 { // the answer before was that of a service without facts
			p.clock.Advance(6 * time.Minute)
		}
	})
}

// listsWhatItWasTold compares the rows of a page with the names in an answer.
func (a answer) listsWhatItWasTold(list string) {
	a.t.Helper()
	var keys []struct {
		Name     string `json:"name"`
		Disabled bool   `json:"disabled"`
	}
	if err := json.Unmarshal([]byte(list), &keys); err != nil {
		a.t.Fatalf("a list is drawn of what is none: %q", list)
	}
	if rows := a.doc.Find("#keys ul > li").Length(); rows != len(keys) {
		a.t.Errorf("%d rows for %d keys: %q", rows, len(keys), list)
	}
}

// hasNoMoreThanOurs looks for elements and attributes that no page of ours has, and for scripts that are not ours.
func (a answer) hasNoMoreThanOurs() {
	a.t.Helper()
	a.doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		node := s.Nodes[0]
		if foreignElements[node.Data] || node.Data == "script" && !strings.HasPrefix(s.AttrOr("src", ""), "/static/") {
			a.t.Errorf("there is a <%s>", node.Data)
		}
		for _, attr := range node.Attr {
			if strings.HasPrefix(attr.Key, "on") || slices.Contains(addresses, attr.Key) && !ourAddress(attr.Val) {
				a.t.Errorf("<%s> has %s=%q", node.Data, attr.Key, attr.Val)
			}
		}
	})
}

// foreignElements are what texts in the corpora would become, if they became anything.
var foreignElements = map[string]bool{
	"img": true, "iframe": true, "object": true, "embed": true, "style": true, "base": true, "math": true, "video": true, "audio": true, "marquee": true, "b": true, "i": true, "x": true,
}
