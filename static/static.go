// Package static serves the files of the pages: a stylesheet, two scripts and the icon, which every page needs, the stylesheet of all
// pages but the list of keys, scripts that one page needs, and the picture that a phone puts on its home screen. They are embedded,
// compressed once and named by their content, so that a browser keeps them for a year and a new build is seen at once.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

// Prefix is the path below which Handler answers.
const Prefix = "/static/"

//go:embed words.js
var words []byte

//go:embed app.css app.js bulk.js create.js htmx.min.js icon.svg pages.css passkey.js touch.png whichkey.js
var embedded embed.FS

// asset is one embedded file, ready to be sent.
type asset struct {
	url         string
	contentType string
	plain, gzip []byte
	brotli      func() []byte // at first it takes a while; nil for what is packed as it is
}

// assets holds every file twice: by its name ("app.css") and by its URL ("/static/app.3f9a1c20.css").
var assets = sync.OnceValue(load)

// URL gives the address of a file for use in a page. It panics for a name that is not embedded: that is a mistake in a
// template, and every template is rendered in tests.
func URL(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("static: no such file: " + name)
	}
	return a.url
}

// Prepare compresses all files with Brotli, so that nobody waits for that who comes later. It takes a fifth of a second of one core.
func Prepare() {
	for _, a := range assets() {
		if a.brotli != nil {
			a.brotli()
		}
	}
}

// more are files that were not embedded, by their URLs. There are as many as languages.
var more sync.Map

// AddWords adds the script that has the words of another language for the others, which are JSON, and gives its address.
func AddWords(language string, texts []byte) string {
	a := ready("words."+language+".js", bytes.ReplaceAll(words, []byte("WORDS;"), append(texts, ';')))
	more.Store(a.url, a)
	return a.url
}

func added(url string) (asset, bool) {
	a, ok := more.Load(url)
	if !ok {
		return asset{}, false
	}
	return a.(asset), true
}

// Handler answers GET and HEAD for the URLs that URL gives, and 404 for all others, old hashes included: an old page must
// not run a new script that it has never been tested with.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets()[r.URL.Path]
		if !ok {
			a, ok = added(r.URL.Path)
		}
		if !ok || !strings.HasPrefix(r.URL.Path, Prefix) {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		h.Del("X-Request-Id") // kept for a year with the file, it would name the request of somebody else
		body := a.plain
		switch encoding := preferred(r.Header.Values("Accept-Encoding")); {
		case a.brotli == nil:
		case encoding == "br":
			h.Set("Content-Encoding", encoding)
			body = a.brotli()
		case encoding == "gzip":
			h.Set("Content-Encoding", encoding)
			body = a.gzip
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // the client went away: nobody is left to tell
		}
	})
}

// preferred is the encoding that a client likes best, and of those that it likes as much the smaller one; "" is none. What a client does
// not name it does not get, but for what it says of all others, and what it weighs with nothing neither (RFC 9110, 12.5.3).
func preferred(accept []string) string {
	weights := map[string]float64{}
	for _, item := range strings.Split(strings.Join(accept, ","), ",") {
		coding, parameter, weighed := strings.Cut(item, ";")
		weight := 1.0
		if weighed {
			name, value, _ := strings.Cut(parameter, "=")
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") {
				continue // who cannot be understood gets what everybody can read
			}
			weight = q
		}
		weights[strings.ToLower(strings.TrimSpace(coding))] = weight
	}
	best, most := "", weights["identity"]
	for _, coding := range []string{"gzip", "br"} {
		weight, named := weights[coding]
		if !named {
			weight = weights["*"]
		}
		if weight > 0 && weight >= most {
			best, most = coding, weight
		}
	}
	return best
}

func load() map[string]asset {
	entries, err := embedded.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("static: %v", err)) // the directory is part of the binary
	}
	all := make(map[string]asset, 2*len(entries))
	for _, entry := range entries {
		name := entry.Name()
		body, err := embedded.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("static: %v", err))
		}
		a := ready(name, body)
		all[name], all[a.url] = a, a
	}
	return all
}

// ready is a file as it is sent, by the address that its content gives it.
func ready(name string, body []byte) asset {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	a := asset{
		url:         Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext,
		contentType: contentType(ext),
		plain:       body,
	}
	if ext != ".png" {
		if !strings.HasSuffix(name, ".min.js") {
			a.plain = minified(a.contentType, body)
		}
		lean := a.plain
		a.gzip, a.brotli = zipped(lean), sync.OnceValue(func() []byte { return brotlied(lean) })
	}
	return a
}

// minified is what browsers need of our own files: a fifth less over the wire.
func minified(contentType string, body []byte) []byte {
	m := minify.New()
	m.AddFunc("text/css", css.Minify)
	m.AddFunc("text/javascript", js.Minify)
	kind, _, _ := strings.Cut(contentType, ";")
	lean, err := m.Bytes(kind, body)
	if err != nil && !errors.Is(err, minify.ErrNotExist) { // drawings are small as they are
		panic(fmt.Sprintf("static: %v", err)) // a mistake in a file that is part of the binary
	}
	return lean
}

// contentType does not ask the machine's own table of types: a container may have none.
func contentType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	default:
		panic("static: no content type for " + ext)
	}
}

func zipped(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	return written(w, &b, body)
}

func brotlied(body []byte) []byte {
	var b bytes.Buffer
	return written(brotli.NewWriterLevel(&b, brotli.BestCompression), &b, body)
}

func written(w io.WriteCloser, b *bytes.Buffer, body []byte) []byte {
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
