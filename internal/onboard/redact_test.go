package onboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestNoCodeAndNoValueIsPrinted(t *testing.T) {
	const canary = "canary"
	key := Key{ID: "1", Name: "pump", Value: canary}
	for _, v := range []any{
		model.DeviceGrant{ID: "1", State: model.Pending, UserCode: canary, Sealed: []byte(canary), SealingKey: []byte(canary)}, &model.DeviceGrant{UserCode: canary},
		Started{DeviceCode: canary, UserCode: canary}, &Started{UserCode: canary}, key, &key, Delivery{Key: key}, []model.DeviceGrant{{UserCode: canary}},
	} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%e"} {
			fmt.Fprintf(&b, verb, v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		if text := b.String(); strings.Contains(text, canary) || strings.Contains(text, "63616e617279") || strings.Contains(text, "99 97 110") {
			t.Errorf("%T is printed as %s", v, text)
		}
	}
	encoded, err := json.Marshal([]any{key, Delivery{Key: key}})
	if err != nil || bytes.Contains(encoded, []byte(canary)) {
		t.Errorf("encoded as %s, %v", encoded, err)
	}
}
