package handlers

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestPagesOfOursAreReturnedTo(t *testing.T) {
	t.Parallel()
	for _, next := range []string{
		"/keys", "/login", "/register", "/keys/0123456789abcdef01234567", "/keys/0123456789abcdef01234567/delete",
		"/device", "/device?user_code=WDJB-MJHT", "/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "/device/22222222222222222222777777",
	} {
		if got := localPath(next); got != next {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// hostileNexts is how people have tried to be sent elsewhere after signing in, with what browsers make of each kept in mind:
// they drop tabs and newlines, take a backslash for a slash, and decode before they resolve.
func hostileNexts() []string {
	nexts := []string{
		"", " ", "/", ".", "..", "/..", "keys", "keys/", "/keys/", "/Keys", "/KEYS", "/keysx", "/keys.evil.example", "/keys@evil.example",
		"/keys?next=//evil.example", "/keys?", "/keys#", "/keys#x", "/keys;x=1/../..", "/keys/..", "/keys/../", "/keys/../login", "/keys/.", "/keys//", "//keys",
		"/keys//evil.example", "/keys/./x", "/keys/../../evil.example", "/keys/%2e%2e/", "/keys/%2f%2fevil.example", "/keys/%5cevil.example", "/keys/%00", "/keys/\x00",
		"/keys/x y", "/keys/ü", "/keys/%c3%bc", "/keys/\u202e", "/keys/\u2028", "/keys/\xff", "/keys/\t", "/keys/x\r\nSet-Cookie: a=b", "/keys/%0d%0aSet-Cookie:%20a=b",
		"/static/app.css", "/theme", "/logout", "/healthz", "/api/client/v2.0/auth/session", "/.well-known/jwks.json", "/logs",
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd",
		"blob:https://evil.example/x", "mailto:a@evil.example", "about:blank", "view-source:https://evil.example",
		"/a/..//evil.example", "/a/../\\evil.example", "/a/../../\\evil.example", "/keys/..//evil.example", "/keys/..\\evil.example", "/keys\\..\\..\\evil.example",
		"?next=/keys", "?//evil.example", "#//evil.example", "/login?next=//evil.example", "/login/", "/login/../keys", "/register/x", "/loginx",
		"/device/", "/devices", "/Device", "//device", "/device?", "/device#", "/device?next=/keys", "/device?user_code", "/device?user_code=", "/device?USER_CODE=WDJB-MJHT",
		"/device?user_code=wdjb-mjht", "/device?user_code=WDJBMJHT", "/device?user_code=WDJB-MJH", "/device?user_code=WDJB-MJHTT", "/device?user_code=ADJB-MJHT", "/device?user_code=WDJB%2DMJHT",
		"/device?user_code=WDJB+MJHT", "/device?user_code=WDJB MJHT", "/device?user_code=WDJB–MJHT", "/device?user_code=WDJB-MJHT&x=1", "/device?user_code=WDJB-MJHT#x", "/device?user_code=WDJB-MJHT\n",
		"/device?user_code=WDJB-MJHT/../..//evil.example", "/device?x=1&user_code=WDJB-MJHT", "/device?user_code=//evil.example", "/device?user_code=ＷDJB-MJHT", "/device?user_code=-WDJBMJHT",
		"/device/?user_code=WDJB-MJHT", "/device/..", "/device/../keys", "/device//evil.example", "/device/\\evil.example", "/device/abcdefghijklmnopqrstuvwxyz", "/device/ABCDEFGHIJKLMNOPQRSTUVWXY",
		"/device/ABCDEFGHIJKLMNOPQRSTUVWXYZA", "/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ/", "/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ/deny", "/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ?x", "/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ#x",
		"/device/ABCDEFGHIJKLMNOPQRSTUVWX%41", "/device/ABCDEFGHIJKLMNOPQRSTUVWXY0", "/device/ABCDEFGHIJKLMNOPQRSTUVWXY\n", "https://evil.example/device", "//evil.example/device?user_code=WDJB-MJHT",
		strings.Repeat("/", 5000) + "evil.example", "/keys/" + strings.Repeat("../", 2000) + "evil.example",
	}
	for _, scheme := range []string{"", "http:", "https:", "HTTPS:", "ftp:", "x:", ":", "//", "\\"} {
		for _, slashes := range []string{"//", "///", "////", "/\\", "\\/", "\\\\", "/\t/", "/\n/", "/ /", "/%2f", "/%5c", "%2f%2f", "\t//", " //", "/.//", "/..//", "/;//"} {
			nexts = append(nexts, scheme+slashes+"evil.example/keys")
		}
	}
	for _, host := range []string{
		"evil.example", "evil%2eexample", "evil。example", "localhost@evil.example", "localhost:8080@evil.example", "keys@evil.example", "[::1]", "2130706433",
		"0x7f000001", "evil.example:443", "evil.example%00.localhost", "evil.example\\@localhost", "localhost.evil.example", "xn--evl-ona.example",
	} {
		nexts = append(nexts, "//"+host+"/keys", "https://"+host+"/keys", "/\\"+host+"/keys", "http:"+host+"/keys")
	}
	return nexts
}

func TestEverySpellingOfAnotherPlaceLeadsHome(t *testing.T) {
	t.Parallel()
	nexts := hostileNexts()
	if len(nexts) < 250 {
		t.Errorf("only %d spellings", len(nexts))
	}
	for _, next := range nexts {
		if got := localPath(next); got != home {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, next := range hostileNexts() {
		f.Add(next)
	}
	f.Add("/keys/0123456789abcdef01234567")
	f.Add("/device?user_code=WDJB-MJHT")
	f.Add("/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	ofDevice := regexp.MustCompile(`^/device(/[A-Z2-7]{26}|\?user_code=[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4})?$`)
	here, err := url.Parse("https://keys.example.org/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		if got != next && got != home {
			t.Fatalf("%q was repaired to %q", next, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`\%#`, r) }) || strings.Contains(got, "//") {
			t.Fatalf("%q leads to %q, which browsers may read in two ways", next, got)
		}
		to, err := here.Parse(got)
		if err != nil || to.Host != here.Host || to.Scheme != here.Scheme || to.User != nil {
			t.Fatalf("%q leads to %v: %v", next, to, err)
		}
		if ofDevice.MatchString(got) && to.RequestURI() == got {
			return
		}
		if to.Path != got || to.Path != home && to.Path != "/login" && to.Path != "/register" && !strings.HasPrefix(to.Path, home+"/") {
			t.Fatalf("%q leads to the page %q", next, to.Path)
		}
	})
}
