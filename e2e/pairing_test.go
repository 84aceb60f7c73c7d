package e2e

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
	"latchkey/internal/app/config"
)

const connectThis = "Connect this device?"

func pairingTime(d time.Duration) func(*config.Config) {
	return func(cfg *config.Config) { cfg.PairingTime = d }
}

// enterCode types a code on the page for codes, and waits for what the code leads to.
func (p *page) enterCode(code string) {
	p.t.Helper()
	p.fill("Code on the device", code)
	p.press(p.button("Continue"))
	p.sees(p.heading(connectThis))
}

// uses logs in with the value by realm-web, as a device does, and checks whose it is.
func (p *program) uses(t *testing.T, value string, who *person) {
	t.Helper()
	if got := node(t, "", value, "realmweb.mjs", "device", p.url); got != who.session.UserID() {
		t.Errorf("the device's key is %q's, not %q's", got, who.session.UserID())
	}
}

// The story this is all for: a device and a phone, side by side.
func TestADeviceIsConnectedByACodeAndIsSeenToArrive(t *testing.T) {
	t.Parallel()
	program, wire := startTapped(t, "127.0.0.1")
	ana := program.person(t)
	ana.keys(t, "garage-pi")
	device := program.device(t, "--name", "porch-cam")

	phone := program.open(t, signedIn(ana), phone)
	phone.press(phone.link("Connect a device"))
	phone.enterCode(strings.ToLower(strings.ReplaceAll(device.code, "-", " ")))
	phone.sees(phone.GetByText(device.code))
	phone.sees(phone.GetByText("porch-cam", playwright.PageGetByTextOptions{Exact: playwright.Bool(true)}))
	phone.sees(phone.GetByText("not verified"))
	phone.sees(phone.GetByText("2 of 20 keys"))
	phone.must(expect.Locator(phone.field("Name of its key")).ToHaveValue("porch-cam"))
	phone.press(phone.button("Approve"))
	phone.comesToSee(phone.heading("The device has its key")) // without a reload: the device asks every few seconds

	got := device.key()
	key := ana.find(t, "porch-cam")
	if got.KeyID != key.ID || got.KeyName != "porch-cam" || got.UserID != ana.session.UserID() || got.BaseURL != program.url || got.AppID != "latchkey-local" {
		t.Errorf("the device got %s, %s, %s, %s, %s", got.KeyID, got.KeyName, got.UserID, got.BaseURL, got.AppID)
	}
	phone.sees(phone.GetByText("Waiting for first use"))
	phone.visit("/keys")
	phone.sees(phone.row("porch-cam").GetByText("Waiting for first use"))
	program.uses(t, got.APIKey, ana)
	phone.sees(phone.row("porch-cam").GetByText("Connected"))
	phone.sees(phone.row("porch-cam").GetByText("realm-web 2.0.1"))
	phone.says("porch-cam is connected.")
	phone.axe()

	if found := wire.holding(got.APIKey); !slices.Equal(found, []string{"POST /oauth/token"}) {
		t.Errorf("the value is in %v", found)
	}
}

func TestADeviceThatIsDeniedGetsNothing(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	device := program.device(t, "--name", "porch-cam")
	page := program.open(t, signedIn(ana), at(strings.TrimPrefix(device.address, program.url)))
	page.must(expect.Locator(page.field("Code on the device")).ToHaveValue(device.code))
	page.sees(page.GetByText("Check that the device shows the same code."))
	page.press(page.button("Continue"))
	page.press(page.button("Deny"))
	page.sees(page.heading("Denied"))
	device.end(3)
	if keys := ana.list(t); len(keys) != 0 {
		t.Errorf("there are keys: %v", keys)
	}
}

