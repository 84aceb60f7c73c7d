package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"latchkey/client"
	"latchkey/internal/model"
)

// hostileNames are what programs and devices call themselves that want to be taken for us, or to be called or visited.
var hostileNames = []string{
	"Call-0800-123-SUPPORT-NOW/1.0", "evil.test/1.0", "Latchkey-Security-Team/9", "latchkey/1.0 verified", "Latchkey", "the-operator/1.0",
	"curl/0800-123-SUPPORT", "Wget/8.8.8-evil.test", "curl/1.0.evil.test", "node/evil.test", "Security-Alert/2.0 (Linux)",
	"a browser of yours", "verified/1.0", "cam” is yours. Call “evil.test", `x" and was checked by us, evil.test "`, "«evil.test»/1.0", "＂evil.test＂",
}

// claimed is what stands in quotation marks behind words of ours that say whose words those are.
var claimed = regexp.MustCompile(`(?i:calls itself) “[^“”]*”(, “[^“”]*”)*`)

// foreign finds words of a stranger in what a page says of itself, and quotation marks that are not ours. Ids and fingerprints are hex,
// and may have any four digits in them.
var foreign = regexp.MustCompile(`(?i)\b0800\b|evil|security|support|verified/|operator.1|\bLatchkey/|latchkey 1|checked by us|is yours\.|8\.8\.8|a browser of|[“”«»＂]`)

func (a answer) claimsNothing(what string) {
	a.t.Helper()
	main := a.doc.Find("main").Clone()
	main.Find(".handoff").Remove() // programs to copy
	text := squeeze(main.Text())
	main.Find("[aria-label], [title]").Each(func(_ int, s *goquery.Selection) {
		text += " " + s.AttrOr("aria-label", "") + " " + s.AttrOr("title", "")
	})
	if said := foreign.FindString(claimed.ReplaceAllString(text, "")); said != "" {
		a.t.Errorf("%s: the page says %q in its own words: %.600s", what, said, text)
	}
}

func TestWhatStrangersSayOfThemselvesIsNeverShownAsFact(t *testing.T) {
	t.Parallel()
	for _, name := range hostileNames {
		p := newProgram(t)
		who := p.person(email)
		key := about(p.seed(who, "porch-cam")[0].ID, "porch-cam")
		named := func(e *model.Event) { e.Agent = name }
		stranger := p.browser().with("User-Agent", name)
		stranger.post("/login", credentials(who.email, "wrong battery")).want(http.StatusUnprocessableEntity)
		b := p.signIn(who)
		refused := b.get("/activity").want(http.StatusOK)
		refused.says(".refused .deed", "Sign-in refused")
		if text := refused.text(".refused"); strings.Contains(text, "calls itself") || foreign.MatchString(text) {
			t.Errorf("%q, who is not signed in, is shown: %s", name, text)
		}
		p.writes(who, "password-reset-asked", by(model.ActorUnknown), named)
		p.writes(who, "key-refused", key, by(model.ActorDevice), detail("off"), named)
		p.writes(who, "key-first-used", key, by(model.ActorDevice), named)
		p.writes(who, "signed-in", by(model.ActorApp), named)
		p.writes(who, "pairing-asked", by(model.ActorDevice), detail(name), named)
		p.writes(who, "pairing-approved", key, detail(name))
		p.writes(who, "pairing-denied", detail(name))
		b.get("/activity").claimsNothing(name + ", activity")

		stranger.post("/login", credentials(who.email, password)).leadsTo("/keys") // who knows the password
		_, _ = p.newClient(p.upstream).Login(t.Context(), client.EmailPassword(email, password))
		made, err := p.app(client.EmailPassword(email, password)).APIKeys().Create(t.Context(), "heat-pump")
		if err != nil {
			t.Fatal(err)
		}
		value := made.Value.Reveal()
		device := client.Device{Name: name, Platform: name, PlatformVersion: name, SDK: name, SDKVersion: name}
		for _, with := range []client.Credentials{client.UserAPIKey(value), client.EmailPassword(email, password)} {
			c, err := client.New(p.deps.PublicURL, appID, client.WithHTTPClient(&http.Client{Transport: p.upstream}), client.WithDevice(device))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Login(t.Context(), with); err != nil {
				t.Fatal(err)
			}
		}
		sessions := b.get("/sessions").want(http.StatusOK)
		sessions.claimsNothing(name + ", sessions")
		sessions.says("[aria-labelledby=apps]", "Calls itself “")
		b.get("/keys").says("#key-"+made.ID+" .use", "Connected").claimsNothing(name + ", keys")
		b.get("/keys/"+made.ID).says(".facts", "Self-reported: calls itself “").claimsNothing(name + ", a new key")
		p.clock.Advance(16 * time.Minute) // after which nobody waits for its first use
		b = p.signIn(who)
		b.get("/keys").claimsNothing(name + ", keys later")
		b.get("/keys/"+made.ID).says(".facts", "Self-reported: calls itself “").claimsNothing(name + ", a key")

		d := p.device()
		d.agent = name
		d.userCode = d.start(url.Values{"client_id": {appID}, "device_name": {name}}).want(http.StatusOK).json()["user_code"].(string)
		question := b.opens(d).page().want(http.StatusOK)
		question.doc.Find("#pairing .unsure").Prev().Remove() // each is marked as not verified
		question.claimsNothing(name + ", the question")
	}
}
