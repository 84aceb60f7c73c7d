package handlers_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
)

// opened is a pairing in the browser that it was opened in.
type opened struct {
	b    *browser
	path string
}

// opens types the code that the device shows.
func (b *browser) opens(d *device) opened {
	b.t.Helper()
	a := b.post("/device", url.Values{"code": {d.userCode}}).want(http.StatusSeeOther)
	return opened{b, a.header.Get("Location")}
}

// approves opens a pairing and says yes.
func (b *browser) approves(d *device, name string) opened {
	b.t.Helper()
	o := b.opens(d)
	o.approve(name).leadsTo(o.path)
	return o
}

func (o opened) on(b *browser) opened { return opened{b, o.path} }

func (o opened) page() answer {
	o.b.t.Helper()
	return o.b.get(o.path)
}

func (o opened) approve(name string) answer {
	o.b.t.Helper()
	return o.b.post(o.path+"/approve", url.Values{"name": {name}})
}

func (o opened) deny() answer {
	o.b.t.Helper()
	return o.b.post(o.path+"/deny", url.Values{})
}

// isReopened checks that a pairing is not shown, and that nothing says why.
func (a answer) isReopened(b *browser) {
	a.t.Helper()
	a.leadsTo("/device").keepsQuiet("porch-cam")
	b.get("/device").want(http.StatusOK).says("#status", "That question isn’t open in this session, so nothing was decided.")
}

func TestThePageForCodesAsksForOneAndTellsHowToGetOne(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	a := b.get("/device").want(http.StatusOK).says("h1", "Connect a device")
	for name, want := range map[string]string{
		"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "value": "", "type": "", "maxlength": "", "pattern": "",
	} {
		if got := a.attr("input[name=code]", name); got != want {
			t.Errorf("%s of the field is %q, want %q", name, got, want)
		}
	}
	if n := a.doc.Find(`form[action="/device"] input:not([type=hidden])`).Length(); n != 1 {
		t.Errorf("%d fields for one code", n)
	}
	if got := a.texts(".handoff > label"); !slices.Equal(got, []string{"latchkey", "curl", "shell script"}) || a.attr(".handoff label:first-child input[checked]", "name") != "way" {
		t.Errorf("the ways are %q", got)
	}
	a.says("#run-latchkey", "latchkey pair --url "+publicURL+" --out .env")
	a.says("#run-curl", "curl -d client_id="+appID).says("#run-curl", publicURL+"/oauth/device_authorization")
	a.says("#run-curl", `--data-urlencode "device_name=$(hostname)"`).says("#run-curl", `printf 'device_code=%s' "$DEVICE_CODE" | curl -d @- `)
	if got, want := a.doc.Find("#run-shell").Text(), onboard.PairScript(publicURL, appID); got != want || !strings.Contains(got, "url="+publicURL+" app="+appID+" ") {
		t.Errorf("the script is %q", got)
	}
	for _, way := range []string{"latchkey", "curl", "shell"} {
		if !a.has(`button[data-copy="#run-` + way + `"]`) {
			t.Errorf("%s cannot be copied", way)
		}
	}
	if got := a.text("#run-curl"); strings.Contains(got, `-d device_code=`) {
		t.Errorf("other users of the device see the device code: %s", got)
	}
	if got := strings.Join(a.texts("pre"), " "); strings.Contains(got, "user_code=") {
		t.Errorf("the commands are somebody's: %s", got)
	}
}

func TestAnAddressWithoutACodeIsThePageForCodes(t *testing.T) {
	t.Parallel()
	grants := &counted{Grants: &onboardtest.Memory{}}
	p := newProgram(t, withGrants(grants))
	b, _ := p.signedIn(email)
	for _, other := range []string{"", "hello", "WDJB-MJH", "WDJB-MJHTT", "%3Cscript%3E", "WDJB-MJH1", strings.Repeat("B", 5000)} {
		a := b.get("/device?user_code=" + other).want(http.StatusOK).keepsQuiet("<script>alert")
		if got := a.attr("input[name=code]", "value"); got != "" {
			t.Errorf("%.20s is filled in as %q", other, got)
		}
	}
	if got := grants.calls(); got != 0 {
		t.Errorf("looking cost %d calls", got)
	}
}

func TestADashboardThatOnlyItsComputerCanOpenDrawsNothingForPhones(t *testing.T) {
	t.Parallel()
	for address, port := range map[string]string{
		"http://127.0.0.1:8080": "8080", "http://localhost:9090": "9090", "http://[::1]:8080": "8080", "http://localhost": "80", "https://latchkey.localhost": "443",
	} {
		p := newProgram(t, func(d *handlers.Deps) { d.PublicURL = address })
		b, _ := p.signedIn(email)
		want := "Only this computer can open " + address + ". For phones and other devices, start Latchkey with --addr 0.0.0.0:" + port
		b.get("/device").want(http.StatusOK).says(".local", want).lacks(".qr")
		b.post("/keys", newKeyForm("porch-cam")).want(http.StatusOK).says("#once .local", want).lacks(".qr")
	}
}

func TestADashboardInANetworkDrawsItsAddressForPhones(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://192.168.1.2:8080", "https://keys.example.org", "http://[fd00::2]:8080"} {
		p := newProgram(t, func(d *handlers.Deps) { d.PublicURL = address })
		b, _ := p.signedIn(email)
		a := b.get("/device").want(http.StatusOK).lacks(".local")
		if got := a.attr(".qr a", "href"); got != "/device" || a.text(".qr a") != address+"/device" || !a.has(".qr svg path") {
			t.Errorf("the picture is of %q", got)
		}
	}
}

// counted counts what is asked of the grants.
type counted struct {
	onboard.Grants
	mu sync.Mutex
	n  int
}

func (g *counted) calls() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}

func (g *counted) ClaimGrant(ctx context.Context, code, userID string, session [32]byte, now time.Time) (model.DeviceGrant, error) {
	g.mu.Lock()
	g.n++
	g.mu.Unlock()
	return g.Grants.ClaimGrant(ctx, code, userID, session, now)
}

func (g *counted) GrantByDeviceCode(ctx context.Context, hash [32]byte) (model.DeviceGrant, error) {
	g.mu.Lock()
	g.n++
	g.mu.Unlock()
	return g.Grants.GrantByDeviceCode(ctx, hash)
}

