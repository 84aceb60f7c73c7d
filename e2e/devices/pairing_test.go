package devices

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

func pairingTime(d time.Duration) func(*config.Config) {
	return func(cfg *config.Config) { cfg.PairingTime = d }
}

// uses logs in with the value by realm-web, as a device does, and checks whose it is.
func uses(t *testing.T, p *story.Program, value string, who *story.Person) {
	t.Helper()
	if got := story.Node(t, "", value, "realmweb.mjs", "device", p.URL); got != who.Session.UserID() {
		t.Errorf("the device's key is %q's, not %q's", got, who.Session.UserID())
	}
}

// The story this is all for: a device and a phone, side by side.
func TestADeviceIsConnectedByACodeAndIsSeenToArrive(t *testing.T) {
	t.Parallel()
	program, wire := story.StartTapped(t, "127.0.0.1")
	ana := program.Person(t)
	ana.Keys(t, "garage-pi")
	device := device(t, program, "--name", "porch-cam")

	phone := program.Open(t, story.SignedIn(ana), story.Phone)
	phone.Press(phone.Link("Connect a device"))
	phone.EnterCode(strings.ToLower(strings.ReplaceAll(device.code, "-", " ")))
	phone.Sees(phone.GetByText(device.code))
	phone.Sees(phone.GetByText("porch-cam", playwright.PageGetByTextOptions{Exact: playwright.Bool(true)}))
	phone.Sees(phone.GetByText("(not verified)").First())
	phone.Sees(phone.GetByText("to sign in as " + ana.Email + " until you turn it off"))
	phone.Must(phone.Expect().Locator(phone.Field("Key name")).ToHaveValue("porch-cam"))
	phone.Press(phone.Button("Approve"))
	phone.Sees(phone.Heading("porch-cam has its key")) // without a reload: the device asks every few seconds

	got := device.key()
	key := ana.Find(t, "porch-cam")
	if got.KeyID != key.ID || got.KeyName != "porch-cam" || got.UserID != ana.Session.UserID() || got.BaseURL != program.URL || got.AppID != "latchkey-local" {
		t.Errorf("the device got %s, %s, %s, %s, %s", got.KeyID, got.KeyName, got.UserID, got.BaseURL, got.AppID)
	}
	phone.Sees(phone.GetByText("Waiting for first use"))
	phone.Visit("/keys")
	phone.Sees(phone.Row("porch-cam").GetByText("Waiting for first use"))
	uses(t, program, got.APIKey, ana)
	phone.Sees(phone.Row("porch-cam").GetByText("Connected"))
	phone.Sees(phone.Row("porch-cam").GetByText("realm-web"))
	phone.Says("porch-cam is connected.")
	phone.Axe()

	if found := wire.Holding(got.APIKey); !slices.Equal(found, []string{"POST /oauth/token"}) {
		t.Errorf("the value is in %v", found)
	}
}

// A person who scans the device's QR code with a phone on which they are signed in has one thing to read and one to press.
func TestAScannedCodeIsApprovedWithOneTap(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	device := device(t, program, "--name", "kitchen-display")
	phone := program.Open(t, story.SignedIn(ana), story.PhoneOf(390, 844), story.At(strings.TrimPrefix(device.address, program.URL)))
	phone.Sees(phone.Heading(story.ConnectThis))
	phone.Sees(phone.GetByText(device.code))
	inSight := `rects => rects.every(r => r.top >= 0 && r.bottom <= innerHeight && r.left >= 0 && r.right <= innerWidth && r.height >= 44)
		&& Math.abs(rects[0].width - rects[1].width) < 1`
	both := `[...document.querySelectorAll(".choice button")].map(b => b.getBoundingClientRect())`
	for _, size := range []string{"100%", "200%"} {
		phone.Evaluate(`size => { document.documentElement.style.setProperty("font-size", size); }`, size)
		if seen := phone.Evaluate(`(` + inSight + `)(` + both + `)`); seen != true {
			t.Errorf("at %s the buttons are at %v", size, phone.Evaluate(`JSON.stringify(`+both+`)`))
		}
		phone.Fits()
		phone.BreaksNoWords()
	}
	phone.Evaluate(`document.documentElement.style.removeProperty("font-size")`)
	if words := strings.Fields(phone.Evaluate(`document.querySelector("#pairing").innerText`).(string)); len(words) > 75 {
		t.Errorf("there are %d words: %q", len(words), words)
	}
	phone.Press(phone.Button("Approve"))
	phone.Sees(phone.Heading("kitchen-display has its key"))
	got := device.key()
	phone.IsAt(strings.TrimPrefix(device.address, program.URL))
	phone.Visit(strings.TrimPrefix(device.address, program.URL)) // scanned once more
	phone.Sees(phone.Heading("kitchen-display has its key"))
	phone.Press(phone.Link("Done"))
	phone.IsAt("/keys")
	phone.Sees(phone.Row("kitchen-display").GetByText("Waiting for first use"))
	uses(t, program, got.APIKey, ana)
}

