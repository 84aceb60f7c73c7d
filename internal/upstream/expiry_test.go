package upstream_test

import (
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

func TestWhenAnotherServerSaysItselfThatAKeyExpiresNothingElseIsShownOrKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, p := r.signedIn(email)
	key := r.newKey(p, "pump")
	kept, there := r.clock.Now().AddDate(0, 0, 90).Truncate(time.Second), r.clock.Now().AddDate(0, 0, 30).Truncate(time.Second)
	if got, err := p.SetExpiry(t.Context(), key.ID, kept); err != nil || !got.ExpiresAt.Equal(kept) || !got.OnlyReminds {
		t.Errorf("kept is %+v, %v", got, err)
	}
	owner, err := r.api.Login(t.Context(), client.EmailPassword(email, right.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.APIKeys().SetExpiry(t.Context(), key.ID, there); err != nil {
		t.Fatal(err)
	}
	keys, err := p.Keys(t.Context())
	if err != nil || len(keys.List) != 1 || !keys.List[0].ExpiresAt.Equal(there) || keys.List[0].OnlyReminds {
		t.Errorf("shown is %+v, %v", keys.List, err)
	}
	_, err = p.SetExpiry(t.Context(), key.ID, r.clock.Now().AddDate(0, 0, 10))
	is(t, err, model.KindNotOffered)
	if err := owner.APIKeys().SetExpiry(t.Context(), key.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Key(t.Context(), key.ID); err != nil || !got.ExpiresAt.Equal(kept) || !got.OnlyReminds {
		t.Errorf("shown is %+v, %v", got, err)
	}
}
