package views_test

import (
	"strings"
	"testing"

	"latchkey/views"
)

func TestWithoutPasswordsTheSignInPageHasOtherProvidersAlone(t *testing.T) {
	t.Parallel()
	doc := draw(t, every("plain")["no passwords"])
	for _, gone := range []string{"input[type=password]", "input[type=email]", `a[href^="/register"]`, `a[href^="/forgot"]`, ".or"} {
		if doc.Find(gone).Length() != 0 {
			t.Errorf("it has %s", gone)
		}
	}
	if button := text(doc, `form[action="/login/with/acme"] button`); button != "Sign in with plain" {
		t.Errorf("its button says %q", button)
	}
	if doc = draw(t, every("plain")["log-in elsewhere"]); doc.Find(".or").Length() != 1 || doc.Find("input[type=password]").Length() != 1 {
		t.Error("beside passwords another provider is not the other way")
	}
}

func TestAPageNamesWhatASignOutHereLeavesOpen(t *testing.T) {
	t.Parallel()
	m := connectedAccount(views.Page{Title: "Account"}, "Acme")
	if said := text(draw(t, views.AccountPage(m)), "main"); !strings.Contains(said, "Signing out here doesn’t sign you out of Acme.") {
		t.Errorf("%q", said)
	}
	m.Ways = m.Ways[1:]
	if said := text(draw(t, views.AccountPage(m)), "main"); strings.Contains(said, "sign you out of") {
		t.Errorf("without one: %q", said)
	}
}
