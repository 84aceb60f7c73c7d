// Package views draws the pages. Its components take flat models whose texts are ready to show; they do no input or output
// and know nothing of HTTP. A part that htmx swaps is the component that the whole page uses.
package views

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// Site is whose dashboard this is, in the operator's words. The zero value says nothing of anybody.
type Site struct {
	// Name stands in titles and on the sign-in page; "" is Latchkey.
	Name string
	// Contact is an address of scheme mailto or https at which the administrator can be reached, "" when none is given.
	Contact string
	// Version is the program's, for the footer.
	Version string
}

// Called is the name of the site.
func (s Site) Called() string { return cmp.Or(s.Name, "Latchkey") }

// Page is what the layout needs of every page.
type Page struct {
	Title string
	Site  Site
	// Email of the signed-in person, "" when nobody is.
	Email string
	// Theme is "light" or "dark" by choice, "" to follow the system.
	Theme string
	// ByHand says that its language was chosen by hand, and not by the browser.
	ByHand bool
	// Here is the page's own path, where the choice of a theme returns to.
	Here string
	// Clock tells the script of the clock by which times are drawn: the cookie with the person's, what that says as far as it is
	// understood, and what time it is here, in seconds; "" keeps it from drawing any.
	Clock string
	// Status is what the last act did, announced politely: "porch-cam is off." It may be "". Undo is the way back, nil when there is none.
	Status string
	Undo   *Undo
	// Notice stands above the content until it is dealt with.
	Notice *Notice
	// From is the app that has opened this browser, nil when its person signed in here.
	From *FromApp
	// Running says that the person looks after the accounts of others.
	Running bool
	// lean is of the list of keys alone: it has none of the styles that only other pages need.
	lean bool
}

// Provider is another provider at which people sign in.
type Provider struct{ ID, Name string }

// Undo is a key that was just turned off, and can be turned on again from where that is said.
type Undo struct{ KeyID, Name, Place string }

// initial is the first letter of the address, for a mark where there is no room for all of it.
func (p Page) initial() string {
	for _, r := range p.Email {
		return string(r)
	}
	return ""
}

// navigation is what the header leads to.
var navigation = []destination{
	{"/keys", lang.New("layout.keys", "Keys")}, {"/activity", lang.New("layout.activity", "Activity")}, {"/account", lang.New("layout.account", "Account")},
}

// destination is a page that the header leads to.
type destination struct {
	path string
	name lang.Text
}

// runningNavigation is that for people who look after the accounts of others.
var runningNavigation = append(slices.Clip(navigation), destination{"/running", lang.New("layout.running", "Running")})

// places are those that the header leads to.
func (p Page) places() []destination {
	if p.Running {
		return runningNavigation
	}
	return navigation
}

// current says of a place in the navigation that the page is it ("page"), or is one below it ("true"). Devices become keys, and sessions
// are the account's.
func (p Page) current(path string) string {
	here, _, _ := strings.Cut(p.Here, "?")
	switch {
	case here == path:
		return "page"
	case strings.HasPrefix(here, path+"/"), path == "/account" && (here == "/sessions" || here == "/language"),
		path == "/keys" && (here == "/device" || strings.HasPrefix(here, "/device/")):
		return "true"
	default:
		return ""
	}
}

// Notice is a message that stays until it is dealt with.
type Notice struct {
	// Bad marks something that failed; otherwise the notice only informs.
	Bad         bool
	Title, Text string
	// Link is the one thing to do about it; LinkText "" means there is none.
	Link, LinkText string
	// Ways are other ways to sign in to remove if nobody knows them, as they stand behind "sign in with".
	Ways []string
	// Reference is what to quote to the operator, "" when there is none.
	Reference string
	// Contact is how to reach the administrator, whom Text may name: see Site.
	Contact string
}

// SignIn is the model of the sign-in page.
type SignIn struct {
	Page
	Email, Next, Error string
	// Reason says why the page is shown, when it was not asked for: "Your session ended."
	Reason       string
	Registration bool
	// Code is the one that a device shows, as it is shown, when the person is on their way to connect it: "" otherwise.
	Code string
	// Mail says that a forgotten password can be replaced by a link.
	Mail bool
	// NoPassword says that nobody signs in with one here, and Providers are where people do so instead.
	NoPassword bool
	Providers  []Provider
	// Trouble says why somebody is here again who tried to sign in elsewhere.
	Trouble string
	// Passkeys says that people can sign in with them at this address, PasskeyError what was wrong with one, and Elsewhere at which hosts
	// those that were created for these work alone.
	Passkeys     bool
	PasskeyError string
	Elsewhere    []string
}

