package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"latchkey/internal/model"
	"log/slog"
	"strings"
	"testing"
)

var ana = model.Account{UserID: "69cc8d000000000000000001", Email: "ana@example.com", Token: "a-refresh-token"}

func TestAnAccountPrintsNeitherItsTokenNorItsEmail(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("who", "account", ana)
	slog.New(slog.NewTextHandler(&log, nil)).Info("who", "account", ana)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&log, verb, ana)
		fmt.Fprintf(&log, verb, &ana)
		fmt.Fprintf(&log, verb, []model.Account{ana})
		fmt.Fprintf(&log, verb, fmt.Errorf("account: %v", ana))
	}
	if strings.Contains(log.String(), "token") || strings.Contains(log.String(), "ana@") || strings.Contains(log.String(), fmt.Sprintf("%x", "refresh")) {
		t.Errorf("printed as %s", &log)
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