func TestACodeRunsOut(t *testing.T) {
	t.Parallel()
	program := startProgram(t, pairingTime(6*time.Second))
	ana := program.person(t)
	device := program.device(t)
	page := program.open(t, signedIn(ana), at("/device"))
	page.enterCode(device.code)
	device.end(4)
	page.expects(http.StatusConflict, http.StatusUnprocessableEntity)
	page.press(page.button("Approve"))
	page.sees(page.heading("This code has run out"))
	page.press(page.link("Enter another code"))
	page.fill("Code on the device", device.code)
	page.press(page.button("Continue"))
	page.sees(page.GetByText("No device waits with this code."))
	if keys := ana.list(t); len(keys) != 0 {
		t.Errorf("there are keys: %v", keys)
	}
}

func TestAnApprovedDeviceThatNeverFetchesIsSaidSo(t *testing.T) {
	t.Parallel()
	program := startProgram(t, pairingTime(4*time.Second))
	ana := program.person(t)
	page := program.open(t, signedIn(ana), at("/device"))
	grant := program.grant(t, "porch-cam")
	page.enterCode(grant.UserCode)
	page.press(page.button("Approve"))
	page.sees(page.heading("Waiting for the device"))
	page.comesToSee(page.heading("The device did not fetch its key in time")) // by the stream
	if got, status := program.poll(t.Context(), grant); status != http.StatusBadRequest || got.Error != "expired_token" || got.AccessToken != "" {
		t.Errorf("a poll after that: %d %s", status, got.Error)
	}
	page.press(page.link("Delete porch-cam…"))
	page.press(page.inDialog("Delete porch-cam"))
	page.says("porch-cam was deleted.")
	if keys := ana.list(t); len(keys) != 0 {
		t.Errorf("there are keys: %v", keys)
	}
}

func TestWrongCodesAreLimited(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana), at("/device"))
	page.expects(http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	grant := program.grant(t, "porch-cam")
	page.fill("Code on the device", "123")
	page.press(page.button("Continue"))
	page.sees(page.GetByText("That is no code."))
	for range 5 {
		page.fill("Code on the device", "BBBB-BBBB")
		page.press(page.button("Continue"))
		page.sees(page.GetByText("No device waits with this code."))
	}
	page.fill("Code on the device", grant.UserCode)
	page.press(page.button("Continue"))
	page.sees(page.GetByText("too many wrong codes"))
	page.sees(page.GetByText("You can try again in 10 minutes"))

	eve := program.personNamed(t, "eve@example.com") // another account is not locked out by this one
	other := program.open(t, signedIn(eve), at("/device"))
	other.enterCode(grant.UserCode)
}

func TestAPairingIsDecidedOnceInWhicheverTab(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	first := program.open(t, signedIn(ana), at("/device"))
	first.expects(http.StatusConflict)
	grant := program.grant(t, "porch-cam")
	first.enterCode(grant.UserCode)
	second := first.newTab(first.path())
	second.sees(second.heading(connectThis))
	second.front()
	second.press(second.button("Approve"))
	second.sees(second.heading("Waiting for the device"))

	first.front()
	first.press(first.button("Approve"))
	first.sees(first.role("group", "It is approved already."))
	if keys := ana.list(t); len(keys) != 1 {
		t.Errorf("there are %d keys", len(keys))
	}
}

// comesToSee is sees for what takes a device that asks every five seconds.
func (p *page) comesToSee(what playwright.Locator) {
	p.t.Helper()
	p.must(playwright.NewPlaywrightAssertions(20_000).Locator(what).ToBeVisible())
}

// path is where the page is, without the program's own address.
func (p *page) path() string { return strings.TrimPrefix(p.URL(), p.program.url) }

func TestADoubleClickOnApproveMakesOneKey(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana), at("/device"))
	grant := program.grant(t, "porch-cam")
	page.enterCode(grant.UserCode)
	page.must(page.button("Approve").Dblclick())
	page.sees(page.heading("Waiting for the device"))
	if keys := ana.list(t); len(keys) != 1 {
		t.Errorf("there are %d keys", len(keys))
	}
}