func TestACodeIsKeptWhileAPersonSignsIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	d := p.pairing("porch-cam")
	lower := strings.ToLower(d.userCode)
	to := "/device?user_code=" + d.userCode
	for name, ask := range map[string]func(b *browser) answer{
		"by the address": func(b *browser) answer { return b.get(to) },
		"in small type":  func(b *browser) answer { return b.get("/device?user_code=" + lower) },
		"by the form":    func(b *browser) answer { return b.post("/device", url.Values{"code": {lower}}) },
	} {
		b := p.browser()
		a := ask(b).leadsTo("/login?next=" + url.QueryEscape(to))
		form := b.get(a.header.Get("Location")).want(http.StatusOK).says("h1", "Sign in to connect a device")
		form.says("main", "You’ll be asked about code "+d.userCode+" next.")
		b.get("/register?next="+url.QueryEscape(to)).says("h1", "Create an account to connect a device").says("main", "code "+d.userCode+" next.")
		if got := form.attr("input[name=next]", "value"); got != to {
			t.Errorf("%s: signing in leads to %q", name, got)
		}
		if got := form.attr(".onward a", "href"); got != "/register?next="+url.QueryEscape(to) {
			t.Errorf("%s: making an account leads on to %q", name, got)
		}
		b.post("/login", url.Values{"email": {who.email}, "password": {password}, "next": {to}}).leadsTo(to)
		b.scans(d)
	}
	stranger := p.browser()
	stranger.get("/device").leadsTo("/login?next=%2Fdevice")
	stranger.get("/device?user_code=//evil.example").leadsTo("/login?next=%2Fdevice")
	stranger.get("/device?next=//evil.example").leadsTo("/login?next=%2Fdevice")
	o := p.signIn(who).opens(d)
	stranger.get(o.path).leadsTo("/login?next=" + url.QueryEscape(o.path))
	o.on(stranger).approve("x").leadsTo("/login?next=%2Fdevice")
	o.on(stranger).deny().leadsTo("/login?next=%2Fdevice")
	stranger.get(o.path + "/arrival").want(http.StatusNoContent)
	if got := stranger.htmx().with("HX-Current-URL", publicURL+o.path).post(o.path+"/deny", nil).header.Get("HX-Redirect"); got != "/login?next="+url.QueryEscape(o.path) {
		t.Errorf("htmx is sent to %q", got)
	}
}

func TestACodeIsReadHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	half, rest, _ := strings.Cut(d.userCode, "-")
	path := b.opens(d).path
	for _, typed := range []string{
		strings.ToLower(d.userCode), half + rest, half + " " + rest, " " + half + "–" + rest + "\n", half + "\u00a0" + rest, strings.Join(strings.Split(half+rest, ""), "-"),
	} {
		b.post("/device", url.Values{"code": {typed}}).leadsTo(path)
	}
	a := b.htmx().post("/device", url.Values{"code": {d.userCode}}).want(http.StatusOK)
	if got := a.header.Get("HX-Redirect"); got != path || a.body != "" {
		t.Errorf("htmx is sent to %q with %q", got, a.body)
	}
}

func TestACodeThatLeadsNowhereIsExplainedBesideTheField(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	bob, _ := p.signedIn("bob@example.com")
	taken, denied, late := p.pairing("taken"), p.pairing("denied"), p.pairing("late")
	bob.opens(taken)
	bob.opens(denied).deny()
	const malformed = "That code isn’t valid. Codes have eight letters and no vowels or digits, like WDJB-MJHT."
	const wrong = "No device is waiting with that code. Check it, or get a new one on the device."
	for _, c := range []struct{ typed, text string }{
		{taken.userCode, wrong}, {denied.userCode, wrong},
		{"", "Enter the code that the device shows."}, {" \t", "Enter the code that the device shows."}, {"hello", malformed}, {"WDJB-MJH0", malformed}, {"WDJB-MJHTT", malformed},
		{`"><script>alert(1)</script>`, malformed}, {strings.Repeat("ü", 5000), malformed},
	} {
		for _, a := range []answer{b.post("/device", url.Values{"code": {c.typed}}), b.htmx().post("/device", url.Values{"code": {c.typed}}).isPart()} {
			a.want(http.StatusUnprocessableEntity)
			if got := a.text("#code-error"); got != c.text {
				t.Errorf("%.20q: %q, want %q", c.typed, got, c.text)
			}
			if got := a.attr("input[name=code]", "value"); !strings.HasPrefix(c.typed, got) || len([]rune(got)) > 40 {
				t.Errorf("%.20q is shown as %q", c.typed, got)
			}
			if a.attr("input[name=code]", "aria-invalid") != "true" || a.attr("input[name=code]", "aria-describedby") != "code-error code-hint" {
				t.Error("the field does not say that it is wrong")
			}
			a.keepsQuiet("taken", "<script>alert")
		}
	}
	p.clock.Advance(10 * time.Minute)
	b.post("/device", url.Values{"code": {"WDJB-MJHT"}}).want(http.StatusUnprocessableEntity).says("#code-error", wrong)
	if a := bob.post("/device", url.Values{"code": {late.userCode}}); a.text("#code-error") != wrong {
		t.Errorf("an old code: %s", a.text("#code-error"))
	}
}

func TestTooManyWrongCodesAreStoppedForATime(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	wrong := url.Values{"code": {"WDJB-MJHT"}}
	for range 5 {
		b.post("/device", wrong).want(http.StatusUnprocessableEntity)
	}
	for _, a := range []answer{b.post("/device", wrong), b.htmx().post("/device", wrong).isPart(), b.post("/device", url.Values{"code": {d.userCode}})} {
		a.want(http.StatusTooManyRequests).says("#code-error", "Too many wrong codes. Try again at 12:10 UTC.")
		if got := a.header.Get("Retry-After"); got != "600" {
			t.Errorf("Retry-After is %q", got)
		}
	}
	bob, _ := p.signedIn("bob@example.com")
	bob.post("/device", wrong).want(http.StatusUnprocessableEntity)
	p.clock.Advance(10 * time.Minute)
	b.opens(p.pairing("porch-cam"))
}

func TestWrongCodesOfOthersAreNotBlamedOnThisPerson(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	wrong := url.Values{"code": {"WDJB-MJHT"}}
	for i := range 6 {
		b, _ := p.signedIn(strconv.Itoa(i) + email)
		for range 5 {
			b.post("/device", wrong)
		}
	}
	b, _ := p.signedIn(email)
	b.post("/device", wrong)
	a := b.post("/device", wrong).want(http.StatusTooManyRequests)
	a.says("#code-error", "Too many wrong codes from your network or on this server. Try again at 12:10 UTC.")
}

