package devices

import (
	"os"
	"path/filepath"
	"testing"

	"latchkey/e2e/story"
)

func TestAnAppReadsCustomDataOnceItHasRefreshedIt(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	file := filepath.Join(t.TempDir(), "data.json")
	set := story.Meanwhile(t, func() {
		if err := os.WriteFile(file, []byte(`{"owner_id": "`+ana.Session.UserID()+`", "team": "<reds>", "since": {"$numberInt": "7"}}`), 0o600); err != nil {
			t.Error(err)
		}
		program.Orders(t, "import-custom-data", file, "--user-field", "owner_id")
	})
	removed := story.Meanwhile(t, func() { program.Orders(t, "user", "data", ana.Email, "--clear") })
	played := program.Plays(t,
		[]any{"signIn", "email", []string{ana.Email, story.Password}},
		[]any{"meanwhile", set},
		[]any{"refresh"},
		[]any{"createKey", "porch-cam"},
		[]any{"signIn", "email", []string{ana.Email, story.Password}},
		[]any{"meanwhile", removed},
		[]any{"refresh"},
	)
	for i, there := range []bool{false, false, true, true, true, true, false} {
		u := played[i].User
		if u == nil || (u.CustomData["team"] == "<reds>") != there || (len(u.CustomData) == 3) != there || u.CustomData == nil {
			t.Errorf("after step %d: %+v", i+1, u)
		}
	}
}
