package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

var ana = account{UserID: "69cc8d000000000000000001", Email: "ana@example.com", token: "a-refresh-token"}

func TestAnAccountPrintsNeitherItsTokenNorItsEmail(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("who", "account", ana)
	slog.New(slog.NewTextHandler(&log, nil)).Info("who", "account", ana)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&log, verb, ana)
		fmt.Fprintf(&log, verb, &ana)
		fmt.Fprintf(&log, verb, []account{ana})
		fmt.Fprintf(&log, verb, fmt.Errorf("account: %v", ana))
	}
	if strings.Contains(log.String(), "token") || strings.Contains(log.String(), "ana@") || strings.Contains(log.String(), fmt.Sprintf("%x", "refresh")) {
		t.Errorf("printed as %s", &log)
	}
}

func TestAnAccountIsPackedWithAllItHas(t *testing.T) {
	t.Parallel()
	packed, err := ana.pack()
	if err != nil {
		t.Fatal(err)
	}
	if read, err := unpackAccount(packed); err != nil || read != ana {
		t.Errorf("%s is read back wrong: %v", packed, err)
	}
	for _, broken := range []string{"", "null x", `{"UserID":1}`, `[]`} {
		if _, err := unpackAccount([]byte(broken)); err == nil {
			t.Errorf("%q is read as an account", broken)
		}
	}
}

func TestAnAccountTakesItsTokenIntoNoOtherJSON(t *testing.T) {
	t.Parallel()
	written, err := json.Marshal(map[string]any{"account": ana, "pointer": &ana})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(written), "token") {
		t.Errorf("written as %s", written)
	}
}

func TestStatusesWithoutAKeyHaveWordsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err     error
		status  int
		heading string
	}{
		{echo.ErrNotFound, http.StatusNotFound, "There is no such page"},
		{echo.ErrMethodNotAllowed, http.StatusMethodNotAllowed, "That cannot be done here"},
		{echo.ErrStatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "That is too much at once"},
		{echo.ErrBadRequest, http.StatusBadRequest, "That request could not be read"},
		{echo.ErrUnsupportedMediaType, http.StatusUnsupportedMediaType, "That request could not be read"},
		{echo.ErrTeapot, http.StatusInternalServerError, "Something went wrong here"},
		{errors.New("anything else"), http.StatusInternalServerError, "Something went wrong here"},
		{fmt.Errorf("create key: %w", errors.Join(errSessionsDown, errors.New("disk full"))), http.StatusServiceUnavailable, "We cannot read who is signed in"},
		{errors.Join(errCrossOrigin, errors.New("cross-site")), http.StatusForbidden, "This request came from another site"},
	} {
		p := explain(c.err)
		if p.status != c.status || p.heading != c.heading || p.text == "" {
			t.Errorf("%v: %d, %q, %q", c.err, p.status, p.heading, p.text)
		}
	}
}