func TestADeviceThatIsDeniedGetsNothing(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	device := device(t, program, "--name", "porch-cam")
	page := program.Open(t, story.SignedIn(ana), story.At(strings.TrimPrefix(device.address, program.URL)))
	page.Sees(page.Heading(story.ConnectThis)) // at once
	page.Sees(page.GetByText(device.code))
	page.Press(page.Button("Deny"))
	page.Sees(page.Heading("Denied"))
	device.end(3)
	if keys := ana.List(t); len(keys) != 0 {
		t.Errorf("there are keys: %v", keys)
	}
}

func TestACodeRunsOut(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t, pairingTime(6*time.Second))
	ana := program.Person(t)
	device := device(t, program)
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	page.EnterCode(device.code)
	page.Must(page.Clock().SetFixedTime(time.Now())) // or the page would say it before the button is pressed
	device.end(4)
	page.Expects(http.StatusConflict, http.StatusUnprocessableEntity)
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("This code has expired"))
	page.Press(page.Link("Enter another code"))
	page.Fill("Code on the device", device.code)
	page.Press(page.Button("Continue"))
	page.Sees(page.GetByText("No device is waiting with that code."))
	if keys := ana.List(t); len(keys) != 0 {
		t.Errorf("there are keys: %v", keys)
	}
}

func TestAnApprovedDeviceThatNeverFetchesIsSaidSo(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t, pairingTime(4*time.Second))
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	grant := program.Grant(t, "porch-cam")
	page.EnterCode(grant.UserCode)
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("Approved"))
	page.Sees(page.Heading("The device didn’t pick up its key in time")) // by the stream
	if got, status := program.Poll(t.Context(), grant); status != http.StatusBadRequest || got.Error != "expired_token" || got.AccessToken != "" {
		t.Errorf("a poll after that: %d %s", status, got.Error)
	}
	page.Press(page.Link("Delete porch-cam…"))
	page.Press(page.InDialog("Delete porch-cam"))
	page.Says("porch-cam was deleted.")
	if keys := ana.List(t); len(keys) != 0 {
		t.Errorf("there are keys: %v", keys)
	}
}

func TestWrongCodesAreLimited(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	page.Expects(http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	grant := program.Grant(t, "porch-cam")
	page.Fill("Code on the device", "123")
	page.Press(page.Button("Continue"))
	page.Sees(page.GetByText("That code isn’t valid."))
	for range 5 {
		page.Fill("Code on the device", "BBBB-BBBB")
		page.Press(page.Button("Continue"))
		page.Sees(page.GetByText("No device is waiting with that code."))
	}
	page.Fill("Code on the device", grant.UserCode)
	page.Press(page.Button("Continue"))
	page.Sees(page.GetByText("Too many wrong codes"))
	page.Sees(page.GetByText("Try again at"))

	eve := program.PersonNamed(t, "eve@example.com") // another account is not locked out by this one
	other := program.Open(t, story.SignedIn(eve), story.At("/device"))
	other.EnterCode(grant.UserCode)
}

func TestAPairingIsDecidedOnceInWhicheverTab(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	first := program.Open(t, story.SignedIn(ana), story.At("/device"))
	first.Expects(http.StatusConflict)
	grant := program.Grant(t, "porch-cam")
	first.EnterCode(grant.UserCode)
	second := first.NewTab(path(first))
	second.Sees(second.Heading(story.ConnectThis))
	second.Front()
	second.Press(second.Button("Approve"))
	second.Sees(second.Heading("Approved"))

	first.Front()
	first.Press(first.Button("Approve"))
	first.Sees(first.Role("group", "Already approved."))
	if keys := ana.List(t); len(keys) != 1 {
		t.Errorf("there are %d keys", len(keys))
	}
}

// path is where the page is, without the program's own address.
func path(p *story.Page) string { return strings.TrimPrefix(p.URL(), p.Program.URL) }

func TestADoubleClickOnApproveMakesOneKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	grant := program.Grant(t, "porch-cam")
	page.EnterCode(grant.UserCode)
	page.Must(page.Button("Approve").Dblclick())
	page.Sees(page.Heading("Approved"))
	if keys := ana.List(t); len(keys) != 1 {
		t.Errorf("there are %d keys", len(keys))
	}
}

