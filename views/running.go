package views

import (
	"context"
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// Running is the model of the page on which administrators find users.
type Running struct {
	Page
	// Query is what was looked for; "" is everybody. What may be the value of a key is never in it.
	Query string
	// Error is what is wrong with that, Verdict what came of looking for a value.
	Error, Verdict string
	List           []RunningUser
	// More is what the next page begins behind, "" on the last one; Later says that this is not the first one.
	More  string
	Later bool
}

// RunningUser is a user as administrators see one in a list.
type RunningUser struct {
	ID, Name  string
	Ways      string // how they sign in, in words
	Keys      Quota
	Seen      When // zero: never, as far as it is remembered
	Disabled  When // zero: they may sign in
	Operator  bool
	Pending   bool // has not confirmed their address
	Yourself  bool
	Created   When
	Imported  bool
	NotBack   int  // of the keys that they had elsewhere
	Password  bool // has one, or may choose one by a link
	LinksSent bool // reset links are sent by email
}

// RunningPerson is the model of the page about one user.
type RunningPerson struct {
	Page
	User     RunningUser
	List     []Key
	Sessions []Session     // of browsers and apps
	Devices  []KeySessions // of devices, by their keys
	MoreOpen bool          // there are sessions that are not listed
	// Activity is the user's, Unread says that it could not be read.
	Activity Activity
	Unread   bool
}

// Refused is a device that was refused because nobody has the value of its key.
type Refused struct {
	ID      string
	Claims  []string // what it says of itself
	Tries   int64
	First   When
	Last    When
	Address string
	Hint    string // whom a token named that came from the address; nobody has verified it
	Ignored bool
}

// RunningKnocks is the model of the list of such devices.
type RunningKnocks struct {
	Page
	Ignored bool // lists those that are ignored
	List    []Refused
}

// RunningKnock is the model of the question whose device one is.
type RunningKnock struct {
	Page
	Device                 Refused
	Person, Name           string
	Server                 bool // it becomes a server key
	Mails                  bool // the user gets an email
	PersonError, NameError string
}

// RunningServerKeys is the model of the page about keys that belong to no user.
type RunningServerKeys struct {
	Page
	FormID      string // creates one key, however often it is sent
	Name, Error string
	List        []Key
	Unread      bool // the list could not be read
	Once        *Once
}

// RunningActs is the model of the list of what administrators did.
type RunningActs struct {
	Page
	Days  []RunningDay
	More  string
	Later bool
}

// RunningDay is what administrators did on one day, newest first.
type RunningDay struct {
	Day  When
	List []RunningAct
}

// RunningAct is one act. Deed says it, with placeholders for the Thing that it is about and for the User whom it is about: either may be "",
// and then the text has none. In that of an act that only a newer version knows, the act itself has one.
type RunningAct struct {
	When         When
	Drawing      string
	Act          string
	Deed         lang.Text
	Thing        string
	Quoted       bool // Thing is what a device calls itself
	UserID, User string
	Who          string
	Program      string
	Claim        string // what a program that is not known calls itself
	Address      string
}

// runningTabs are the pages for administrators.
var runningTabs = []struct {
	path string
	name lang.Text
}{
	{"/running", lang.New("running.users", "Users")},
	{"/running/knocks", lang.New("running.knocks", "Refused devices")},
	{"/running/server-keys", lang.New("running.server-keys", "Server keys")},
	{"/running/webhooks", lang.New("running.webhooks", "Webhooks")},
	{"/running/acts", lang.New("running.acts", "Audit log")},
}

// next is the address of the next users.
func (m Running) next() templ.SafeURL { return runningPath("/running", "q", m.Query, "after", m.More) }

// first is that of the first ones.
func (m Running) first() templ.SafeURL { return runningPath("/running", "q", m.Query) }

// runningPath is an address with those of the parameters that are not empty.
func runningPath(path string, parameters ...string) templ.SafeURL {
	query := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		if parameters[i+1] != "" {
			query.Set(parameters[i], parameters[i+1])
		}
	}
	if len(query) == 0 {
		return templ.SafeURL(path)
	}
	return templ.SafeURL(path + "?" + query.Encode())
}

// userPath is the address of a user's page, or of an act on it. The id is 24 hexadecimal digits.
func userPath(id, act string) templ.SafeURL { return templ.SafeURL("/running/users/" + id + act) }

// olderActivity is the page of a user with what happened before that.
func (m RunningPerson) olderActivity() templ.SafeURL {
	return runningPath("/running/users/"+m.User.ID, "before", m.Activity.Older) + "#activity"
}

// sessions says whether there is any.
func (m RunningPerson) sessions() bool { return len(m.Sessions)+len(m.Devices) > 0 }

// title is how a list calls the device: by what it says of itself.
func (r Refused) title(ctx context.Context) string {
	if r.Address == "" {
		return t(ctx, "claim.device", "A device")
	}
	return t(ctx, "running.knocks.device-at", "A device at {address}", "address", r.Address)
}

// knockPath is the page about a device that was refused.
func knockPath(id string) templ.SafeURL { return templ.SafeURL("/running/knocks/" + id) }

// serverKeyPath begins the addresses of acts on a server key.
func serverKeyPath(id string) templ.SafeURL { return templ.SafeURL("/running/server-keys/" + id) }

// done is where the form leads by which a person says that the value is saved. Of a server key nothing is remembered.
func (o Once) done() templ.Attributes {
	if o.Server {
		return templ.Attributes{"method": "get", "action": "/running/server-keys"}
	}
	return templ.Attributes{"method": "post", "action": string(keyPath(o.ID, "saved"))}
}

func (m RunningKnock) personHint(ctx context.Context) string {
	if m.Mails {
		return t(ctx, "running.knock.user-hint-mail", "An email address or an id. The user gets an email.")
	}
	return t(ctx, "running.knock.user-hint", "An email address or an id.")
}

func (q Quota) used() string  { return strconv.Itoa(q.Used) }
func (q Quota) limit() string { return strconv.Itoa(q.Limit) }
