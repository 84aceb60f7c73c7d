package views_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latchkey/views"
)

func TestANewKeysValueIsDrawnAndNotPrinted(t *testing.T) {
	t.Parallel()
	const canary = "canary"
	m := keysPage(1, "pump")
	m.Once = &views.Once{ID: id(1), Name: "pump", Value: canary, Handoff: handoffOf("pump")}
	var b bytes.Buffer
	link := views.Link{Token: canary, TokenID: "1"}
	if text := fmt.Sprintf("%v %+v %#v %s %x %v", link, link, link, link, link, views.Reset{Link: link}); strings.Contains(text, canary) || strings.Contains(text, "63616e617279") {
		t.Errorf("printed: %s", text)
	}
	for _, v := range []any{m.Once, *m.Once, []views.Once{*m.Once}, m} {
		fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(encoded)
	}
	if text := b.String(); strings.Contains(text, canary) || strings.Contains(text, "63616e617279") {
		t.Errorf("printed: %s", text)
	}
	if !strings.Contains(render(t, views.KeysPage(m)), canary) {
		t.Error("the page does not have it")
	}
}
