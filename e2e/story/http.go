package story

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// With is the header of a browser that has the cookie.
func With(cookie *http.Cookie) http.Header {
	return http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}
}

// FormType is the content type of a form.
const FormType = "application/x-www-form-urlencoded"

// SendForm is send with any header. No redirect is followed.
func (p *Program) SendForm(t *testing.T, method, path string, form url.Values, header http.Header) Answer {
	t.Helper()
	return p.SendBody(t, method, path, form.Encode(), FormType, header)
}

// SendBody is SendForm with any body.
func (p *Program) SendBody(t *testing.T, method, path, body, contentType string, header http.Header) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(Within(t), method, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if body != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := p.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{res.Status, res.StatusCode, res.Header, res.Cookies(), string(text)}
}
