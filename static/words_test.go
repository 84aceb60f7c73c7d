package static_test

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/static"
)

func TestTheWordsOfALanguageAreServedAsTheOtherFilesAre(t *testing.T) {
	t.Parallel()
	url := static.AddWords("xx", []byte(`{"language":"xx","texts":{"script.copied":{"other":"\u003c/script>"}}}`))
	if again := static.AddWords("xx", []byte(`{"language":"xx","texts":{"script.copied":{"other":"\u003c/script>"}}}`)); again != url || !strings.HasPrefix(url, "/static/words.xx.") {
		t.Errorf("it is at %s and %s", url, again)
	}
	for _, accept := range []string{"", "gzip", "br"} {
		w := get(t, http.MethodGet, url, accept)
		if h := w.Header(); w.Code != http.StatusOK || h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Content-Encoding") != accept ||
			h.Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Body.Len() == 0 {
			t.Errorf("%q: status %d, header %v", accept, w.Code, w.Header())
		}
	}
	body := get(t, http.MethodGet, url, "").Body.String()
	if strings.Contains(body, "WORDS") || strings.Contains(body, "// ") {
		t.Errorf("it is %s", body)
	}
	if other := static.AddWords("xx", []byte(`{}`)); other == url {
		t.Error("other words are at the same address")
	}
}
