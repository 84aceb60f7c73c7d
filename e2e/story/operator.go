package story

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"latchkey/internal/app"
)

// Orders runs a command of the operator about the program, and gives what it prints.
func (p *Program) Orders(t *testing.T, args ...string) string {
	t.Helper()
	args = append(args, "--data", p.data)
	if p.database != "" {
		args = append(args, "--database", p.database.Reveal())
	}
	var out bytes.Buffer
	if err := app.Main(t.Context(), args, &out); err != nil {
		t.Fatalf("latchkey %v: %v", args[0], err)
	}
	return out.String()
}

// Meanwhile has something done in the middle of what realm-web plays: it gives the address that a step "meanwhile" asks for.
func Meanwhile(t *testing.T, do func()) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { do() }))
	t.Cleanup(server.Close)
	return server.URL
}
