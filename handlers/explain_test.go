package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
)

func TestWhateverGoesWrongIsSaidInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	pseudo, _ := lang.Named(lang.Pseudo)
	errs := []error{errCrossOrigin, errSessionsDown, errEventsDown, errTooManyExports, errTooManyReads, &otherOwner{page: "a@example.com", now: "b@example.com"}}
	for _, status := range []int{400, 404, 405, 413, 500} {
		errs = append(errs, echo.NewHTTPError(status))
	}
	for kind := range model.Kind(64) { // more than there are
		for _, elsewhere := range []bool{false, true} {
			errs = append(errs, &model.Error{Kind: kind, Elsewhere: elsewhere}, &model.Error{Kind: kind, Elsewhere: elsewhere, Wait: time.Minute})
		}
	}
	for _, err := range errs {
		p := explain(lang.With(t.Context(), pseudo), err)
		for _, text := range []string{p.heading, p.text, p.stranger, p.again, p.linkText} {
			if text != "" && !strings.HasPrefix(text, "⟦") {
				t.Errorf("%+v: %q", err, text)
			}
		}
	}
}

func TestStatusesWithoutAKeyHaveWordsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err     error
		status  int
		heading string
	}{
		{echo.ErrNotFound, http.StatusNotFound, "Page not found"},
		{echo.ErrMethodNotAllowed, http.StatusMethodNotAllowed, "That can’t be done here"},
		{echo.ErrStatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "That’s too much at once"},
		{echo.ErrBadRequest, http.StatusBadRequest, "That request couldn’t be read"},
		{echo.ErrUnsupportedMediaType, http.StatusUnsupportedMediaType, "That request couldn’t be read"},
		{echo.ErrTeapot, http.StatusInternalServerError, "Something went wrong here"},
		{errors.New("anything else"), http.StatusInternalServerError, "Something went wrong here"},
		{fmt.Errorf("create key: %w", errors.Join(errSessionsDown, errors.New("disk full"))), http.StatusServiceUnavailable, "We can’t tell who is signed in"},
		{errors.Join(errCrossOrigin, errors.New("cross-site")), http.StatusForbidden, "This request came from another site"},
	} {
		p := explain(t.Context(), c.err)
		if p.status != c.status || p.heading != c.heading || p.text == "" {
			t.Errorf("%v: %d, %q, %q", c.err, p.status, p.heading, p.text)
		}
	}
}
