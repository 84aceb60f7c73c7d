package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestWhatKeysGoThroughIsSaidInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	p, b, who, old, _, fresh := replacing(t)
	german, arabic := b.with("Accept-Language", "de"), b.with("Accept-Language", "ar")
	at, row := "/keys/"+old.ID, "#key-"+old.ID
	german.get("/keys").says(row+" .by", "→ garage-pi-2 · wartet auf erste Verwendung")
	arabic.get("/keys").says(row+" .by bdi", "garage-pi-2")
	p.clock.Advance(8 * time.Minute)
	p.works("pi-4", fresh)
	german.get(at).says("#key ol", "und wird nach").says("#key ol", "wenn es dabei bleibt")
	b.lasts(old, 5, noon)
	german.get("/keys").says("#keys .notice li", "garage-pi läuft in 5 Tagen ab Verlängern Ersetzen")
	arabic.get("/keys").says("#keys .notice li", "خلال 5 أيام").says("#keys .notice li bdi", "garage-pi")
	german.htmx().get("/keys/expiry?expires=day&until=2020-01-01").says(".error", "Dieser Tag ist schon vorbei.")
	german.get(at+"/replace").says("h1", "garage-pi ersetzen?").says("main", "garage-pi-2 ersetzt garage-pi bereits.")

	german.post("/keys/which", url.Values{"value": {fresh}}).says("#verdict", "Er funktioniert. Das ist Ihr Schlüssel garage-pi-2.")

	keys := p.stored(who)
	form := bulk("delete", old)
	form.Add("key", keys[1].ID)
	typed := german.post("/keys/bulk", form).says("h1", "2 Schlüssel löschen?").attr("[data-typed]", "data-typed")
	form.Set("sure", "1")
	form.Set("typed", typed)
	if german.post("/keys/bulk", form).leadsTo("/keys?select=1"); typed != "2 Schlüssel löschen" || p.storedNames(who) != "" {
		t.Errorf("%q was typed, and the keys are %q", typed, p.storedNames(who))
	}
	if strings.Contains(arabic.get("/keys/which").body, "Identify") {
		t.Error("there is English among the Arabic")
	}
}
