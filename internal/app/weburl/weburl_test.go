package weburl

import (
	"net/url"
	"strings"
	"testing"
)

// The forms are those that Chromium and Firefox give location.host.
func TestAHostIsSpelledAsBrowsersSendIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://bücher.example":                    "http://xn--bcher-kva.example",
		"http://BÜCHER.example":                    "http://xn--bcher-kva.example",
		"http://bu\u0308cher.example":              "http://xn--bcher-kva.example",
		"http://XN--BCHER-KVA.example":             "http://xn--bcher-kva.example",
		"http://b%C3%BCcher.example":               "http://xn--bcher-kva.example",
		"https://münchen.example:443/":             "https://xn--mnchen-3ya.example",
		"https://straße.example":                   "https://xn--strae-oqa.example",
		"https://例え.テスト:8443":                      "https://xn--r8jz45g.xn--zckzah:8443",
		"https://keys。example．org":                 "https://keys.example.org",
		"https://ｋｅｙｓ.example.org":                 "https://keys.example.org",
		"https://Keys.Example.org.":                "https://keys.example.org",
		"https://keys.example.org.:8443":           "https://keys.example.org:8443",
		"https://keys.example.org:0443":            "https://keys.example.org",
		"http://keys.example.org:443":              "http://keys.example.org:443",
		"http://my_host:80":                        "http://my_host",
		"http://-a-.example":                       "http://-a-.example",
		"http://[::1]:80":                          "http://[::1]",
		"http://[0:0:0:0:0:0:0:1]:8080":            "http://[::1]:8080",
		"http://[2001:DB8:0:0::00A]":               "http://[2001:db8::a]",
		"http://[::ffff:192.0.2.1]:8080":           "http://192.0.2.1:8080",
		"http://[::FFFF:c000:201]":                 "http://192.0.2.1",
		"http://127.1:8080":                        "http://127.0.0.1:8080",
		"http://0x7f.0.0.1":                        "http://127.0.0.1",
		"http://2130706433":                        "http://127.0.0.1",
		"http://0300.0250.1.05":                    "http://192.168.1.5",
		"http://localhost.":                        "http://localhost",
		"HTTPS://KEYS.example.org":                 "https://keys.example.org",
		"http://" + strings.Repeat("a", 63) + ".b": "http://" + strings.Repeat("a", 63) + ".b",
	} {
		u, ok := ParseHost(text)
		if !ok {
			t.Errorf("%s is refused", text)
			continue
		}
		if got := Origin(u); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
		raw, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Origin(raw); got != want {
			t.Errorf("%s as it was given is %s, want %s", text, got, want)
		}
	}
}

func TestWhatBrowsersDoNotOpenIsNoURL(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"http://[fe80::1%25eth0]", "http://[fe80::1%eth0]", "http://[::1", "http://[1.2.3.4]", "http://[g::1]", "http://.", "http://..example.org", "http://a..b", "http://a..",
		"http://256.0.0.1", "http://1.2.3.4.5", "http://1.2.3.09", "http://4294967296", "http://xn--a", "http://a b", "http://a%20b", "http://a%25b", "http://*", "http://*.example.org",
		"http://a:0", "http://a:65536", "http://a:x", "http://\u00ad", "http://" + strings.Repeat("a.", 200) + "b", "http://" + strings.Repeat("ü", 2000),
	} {
		if u, ok := Parse(text); ok {
			t.Errorf("%s is taken, as %s", text, u)
		}
	}
	if !NamesZone("http://[fe80::1%25eth0]") || !NamesZone("http://[fe80::1%eth0]:8080/") || NamesZone("http://[fe80::1]") || NamesZone("http://a%25b") {
		t.Error("a zone is not told from other mistakes")
	}
}

func TestThisMachineIsItselfInEverySpelling(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "localhost.": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "0:0:0:0:0:0:0:1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example": false, "127.0.0.1.example": false, "::2": false, "0.0.0.0": false, "::1%lo": false,
	} {
		if IsLoopback(host) != want {
			t.Errorf("IsLoopback(%q) is %t", host, !want)
		}
	}
}

// What needs no reading is told by its letters alone, and must be what reading it gives.
func TestANameThatIsSentAsItIsIsNotReadAndIsTheSame(t *testing.T) {
	for _, name := range []string{"keys.example.org", "localhost", "a-b.c", "-a.b-", "127.0.0.1", "a..b", ".", "", "keys.example.org.", "xn--mnchen-3ya.example", "xn--a", strings.Repeat("a", 64) + ".org"} {
		read, err := toASCII.ToASCII(name)
		if isSentAsItIs(name) && (err != nil || read != name) {
			t.Errorf("%q is read as %q, %v", name, read, err)
		}
	}
}
