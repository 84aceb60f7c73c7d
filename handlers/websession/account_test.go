package websession

import (
	"latchkey/internal/model"
	"testing"
)

var ana = model.Account{UserID: "69cc8d000000000000000001", Email: "ana@example.com", Token: "a-refresh-token", SessionID: "69cc8d000000000000000002"}

func TestAnAccountIsPackedWithAllItHas(t *testing.T) {
	t.Parallel()
	packed := pack(ana)
	if read, err := unpack(packed); err != nil || read != ana {
		t.Errorf("%s is read back wrong: %v", packed, err)
	}
	for _, broken := range []string{"", "null x", `{"UserID":1}`, `[]`} {
		if _, err := unpack([]byte(broken)); err == nil {
			t.Errorf("%q is read as an account", broken)
		}
	}
}
