package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
)

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
