package looks

import (
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

// TestPictures takes the README's pictures of today's pages. It runs on request, since a picture differs from machine to
// machine by its fonts:
//
//	LATCHKEY_PICTURES=1 go test -count=1 -run TestPictures ./e2e/looks
func TestPictures(t *testing.T) {
	onRequest(t)
	clock := longAgo()
	home := atHome(t, clock.Now)
	program := home.program
	ana := furnish(t, program, clock)

	wide := program.Open(t, home.within, story.SignedIn(ana), func(v *story.Visit) {
		v.Context.Viewport = &playwright.Size{Width: 820, Height: 900}
		v.Context.DeviceScaleFactor = playwright.Float(2)
	})
	wide.CreateKey("porch-cam")
	takes(wide, "keys-page.png")
	wide.SaveKey()

	narrow := program.Open(t, home.within, story.SignedIn(ana), story.Phone, story.Dark)
	narrow.Press(narrow.Toggle("heat-pump"))
	narrow.IsOn("heat-pump", false)
	takes(narrow, "keys-page-phone.png")

	grant := program.Grant(t, "Greenhouse Pi")
	pairing := program.Open(t, home.within, story.SignedIn(ana), story.Phone, story.At("/device"))
	pairing.EnterCode(grant.UserCode)
	takes(pairing, "pairing-phone.png")

	if _, err := program.Client.Login(t.Context(), client.EmailPassword(ana.Email, "a guess")); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	activity := program.Open(t, home.within, story.SignedIn(ana), story.At("/activity"), func(v *story.Visit) {
		v.Context.Viewport = &playwright.Size{Width: 820, Height: 760}
		v.Context.DeviceScaleFactor = playwright.Float(2)
	})
	takesPart(activity, "activity.png", false)
}

func takes(p *story.Page, name string) {
	p.T.Helper()
	takesPart(p, name, true)
}

// takesPart takes all of a page, or what is in view of it.
func takesPart(p *story.Page, name string, all bool) {
	p.T.Helper()
	_, err := p.Screenshot(playwright.PageScreenshotOptions{
		Path: playwright.String(story.Path("docs", name)), FullPage: playwright.Bool(all), Animations: playwright.ScreenshotAnimationsDisabled,
	})
	p.Must(err)
}

// onRequest skips a test that takes pictures unless they are asked for.
func onRequest(t *testing.T) {
	t.Helper()
	if os.Getenv("LATCHKEY_PICTURES") == "" {
		t.Skip("set LATCHKEY_PICTURES to take pictures")
	}
}

const day = 24 * time.Hour

// shifted is a clock that is as long behind as a test has set it.
type shifted struct{ behind atomic.Int64 }

// longAgo is a clock for a program that furnish comes to. No program believes a clock that goes back.
func longAgo() *shifted {
	var s shifted
	s.set(190 * day)
	return &s
}

func (s *shifted) Now() time.Time { return time.Now().Add(-time.Duration(s.behind.Load())) }

func (s *shifted) set(behind time.Duration) { s.behind.Store(int64(behind)) }

// furnish makes an account with keys that have been used for a while.
func furnish(t *testing.T, program *story.Program, clock *shifted) *story.Person {
	t.Helper()
	ana := program.Person(t)
	values := map[string]string{}
	for _, key := range []struct {
		name string
		ago  time.Duration
	}{{"garage-pi", 189 * day}, {"backup", 188 * day}, {"heat-pump", 120 * day}, {"greenhouse_2", 5 * day}} {
		clock.set(key.ago)
		ana.Session = program.LogIn(t, client.EmailPassword(ana.Email, story.Password)) // the last one is too old by now
		values[key.name] = ana.Keys(t, key.name)[0].Value.Reveal()
	}
	for _, use := range []struct {
		name   string
		ago    time.Duration
		device client.Device
	}{
		{"backup", 33 * day, client.Device{Name: "nas", Platform: "linux", SDK: "latchkey-go"}},
		{"greenhouse_2", 2 * day, client.Device{Name: "esp-bridge", Platform: "linux", SDK: "latchkey-go"}},
		{"heat-pump", 3 * time.Hour, client.Device{Platform: "node", SDK: "realm-web", SDKVersion: "2.0.1"}},
		{"garage-pi", 40 * time.Minute, client.Device{Name: "pi-4", Platform: "linux", SDK: "Dotnet", SDKVersion: "12.3.0"}},
		{"garage-pi", 4 * time.Minute, client.Device{Name: "pi-4", Platform: "linux", SDK: "Dotnet", SDKVersion: "12.3.0"}},
	} {
		clock.set(use.ago)
		device, err := client.New(program.URL, "latchkey-local", client.WithHTTPClient(program.HTTP), client.WithDevice(use.device))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := device.Login(t.Context(), client.UserAPIKey(values[use.name])); err != nil {
			t.Fatal(err)
		}
	}
	clock.set(0)
	ana.Session = program.LogIn(t, client.EmailPassword(ana.Email, story.Password))
	if err := ana.Session.APIKeys().Disable(t.Context(), ana.Find(t, "backup").ID); err != nil {
		t.Fatal(err)
	}
	cookie := program.Cookie(t, ana)
	for name, label := range map[string]string{"garage-pi": "Garage door", "greenhouse_2": "Gewächshaus"} {
		a := program.Send(t, http.MethodPost, "/keys/"+ana.Find(t, name).ID+"/card", url.Values{"label": {label}}, cookie)
		if a.StatusCode != http.StatusSeeOther {
			t.Fatal("the label is not saved:", a.Status)
		}
	}
	return ana
}