func (m SignIn) autocomplete() string {
	if m.Passkeys {
		return "username webauthn"
	}
	return "username"
}

// Register is the model of the page on which an account is created.
type Register struct {
	Page
	Email, Next               string
	EmailError, PasswordError string
	MinPassword               int
	// Code is that of SignIn.
	Code string
	// Stuck says that the mail that confirms an account does not leave this server right now.
	Stuck bool
}

// Keys is the model of the keys page and of every part of it.
type Keys struct {
	Page
	Quota Quota
	Form  CreateForm
	// Once is the panel with a new key's value, in the one answer that carries it.
	Once *Once
	// Failure says why the keys could not be read. It is never drawn as an empty list.
	Failure *Notice
	Query   string
	// Show is which keys are listed: ShowOn, ShowOff, ShowUnused, or "" for all. Counts are how many there are of each.
	Show   string
	Counts Counts
	// Needs are the keys that their owner should look at, the most pressing first.
	Needs []Need
	// Sort is in which order the keys are listed: SortByName, SortByAge, or "" for that of their last use.
	Sort string
	// Bulk draws the list in which several keys are selected, nil the usual one.
	Bulk *Bulk
	// List holds the keys that match Query and Show, those first that somebody may be waiting for.
	List []Key
	// PublicURL is what a device must be told to connect, Local whether one elsewhere can.
	PublicURL string
	Local     Local
	// Uses is what is known of the use of the keys, Awaits which of all keys are new and have not been used yet.
	Uses   Knowledge
	Awaits string
}

// lean is the page as the list of keys has it.
func (k Keys) lean() Page {
	k.Page.lean = true
	return k.Page
}

// searchFrom is the number of keys from which a search field helps more than it distracts.
const searchFrom = 6

// Searchable says whether the page offers a search field.
func (k Keys) Searchable() bool {
	return k.Quota.Used >= searchFrom || k.Query != "" || k.Show != "" || k.Sort != ""
}

// What the filter of the list can show.
const (
	ShowOn     = "on"
	ShowOff    = "off"
	ShowUnused = "unused" // never used, or not for 90 days
)

// filter is one of the links above the list.
type filter struct {
	show, name string
	path       templ.SafeURL
	count      int
	chosen     bool
}

// Counts are how many keys there are of each sort.
type Counts struct{ On, Off, Unused int }

// filters are the links above the list, with what is searched for carried along.
func (k Keys) filters(ctx context.Context) []filter {
	all := []filter{
		{name: t(ctx, "keys.filter.all", "All"), count: k.Quota.Used},
		{show: ShowOn, name: t(ctx, "keys.state.on", "On"), count: k.Counts.On},
		{show: ShowOff, name: t(ctx, "keys.state.off", "Off"), count: k.Counts.Off},
	}
	if k.Uses == Known {
		all = append(all, filter{show: ShowUnused, name: t(ctx, "keys.filter.unused", "Unused"), count: k.Counts.Unused})
	}
	for i, f := range all {
		all[i].chosen, all[i].path = f.show == k.Show, k.path(f.show, k.selecting())
	}
	return all
}

// ListPath is the address of the list, narrowed down.
func ListPath(show, query string) templ.SafeURL {
	path, join := "/keys", "?"
	if show != "" {
		path, join = path+"?show="+show, "&"
	}
	if query != "" {
		path += join + "q=" + url.QueryEscape(query)
	}
	return templ.SafeURL(path)
}

// firstConnected says that the person's first key has just been used for the first time.
func (k Keys) firstConnected() bool {
	return k.Quota.Used == 1 && len(k.List) == 1 && k.List[0].Use.Stage == Connected && k.Once == nil
}

// Key is one row, and the heart of a key's own page.
type Key struct {
	ID, Name string
	Label    string // as its owner calls it, "" when they call it by its name
	On       bool
	Created  When
	// EndsAtOnce says that turning the key off ends what it opened. That is known of this program's own accounts alone.
	EndsAtOnce bool
	// Expiry is when the key expires, nil when it never does.
	Expiry *Expiry
	// New marks the key that this answer made.
	New bool
	// Leaked says that its owner reported that its value leaked.
	Leaked bool
	// Unknown says what is not known of the key's state, after an act whose answer got lost.
	Unknown string
	Use     Use
	// Replaced says that another key takes its place, nil when none does.
	Replaced *Replacement
	// Paired says, on the key's own page, that it was made for a device that a code connected; Device is what that called itself, "" when it
	// did not.
	Paired bool
	Device string
}