func TestTheQuestionSaysWhatTheDeviceClaimsAndWhatWasSeen(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, numbered(7)...)
	d := p.pairing("Porch cam")
	p.clock.Advance(40 * time.Second)
	a := b.opens(d).page().want(http.StatusOK)
	a.says("h1", "Connect this device?").says(".shown-code", d.userCode).says(".match", "Must match the device. Expires in 9:20.")
	var facts []string
	a.doc.Find("dl.facts > div").Each(func(_ int, s *goquery.Selection) {
		facts = append(facts, squeeze(s.Find("dt").Text())+": "+squeeze(s.Find("dd").Text()))
	})
	want := []string{
		"Calls itself: Porch cam (not verified)", "Asked: 40 seconds ago from 192.0.2.7; you’re at 192.0.2.1", "Software: curl 8.5.0 (not verified)",
		"Gets: its own key, to sign in as ana@example.com until you turn it off", "Label: ", "Key name: ",
	}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a.says(".care", "Approve only if this device is in front of you.").lacks("#name-error")
	if got := a.attr("input[name=name]", "value"); got != "Porch-cam" {
		t.Errorf("the name is %q", got)
	}

	near := p.device()
	near.address, near.agent = "192.0.2.1", ""
	m := near.start(url.Values{"client_id": {appID}}).json()
	near.userCode = m["user_code"].(string)
	a = b.opens(near).page().want(http.StatusOK)
	a.says(".facts", "It gave no name.").says(".facts", "just now from 192.0.2.1, your network").lacks(".unsure")
	if got := a.attr("input[name=name]", "value"); strings.Contains(a.text(".facts"), "Software") || got != "device" {
		t.Errorf("it says %q, and the name is %q", a.text(".facts"), got)
	}
}

// Behind a proxy that was not declared, everybody has the proxy's address: that must reassure nobody.
func TestAddressesAreComparedOnlyIfTheyArePeoples(t *testing.T) {
	t.Parallel()
	at := func(address string) func(*handlers.Deps) { return func(d *handlers.Deps) { d.PublicURL = address } }
	trusted := func(d *handlers.Deps) {
		_, network, _ := net.ParseCIDR("10.0.0.0/8")
		d.TrustedProxies = append(d.TrustedProxies, network)
	}
	const compared, same, alone = "; you’re at ", ", your network", ""
	for name, c := range map[string]struct {
		change       []func(*handlers.Deps)
		device, mine string
		header       []string
		want         string
	}{
		"public":                           {nil, "192.0.2.7", "192.0.2.7", nil, same},
		"public, apart":                    {nil, "192.0.2.7", "192.0.2.8", nil, compared},
		"forwarded by whom nobody trusts":  {nil, "192.0.2.7", "192.0.2.7", []string{"X-Forwarded-For", "203.0.113.5"}, alone},
		"forwarded, the newer header":      {nil, "192.0.2.7", "192.0.2.8", []string{"Forwarded", "for=203.0.113.5"}, alone},
		"forwarded by a proxy of ours":     {[]func(*handlers.Deps){trusted}, "192.0.2.7", "10.0.0.1", []string{"X-Forwarded-For", "192.0.2.7"}, same},
		"forwarded by another than ours":   {[]func(*handlers.Deps){trusted}, "192.0.2.7", "192.0.2.7", []string{"X-Forwarded-For", "192.0.2.9"}, alone},
		"this machine, which is ours":      {nil, "127.0.0.1", "127.0.0.1", nil, same},
		"this machine before a site":       {[]func(*handlers.Deps){https}, "127.0.0.1", "127.0.0.1", nil, alone},
		"a private network before a site":  {[]func(*handlers.Deps){https}, "10.0.0.1", "10.0.0.1", nil, alone},
		"two proxies before a site":        {[]func(*handlers.Deps){https}, "10.0.0.1", "10.0.0.2", nil, alone},
		"a shared network before a site":   {[]func(*handlers.Deps){https}, "100.64.0.1", "100.64.0.1", nil, alone},
		"a private network, version 6":     {[]func(*handlers.Deps){https}, "fd00::1", "fd00::1", nil, alone},
		"a device beside a site":           {[]func(*handlers.Deps){https}, "10.0.0.1", "192.0.2.1", nil, alone},
		"a site without proxies":           {[]func(*handlers.Deps){https}, "192.0.2.7", "192.0.2.7", nil, same},
		"a private network of our own":     {[]func(*handlers.Deps){at("http://192.168.1.2:8080")}, "192.168.1.7", "192.168.1.8", nil, compared},
		"a private network of our own, v6": {[]func(*handlers.Deps){at("http://[fd00::2]:8080")}, "fd00::7", "fd00::7", nil, same},
		"one home":                         {nil, "2001:db8:1:2::7", "2001:db8:1:2:aaaa::8", nil, same},
		"the home next door":               {nil, "2001:db8:1:2::7", "2001:db8:1:3::8", nil, compared},
	} {
		p := newProgram(t, c.change...)
		b, _ := p.signedIn(email)
		d := p.device()
		d.address = c.device
		if strings.Contains(c.device, ":") {
			d.address = "[" + c.device + "]"
		}
		d.userCode = d.start(url.Values{"client_id": {appID}}).json()["user_code"].(string)
		r := b.request(http.MethodGet, b.opens(d).path, nil)
		r.RemoteAddr = net.JoinHostPort(c.mine, "40001")
		if c.header != nil {
			r.Header.Set(c.header[0], c.header[1])
		}
		want := "just now from " + c.device + c.want
		if c.want == compared {
			want += c.mine
		}
		if got := b.send(r).want(http.StatusOK).text(".facts > div:nth-child(2) dd"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestDenyComesBeforeApprove(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	a := b.opens(p.pairing("porch-cam")).page()
	order := a.doc.Find("#pairing").Find("a, button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']").Map(func(_ int, s *goquery.Selection) string {
		return s.Nodes[0].Data + " " + squeeze(s.Text())
	})
	if diff := cmp.Diff([]string{"input ", "input ", "button Deny", "button Approve"}, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, act := range []string{"deny", "approve"} {
		form := a.doc.Find(`.choice > form[action$="/` + act + `"]`)
		if form.Length() != 1 || form.AttrOr("method", "") != "post" || form.AttrOr("hx-post", "") != form.AttrOr("action", "") {
			t.Errorf("no form to %s", act)
		}
	}
	if a.has("#pairing [autofocus]") {
		t.Error("something takes the focus before anything is read")
	}
}

func TestAHostileDeviceNameIsOneShortLineOfText(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ shown, key string }{
		"":                                       {"", "device"},
		"<script>alert(1)</script>":              {"<script>alert(1)</script>", "script-alert-1-script"},
		`"><img src=x onerror=alert(1)>`:         {`"><img src=x onerror=alert(1)>`, "img-src-x-onerror-alert-1"},
		"cam\u202egnp.exe":                       {"camgnp.exe", "camgnp-exe"},
		"\u2066cam\u2069\u200b\u200d\ufeff":      {"cam", "cam"},
		"a\x00b\x1b[31mc\u0085d":                 {"ab[31mc d", "ab-31mc-d"},
		"two\r\nlines\tand\u2028more\u2029still": {"two  lines and more still", "two-lines-and-more-still"},
		"not verified ✓ Latchkey":                {"not verified ✓ Latchkey", "not-verified-Latchkey"},
		"\xff\xfecam":                            {"cam", "cam"},
		"📷":                                      {"📷", "device"},
		"قائمة":                                  {"قائمة", "qy-m"},
		strings.Repeat("x", 5000):                {strings.Repeat("x", 64), strings.Repeat("x", 64)},
		strings.Repeat("é", 65):                  {strings.Repeat("é", 64), strings.Repeat("e", 64)},
		"   ":                                    {"", "device"},
	} {
		p := newProgram(t)
		b, _ := p.signedIn(email)
		a := b.opens(p.pairing(name)).page().want(http.StatusOK)
		if got := a.doc.Find(".claim bdi").Text(); got != want.shown {
			t.Errorf("%q is shown as %q, want %q", name, got, want.shown)
		}
		if got := a.attr("input[name=name]", "value"); got != want.key || client.ValidName(got) != nil {
			t.Errorf("%q suggests %q, want %q", name, got, want.key)
		}
		a.lacks("#pairing script", "#pairing img")
	}
}

func TestASuggestedNameIsFree(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	long := strings.Repeat("x", 64)
	p.seed(who, "porch-cam", "porch-cam-2", "porch-cam-4", "device", long)
	for asked, want := range map[string]string{
		"porch-cam": "porch-cam-3", "porch cam": "porch-cam-3", "": "device-2", "heat-pump": "heat-pump", long: long[:62] + "-2", "Porch-cam": "Porch-cam",
	} {
		a := b.opens(p.pairing(asked)).page()
		if got := a.attr("input[name=name]", "value"); got != want {
			t.Errorf("%q suggests %q, want %q", asked, got, want)
		}
	}
}

func TestNothingIsApprovedBeforeAPersonSaysSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	for _, path := range []string{"/device?user_code=" + d.userCode, o.path, o.path + "/approve", o.path + "/deny", o.path + "/approve?name=x"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			if a := b.send(b.request(method, path, nil)); a.status >= 500 {
				t.Errorf("%s %s: status %d", method, path, a.status)
			}
		}
	}
	d.asks().refuses(http.StatusBadRequest, "authorization_pending")
	if got := p.storedNames(who); got != "" || p.upstream.count(createKey) != 0 {
		t.Errorf("the keys are %q", got)
	}
	if !o.page().has(".choice") {
		t.Error("the question is gone")
	}
}

func TestAnApprovalIsShownUntilTheDeviceHasItsKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	o.approve(" front-door ").leadsTo(o.path)
	key := p.stored(who)[0]
	if key.Name != "front-door" {
		t.Errorf("the key is named %q", key.Name)
	}
	for _, a := range []answer{o.page(), b.htmx().get(o.path).isPart()} {
		a.want(http.StatusOK).says("h1", "Approved").says("#pairing", "The device picks up its key within a few seconds. You can leave this page.")
		a.lacks("#pairing form", "#pairing [autofocus]")
		if got := a.attr("#pairing", "data-arrival"); got != o.path+"/arrival?state=approved" || a.attr("#pairing", "hx-get") != o.path+"?by=itself" {
			t.Errorf("the page waits at %q", got)
		}
		if got := a.attr("#pairing .noscript a.button", "href"); got != o.path || a.text("#pairing a.button") != "Refresh" {
			t.Errorf("the first link is %q to %q", a.text("#pairing a.button"), got)
		}
	}
	p.clock.Advance(3 * time.Minute)
	value := d.asks().want(http.StatusOK).json()["access_token"].(string)
	p.clock.Advance(time.Minute)
	for _, a := range []answer{o.page(), b.htmx().get(o.path).isPart()} {
		a.want(http.StatusOK).says("h1", "front-door has its key").keepsQuiet(value)
		a.lacks("[data-arrival]", "#pairing form")
		links := a.doc.Find("#pairing a").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("href", "") })
		if diff := cmp.Diff([]string{"/device", "/keys"}, links); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	part := b.htmx().get(o.path)
	part.says(`hx-partial[hx-target="#status"]`, "front-door has its key.").says(`hx-partial[hx-target="title"]`, "front-door has its key · Latchkey")
}

