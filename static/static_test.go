package static_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"latchkey/static"
)

// files is everything a page needs, with how it is announced; packed is what is not packed again.
var files = map[string]string{
	"app.css":     "text/css; charset=utf-8",
	"pages.css":   "text/css; charset=utf-8",
	"app.js":      "text/javascript; charset=utf-8",
	"htmx.min.js": "text/javascript; charset=utf-8",
	"icon.svg":    "image/svg+xml",
	"bulk.js":     "text/javascript; charset=utf-8",
	"create.js":   "text/javascript; charset=utf-8",
	"whichkey.js": "text/javascript; charset=utf-8",
	"passkey.js":  "text/javascript; charset=utf-8",
}

const packed = "touch.png"

func get(t testing.TB, method, target, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
	r.URL.Path = target
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// served is a file as it reaches a browser that takes it as it is.
func served(t testing.TB, name string) []byte {
	t.Helper()
	return get(t, http.MethodGet, static.URL(name), "").Body.Bytes()
}

func TestOurFilesAreServedWithoutWhatIsForReadersOfTheSource(t *testing.T) {
	t.Parallel()
	for name := range files {
		body, source := served(t, name), read(t, name)
		switch ext := path.Ext(name); {
		case strings.HasSuffix(name, ".min.js"), ext == ".png", ext == ".svg":
			if !bytes.Equal(body, source) {
				t.Errorf("%s is another file as it is served", name)
			}
		case bytes.Contains(body, []byte("/*")), bytes.Contains(body, []byte("// ")), len(body) > len(source)*9/10:
			t.Errorf("%s is served with comments, or %d of %d bytes", name, len(body), len(source))
		}
	}
}

func TestEveryFileIsNamedByItsContent(t *testing.T) {
	t.Parallel()
	for name := range files {
		sum := sha256.Sum256(read(t, name))
		ext := path.Ext(name)
		want := "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
		if got := static.URL(name); got != want {
			t.Errorf("%s is at %s, want %s", name, got, want)
		}
	}
}

func TestAFileIsServedWithoutItsCommentsAndKeptForAYear(t *testing.T) {
	t.Parallel()
	for name, kind := range files {
		body := served(t, name)
		for _, accept := range []string{
			"", "identity", "deflate", "gzip;q=0", "br;q=0, gzip;q=0.000", "*;q=0", "brotli, gzipped", "gzip;q=1.0.0", "gzip;level=9", "br;q=0.1, identity",
		} {
			w := get(t, http.MethodGet, static.URL(name), accept)
			h := w.Header()
			if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), body) {
				t.Errorf("%s: status %d, %d bytes, want %d", name, w.Code, w.Body.Len(), len(body))
			}
			if h.Get("Content-Type") != kind || h.Get("Content-Encoding") != "" || h.Get("Content-Length") != strconv.Itoa(len(body)) {
				t.Errorf("%s: header %v", name, h)
			}
			if h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: header %v", name, h)
			}
		}
	}
}

// packers are how a file may be packed, each with how it is unpacked.
var packers = map[string]func(io.Reader) (io.Reader, error){
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
}

func TestAFileIsServedCompressedAsTheClientLikesItBest(t *testing.T) {
	t.Parallel()
	static.Prepare()
	for name, kind := range files {
		for accept, encoding := range map[string]string{
			"gzip": "gzip", "GZIP": "gzip", "gzip, deflate": "gzip", "gzip;q=0.1": "gzip", "br;q=0, gzip": "gzip", "gzip;q=1.0,br;q=0.8": "gzip",
			"*, br;q=0": "gzip", "gzip, br;q=x": "gzip", "gzip;q=0.5, identity;q=0.4": "gzip",
			"br": "br", "gzip, deflate, br, zstd": "br", "br;q=1.0, gzip;q=0.8": "br", " br ; Q=0.5 ,gzip;q=0.5": "br", "*": "br", "*;q=0.1, gzip;q=0": "br",
			"br, *;q=0": "br",
		} {
			w := get(t, http.MethodGet, static.URL(name), accept)
			h := w.Header()
			if h.Get("Content-Encoding") != encoding || h.Get("Content-Type") != kind || h.Get("Vary") != "Accept-Encoding" {
				t.Fatalf("%s, %q: header %v", name, accept, h)
			}
			if h.Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
				t.Errorf("%s: Content-Length %s for %d bytes", name, h.Get("Content-Length"), w.Body.Len())
			}
			r, err := packers[encoding](w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(r); err != nil || !bytes.Equal(body, served(t, name)) {
				t.Errorf("%s, %q: unpacked it is another file: %v", name, accept, err)
			}
		}
	}
}

func TestAPictureForAHomeScreenIsServedAsItIs(t *testing.T) {
	t.Parallel()
	body := read(t, packed)
	for _, accept := range []string{"", "gzip", "br", "gzip, deflate, br, zstd"} {
		w := get(t, http.MethodGet, static.URL(packed), accept)
		h := w.Header()
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), body) || h.Get("Content-Encoding") != "" || h.Get("Content-Type") != "image/png" {
			t.Errorf("%q: status %d, %d bytes, header %v", accept, w.Code, w.Body.Len(), h)
		}
	}
	picture, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// What is transparent, corners too, iOS makes black.
	if size := picture.Bounds().Size(); size != image.Pt(180, 180) || picture.At(0, 0) != color.Color(color.RGBA{0x0f, 0x5c, 0x55, 0xff}) {
		t.Errorf("it is %v and begins with %v", size, picture.At(0, 0))
	}
	if len(body) > 3000 {
		t.Errorf("it has %d bytes", len(body))
	}
}

