package handlers

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPagesOfOursAreReturnedTo(t *testing.T) {
	t.Parallel()
	for _, next := range []string{
		"/keys", "/login", "/register", "/activity", "/sessions", "/account", "/keys/0123456789abcdef01234567", "/keys/0123456789abcdef01234567/delete", "/account/password/stop", "/account/passkeys/0123456789abcdef01234567/name",
		"/keys/new?name=porch-cam", "/keys/new?name=A_1-", "/keys/new?name=" + strings.Repeat("x", 64),
		"/device", "/device?user_code=WDJB-MJHT", "/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "/device/22222222222222222222777777",
	} {
		if got := localPath(next); got != next {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func TestEverySpellingOfAnotherPlaceLeadsHome(t *testing.T) {
	t.Parallel()
	nexts := Corpus(t, "nexts.txt")
	if len(nexts) < 300 {
		t.Errorf("only %d spellings", len(nexts))
	}
	for _, next := range nexts {
		if got := localPath(next); got != home {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func TestAStreamIsNoPlaceToReturnTo(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"/keys/arrival", "/keys/0123456789abcdef01234567/arrival", "/account/passkeys/new/name", "/account/passkeys/0123456789abcdef01234567/remove"} {
		if got := localPath(next); got != home {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, next := range Corpus(f, "nexts.txt") {
		f.Add(next)
	}
	f.Add("/keys/0123456789abcdef01234567")
	f.Add("/keys/new?name=porch-cam")
	f.Add("/device?user_code=WDJB-MJHT")
	f.Add("/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	withMore := regexp.MustCompile(`^/device(/[A-Z2-7]{26}|\?user_code=[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4})?$|^/keys/new\?name=[A-Za-z0-9_-]{1,64}$`)
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
		if withMore.MatchString(got) && to.RequestURI() == got {
			return
		}
		if to.Path != got || !slices.Contains(ownPages, to.Path) && !strings.HasPrefix(to.Path, home+"/") && !isPasskeyPage(to.Path) {
			t.Fatalf("%q leads to the page %q", next, to.Path)
		}
	})
}

// A page that can be read is one to come back to, and nothing else is: what changes something, needs an id, or is no page.
func TestThePagesToComeBackToAreThoseThatTheRoutesShow(t *testing.T) {
	t.Parallel()
	dashboard := New(Deps{
		PublicURL: "http://localhost", SessionKeys: [][]byte{make([]byte, 32)}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Here: true, Operators: struct{ Operators }{},
	})
	var pages []string
	for _, route := range Routes(dashboard) {
		path, readable := strings.CutPrefix(route, http.MethodGet+" ")
		switch {
		case !readable, strings.ContainsAny(path, ":*."), strings.HasSuffix(path, arrivalSuffix):
		case slices.Contains([]string{
			"/", "/healthz", "/logs", languagePath, metadataPath, devicePath, home + "/which", home + "/name", expiryPath, newKeyPath, adoptPath, roomPath, bulkPath,
			handoverPath, // whose link is good once
		}, path): // all below the last are allowed
		default:
			pages = append(pages, path)
		}
	}
	slices.Sort(pages)
	if want := slices.Sorted(slices.Values(ownPages)); !slices.Equal(pages, want) {
		t.Errorf("the routes show %q, and %q are pages to come back to", pages, want)
	}
}