func TestADecisionMadeWithScriptIsAnsweredInItsPlace(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	o := b.opens(p.pairing("porch-cam")).on(b.htmx())
	a := o.approve("porch-cam").want(http.StatusOK).isPart().says("#pairing h1", "Approved")
	a.says(`hx-partial[hx-target="#status"]`, "Approved.").lacks(".notice")
	if _, focus := a.doc.Find("#pairing h1").Attr("autofocus"); !focus {
		t.Error("the focus is lost")
	}
	o = b.opens(p.pairing("heat-pump")).on(b.htmx())
	a = o.deny().want(http.StatusOK).isPart().says("#pairing h1", "Denied").says(`hx-partial[hx-target="#status"]`, "Denied.")
	if a.has("[data-arrival]") {
		t.Error("the page waits for something")
	}
}

func TestADeniedDeviceGetsNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	o.deny().leadsTo(o.path)
	o.page().want(http.StatusOK).says("h1", "Denied").says("#pairing", "The device got nothing and no key was created.")
	o.approve("porch-cam").want(http.StatusConflict).says("h1", "Denied").says(".notice", "Already denied. No key was created.")
	o.deny().want(http.StatusConflict).says("h1", "Denied").lacks(".notice")
	b.post("/device", url.Values{"code": {d.userCode}}).want(http.StatusUnprocessableEntity)
	d.asks().refuses(http.StatusBadRequest, "access_denied")
	if got := p.storedNames(who); got != "" {
		t.Errorf("the keys are %q", got)
	}
}

func TestNoPageEverHoldsTheValue(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	answers := []answer{o.approve("porch-cam"), o.page(), b.htmx().get(o.path), o.approve("porch-cam"), o.on(b.htmx()).approve("again")}
	value := d.asks().want(http.StatusOK).json()["access_token"].(string)
	answers = append(answers, o.page(), o.deny(), b.get("/keys"), b.get("/keys/"+p.stored(who)[0].ID), b.get("/device"))
	for i, a := range answers {
		a.keepsQuiet(value, d.code)
		if aValue.MatchString(a.body) && i < 7 {
			t.Errorf("answer %d has something like a value", i)
		}
	}
}

func TestASecondApprovalMakesNoSecondKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.approves(d, "porch-cam")
	const already = "Already approved. You approved it with another click or in another tab. No second key was created."
	for range 2 {
		o.approve("porch-cam").want(http.StatusConflict).says("h1", "Approved").says(".notice", already)
		o.on(b.htmx()).approve("other").want(http.StatusConflict).isPart().says(`hx-partial[hx-target="#notice"]`, already)
	}
	too := o.deny().want(http.StatusConflict).says(".notice", "Already approved. To take that back, turn porch-cam off or delete it.")
	if got := too.attr(".notice a", "href"); got != "/keys/"+p.stored(who)[0].ID {
		t.Errorf("that leads to %q", got)
	}
	d.asks().want(http.StatusOK)
	o.approve("porch-cam").want(http.StatusConflict).says("h1", "porch-cam has its key").says(".notice", already)
	if got := p.storedNames(who); got != "porch-cam" || p.upstream.count(createKey) != 1 {
		t.Errorf("the keys are %q after %d creates", got, p.upstream.count(createKey))
	}
}

// forget deletes the person's only key in another place.
func (p *program) forget(who person) {
	p.t.Helper()
	if _, err := p.store.DeleteAPIKey(p.t.Context(), who.id, p.stored(who)[0].ID); err != nil {
		p.t.Fatal(err)
	}
}

func TestAKeyThatIsDeletedBeforeTheDeviceFetchesItIsWaitedForNoMore(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	o := b.approves(p.pairing("porch-cam"), "porch-cam")
	server := p.serve()
	stream := b.listens(server, o.page().attr("#pairing", "data-arrival"))
	p.forget(who)
	stream.changes("deleted").ends()
	for _, a := range []answer{o.page(), b.htmx().get(o.path).isPart()} {
		a.want(http.StatusOK).says("h1", "The key was deleted").lacks("[data-arrival]", `#pairing a[href^="/keys/"]`)
		a.says("#pairing", "It was deleted before the device picked it up. Get a new code on the device.")
		if got := a.text("title") + a.text(`hx-partial[hx-target="title"]`); got != "The key was deleted · Latchkey" {
			t.Errorf("the title is %q", got)
		}
	}
	b.htmx().get(o.path).says(`hx-partial[hx-target="#status"]`, "The key was deleted.")
	b.listens(server, o.path+"/arrival?state=approved").changes("deleted").ends()
}

func TestAKeyServiceThatIsDownKeepsNobodyFromHearingOfTheDevice(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.approves(d, "porch-cam")
	p.upstream.breaks(fetchKey, refusesConnections)
	o.page().want(http.StatusOK).says("h1", "Approved")
	stream := b.listens(p.serve(), o.path+"/arrival?state=approving")
	stream.changes("approved")
	p.clock.Advance(10 * time.Minute)
	stream.changes("unfetched").ends()
}

func TestADecisionThatComesTooLateShowsThePageAsItIs(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.approves(d, "porch-cam")
	asItIs := func() {
		t.Helper()
		want, title := o.page().text("#pairing"), o.page().text("title")
		for name, a := range map[string]answer{"approve": o.approve("other"), "deny": o.deny()} {
			a.want(http.StatusConflict)
			if got := a.text("#pairing"); got != want || a.text("title") != title {
				t.Errorf("%s: the page %q says %q, want %q, %q", name, a.text("title"), got, title, want)
			}
			if got, want := a.attr("#pairing", "data-arrival"), o.page().attr("#pairing", "data-arrival"); got != want {
				t.Errorf("%s: the page waits at %q, want %q", name, got, want)
			}
		}
	}
	asItIs()
	d.asks().want(http.StatusOK)
	o.deny().says("#pairing", "Waiting for first use")
	asItIs()
	p.forget(who)
	asItIs()
	o.deny().says(".notice", "Already approved. Its key has been deleted since.").lacks(".notice a")
	o.approve("other").says(".notice", "Already approved.").says("#pairing", "The key has been deleted since.")

	early := p.pairing("early")
	o = b.approves(early, "early")
	p.forget(who)
	asItIs()
	o.deny().says("h1", "The key was deleted").lacks(".notice a")
	p.clock.Advance(10 * time.Minute)
	asItIs()
	o.deny().says("h1", "The device didn’t pick up its key in time").lacks(".notice a", "#pairing a.danger")
}

// hesitant grants do not begin the approval, however often they are asked.
type hesitant struct{ onboard.Grants }

func (hesitant) BeginApproval(context.Context, string, string, [32]byte, time.Time) error {
	return model.ErrNotFound
}

func TestAnApprovalThatLosesEveryRaceStillShowsTheWholeQuestion(t *testing.T) {
	t.Parallel()
	p := newProgram(t, withGrants(hesitant{&onboardtest.Memory{}}))
	b, who := p.signedIn(email)
	p.seed(who, numbered(19)...)
	o := b.opens(p.pairing("porch-cam"))
	a := o.approve("mine").want(http.StatusConflict).says("h1", "Connect this device?")
	if got := a.attr("#name", "value"); got != "mine" {
		t.Errorf("the name became %q", got)
	}
}

func TestFiftyApprovalsAtOnceMakeOneKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	o := b.opens(p.pairing("porch-cam"))
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = o.approve("porch-cam") })
	}
	all.Wait()
	statuses := map[int]int{}
	for _, a := range answers {
		statuses[a.status]++
		if a.status == http.StatusConflict {
			a.says(".notice", "Already approved.")
		}
	}
	if statuses[http.StatusSeeOther] != 1 || statuses[http.StatusConflict] != 49 {
		t.Errorf("statuses %v, want 303 once and 409 for the rest", statuses)
	}
	if got := p.storedNames(who); got != "porch-cam" || p.upstream.count(createKey) != 1 {
		t.Errorf("the keys are %q after %d creates", got, p.upstream.count(createKey))
	}
}

func TestWhileTheKeyIsMadeThePageSaysSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	o := b.opens(p.pairing("porch-cam"))
	arrived, goOn, done := make(chan struct{}), make(chan struct{}), make(chan answer)
	p.upstream.breaks(createKey, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		close(arrived)
		<-goOn
		return next.RoundTrip(r)
	})
	go func() { done <- o.approve("porch-cam") }()
	<-arrived
	a := o.page().want(http.StatusOK).says("h1", "Creating the key").lacks("#pairing form")
	if got := a.attr("#pairing", "data-arrival"); got != o.path+"/arrival?state=approving" {
		t.Errorf("the page waits at %q", got)
	}
	o.approve("other").want(http.StatusConflict).says(".notice", "No second key was created.")
	o.deny().want(http.StatusConflict).says("h1", "Creating the key").says(".notice", "It was approved a moment ago.").lacks(".notice a")
	close(goOn)
	(<-done).leadsTo(o.path)
	o.page().says("h1", "Approved")
}

