package devices

import (
	"encoding/json"
	"testing"

	"latchkey/e2e/story"
)

// serverKey creates a server key of that name, as an operator does, and gives its value.
func serverKey(t *testing.T, program *story.Program, name string) string {
	t.Helper()
	var made struct {
		Value string `json:"key"`
	}
	if err := json.Unmarshal([]byte(program.Orders(t, "server-key", "add", name, "--json")), &made); err != nil {
		t.Fatal(err)
	}
	return made.Value
}

func TestAGatewayWithAServerKeyIsNobodyToRealmWeb(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	program.Person(t)
	value := serverKey(t, program, "gateway")
	turnOff := story.Meanwhile(t, func() { program.Orders(t, "server-key", "off", "gateway") })
	played := program.Plays(t,
		[]any{"signIn", "key", value},
		[]any{"createKey", "another"},
		[]any{"listKeys"},
		[]any{"refresh"},
		[]any{"meanwhile", turnOff},
		[]any{"refresh"},
		[]any{"signIn", "key", value},
	)
	if u := played[0].User; u == nil || u.Type != "server" || u.Provider != "api-key" || u.Data["name"] != "gateway" || u.Data["email"] != nil ||
		len(u.Identities) != 1 || u.Identities[0] != "api-key" || len(u.CustomData) > 0 {
		t.Errorf("signed in: %+v", u)
	}
	for _, p := range played[1:3] {
		if p.Status != 403 || p.User == nil {
			t.Errorf("it manages keys: %+v", p)
		}
	}
	if played[3].Status != 0 || played[4].Status != 0 {
		t.Errorf("its token is not renewed: %+v", played[3])
	}
	if p := played[5]; p.Status != 401 || p.Code != "InvalidSession" {
		t.Errorf("its session goes on after it was turned off: %+v", p)
	}
	if p := played[6]; p.Status != 401 || p.Code != "AuthError" {
		t.Errorf("it signs in while it is off: %+v", p)
	}
}
