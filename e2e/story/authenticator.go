package story

import (
	"net"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/internal/app/config"
)

// ByName has a program be reached by a name of this machine, where browsers have passkeys: at a number they have none.
func ByName(t *testing.T) func(*config.Config) {
	t.Helper()
	address := FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *config.Config) { cfg.Addr, cfg.PublicURL = address, "http://localhost:"+port }
}

// Authenticator is a device of a tab's that keeps passkeys and is asked for them by the browser.
type Authenticator struct {
	page    *Page
	session playwright.CDPSession
	id      any
}

// Authenticator gives the tab one: a part of the computer itself, which is there at once whenever it is asked.
func (p *Page) Authenticator() *Authenticator { return p.authenticator("internal") }

// SecurityKey gives the tab one that is plugged in.
func (p *Page) SecurityKey() *Authenticator { return p.authenticator("usb") }

func (p *Page) authenticator(transport string) *Authenticator {
	p.T.Helper()
	session, err := p.Context.NewCDPSession(p.Page)
	p.Must(err)
	a := &Authenticator{page: p, session: session}
	a.send("WebAuthn.enable", map[string]any{})
	added, _ := a.send("WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{
		"protocol": "ctap2", "transport": transport, "hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true,
		"automaticPresenceSimulation": true,
	}}).(map[string]any)
	a.id = added["authenticatorId"]
	return a
}

func (a *Authenticator) send(command string, about map[string]any) any {
	a.page.T.Helper()
	if a.id != nil {
		about["authenticatorId"] = a.id
	}
	result, err := a.session.Send(command, about)
	a.page.Must(err)
	return result
}

// Recognises says whether it is the person who is in front of it. When it is not, nothing comes of being asked.
func (a *Authenticator) Recognises(yes bool) {
	a.page.T.Helper()
	a.send("WebAuthn.setUserVerified", map[string]any{"isUserVerified": yes})
}

// Remove takes it away.
func (a *Authenticator) Remove() {
	a.page.T.Helper()
	a.send("WebAuthn.removeVirtualAuthenticator", map[string]any{})
}

// MoveTo gives its passkeys to another one, as what is synced between devices does.
func (a *Authenticator) MoveTo(other *Authenticator) {
	a.page.T.Helper()
	kept, _ := a.send("WebAuthn.getCredentials", map[string]any{}).(map[string]any)
	list, _ := kept["credentials"].([]any)
	if len(list) == 0 {
		a.page.T.Fatal("it has no passkeys")
	}
	for _, one := range list {
		other.send("WebAuthn.addCredential", map[string]any{"credential": one})
	}
}