// Error is the model of a page that says what went wrong.
type Error struct {
	Page
	Heading, Text  string
	Link, LinkText string
	Reference      string
}

// Quota is how many of their keys a person uses.
type Quota struct{ Used, Limit int }

// Full says that no key can be added.
func (q Quota) Full() bool { return q.Used >= q.Limit }

// In is "7 of 20" in the language of a context.
func (q Quota) In(ctx context.Context) string {
	return t(ctx, "keys.quota", "{used} of {limit}", "used", strconv.Itoa(q.Used), "limit", strconv.Itoa(q.Limit))
}

// Level names how near the limit is, "" when it is not near; the words beside the colour say the same.
func (q Quota) Level() string {
	switch {
	case q.Full():
		return "full"
	case q.Used*5 >= q.Limit*4:
		return "near"
	default:
		return ""
	}
}

// CreateForm is the form that makes a key.
type CreateForm struct {
	// ID is used once: the same form sent again makes no second key.
	ID string
	// Card is what the key is called besides, and what is wrong with that.
	Card
	Name, Error string
	// Suggestion is a name close to Name that would be accepted, "" when there is none.
	Suggestion string
	// Holder is the key that already has the name.
	Holder *Key
	// Adopt offers the way for a value that a device has already.
	Adopt bool
	// Expiry is when the key is to expire.
	Expiry ExpiryField
	// Place is PlaceDialog when the form stands there, and is what htmx draws again.
	Place string
}

// Once is a new key's value with what belongs to it. It is drawn in one answer and kept nowhere.
type Once struct {
	ID, Name, Value string
	Label           string
	// NotKept says that what belongs on the key's card could not be saved. The key is there all the same.
	NotKept bool
	Handoff Handoff
	// Masked draws the value hidden at first, for pages whose script can show it.
	Masked bool
	// Words are those of the value, which the list and the device have too.
	Words Words
	// Key is the key with what is known of its use, the zero Key when its list could not be read.
	Key Key
	// Takes is which key it takes the place of, the zero Takes when of none.
	Takes Takes
	// Server says that the key belongs to no user: it stands on another page, and is not deleted there.
	Server bool
}

// input is one field of a form, with its rule and its error.
type input struct {
	ID, Label, Type, Value string
	Autocomplete           string
	Hint, Error            string
	Contact                string // of the administrator, whom Error may name
	Focus                  bool
}

// describedBy names the elements that explain the field, for aria-describedby.
func (f input) describedBy() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.ID+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	return strings.Join(ids, " ")
}

// withNext adds the page to return to after signing in.
func withNext(path, next string) templ.SafeURL {
	if next == "" {
		return templ.SafeURL(path)
	}
	return templ.SafeURL(path + "?next=" + url.QueryEscape(next))
}

// pressed is an ARIA state: unlike an HTML attribute it is written out when false.
func pressed(yes bool) string { return strconv.FormatBool(yes) }

// keyPath is the address of a key's page, or of an act on it. The id is 24 hexadecimal digits.
func keyPath(id string, act ...string) templ.SafeURL {
	if len(act) == 0 {
		return templ.SafeURL("/keys/" + id)
	}
	return templ.SafeURL("/keys/" + id + "/" + act[0])
}

// turn is the act that the switch of k performs.
func (k Key) turn() string {
	if k.On {
		return "turn-off"
	}
	return "turn-on"
}

// word is the state as people read it.
func (k Key) word(ctx context.Context) string {
	switch {
	case k.Unknown != "":
		return t(ctx, "keys.state.unknown", "Not known")
	case k.expired():
		return t(ctx, "expiry.state", "Expired")
	case k.On:
		return t(ctx, "keys.state.on", "On")
	default:
		return t(ctx, "keys.state.off", "Off")
	}
}

// Places in which a key is drawn; the answer to a form draws its place again.
const (
	PlaceRow  = "row"
	PlacePage = "page"
	// PlaceDialog is the dialog over the list, in which a key is created.
	PlaceDialog = "dialog"
)

// dialogLink lets htmx fetch the confirmation into the page's dialog; without script the link leads to its own page.
func dialogLink(id, place string) templ.OrderedAttributes {
	return templ.OrderedAttributes{
		{Key: "hx-get", Value: "/keys/" + id + "/delete?place=" + place},
		{Key: "hx-swap", Value: "innerHTML"},
		{Key: "hx-target", Value: "#dialog"},
	}
}
