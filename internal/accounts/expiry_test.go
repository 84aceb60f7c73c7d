package accounts

import (
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestAKeyThatReplacesAnotherIsGivenNoDayThatIsOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	who := f.signUp("ada@example.org")
	key, _ := f.newKey(who, "pump")
	how := model.Replacing{NewKey: model.NewKey{ExpiresAt: f.clock.Now().Add(-time.Hour)}, Finish: model.FinishNow}
	_, err := f.As(who, here).ReplaceKey(t.Context(), key.ID, how)
	is(t, err, model.KindExpiryPast)
	how.ExpiresAt = f.clock.Now().Add(time.Hour)
	created, err := f.As(who, here).ReplaceKey(t.Context(), key.ID, how)
	if err != nil || !created.Key.ExpiresAt.Equal(how.ExpiresAt.Truncate(time.Second)) {
		t.Errorf("%+v, %v", created.Key, err)
	}
}
