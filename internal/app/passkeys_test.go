package app

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestTheLogSaysWhichPasskeysWorkAtAnotherHostOnly(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	owner := s.newCast(false).owner
	now := time.Now()
	for _, host := range []string{"keys.old.example.org", "older.example.org"} {
		c := model.Challenge{ID: host, UserID: owner, Purpose: model.ChallengeAdd, ExpiresAt: now.Add(time.Minute)}
		p := model.Passkey{
			ID: model.NewID(now), UserID: owner, CredentialID: []byte(host), PublicKey: []byte("key"), RPID: host, UserHandle: []byte("handle"),
			Name: "phone", CreatedAt: now,
		}
		if err := s.store.CreateChallenge(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if err := s.store.AddPasskey(t.Context(), c, p); err != nil {
			t.Fatal(err)
		}
	}
	hosts, err := s.passkeysElsewhere(t.Context())
	if got := strings.Join(hosts, " "); err != nil || got != "keys.old.example.org older.example.org" {
		t.Errorf("%s, %v", got, err)
	}
}
