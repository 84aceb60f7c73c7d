package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// with is the header of a browser that has the cookie.
func with(cookie *http.Cookie) http.Header {
	return http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}
}

const formType = "application/x-www-form-urlencoded"

// sendForm is send with any header. No redirect is followed.
func (p *program) sendForm(t *testing.T, method, path string, form url.Values, header http.Header) answer {
	t.Helper()
	return p.sendBody(t, method, path, form.Encode(), formType, header)
}

func (p *program) sendBody(t *testing.T, method, path, body, contentType string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if body != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := p.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.Status, res.StatusCode, res.Header, res.Cookies(), string(text)}
}