func TestTwoDevicesAtOnceEachGetTheirOwnKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	one, two := device(t, program, "--name", "cam"), device(t, program, "--name", "cam")
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	page.EnterCode(one.code)
	other := page.NewTab("/device")
	other.Front()
	other.EnterCode(two.code)
	other.Must(other.Expect().Locator(other.Field("Key name")).ToHaveValue("cam"))
	page.Front()
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("cam has its key"))

	other.Front()
	other.Expects(http.StatusUnprocessableEntity)
	other.Press(other.Button("Approve"))
	other.Sees(other.GetByText("You already have a key with this name."))
	other.Fill("Key name", "cam-2")
	other.Press(other.Button("Approve"))
	other.Sees(other.Heading("cam-2 has its key"))
	a, b := one.key(), two.key()
	if a.KeyName != "cam" || b.KeyName != "cam-2" || a.APIKey == b.APIKey {
		t.Errorf("the devices got %s and %s", a.KeyName, b.KeyName)
	}
	uses(t, program, a.APIKey, ana)
	uses(t, program, b.APIKey, ana)
}

func TestADeviceIsConnectedWithoutScript(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	device := device(t, program, "--name", "porch-cam")
	// Signed out, as who scans a code with a phone often is.
	page := program.Open(t, story.NoScript, story.Phone, story.At(strings.TrimPrefix(device.address, program.URL)))
	page.Fill("Email", ana.Email)
	page.Fill("Password", story.Password)
	page.Press(page.Button("Sign in"))
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("Approved"))
	got := device.key()
	page.Press(page.Link("Refresh"))
	page.Sees(page.Heading("porch-cam has its key"))

	page.Visit("/keys")
	page.Sees(page.Row("porch-cam").GetByText("Waiting for first use"))
	uses(t, program, got.APIKey, ana)
	page.Visit("/keys")
	page.Sees(page.Row("porch-cam").GetByText("Connected"))
}

func TestWithTwentyKeysRoomIsMadeBeforeApproving(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]story.Option{"with script": nil, "without script": {story.NoScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			ana := program.Person(t)
			ana.Keys(t, story.Numbered(20)...) // none of which is proposed: they were created a moment ago
			grant := program.Grant(t, "porch-cam")
			page := program.Open(t, append(options, story.SignedIn(ana), story.At("/device"))...)
			page.EnterCode(grant.UserCode)
			page.Sees(page.Heading("You have 20 of 20 keys"))
			page.Lacks(page.Button("Approve"))
			page.Sees(page.Button("Deny"))
			page.Press(page.Link("See all keys that can be deleted"))
			page.Press(page.Field("key-01"))
			page.Press(page.Locator("#room button.danger"))
			page.Press(page.Button("Delete key-01"))
			page.Press(page.Locator("#room a.primary")) // back to the device
			page.Press(page.Button("Approve"))
			page.Sees(page.Heading("Approved"))
			if got, _ := program.Poll(t.Context(), grant); got.KeyName != "porch-cam" {
				t.Errorf("the device got %q: %s", got.KeyName, got.Error)
			}
		})
	}
}

func TestDenyComesBeforeApproveForTheKeyboard(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	grant := program.Grant(t, "porch-cam")
	page.Focuses(page.Field("Code on the device"))
	page.Must(page.Keyboard().Type(grant.UserCode))
	page.Must(page.Keyboard().Press("Enter"))
	page.Sees(page.Heading(story.ConnectThis))
	page.Must(page.Heading(story.ConnectThis).Focus())
	var order []string
	for range 4 {
		page.Must(page.Keyboard().Press("Tab"))
		name, _ := page.Evaluate(`document.activeElement.textContent.trim() || document.activeElement.labels?.[0]?.textContent`).(string)
		order = append(order, name)
	}
	if want := []string{"Label", "Key name", "Deny", "Approve"}; !slices.Equal(order, want) {
		t.Errorf("the order is %q, want %q", order, want)
	}
	box := func(name string) *playwright.Rect {
		rect, err := page.Button(name).BoundingBox()
		page.Must(err)
		return rect
	}
	if deny, approve := box("Deny"), box("Approve"); deny.Height < approve.Height-1 || deny.Width < approve.Width-1 {
		t.Errorf("Deny is %v and Approve %v", *deny, *approve)
	}
}

