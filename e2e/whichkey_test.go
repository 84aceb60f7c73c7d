package e2e

import (
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

func TestTheQuickLookSaysWhichKeyItIsAndSendsNothing(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	keys := ana.keys(t, "porch-cam", "heat-pump")
	if err := ana.session.APIKeys().Disable(t.Context(), keys[1].ID); err != nil {
		t.Fatal(err)
	}
	foreign := program.personNamed(t, "bob@example.com").keys(t, "bobs-camera")[0].Value.Reveal()
	page := program.open(t, signedIn(ana))
	page.press(page.link("Which key is this?"))
	page.sees(page.heading("Which key is this?"))

	var sent atomic.Int64
	page.OnRequest(func(playwright.Request) { sent.Add(1) })
	porch, pump := keys[0].Value.Reveal(), keys[1].Value.Reveal()
	for _, c := range []struct{ pasted, verdict string }{
		{porch, "This is porch-cam. It is on."},
		{pump, "This is heat-pump. It is off."},
		{" \t" + porch + "  ", "This is porch-cam. It is on."},
		{"API_KEY=" + pump, "This is heat-pump. It is off."},
		{`export REALM_API_KEY="` + porch + `"`, "This is porch-cam. It is on."},
		{"# The key heat-pump.\nAPP_ID=x\nBASE_URL=http://x\nAPI_KEY=" + pump + "\n", "This is heat-pump. It is off."},
		{foreign, "This is none of the keys below."},
		{porch[:63], "This is none of the keys below."},
		{"ключ 🔑", "This is none of the keys below."},
		{"", ""},
	} {
		page.fill("Value", c.pasted)
		page.reads(page.Locator("#verdict"), c.verdict)
		marked := page.Locator("#fingerprints .it")
		if name, _, ok := strings.Cut(strings.TrimPrefix(c.verdict, "This is "), ". It is"); ok {
			page.contains(marked, name)
		} else {
			page.must(expect.Locator(marked).ToHaveCount(0))
		}
	}
	page.fill("Value", porch)
	page.must(page.field("Value").Press("Enter"))
	page.reads(page.Locator("#verdict"), "This is porch-cam. It is on.")
	if n := sent.Load(); n != 0 {
		t.Errorf("%d requests left the browser", n)
	}
	page.isAt("/keys/which")
	page.press(page.Locator("#verdict a"))
	page.isAt("/keys/" + keys[0].ID)
	page.press(page.link("Test a value"))
	page.must(expect.Locator(page.field("Value")).ToHaveValue(""))
}

func TestALogInWithAValueHappensOnlyOnRequestAndIsNoUse(t *testing.T) {
	t.Parallel()
	program, tap := startTapped(t, "127.0.0.1")
	ana := program.person(t)
	keys := ana.keys(t, "porch-cam", "heat-pump")
	porch, pump := keys[0].Value.Reveal(), keys[1].Value.Reveal()
	foreign := program.personNamed(t, "bob@example.com").keys(t, "bobs-camera")[0].Value.Reveal()
	before := len(tap.holding(porch))
	page := program.open(t, signedIn(ana), at("/keys/which"))
	try := func(value, verdict string) {
		t.Helper()
		page.fill("Value", value)
		page.press(page.button("Log in with it once"))
		page.contains(page.Locator("#verdict"), verdict)
		page.must(expect.Locator(page.field("Value")).ToHaveValue(""))
		if content, err := page.Content(); err != nil || strings.Contains(content, value) {
			t.Errorf("the value is in the page (%v)", err)
		}
	}
	try(porch, "It works. This is porch-cam, a key of yours.")
	try(foreign, "It works, but it is not yours.")
	try(strings.Repeat("n", 64), "It does not work.")
	if err := ana.session.APIKeys().Disable(t.Context(), keys[1].ID); err != nil {
		t.Fatal(err)
	}
	try(pump, "it is the value of heat-pump, which is")
	page.expects(422)
	page.press(page.button("Log in with it once"))
	page.sees(page.GetByText("Paste a value first."))

	facts, err := ana.session.APIKeys().Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if fact := facts.Keys[key.ID]; !fact.LastUse.At.IsZero() || !fact.LastRefusal.At.IsZero() {
			t.Errorf("%s has been used, it is said: %+v", key.Name, fact)
		}
	}
	for _, x := range tap.holding(porch)[before:] {
		if x != "the log" {
			t.Error("the value is in an answer or a header of", x)
		}
	}
	if found := tap.holding(pump); len(found) > 1 || strings.Contains(strings.Join(tap.holding(porch), " "), "the log") {
		t.Error("the values are found in", found, tap.holding(porch))
	}
}

func TestWithoutScriptAValueCanBeTriedAndComparedByHand(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, noScript, signedIn(ana), at("/keys/which"))
	page.sees(page.GetByText("The quick look, in which the value stays in the browser, needs script."))
	page.lacks(page.GetByText("Paste it, and this page says which of your keys it is."))
	facts, err := ana.session.APIKeys().Facts(t.Context())
	page.must(err)
	page.contains(page.Locator("#fingerprints"), facts.Keys[key.ID].Fingerprint)
	page.fill("Value", " API_KEY="+key.Value.Reveal())
	page.press(page.button("Log in with it once"))
	page.isAt("/keys/which")
	page.contains(page.Locator("#verdict"), "It works. This is porch-cam, a key of yours.")
	page.must(expect.Locator(page.field("Value")).ToHaveValue(""))
	page.press(page.link("Open porch-cam"))
	page.contains(page.Locator("#key"), "Waiting for first use")
	_ = program.logIn(t, client.UserAPIKey(key.Value.Reveal()))
}

func TestAValueDoesNotWaitInALeftPage(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	key := ana.keys(t, "porch-cam")[0]
	page := program.open(t, signedIn(ana), in(browserWithBackForwardCache(t)), at("/keys/which"))
	page.fill("Value", key.Value.Reveal())
	page.contains(page.Locator("#verdict"), "This is porch-cam.")
	page.press(page.link("All keys"))
	page.sees(page.row("porch-cam"))
	_, err := page.GoBack()
	page.must(err)
	page.sees(page.heading("Which key is this?"))
	page.must(expect.Locator(page.field("Value")).ToHaveValue(""))
}

// The script's digest is compared with Node's own, for every length around the ends of blocks.
func TestTheScriptsDigestIsSHA256(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../static/whichkey.js")
	if err != nil {
		t.Fatal(err)
	}
	digest := regexp.MustCompile(`(?ms)^  function sha256\(.*?^  }$`).Find(script)
	if digest == nil {
		t.Fatal("the script has no function sha256")
	}
	got := node(t, string(digest)+`
		import { createHash } from "node:crypto";
		const known = {
			"": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			abc: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		};
		let wrong = 0;
		for (const [text, sum] of Object.entries(known)) if (sha256(text) !== sum) wrong++;
		for (let n = 0; n < 260; n++) {
			for (const text of ["a".repeat(n), "é".repeat(n), "🔑".repeat(n), String.fromCharCode(n).repeat(n)]) {
				if (sha256(text) !== createHash("sha256").update(text).digest("hex")) wrong++;
			}
		}
		console.log(wrong);
	`, "", "--input-type=module", "-")
	if got != "0" {
		t.Errorf("%s digests are wrong", got)
	}
}