func TestTwoDevicesAtOnceEachGetTheirOwnKey(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	one, two := program.device(t, "--name", "cam"), program.device(t, "--name", "cam")
	page := program.open(t, signedIn(ana), at("/device"))
	page.enterCode(one.code)
	other := page.newTab("/device")
	other.front()
	other.enterCode(two.code)
	other.must(expect.Locator(other.field("Name of its key")).ToHaveValue("cam"))
	page.front()
	page.press(page.button("Approve"))
	page.comesToSee(page.heading("The device has its key"))

	other.front()
	other.expects(http.StatusUnprocessableEntity)
	other.press(other.button("Approve"))
	other.sees(other.GetByText("You already have a key with this name."))
	other.fill("Name of its key", "cam-2")
	other.press(other.button("Approve"))
	other.comesToSee(other.heading("The device has its key"))
	a, b := one.key(), two.key()
	if a.KeyName != "cam" || b.KeyName != "cam-2" || a.APIKey == b.APIKey {
		t.Errorf("the devices got %s and %s", a.KeyName, b.KeyName)
	}
	program.uses(t, a.APIKey, ana)
	program.uses(t, b.APIKey, ana)
}

func TestADeviceIsConnectedWithoutScript(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	device := program.device(t, "--name", "porch-cam")
	// Signed out, as who scans a code with a phone often is.
	page := program.open(t, noScript, phone, at(strings.TrimPrefix(device.address, program.url)))
	page.fill("E-mail", ana.email)
	page.fill("Password", password)
	page.press(page.button("Sign in"))
	page.must(expect.Locator(page.field("Code on the device")).ToHaveValue(device.code))
	page.press(page.button("Continue"))
	page.press(page.button("Approve"))
	page.sees(page.heading("Waiting for the device"))
	got := device.key()
	page.press(page.link("Refresh"))
	page.comesToSee(page.heading("The device has its key"))

	page.visit("/keys")
	page.sees(page.row("porch-cam").GetByText("Waiting for first use"))
	program.uses(t, got.APIKey, ana)
	page.press(page.link("Refresh porch-cam"))
	page.sees(page.GetByText("Connected"))
}

func TestWithTwentyKeysRoomIsMadeBeforeApproving(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]option{"with script": nil, "without script": {noScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := startProgram(t)
			ana := program.person(t)
			ana.keys(t, numbered(20)...)
			ana.turnsOff(t, "key-07")
			grant := program.grant(t, "porch-cam")
			page := program.open(t, append(options, signedIn(ana), at("/device"))...)
			page.enterCode(grant.UserCode)
			page.sees(page.heading(allInUse))
			page.lacks(page.button("Approve"))
			page.sees(page.button("Deny"))
			page.press(page.link("Delete key-07…"))
			page.press(page.button("Delete key-07"))
			page.says("key-07 was deleted.")
			page.sees(page.GetByText("20 of 20 keys"))
			page.press(page.button("Approve"))
			page.sees(page.heading("Waiting for the device"))
			if got, _ := program.poll(t.Context(), grant); got.KeyName != "porch-cam" {
				t.Errorf("the device got %q: %s", got.KeyName, got.Error)
			}
		})
	}
}

func TestDenyComesFirstForTheKeyboard(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana), at("/device"))
	grant := program.grant(t, "porch-cam")
	page.focuses(page.field("Code on the device"))
	page.must(page.Keyboard().Type(grant.UserCode))
	page.must(page.Keyboard().Press("Enter"))
	page.sees(page.heading(connectThis))
	page.must(page.heading(connectThis).Focus())
	var order []string
	for range 3 {
		page.must(page.Keyboard().Press("Tab"))
		name, _ := page.evaluate(`document.activeElement.textContent.trim() || document.activeElement.labels?.[0]?.textContent`).(string)
		order = append(order, name)
	}
	if want := []string{"Deny", "Name of its key", "Approve"}; !slices.Equal(order, want) {
		t.Errorf("the order is %q, want %q", order, want)
	}
	box := func(name string) *playwright.Rect {
		rect, err := page.button(name).BoundingBox()
		page.must(err)
		return rect
	}
	if deny, approve := box("Deny"), box("Approve"); deny.Height < approve.Height-1 || deny.Width < approve.Width-1 {
		t.Errorf("Deny is %v and Approve %v", *deny, *approve)
	}
}

