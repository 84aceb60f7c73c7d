package authserver

import (
	"strings"
	"testing"

	"latchkey/internal/model"
)

// An app that is told that its session has ended signs its user out.
func TestAFailingStoreIsNotToldAsAnEndedSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.newCast(1)
	if _, err := f.Exchange(t.Context(), model.Secret(c.owner.AccessToken), testAudience.Name); err != nil {
		t.Fatal(err)
	}
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Exchange(t.Context(), model.Secret(c.owner.AccessToken), testAudience.Name); !model.Is(err, model.KindStorageDown) {
		t.Errorf("got %v", err)
	}
}

func TestARefusedExchangeSaysWhyAndNeverQuotesTheToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.newCast(1)
	elsewhere := newFixture(t)
	for token, says := range map[string]string{
		c.owner.RefreshToken:                   "refresh token",
		"":                                     "not an access token of this server",
		elsewhere.newCast(1).owner.AccessToken: "not an access token of this server",
	} {
		_, err := f.Exchange(t.Context(), model.Secret(token), testAudience.Name)
		if !model.Is(err, model.KindSessionOver) || !strings.Contains(err.Error(), says) || token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	f.clock.Advance(accessLifetime)
	if _, err := f.Exchange(t.Context(), model.Secret(c.owner.AccessToken), testAudience.Name); !model.Is(err, model.KindSessionOver) || !strings.Contains(err.Error(), "has expired") {
		t.Errorf("got %v", err)
	}
}
