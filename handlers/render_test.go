package handlers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// halfAPage fails after it has begun.
var halfAPage = templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
	_, _ = io.WriteString(w, "<p>half a page</p>")
	return errors.New("the secret-template broke")
})

var wholePage = templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "<p>a page</p>")
	return err
})

// ask sends a request to the real middleware and error handler, in front of a route that answers with a component.
func ask(t *testing.T, component templ.Component, header ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log strings.Builder
	e := New(Deps{SessionKeys: [][]byte{make([]byte, 32)}, Now: fixedNow, Log: slog.New(slog.NewTextHandler(&log, nil))})
	e.GET("/component", func(c echo.Context) error { return render(c, http.StatusOK, component, component) })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/component", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w, log.String()
}

func TestAComponentThatFailsBecomesAnErrorPageAndNotHalfAPage(t *testing.T) {
	t.Parallel()
	for name, header := range map[string][]string{
		"browser": nil, "htmx": {"HX-Request", "true"}, "compressing": {"Accept-Encoding", "gzip"},
	} {
		w, log := ask(t, halfAPage, header...)
		if w.Code != http.StatusInternalServerError {
			t.Errorf("%s: status %d", name, w.Code)
		}
		if body := w.Body.String(); strings.Contains(body, "half a page") || strings.Contains(body, "secret-template") || !strings.Contains(body, "Something went wrong here") {
			t.Errorf("%s: %s", name, body)
		}
		if !strings.Contains(log, "the secret-template broke") {
			t.Errorf("%s: the log has no cause: %s", name, log)
		}
	}
}

func TestAnAnswerSaysWhatItDependsOn(t *testing.T) {
	t.Parallel()
	w, _ := ask(t, wholePage)
	if got := w.Header().Values("Vary"); !strings.Contains(strings.Join(got, ","), "HX-Request") {
		t.Errorf("Vary is %q", got)
	}
	if got := w.Header().Get("Content-Type"); got != "text/html; charset=UTF-8" {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestNothingIsSentAfterAnAnswerHasBegun(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	e := New(Deps{SessionKeys: [][]byte{make([]byte, 32)}, Now: fixedNow, Log: slog.New(slog.NewTextHandler(&log, nil))})
	e.GET("/begun", func(c echo.Context) error {
		if err := c.String(http.StatusOK, "begun"); err != nil {
			return err
		}
		return errors.New("too late")
	})
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/begun", nil))
	if w.Code != http.StatusOK || w.Body.String() != "begun" {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "failed after the answer began") {
		t.Errorf("the log has no word of it: %s", &log)
	}
}