func TestOnlyTheSessionThatWasShownTheCodeMayDecide(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana, who := p.signedIn(email)
	bob, his := p.signedIn("bob@example.com")
	d := p.pairing("porch-cam")
	o := ana.opens(d)
	second := p.signIn(who)
	for name, b := range map[string]*browser{"somebody else": bob, "the same person in another browser": second} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			other := o.on(b)
			other.page().isReopened(b)
			other.approve("porch-cam").isReopened(b)
			other.deny().isReopened(b)
			if got := b.htmx().get(o.path).want(http.StatusOK).header.Get("HX-Redirect"); got != "/device" {
				t.Errorf("htmx is sent to %q", got)
			}
		})
	}
	bob.get("/device/" + strings.Repeat("A", 26)).isReopened(bob)
	bob.get("/device/nothing").isReopened(bob)
	bob.post("/device", url.Values{"code": {d.userCode}}).want(http.StatusUnprocessableEntity)

	// The same person may move it to another browser; the first one has then lost it.
	moved := second.opens(d)
	o.approve("porch-cam").isReopened(ana)
	moved.approve("porch-cam").leadsTo(moved.path)
	if got := p.storedNames(who); got != "porch-cam" || p.storedNames(his) != "" {
		t.Errorf("the keys are %q and %q", got, p.storedNames(his))
	}
}

func TestSigningInAgainClosesAnOpenPairing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	o := b.opens(p.pairing("porch-cam"))
	b.post("/login", url.Values{"email": {who.email}, "password": {password}}).leadsTo("/keys")
	o.approve("porch-cam").isReopened(b)
	if got := p.storedNames(who); got != "" {
		t.Errorf("the keys are %q", got)
	}
}

func TestTwoPairingsAtOnceStayApart(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana, hers := p.signedIn(email)
	bob, his := p.signedIn("bob@example.com")
	cam, pump, lamp := p.pairing("cam"), p.pairing("pump"), p.pairing("lamp")
	first, second := ana.opens(cam), ana.opens(pump)
	bob.approves(lamp, "lamp")
	second.approve("pump").leadsTo(second.path)
	first.page().says("h1", "Connect this device?").says(".shown-code", cam.userCode)
	cam.asks().refuses(http.StatusBadRequest, "authorization_pending")
	first.approve("cam").leadsTo(first.path)
	for d, want := range map[*device]struct{ name, user string }{cam: {"cam", hers.id}, pump: {"pump", hers.id}, lamp: {"lamp", his.id}} {
		if m := d.asks().want(http.StatusOK).json(); m["key_name"] != want.name || m["user_id"] != want.user {
			t.Errorf("%v, want %v", m, want)
		}
	}
}

func TestACodeThatRanOutConnectsNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	o := b.opens(p.pairing("porch-cam"))
	p.clock.Advance(10 * time.Minute)
	for _, a := range []answer{o.page().want(http.StatusOK), o.approve("porch-cam").want(http.StatusConflict), o.deny().want(http.StatusConflict), o.on(b.htmx()).approve("porch-cam").want(http.StatusConflict).isPart()} {
		a.says("h1", "This code has expired").says("#pairing", "Nobody approved it in time, so no key was created. Get a new code on the device.").lacks("#pairing form", ".notice")
	}
	if got := p.storedNames(who); got != "" {
		t.Errorf("the keys are %q", got)
	}
}

func TestAKeyThatWasNotFetchedInTimeCanBeDeletedFromThere(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.approves(d, "porch-cam")
	p.clock.Advance(10 * time.Minute)
	d.asks().refuses(http.StatusBadRequest, "expired_token")
	a := o.page().want(http.StatusOK).says("h1", "The device didn’t pick up its key in time").says("#pairing", "nobody has its value and nobody can get it")
	link := a.attr("#pairing a.danger", "href")
	if want := "/keys/" + p.stored(who)[0].ID + "/delete?return=" + o.path; link != want || a.attr("#pairing a.danger", "hx-get") != want {
		t.Fatalf("the way out leads to %q", link)
	}
	confirm := b.get(link).want(http.StatusOK).lacks(`form[action$="/turn-off"]`)
	if got := confirm.attr("main .actions a", "href"); got != o.path {
		t.Errorf("keeping it leads to %q", got)
	}
	b.post(confirm.attr("main form", "action"), url.Values{"return": {confirm.attr("main form input[name=return]", "value")}}).leadsTo(o.path)
	o.page().want(http.StatusOK).says("#status", "porch-cam was deleted.").says("#pairing", "has been deleted. Get a new code on the device").lacks("#pairing a.danger")
}

func TestADeletionLeadsOnlyToPagesOfPairings(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(9)...)
	for i, to := range []string{"//evil.example", "/login", "https://evil.example/device/" + strings.Repeat("A", 26), "/device/x", "/device/" + strings.Repeat("A", 26) + "/deny", "/device", "/device?user_code=wdjb-mjht"} {
		a := b.get("/keys/"+keys[i].ID+"/delete?return="+url.QueryEscape(to)).want(http.StatusOK).lacks("input[name=return][value*=device]", `main input[name=return]`)
		a.keepsQuiet("evil.example")
		b.post("/keys/"+keys[i].ID+"/delete", url.Values{"return": {to}}).leadsTo("/keys")
	}
	b.htmx().get("/keys/" + keys[8].ID + "/delete?place=row").want(http.StatusOK).lacks("input[name=return]")
}

