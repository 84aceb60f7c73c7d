package keys

import (
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
)

func TestTheQuickLookSaysWhichKeyItIsAndSendsNothing(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	keys := ana.Keys(t, "porch-cam", "heat-pump")
	if err := ana.Session.APIKeys().Disable(t.Context(), keys[1].ID); err != nil {
		t.Fatal(err)
	}
	foreign := program.PersonNamed(t, "bob@example.com").Keys(t, "bobs-camera")[0].Value.Reveal()
	page := program.Open(t, story.SignedIn(ana))
	page.Press(page.Link("Identify it"))
	page.Sees(page.Heading("Identify a key"))

	var sent atomic.Int64
	page.OnRequest(func(playwright.Request) { sent.Add(1) })
	porch, pump := keys[0].Value.Reveal(), keys[1].Value.Reveal()
	for _, c := range []struct{ pasted, verdict string }{
		{porch, "This is porch-cam, which is on. This value leaked"},
		{pump, "This is heat-pump, which is off. This value leaked"},
		{" \t" + porch + "  ", "This is porch-cam, which is on. This value leaked"},
		{"API_KEY=" + pump, "This is heat-pump, which is off. This value leaked"},
		{`export REALM_API_KEY="` + porch + `"`, "This is porch-cam, which is on. This value leaked"},
		{"# The key heat-pump.\nAPP_ID=x\nBASE_URL=http://x\nAPI_KEY=" + pump + "\n", "This is heat-pump, which is off. This value leaked"},
		{foreign, "None of your keys has this value."},
		{porch[:63], "None of your keys has this value."},
		{"ключ 🔑", "None of your keys has this value."},
		{"", ""},
	} {
		page.Fill("Value", c.pasted)
		page.Reads(page.Locator("#verdict"), c.verdict)
	}
	page.Fill("Value", porch)
	page.Must(page.Field("Value").Press("Enter"))
	page.Reads(page.Locator("#verdict"), "This is porch-cam, which is on. This value leaked")
	if n := sent.Load(); n != 0 {
		t.Errorf("%d requests left the browser", n)
	}
	page.IsAt("/keys/which")
	page.Press(page.Locator("#verdict a"))
	page.IsAt("/keys/" + keys[0].ID)
}

func TestASignInWithAValueHappensOnlyOnRequestAndIsNoUse(t *testing.T) {
	t.Parallel()
	program, tap := story.StartTapped(t, "127.0.0.1")
	ana := program.Person(t)
	keys := ana.Keys(t, "porch-cam", "heat-pump")
	porch, pump := keys[0].Value.Reveal(), keys[1].Value.Reveal()
	foreign := program.PersonNamed(t, "bob@example.com").Keys(t, "bobs-camera")[0].Value.Reveal()
	before := len(tap.Holding(porch))
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/which"))
	try := func(value, verdict string) {
		t.Helper()
		page.Fill("Value", value)
		page.Press(page.Button("Try signing in with it"))
		contains(page, page.Locator("#verdict"), verdict)
		page.Must(page.Expect().Locator(page.Field("Value")).ToHaveValue(""))
		if content, err := page.Content(); err != nil || strings.Contains(content, value) {
			t.Errorf("the value is in the page (%v)", err)
		}
	}
	try(porch, "It works. This is your key porch-cam.")
	try(foreign, "It works, but it isn’t yours.")
	try(strings.Repeat("n", 64), "It doesn’t work.")
	if err := ana.Session.APIKeys().Disable(t.Context(), keys[1].ID); err != nil {
		t.Fatal(err)
	}
	try(pump, "This is heat-pump, which is off.")
	page.Expects(422)
	page.Press(page.Button("Try signing in with it"))
	page.Sees(page.GetByText("Paste a value first."))

	facts, err := ana.Session.APIKeys().Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if fact := facts.Keys[key.ID]; !fact.LastUse.At.IsZero() || !fact.LastRefusal.At.IsZero() {
			t.Errorf("%s has been used, it is said: %+v", key.Name, fact)
		}
	}
	for _, x := range tap.Holding(porch)[before:] {
		if x != "the log" {
			t.Error("the value is in an answer or a header of", x)
		}
	}
	if found := tap.Holding(pump); len(found) > 1 || strings.Contains(strings.Join(tap.Holding(porch), " "), "the log") {
		t.Error("the values are found in", found, tap.Holding(porch))
	}
}

func TestWithoutScriptAValueCanBeTriedAndComparedByHand(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.NoScript, story.SignedIn(ana), story.At("/keys/which"))
	page.Sees(page.GetByText("Without script, compare fingerprints by hand, below, or try signing in."))
	page.Lacks(page.GetByText("Paste it to see which key it is."))
	facts, err := ana.Session.APIKeys().Facts(t.Context())
	page.Must(err)
	page.Lacks(page.Locator("#fingerprints"))
	page.Press(page.Heading("Fingerprints of your keys"))
	contains(page, page.Locator("#fingerprints"), facts.Keys[key.ID].Fingerprint)
	page.Fill("Value", " API_KEY="+key.Value.Reveal())
	page.Press(page.Button("Try signing in with it"))
	page.IsAt("/keys/which")
	contains(page, page.Locator("#verdict"), "It works. This is your key porch-cam.")
	page.Must(page.Expect().Locator(page.Field("Value")).ToHaveValue(""))
	page.Press(page.Link("Open porch-cam"))
	contains(page, page.Locator("#key"), "Waiting for first use")
	_ = program.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
}

func TestAValueDoesNotWaitInALeftPage(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	page := program.Open(t, story.SignedIn(ana), story.In(story.BrowserWithBackForwardCache(t)), story.At("/keys/which"))
	page.Fill("Value", key.Value.Reveal())
	contains(page, page.Locator("#verdict"), "This is porch-cam,")
	page.Press(page.Link("All keys"))
	page.Sees(page.Row("porch-cam"))
	_, err := page.GoBack()
	page.Must(err)
	page.Sees(page.Heading("Identify a key"))
	page.Must(page.Expect().Locator(page.Field("Value")).ToHaveValue(""))
}

// The script's digest is compared with Node's own, for every length around the ends of blocks.
func TestTheScriptsDigestIsSHA256(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(story.Path("static", "whichkey.js"))
	if err != nil {
		t.Fatal(err)
	}
	digest := regexp.MustCompile(`(?ms)^  function sha256\(.*?^  }$`).Find(script)
	if digest == nil {
		t.Fatal("the script has no function sha256")
	}
	got := story.Node(t, string(digest)+`
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
