package e2e

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/app"
	"latchkey/client"
)

// TestPictures takes the README's pictures of today's pages. It runs on request, since a picture differs from machine to
// machine by its fonts:
//
//	LATCHKEY_PICTURES=1 go test -count=1 -run TestPictures ./e2e
func TestPictures(t *testing.T) {
	if os.Getenv("LATCHKEY_PICTURES") == "" {
		t.Skip("set LATCHKEY_PICTURES to take the README's pictures")
	}
	const day = 24 * time.Hour
	var clock atomic.Pointer[time.Time]
	setClock := func(ago time.Duration) {
		then := time.Now().Add(-ago)
		clock.Store(&then)
	}
	setClock(190 * day)
	program := startProgram(t, func(c *app.Config) { c.Now = func() time.Time { return *clock.Load() } })
	ana := program.person(t)
	for _, key := range []struct {
		name      string
		ago, used time.Duration
	}{{"garage-pi", 189 * day, 4 * time.Minute}, {"backup", 188 * day, 0}, {"heat-pump", 120 * day, 3 * time.Hour}, {"greenhouse_2", 5 * day, 2 * day}} {
		setClock(key.ago)
		ana.session = program.logIn(t, client.EmailPassword(ana.email, password)) // the last one is too old by now
		made := ana.keys(t, key.name)[0]
		if key.used > 0 {
			setClock(key.used)
			program.logIn(t, client.UserAPIKey(made.Value.Reveal()))
		}
	}
	setClock(0)
	ana.session = program.logIn(t, client.EmailPassword(ana.email, password))
	if err := ana.session.APIKeys().Disable(t.Context(), ana.find(t, "backup").ID); err != nil {
		t.Fatal(err)
	}

	wide := program.open(t, signedIn(ana), func(v *visit) {
		v.context.Viewport = &playwright.Size{Width: 820, Height: 900}
		v.context.DeviceScaleFactor = playwright.Float(2)
	})
	wide.createKey("porch-cam")
	wide.takes("keys-page.png")
	wide.saveKey()

	narrow := program.open(t, signedIn(ana), phone, dark)
	narrow.press(narrow.toggle("heat-pump"))
	narrow.isOn("heat-pump", false)
	narrow.takes("keys-page-phone.png")

	grant := program.grant(t, "Greenhouse Pi")
	pairing := program.open(t, signedIn(ana), phone, at("/device"))
	pairing.enterCode(grant.UserCode)
	pairing.takes("pairing-phone.png")
}

func (p *page) takes(name string) {
	p.t.Helper()
	_, err := p.Screenshot(playwright.PageScreenshotOptions{
		Path: playwright.String(filepath.Join("..", "docs", name)), FullPage: playwright.Bool(true), Animations: playwright.ScreenshotAnimationsDisabled,
	})
	p.must(err)
}