// Only the browser that was shown the code decides, and only its person.
func TestAPairingIsNobodyElsesToApprove(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana, eve := program.person(t), program.personNamed(t, "eve@example.com")
	page := program.open(t, signedIn(ana), at("/device"))
	grant := program.grant(t, "porch-cam")
	page.enterCode(grant.UserCode)
	approve := page.path() + "/approve"
	for name, cookie := range map[string]*http.Cookie{
		"somebody else": program.cookie(t, eve), "another browser of hers": program.cookie(t, ana), "nobody": nil,
	} {
		a := program.send(t, http.MethodPost, approve, url.Values{"name": {"stolen"}}, cookie)
		if a.StatusCode != http.StatusSeeOther || !regexp.MustCompile(`^/(device$|login)`).MatchString(a.Header.Get("Location")) {
			t.Errorf("%s: %s to %s", name, a.Status, a.Header.Get("Location"))
		}
		code := program.send(t, http.MethodPost, "/device", url.Values{"code": {grant.UserCode}}, cookie)
		if name == "somebody else" && code.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s opens it by its code: %s", name, code.Status)
		}
		if name == "another browser of hers" { // which took it over by its code; back to the first
			page.visit("/device")
			page.enterCode(grant.UserCode)
		}
	}
	if got, _ := program.poll(t.Context(), grant); got.Error != "authorization_pending" {
		t.Errorf("the device is told %+v", got)
	}
	page.press(page.button("Approve"))
	page.sees(page.heading("Waiting for the device"))
	if names := ana.list(t); len(names) != 1 || names[0].Name != "porch-cam" {
		t.Errorf("her keys are %v", names)
	}
}

func TestOfAHundredPollsAtOnceOneGetsTheKey(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana), at("/device"))
	grant := program.grant(t, "porch-cam")
	page.enterCode(grant.UserCode)
	page.press(page.button("Approve"))
	page.sees(page.heading("Waiting for the device"))
	answers := program.pollAtOnce(t.Context(), grant, 100)
	delivered := slices.DeleteFunc(slices.Clone(answers), func(a token) bool { return a.AccessToken == "" })
	if len(delivered) != 1 {
		t.Fatalf("%d deliveries", len(delivered))
	}
	for _, a := range answers {
		if a.AccessToken == "" && a.Error != "authorization_pending" {
			t.Errorf("a poll was told %q", a.Error)
		}
	}
	program.uses(t, delivered[0].AccessToken, ana)
	if keys := ana.list(t); len(keys) != 1 {
		t.Errorf("there are %d keys", len(keys))
	}
}

func (p *program) pollAtOnce(ctx context.Context, g grant, n int) []token {
	answers := make([]token, n)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() { answers[i], _ = p.poll(ctx, g) })
	}
	wait.Wait()
	return answers
}

// What is behind the dashboard may be any server: pairing asks nothing of it but to make a key.
func TestADeviceIsConnectedToAnUpstream(t *testing.T) {
	t.Parallel()
	behind := startProgram(t)
	ana := behind.person(t)
	front := startProgram(t, func(cfg *config.Config) { cfg.Upstream = behind.url })
	page := front.open(t, signedIn(ana), at("/device"))
	device := front.device(t, "--name", "porch-cam")
	page.enterCode(device.code)
	page.press(page.button("Approve"))
	page.comesToSee(page.heading("The device has its key"))
	got := device.key()
	page.sees(page.GetByText("Waiting for first use"))
	if got.BaseURL != behind.url {
		t.Errorf("the device is to log in at %s, not at %s", got.BaseURL, behind.url)
	}
	session := behind.logIn(t, client.UserAPIKey(got.APIKey))
	if session.UserID() != ana.session.UserID() {
		t.Error("the key is somebody else's")
	}
	page.comesToSee(page.Locator("#pairing").GetByText("Connected"))
	page.says("porch-cam is connected.")
}
