package authserver

import (
	"testing"

	"latchkey/internal/model"
)

func TestIDsOfAnAppAreStableAndDifferent(t *testing.T) {
	a, again, b := idsOf("app-one"), idsOf("app-one"), idsOf("app-two")
	if a != again {
		t.Error("the ids of an app change")
	}
	seen := map[string]bool{}
	for _, ids := range []appIDs{a, b} {
		for _, id := range []string{ids.domain, ids.passwords, ids.keys, ids.anonymous, ids.custom, ids.google, ids.apple} {
			if !model.IsID(id) || seen[id] {
				t.Errorf("id %q", id)
			}
			seen[id] = true
		}
	}
	// Written down once, so that an accidental change of the derivation is noticed: tokens in the field name these.
	if a.domain != "af8f012a1f421db685b954b2" {
		t.Errorf("domain id of app-one is %s", a.domain)
	}
	for name, want := range map[string]string{
		model.ProviderEmailPassword: a.passwords, model.ProviderAPIKey: a.keys, model.ProviderAnonymous: a.anonymous,
		model.ProviderCustomToken: a.custom, model.ProviderGoogle: a.google, model.ProviderApple: a.apple,
	} {
		if got := a.provider(name); got != want {
			t.Errorf("provider %s is %s", name, got)
		}
	}
}

func TestOnlyTwentyFourLowerCaseHexDigitsAreAnID(t *testing.T) {
	for id, want := range map[string]bool{
		"0123456789abcdef01234567": true, noDevice: true,
		"": false, "0123456789ABCDEF01234567": false, "0123456789abcdef0123456": false, "0123456789abcdef012345678": false,
		"0123456789abcdeg01234567": false, "0123456789abcdef0123456\n": false,
	} {
		if model.IsID(id) != want {
			t.Errorf("model.IsID(%q) is %v", id, !want)
		}
	}
}
