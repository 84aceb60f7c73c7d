package handlers

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latchkey/handlers/websession"
	"latchkey/internal/model"
)

func TestNothingThatOpensASessionIsPrinted(t *testing.T) {
	t.Parallel()
	const canary = "canary"
	a := model.Account{UserID: "1", Email: canary, Token: canary}
	sessions := websession.New(nil, [][]byte{bytes.Repeat([]byte("canary--"), 4)}, false, nil, nil, nil)
	for _, v := range []any{
		a, &a, Deps{SessionKeys: [][]byte{[]byte(canary)}}, &Deps{SessionKeys: [][]byte{[]byte(canary)}},
		model.WebSession{Sealed: []byte(canary), IDHash: [32]byte([]byte(strings.Repeat("canary--", 4)))}, *sessions,
	} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&b, verb, v)
		}
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		for _, spelling := range []string{canary, "63616e617279", "99 97 110 97"} {
			if strings.Contains(b.String(), spelling) {
				t.Errorf("%T is printed as %s", v, b.String())
			}
		}
	}
}