// Only the browser that was shown the code decides, and only its person.
func TestAPairingIsNobodyElsesToApprove(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana, eve := program.Person(t), program.PersonNamed(t, "eve@example.com")
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	grant := program.Grant(t, "porch-cam")
	page.EnterCode(grant.UserCode)
	approve := path(page) + "/approve"
	for name, cookie := range map[string]*http.Cookie{
		"somebody else": program.Cookie(t, eve), "another browser of hers": program.Cookie(t, ana), "nobody": nil,
	} {
		a := program.Send(t, http.MethodPost, approve, url.Values{"name": {"stolen"}}, cookie)
		if a.StatusCode != http.StatusSeeOther || !regexp.MustCompile(`^/(device$|login)`).MatchString(a.Header.Get("Location")) {
			t.Errorf("%s: %s to %s", name, a.Status, a.Header.Get("Location"))
		}
		code := program.Send(t, http.MethodPost, "/device", url.Values{"code": {grant.UserCode}}, cookie)
		if name == "somebody else" && code.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s opens it by its code: %s", name, code.Status)
		}
		if name == "another browser of hers" { // which took it over by its code; back to the first
			page.Visit("/device")
			page.EnterCode(grant.UserCode)
		}
	}
	if got, _ := program.Poll(t.Context(), grant); got.Error != "authorization_pending" {
		t.Errorf("the device is told %+v", got)
	}
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("Approved"))
	if names := ana.List(t); len(names) != 1 || names[0].Name != "porch-cam" {
		t.Errorf("her keys are %v", names)
	}
}

func TestOfAHundredPollsAtOnceOneGetsTheKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana), story.At("/device"))
	grant := program.Grant(t, "porch-cam")
	page.EnterCode(grant.UserCode)
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("Approved"))
	answers := pollAtOnce(program, t.Context(), grant, 100)
	delivered := slices.DeleteFunc(slices.Clone(answers), func(a story.Token) bool { return a.AccessToken == "" })
	if len(delivered) != 1 {
		t.Fatalf("%d deliveries", len(delivered))
	}
	for _, a := range answers {
		if a.AccessToken == "" && a.Error != "authorization_pending" {
			t.Errorf("a poll was told %q", a.Error)
		}
	}
	uses(t, program, delivered[0].AccessToken, ana)
	if keys := ana.List(t); len(keys) != 1 {
		t.Errorf("there are %d keys", len(keys))
	}
}

func pollAtOnce(p *story.Program, ctx context.Context, g story.Grant, n int) []story.Token {
	answers := make([]story.Token, n)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() { answers[i], _ = p.Poll(ctx, g) })
	}
	wait.Wait()
	return answers
}

// What is behind the dashboard may be any server: pairing asks nothing of it but to make a key.
func TestADeviceIsConnectedToAnUpstream(t *testing.T) {
	t.Parallel()
	behind := story.StartProgram(t)
	ana := behind.Person(t)
	front := story.StartProgram(t, func(cfg *config.Config) { cfg.Upstream = behind.URL })
	page := front.Open(t, story.SignedIn(ana), story.At("/device"))
	device := device(t, front, "--name", "porch-cam")
	page.EnterCode(device.code)
	page.Press(page.Button("Approve"))
	page.Sees(page.Heading("porch-cam has its key"))
	got := device.key()
	page.Sees(page.GetByText("Waiting for first use"))
	if got.BaseURL != behind.URL {
		t.Errorf("the device is to log in at %s, not at %s", got.BaseURL, behind.URL)
	}
	session := behind.LogIn(t, client.UserAPIKey(got.APIKey))
	if session.UserID() != ana.Session.UserID() {
		t.Error("the key is somebody else's")
	}
	page.Sees(page.Locator("#pairing").GetByText("Connected"))
	page.Says("porch-cam is connected.")
}