func TestAtTwentyKeysRoomIsMadeBeforeAnythingIsApproved(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.AddDate(-1, 0, 0))
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(20)...)
	p.turn(who, keys[11], false)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	for _, a := range []answer{
		o.page().want(http.StatusOK), b.htmx().get(o.path).want(http.StatusOK).isPart(), o.approve("porch-cam").want(http.StatusUnprocessableEntity),
		o.on(b.htmx()).approve("porch-cam").want(http.StatusUnprocessableEntity).isPart(),
	} {
		a.says("#make-room h2", "You have 20 of 20 keys").says(".choice button", "Deny").lacks(`form[action$="/approve"]`)
		if diff := cmp.Diff([]string{"key-01", "key-02", "key-03"}, a.texts(".candidates li > div > a")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	dialog := b.htmx().get(o.page().attr(".candidates a.danger", "hx-get")).want(http.StatusOK).isPart().lacks("[hx-post]", `form[action$="/turn-off"]`)
	if got := dialog.attr("input[name=return]", "value"); got != o.path {
		t.Errorf("the dialog leads back to %q", got)
	}
	b.post("/keys/"+keys[11].ID+"/delete", url.Values{"return": {o.path}}).leadsTo(o.path)
	a := o.page().want(http.StatusOK).says("#status", "key-12 was deleted.").lacks("#make-room")
	o.approve(a.attr("input[name=name]", "value")).leadsTo(o.path)
	d.asks().want(http.StatusOK)
}

func TestANameThatCannotBeIsRefusedAndTheQuestionStays(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	taken := p.seed(who, "porch-cam")[0]
	d := p.pairing("porch-cam")
	o := b.opens(d)
	for name, want := range map[string]string{
		"":                      "Give the key a name.",
		"porch cam":             "Names can have letters, digits, - and _ only. Try porch-cam. Use porch-cam",
		strings.Repeat("x", 65): "Names can have up to 64 characters. Try " + strings.Repeat("x", 64) + ". Use " + strings.Repeat("x", 64),
		"porch-cam":             "You already have a key with this name. It was created 1 Apr and is here: porch-cam.",
		`"><script>alert(1)//`:  "Names can have letters, digits, - and _ only. Try script-alert-1. Use script-alert-1",
		"\u202e":                "Names can have letters, digits, - and _ only.",
	} {
		for _, a := range []answer{o.approve(name), o.on(b.htmx()).approve(name).isPart()} {
			a.want(http.StatusUnprocessableEntity)
			if got := a.text("#name-error"); got != want {
				t.Errorf("%q: %q, want %q", name, got, want)
			}
			if _, focus := a.doc.Find("#name").Attr("autofocus"); !focus || a.attr("#name", "aria-describedby") != "name-error" {
				t.Errorf("%q: the field does not say that it is wrong", name)
			}
			if got := a.attr("#name", "value"); name != "" && got != name {
				t.Errorf("%q became %q", name, got)
			}
			a.says("h1", "Connect this device?").lacks(".notice")
		}
	}
	if got := o.approve("porch-cam").attr("#name-error a", "href"); got != "/keys/"+taken.ID {
		t.Errorf("the holder of the name is at %q", got)
	}
	o.approve("porch-cam-2").leadsTo(o.path)
	d.asks().want(http.StatusOK)
}

func TestAnApprovalThatFailsMakesNoKeyAndCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  happens
		status int
		text   string
	}{
		"the key service is down": {refusesConnections, 502, "We can’t reach the key service. The device was not connected, and no key was created."},
		"the key service is busy": {says(503, `{"error":"busy"}`), 503, "The key service is busy. The device was not connected, and no key was created."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)
			d := p.pairing("porch-cam")
			o := b.opens(d)
			p.upstream.breaks(createKey, c.fault)
			for _, a := range []answer{o.approve("mine"), o.on(b.htmx()).approve("mine").isPart()} {
				a.want(c.status).says("h1", "Connect this device?").says(".notice.bad", c.text)
				if got := a.attr("#name", "value"); got != "mine" {
					t.Errorf("the name became %q", got)
				}
			}
			d.asks().refuses(http.StatusBadRequest, "authorization_pending")
			p.upstream.heal()
			o.approve("mine").leadsTo(o.path)
			if got := p.storedNames(who); got != "mine" {
				t.Errorf("the keys are %q", got)
			}
		})
	}
}

func TestAnApprovalWhoseAnswerGotLostIsComparedWithTheList(t *testing.T) {
	t.Parallel()
	for name, c := range lostCreates {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)
			d := p.pairing("porch-cam")
			o := b.opens(d)
			p.upstream.breaks(createKey, c.fault)
			a := o.approve("porch-cam").want(c.status).says(".notice.bad strong", c.title)
			a.says(".notice", "Your list has no key named porch-cam: it wasn’t created. You can approve again.").lacks(".notice a").keepsQuiet("secret-host")

			p.upstream.breaks(createKey, thenFails(c.fault))
			a = o.on(b.htmx()).approve("porch-cam").want(c.status).isPart()
			key := client.APIKey{ID: p.stored(who)[0].ID}
			// When it was created is said by its id, which other tests of this process may have dated.
			a.says(".notice", "There is a key named porch-cam, created ").
				says(".notice", "If it is the one for this device, its value is lost: delete it and approve again.").keepsQuiet("secret-host")
			if got := a.attr(".notice a", "href"); got != "/keys/"+key.ID+"/delete?return="+o.path || a.text(".notice a") != "Delete porch-cam…" {
				t.Errorf("the notice leads to %q", got)
			}
			d.asks().refuses(http.StatusBadRequest, "authorization_pending")
			p.upstream.heal()
			b.post("/keys/"+key.ID+"/delete", url.Values{"return": {o.path}}).leadsTo(o.path)
			o.approve("porch-cam").leadsTo(o.path)
			d.asks().want(http.StatusOK)
			if got := p.upstream.count(createKey); got != 3 {
				t.Errorf("three approvals made %d requests to create", got)
			}
		})
	}
}

func TestAnApprovalOfWhichNothingIsKnownSaysSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	o := b.opens(p.pairing("porch-cam"))
	p.upstream.breaks("*", losesRequests)
	a := o.approve("porch-cam").want(http.StatusBadGateway)
	a.says("#notice .notice", "We asked for a key named porch-cam and don’t know whether it was created. The device didn’t get it.")
	a.says("#pairing .notice", "We couldn’t read your keys.").lacks(`form[action$="/approve"]`).says(".choice button", "Deny")
	if got := a.attr("#notice a", "href"); got != "/keys" {
		t.Errorf("looking leads to %q", got)
	}
}

func TestKeysThatCannotBeReadLeaveOnlyDeny(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	p.upstream.breaks(listKeys, says(500, ""))
	for _, a := range []answer{o.page(), b.htmx().get(o.path).isPart()} {
		a.want(http.StatusBadGateway).says("h1", "Connect this device?").says("#pairing .notice", "We couldn’t read your keys.").lacks(`form[action$="/approve"]`)
		if got := a.attr("#pairing .notice a", "href"); got != o.path {
			t.Errorf("trying again leads to %q", got)
		}
	}
	o.deny().leadsTo(o.path)
	d.asks().refuses(http.StatusBadRequest, "access_denied")
}

func TestASessionThatTheKeyServiceEndedIsOverHereToo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	p.upstream.breaks("*", says(401, `{"error":"invalid session","error_code":"InvalidSession"}`))
	a := o.approve("porch-cam").want(http.StatusSeeOther)
	if got := a.header.Get("Location"); !strings.HasPrefix(got, "/login?") || !strings.Contains(got, "next=%2Fdevice") {
		t.Errorf("it leads to %q", got)
	}
	d.asks().refuses(http.StatusBadRequest, "authorization_pending")
}

// forgetful grants lose the sealed value.
type forgetful struct{ onboard.Grants }

