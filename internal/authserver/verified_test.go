package authserver

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestASignatureIsVerifiedOnceWhileItIsInUse(t *testing.T) {
	t.Parallel()
	v, asked := newVerified(), 0
	verify := func(raw string) (claims, error) {
		asked++
		return claims{Subject: raw}, nil
	}
	for i := range 10 * verifiedTokens {
		if c, err := v.open("in use", verify); err != nil || c.Subject != "in use" {
			t.Fatal(c, err)
		}
		if c, err := v.open(fmt.Sprint(i), verify); err != nil || c.Subject != fmt.Sprint(i) {
			t.Fatal(c, err)
		}
		if n := v.tokens.Len(); n > 2*verifiedTokens {
			t.Fatalf("%d tokens are remembered", n)
		}
	}
	if want := 10*verifiedTokens + 1; asked != want {
		t.Errorf("verified %d times, want %d", asked, want)
	}
	if _, err := v.open("0", verify); err != nil || asked != 10*verifiedTokens+2 {
		t.Error("what nobody uses is remembered for ever")
	}
}

func TestATokenThatWasRefusedIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	v, asked := newVerified(), 0
	for range 3 {
		if _, err := v.open("forged", func(string) (claims, error) {
			asked++
			return claims{Subject: "nobody"}, errors.New("wrong signature")
		}); err == nil {
			t.Error("a forged token is taken")
		}
	}
	if asked != 3 || v.tokens.Len() != 0 {
		t.Errorf("looked at %d times, %d remembered", asked, v.tokens.Len())
	}
}

// Whatever was verified before, one altered byte makes it another token.
func TestATokenAlteredAfterItWasVerifiedIsRefused(t *testing.T) {
	t.Parallel()
	tokens, err := NewTokens(accessKeys(newAccessKey(t)), [][]byte{random(32)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tokens.sign(claims{Type: refreshToken, Subject: strings.Repeat("a", 24)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.open(raw); err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) {
		altered := []byte(raw)
		altered[i] ^= 1
		if c, err := tokens.open(string(altered)); err == nil {
			t.Fatalf("with byte %d altered it is taken: %+v", i, c)
		}
	}
	if _, err := tokens.open(raw); err != nil {
		t.Error(err)
	}
}
