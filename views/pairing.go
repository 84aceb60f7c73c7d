package views

import (
	"context"
	"strings"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// Local is a dashboard that only the computer it runs on can open. The zero Local is one that others can open too.
type Local struct{ Address, Port string }

// Only says whether the dashboard is such a one: no other device can follow its address, so no picture of it is drawn.
func (l Local) Only() bool { return l.Address != "" }

// Device is the model of the page on which a person types the code that a device shows.
type Device struct {
	Page
	// Code is what was typed, or what the address says; Given marks the latter.
	Code  string
	Given bool
	Error string
	// Again is when another code may be tried, after too many wrong ones.
	Again When
	// Address is this page's own, for a phone; QRPath and QRSize draw it, unless QRPath is "".
	Address string
	QRPath  string
	QRSize  int
	Local   Local
	// Takes is which key the device's one will take the place of.
	Takes Takes
	// PublicURL and AppID are what a device must be told to begin, and Script is a whole program for a shell that knows them.
	PublicURL, AppID, Script string
}

// way is one of the ways in which a device can ask for a code.
type way struct {
	id           string
	name, before lang.Text // a name without an id is the same in all languages
	code         string
	after        lang.Text // of no id when there is nothing to say
}

func (w way) called(ctx context.Context) string {
	if w.name.ID == "" {
		return w.name.English
	}
	return w.name.In(ctx)
}

// ways are what a person runs on the device, for one that has this program, one that has curl, and one that has a shell besides. The
// device code goes over a pipe: what stands on a command line, every user of the device can read.
func (m Device) ways() []way {
	return []way{
		{
			id: "latchkey", name: lang.Text{English: "latchkey"},
			before: lang.New("device.with.latchkey.before", "Shows the code, waits for you, and writes the key to a file."),
			code:   pairCommand(m.PublicURL),
		},
		{
			"curl", lang.Text{English: "curl"},
			lang.New("device.with.curl.before", "The first command answers with two codes. Enter the user_code above."),
			"curl -d client_id=" + m.AppID + " --data-urlencode \"device_name=$(hostname)\" \\\n  " + m.PublicURL + "/oauth/device_authorization\n\n" +
				"DEVICE_CODE=…\n" +
				"printf 'device_code=%s' \"$DEVICE_CODE\" | curl -d @- -d client_id=" + m.AppID + " \\\n" +
				"  -d grant_type=urn:ietf:params:oauth:grant-type:device_code \\\n  " + m.PublicURL + "/oauth/token",
			lang.New("device.with.curl.after",
				"Put the device_code in place of the dots and repeat the last command every 5 seconds, until it answers with the key as access_token."),
		},
		{
			id: "shell", name: lang.New("device.with.shell", "shell script"),
			before: lang.New("device.with.shell.before", "Ten lines for any POSIX shell with curl. They write the key to .env."),
			code:   m.Script,
		},
	}
}

func pairCommand(publicURL string) string { return "latchkey pair --url " + publicURL + " --out .env" }

// How far a pairing has come, as its page tells it.
const (
	PairingAsked     = "asked"     // the person decides
	PairingApproving = "approving" // the key is being made
	PairingApproved  = "approved"  // the device has not fetched its key yet
	PairingFetched   = "fetched"
	PairingDenied    = "denied"
	PairingExpired   = "expired"
	PairingUnclear   = "unclear"   // the time ran out while the key was being made
	PairingUnfetched = "unfetched" // the time ran out before the device fetched its key
)

// Pairing is the model of one pairing's page, whatever its state.
type Pairing struct {
	Page
	ID, State string
	// Shown proves, in the forms of the question, that it was drawn by a look at the code, which claims nothing. "" is for a pairing
	// that was claimed.
	Shown string
	// Code is as the device shows it.
	Code string
	// DeviceName is what the device says it is, "" when it says nothing. Nobody has verified it.
	DeviceName string
	// Asked is when the device asked, Address from where; YourAddress is the person's, "" when the two must not be compared.
	// Program is what the device's program calls itself, "" when that cannot be told.
	Asked                         When
	Address, YourAddress, Program string
	// Near says that both addresses are of one network.
	Near bool
	// Ends counts down to when the code expires.
	Ends When

	// Label is what the key is called in the form: as the device calls itself, until the person changes it.
	Label, LabelError string
	// Name is the key's name in the form, with what is wrong with it.
	Name, NameError, Suggestion string
	// Holder is the key that already has the name.
	Holder *Key
	// Quota is with the key that an approval makes. MakeRoom lists the keys to consider deleting when there is no room for it,
	// and Uses is what is known of the use of all of them.
	Quota    Quota
	MakeRoom []Candidate
	Uses     Knowledge
	// Failure says why the keys could not be read. Nothing is approved then: what it would do is not known.
	Failure *Notice

	// Takes is which key this one takes the place of.
	Takes Takes
	// KeyID and KeyName are the key that was made. KeyGone says that it was deleted since.
	KeyID, KeyName string
	KeyGone        bool
	// Key is that key once the device has fetched it, the zero Key when it could not be read.
	Key     Key
	Fetched When
	// Fresh marks the answer to a decision, which takes the focus along.
	Fresh bool
}

// full says that there is no room for another key. Quota counts one more than there are.
func (m Pairing) full() bool { return m.Quota.Used > m.Quota.Limit }

// asks says that the person decides, with a name for the key; without one they can only deny.
func (m Pairing) asks() bool { return m.Failure == nil && !m.full() }

// Awaits is how far the pairing is, as one word: it changes whenever what its page says does. It is "" when nothing will change
// without the person.
func (m Pairing) Awaits() string {
	switch m.State {
	case PairingApproving:
		return m.State
	case PairingApproved:
		if !m.KeyGone {
			return m.State
		}
	case PairingFetched:
		if use := m.Key.Use.Awaits(); use != "" {
			return m.State + "-" + use
		}
	}
	return ""
}

// Heading is the state in a few words, for the page's title and its first line.
func (m Pairing) Heading(ctx context.Context) string {
	switch m.State {
	case PairingAsked:
		return lang.T(ctx, "pairing.heading.question", "Connect this device?")
	case PairingApproving:
		return lang.T(ctx, "pairing.heading.creating", "Creating the key")
	case PairingApproved:
		if m.KeyGone {
			return lang.T(ctx, "pairing.heading.deleted", "The key was deleted")
		}
		return lang.T(ctx, "pairing.heading.approved", "Approved")
	case PairingFetched:
		return lang.T(ctx, "pairing.heading.fetched", "{name} has its key", "name", m.KeyName)
	case PairingDenied:
		return lang.T(ctx, "pairing.heading.denied", "Denied")
	case PairingUnfetched:
		return lang.T(ctx, "pairing.heading.unfetched", "The device didn’t pick up its key in time")
	default:
		return lang.T(ctx, "pairing.heading.expired", "This code has expired")
	}
}

// pairingPath is the address of a pairing's page, or of an act on it.
func pairingPath(id string, act ...string) templ.SafeURL {
	if len(act) == 0 {
		return templ.SafeURL("/device/" + id)
	}
	return templ.SafeURL("/device/" + id + "/" + act[0])
}

// deleteFor is the address of the confirmation to delete a key that leads back to a pairing's page.
func deleteFor(keyID, pairingID string) templ.SafeURL {
	return keyPath(keyID, "delete") + "?return=" + pairingPath(pairingID)
}

// asParameter is one of our pages as a parameter, of which it needs no more than this.
func asParameter(back string) string { return strings.ReplaceAll(back, "&", "%26") }

// dialogReturning is dialogLink for a confirmation that leads back to another page of ours than the keys.
func dialogReturning(keyID, back string) templ.OrderedAttributes {
	return templ.OrderedAttributes{
		{Key: "hx-get", Value: "/keys/" + keyID + "/delete?return=" + asParameter(back)},
		{Key: "hx-swap", Value: "innerHTML"},
		{Key: "hx-target", Value: "#dialog"},
	}
}
