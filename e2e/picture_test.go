package e2e

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/internal/app/config"
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
	program := startProgram(t, func(c *config.Config) { c.Now = func() time.Time { return *clock.Load() } })
	ana := program.person(t)
	values := map[string]string{}
	for _, key := range []struct {
		name string
		ago  time.Duration
	}{{"garage-pi", 189 * day}, {"backup", 188 * day}, {"heat-pump", 120 * day}, {"greenhouse_2", 5 * day}} {
		setClock(key.ago)
		ana.session = program.logIn(t, client.EmailPassword(ana.email, password)) // the last one is too old by now
		values[key.name] = ana.keys(t, key.name)[0].Value.Reveal()
	}
	for _, use := range []struct {
		name   string
		ago    time.Duration
		device client.Device
	}{
		{"greenhouse_2", 2 * day, client.Device{Name: "esp-bridge", Platform: "linux", SDK: "latchkey-go"}},
		{"heat-pump", 3 * time.Hour, client.Device{Platform: "node", SDK: "realm-web", SDKVersion: "2.0.1"}},
		{"garage-pi", 40 * time.Minute, client.Device{Name: "pi-4", Platform: "linux", SDK: "Dotnet", SDKVersion: "12.3.0"}},
		{"garage-pi", 4 * time.Minute, client.Device{Name: "pi-4", Platform: "linux", SDK: "Dotnet", SDKVersion: "12.3.0"}},
	} {
		setClock(use.ago)
		device, err := client.New(program.url, "latchkey-local", client.WithHTTPClient(program.http), client.WithDevice(use.device))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := device.Login(t.Context(), client.UserAPIKey(values[use.name])); err != nil {
			t.Fatal(err)
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

	if _, err := program.client.Login(t.Context(), client.EmailPassword(ana.email, "a guess")); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	activity := program.open(t, signedIn(ana), at("/activity"), func(v *visit) {
		v.context.Viewport = &playwright.Size{Width: 820, Height: 760}
		v.context.DeviceScaleFactor = playwright.Float(2)
	})
	activity.takesPart("activity.png", false)
}

func (p *page) takes(name string) {
	p.t.Helper()
	p.takesPart(name, true)
}

// takesPart takes all of a page, or what is in view of it.
func (p *page) takesPart(name string, all bool) {
	p.t.Helper()
	_, err := p.Screenshot(playwright.PageScreenshotOptions{
		Path: playwright.String(filepath.Join("..", "docs", name)), FullPage: playwright.Bool(all), Animations: playwright.ScreenshotAnimationsDisabled,
	})
	p.must(err)
}