func TestAHeadHasEverythingButTheBody(t *testing.T) {
	t.Parallel()
	for name := range files {
		for accept := range packers {
			whole, head := get(t, http.MethodGet, static.URL(name), accept), get(t, http.MethodHead, static.URL(name), accept)
			if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != whole.Header().Get("Content-Length") {
				t.Errorf("%s: status %d, %d bytes, header %v", name, head.Code, head.Body.Len(), head.Header())
			}
		}
	}
}

func TestEveryOtherAddressIsNotFoundAndNotKept(t *testing.T) {
	t.Parallel()
	css := static.URL("app.css")
	for _, target := range []string{
		"", "/", "/static", "/static/", "/static/app.css", "/app.css", "app.css", "app.js", "htmx.min.js", "icon.svg", "/static/static.go",
		"/static/app.00000000.css", strings.Replace(css, ".css", ".js", 1), css + "/", css + ".map", strings.ToUpper(css), "/" + css,
		"/static/../static/" + path.Base(css), "/static//" + path.Base(css), path.Base(css), "/static/../go.mod", "/static/nothing.12345678.css",
	} {
		w := get(t, http.MethodGet, target, "gzip")
		if w.Code != http.StatusNotFound || w.Header().Get("Content-Encoding") != "" || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%q: status %d, header %v", target, w.Code, w.Header())
		}
	}
}

func TestAFileThatIsNotThereIsAMistakeInATemplate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "nothing.css", "/static/app.css", "static.go", "../go.mod"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q has the address %q", name, static.URL(name))
				}
			}()
			_ = static.URL(name)
		}()
	}
}

// htmxSum is the SHA-256 of dist/htmx.min.js in the published package htmx.org 4.0.1.
const htmxSum = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"

func TestHtmxIsThePublishedFileBelowALineThatNamesIt(t *testing.T) {
	t.Parallel()
	heading, published, _ := bytes.Cut(read(t, "htmx.min.js"), []byte("\n"))
	if got := string(heading); got != "/*! htmx.org 4.0.1, https://htmx.org, licence 0BSD */" {
		t.Errorf("the first line is %q", got)
	}
	if sum := sha256.Sum256(published); hex.EncodeToString(sum[:]) != htmxSum {
		t.Errorf("the rest has the SHA-256 %x, the published file %s", sum, htmxSum)
	}
}

// What every page asks for, and what some do. The two files that are ours have a limit of their own, in bytes of gzip.
func TestFilesWeighLittle(t *testing.T) {
	t.Parallel()
	weight := func(accept string, names ...string) (total int) {
		for _, name := range names {
			n := get(t, http.MethodGet, static.URL(name), accept).Body.Len()
			t.Logf("%s: %d bytes as %s", name, n, accept)
			total += n
		}
		return total
	}
	for _, c := range []struct {
		accept string
		most   int
		names  []string
	}{
		{"gzip", 4_600, []string{"app.js"}}, {"gzip", 5_700, []string{"app.css"}}, {"gzip", 2_200, []string{"pages.css"}}, {"gzip", 2_320, []string{"create.js"}},
		{"gzip", 1_700, []string{"passkey.js"}},
		{"br", 22_000, []string{"app.css", "app.js", "htmx.min.js", "icon.svg"}},
	} {
		if got := weight(c.accept, c.names...); got > c.most {
			t.Errorf("%q have %d bytes as %s, want %d at most", c.names, got, c.accept, c.most)
		}
	}
}

func TestNothingIsFetchedFromElsewhereOrRunFromText(t *testing.T) {
	t.Parallel()
	for name, forbidden := range map[string]*regexp.Regexp{
		"app.css":     regexp.MustCompile(`(?i)@import|url\(|https?:|expression\(`),
		"pages.css":   regexp.MustCompile(`(?i)@import|url\(|https?:|expression\(`),
		"whichkey.js": regexp.MustCompile(`\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?:|Storage\b|XMLHttpRequest|fetch\(`),
		"create.js":   regexp.MustCompile(`\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?:|Storage\b|XMLHttpRequest|fetch\(["']`),
		"passkey.js":  regexp.MustCompile(`\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?:|Storage\b|XMLHttpRequest|fetch\(["']`),
		"app.js":      regexp.MustCompile(`\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?:|Storage\b|XMLHttpRequest|fetch\(["']`),
		"icon.svg":    regexp.MustCompile(`(?i)<script|\bon\w+=|href|<style|<foreignObject`),
	} {
		// What may be kept is what a person chose, and how the list was narrowed down.
		text := regexp.MustCompile(`localStorage\.[gs]etItem\((systemKey|shortcutsKey)\b|sessionStorage\.(get|set|remove)Item\(listKey\b`).ReplaceAll(read(t, name), nil)
		if found := forbidden.Find(text); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
}