func (forgetful) FinishApproval(context.Context, string, string, string, []byte, time.Time) error {
	return errors.New("disk full at secret-host")
}

func TestAnOldKeyThatIsOffForADeviceThatGotNoOtherIsNamed(t *testing.T) {
	t.Parallel()
	p := newProgram(t, withGrants(forgetful{&onboardtest.Memory{}}))
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	o := b.opens(p.pairing("Garage Pi"))
	for _, when := range []string{"hour", "now"} {
		want := map[string]string{"now": "/keys/" + old.ID}[when]
		form := page(old)
		form.Set("name", "garage-pi-2")
		form.Set("replaces", old.ID)
		form.Set("when", when)
		a := b.post(o.path+"/approve", form).want(http.StatusInternalServerError).says(".notice", "so it was deleted again.")
		if got := a.attr(".notice a", "href"); got != want {
			t.Errorf("replaced %s, it leads to %q", when, got)
		}
		if want != "" {
			a.says(".notice", "garage-pi, which it was to replace, is off.")
		}
	}
}

func TestAKeyThatCouldNotBeKeptForTheDeviceIsDeletedAgain(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, withGrants(forgetful{&onboardtest.Memory{}}))
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	a := o.approve("porch-cam").want(http.StatusInternalServerError).says(".notice", "The device was not connected. Its key couldn’t be kept for it, so it was deleted again.")
	a.says("h1", "Connect this device?").keepsQuiet("secret-host")
	if got := p.storedNames(who); got != "" || p.upstream.count(deleteKey) != 1 {
		t.Errorf("the keys are %q", got)
	}
	p.upstream.breaks(deleteKey, refusesConnections)
	a = o.approve("porch-cam").want(http.StatusInternalServerError)
	a.says(".notice", "The key porch-cam was created but couldn’t be kept for the device, and nobody has its value. Delete it before you approve again.")
	if got := a.attr(".notice a", "href"); got != "/keys/"+p.stored(who)[0].ID+"/delete?return="+o.path {
		t.Errorf("the notice leads to %q", got)
	}
	if aValue.MatchString(a.body) || aValue.MatchString(p.logs.String()) {
		t.Error("the value is in the page or in the log")
	}
}

func TestAnApprovalGoesOnWhenTheBrowserLeaves(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	ctx, leave := context.WithCancel(t.Context())
	p.upstream.breaks(createKey, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		leave()
		if _, bounded := r.Context().Deadline(); !bounded {
			t.Error("the request may take for ever")
		}
		return next.RoundTrip(r)
	})
	b.send(b.request(http.MethodPost, o.path+"/approve", url.Values{"name": {"porch-cam"}}).WithContext(ctx))
	d.asks().want(http.StatusOK)
}

func TestDevicesAreSentToTheAddressThatBrowsersUse(t *testing.T) {
	t.Parallel()
	p := newProgram(t, https)
	b, _ := p.signedIn(email)
	a := p.device().start(url.Values{"client_id": {appID}}).want(http.StatusOK).json()
	if got := a["verification_uri"]; got != p.deps.PublicURL+"/device" || !strings.HasPrefix(p.deps.PublicURL, "https://") {
		t.Errorf("the address is %v", got)
	}
	b.get("/device").says("#run-latchkey", "latchkey pair --url "+p.deps.PublicURL+" --out .env")
}

func TestTheKeysPageOffersToConnectADeviceFirst(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	for _, name := range []string{"porch-cam", "heat-pump"} {
		a := b.get("/keys").want(http.StatusOK)
		if a.attr("main a.primary", "href") != "/device" {
			t.Errorf("the page offers %q", a.text("main a.primary"))
		}
		b.approves(p.pairing(name), name)
	}
	if got := p.storedNames(who); got != "porch-cam, heat-pump" {
		t.Errorf("the keys are %q", got)
	}
}

func TestThePageHearsWhenTheDeviceHasItsKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.approves(d, "porch-cam")
	server := p.serve()
	stream := b.listens(server, o.page().attr("#pairing", "data-arrival"))
	d.asks().want(http.StatusOK)
	stream.changes("fetched").ends()
	b.listens(server, o.path+"/arrival?state=approving").changes("fetched").ends()
	b.listens(server, o.path+"/arrival?state=fetched").ends()

	late := p.pairing("late")
	o = b.approves(late, "late")
	stream = b.listens(server, o.path+"/arrival?state=approved")
	p.clock.Advance(10 * time.Minute)
	stream.changes("unfetched").ends()

	moved := p.pairing("moved")
	o = b.approves(moved, "moved")
	if res := p.signIn(who).listens(server, o.path+"/arrival?state=approved").res; res.StatusCode != http.StatusNoContent {
		t.Errorf("another browser hears: status %d", res.StatusCode)
	}
}

func TestThePairingsPageWaitsOnForTheFirstUse(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.approves(d, "porch-cam")
	value := d.asks().want(http.StatusOK).json()["access_token"].(string)
	a := o.page().says("#pairing", "Waiting for first use").keepsQuiet(value)
	if got := a.attr("#pairing .use a.noscript", "href"); got != o.path {
		t.Errorf("without script a look again leads to %q", got)
	}
	server := p.serve()
	stream := b.listens(server, a.attr("#pairing", "data-arrival"))
	p.turn(who, client.APIKey{ID: p.stored(who)[0].ID}, false)
	stream.changes("fetched-off")
	if err := p.logsIn("porch-cam", value); err == nil {
		t.Fatal("a key that is off logs in")
	}
	stream.changes("fetched-off-refused-2026-05-02T12:00:05Z")
	o.page().says("#pairing", "Refused 12:00 UTC while it was off").lacks("#pairing form")
	p.turn(who, client.APIKey{ID: p.stored(who)[0].ID}, true)
	stream.changes("fetched-waiting-refused-2026-05-02T12:00:05Z")
	p.works("porch-cam", value)
	stream.changes("fetched").ends()
	a = b.htmx().get(o.path).says("#pairing", "Connected 12:00 UTC Linux · realm-web · 127.0.0.1").lacks("[data-arrival]")
	a.says(`hx-partial[hx-target="#status"]`, "porch-cam is connected.")

	p.turn(who, client.APIKey{ID: p.stored(who)[0].ID}, false)
	if _, err := p.store.DeleteAPIKey(t.Context(), who.id, p.stored(who)[0].ID); err != nil {
		t.Fatal(err)
	}
	b.listens(server, o.path+"/arrival?state=fetched-waiting").changes("fetched").ends()
	o.page().want(http.StatusOK).says("#pairing", "The key has been deleted since.").lacks(`#pairing a[href^="/keys/"]`)
}
