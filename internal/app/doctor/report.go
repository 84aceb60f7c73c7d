package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"latchkey/internal/model"
)

// Providers that Latchkey knows by name beside those of package model.
const (
	customToken    = "custom-token"
	google         = "oauth2-google"
	apple          = "oauth2-apple"
	facebook       = "oauth2-facebook"
	customFunction = "custom-function"
)

// report is what can be said of an app.
type report struct {
	AppID     string   `json:"app_id"`
	Name      string   `json:"name"`
	Region    string   `json:"region"`
	Works     []item   `json:"works"`
	Configure []item   `json:"configure"` // works after a line of configuration
	Fails     []item   `json:"fails"`
	Off       []item   `json:"off"` // what nobody could use any more
	Problems  []string `json:"problems"`
	Next      []string `json:"next"`
	Wrote     *written `json:"wrote,omitempty"`
}

// item is one thing of an app. It has no name of its own where the note says everything.
type item struct {
	Type  string `json:"type"`
	What  string `json:"what"`
	Note  string `json:"note"`
	Users int    `json:"users,omitempty"`
	Keys  int    `json:"keys,omitempty"`
}

// names are what people call the providers, in the order in which they are reported.
var names = []struct{ kind, name string }{
	{model.ProviderEmailPassword, "Email and password"},
	{model.ProviderAPIKey, "User API keys"},
	{customToken, "Custom JWT"},
	{google, "Google"},
	{apple, "Apple"},
	{model.ProviderAnonymous, "Anonymous"},
	{facebook, "Facebook"},
	{customFunction, "Sign-in by function"},
}

// nameOf is what people call a provider; one that is not known is named as it is in the export.
func nameOf(kind string) string {
	for _, known := range names {
		if known.kind == kind {
			return known.name
		}
	}
	return legible(kind)
}

func orderOf(kind string) int {
	at := slices.IndexFunc(names, func(known struct{ kind, name string }) bool { return known.kind == kind })
	if at < 0 {
		return len(names)
	}
	return at
}

// report judges the app. counted is nil when nobody was counted.
func (a app) report(s settings, counted *people) report {
	r := report{
		AppID: a.id, Name: legible(a.name), Region: legible(a.region), Problems: a.problems,
		Works: []item{}, Configure: []item{}, Fails: []item{}, Off: []item{}, Next: []string{},
	}
	if r.Problems == nil {
		r.Problems = []string{}
	}
	on, signed := map[string]bool{}, false
	providers := slices.Clone(a.providers)
	slices.SortStableFunc(providers, func(p, q provider) int { return cmp.Compare(orderOf(p.Type), orderOf(q.Type)) })
	for _, p := range providers {
		if p.Disabled {
			continue
		}
		on[p.Type] = true
		signed = signed || p.signs()
		r.judge(p, counted)
	}
	if counted != nil && counted.serverKeys > 0 {
		r.Configure = append(r.Configure, item{
			Type: "server-api-key", What: "Server API keys", Keys: counted.serverKeys,
			Note: count(counted.serverKeys, "key") + "; only the machines have the values: adopt-keys --server",
		})
	}
	if a.data.Enabled {
		r.Configure = append(r.Configure, item{Type: "custom-user-data", What: "Custom user data", Note: fmt.Sprintf(
			"import-custom-data --user-field %s, from the collection %s.%s; read only",
			inShell(a.data.UserField), legible(a.data.From), legible(a.data.Collection))})
	}
	if rest := a.rest(); rest != "" {
		r.Fails = append(r.Fails, item{Type: "other", Note: rest + ": not what Latchkey is for"})
	}
	r.addOff(a, on, counted)
	r.addNext(a, s, signed)
	return r
}

// signs says whether a provider's people come with a signed token, which --providers is about.
func (p provider) signs() bool {
	return !p.Disabled && (p.Type == customToken || p.Type == google || p.Type == apple)
}

// judge says what becomes of one provider.
func (r *report) judge(p provider, counted *people) {
	it := item{Type: legible(p.Type), What: nameOf(p.Type)}
	who := ""
	if counted != nil && counted.by[p.Type] > 0 {
		it.Users = counted.by[p.Type]
		who = "; " + count(it.Users, "user")
	}
	switch p.Type {
	case model.ProviderEmailPassword:
		it.Note = "each user chooses a password once"
		if it.Users > 0 {
			it.Note = count(it.Users, "user") + "; each chooses a password once"
		}
		r.Works = append(r.Works, it)
		r.judgeEmails(p)
	case model.ProviderAPIKey:
		it.Note = "their values are on the devices alone: adopt-keys, or knocks"
		if counted != nil {
			it.Users, it.Keys = counted.keyOwners, counted.keys
			it.Note = count(it.Keys, "key") + " of " + count(it.Users, "user") + "; " + it.Note
		}
		r.Works = append(r.Works, it)
	case customToken:
		it.Note = p.tokens() + who
		r.Configure = append(r.Configure, it)
	case google:
		it.Note = "1 client id"
		if !p.Config.OpenID {
			it.Note += "; only apps that send an ID token"
		}
		it.Note += who
		r.Configure = append(r.Configure, it)
		if len(p.Domains) > 0 {
			r.Fails = append(r.Fails, item{Type: "google-domains", What: "Google by domain", Note: "no check of the domain, " + someOf(p.Domains) + ": with new_users false, imported users alone sign in"})
		}
	case apple:
		it.Note = "1 client id" + who
		r.Configure = append(r.Configure, it)
	case model.ProviderAnonymous:
		it.Note = "--anonymous on; accounts created before cannot come back" + who
		r.Configure = append(r.Configure, it)
	case facebook:
		it.Note = "no signed token to check" + who
		r.Fails = append(r.Fails, it)
	case customFunction:
		it.Note = "function " + quoted(p.Config.Function) + ": no functions run here; move its users to another way" + who
		r.Fails = append(r.Fails, it)
	default:
		it.Note = "unknown here" + who
		r.Fails = append(r.Fails, it)
	}
}

// judgeEmails says what becomes of confirming addresses and forgotten passwords.
func (r *report) judgeEmails(p provider) {
	c := p.Config
	if byMail := !c.AutoConfirm && !c.ConfirmsByFunc; byMail || !c.ResetsByFunc && c.ResetURL != "" {
		note := "--smtp; their links open this server's pages"
		if host := hostOf(cmp.Or(c.ResetURL, c.ConfirmURL)); host != "" {
			note += ", not those of " + host
		}
		r.Configure = append(r.Configure, item{Type: "emails", What: "Emails", Note: note})
	}
	if c.ConfirmsByFunc && !c.AutoConfirm {
		r.Fails = append(r.Fails, item{Type: "confirmation-function", What: "Confirm by function", Note: quoted(c.ConfirmFunction) + ": users get an email instead"})
	}
	if c.ResetsByFunc {
		r.Fails = append(r.Fails, item{Type: "reset-function", What: "Reset by function", Note: quoted(c.ResetFunction) + ": users get an email instead"})
	}
}

// tokens says how custom tokens are checked.
func (p provider) tokens() string {
	said := []string{p.algorithm()}
	switch names := p.secretNames(); {
	case p.Config.UsesKeySet && !strings.HasPrefix(p.Config.KeySet, "https://"):
		said = append(said, "keys from an address that is not https, and must be")
	case p.Config.UsesKeySet:
		said = append(said, "keys from 1 address")
	case p.algorithm() == "RS256":
		said = append(said, count(max(1, len(names)), "public key")+" to be filled in")
	default:
		said = append(said, count(max(1, len(names)), "secret")+" to be filled in")
	}
	switch audiences := len(p.Config.Audience); {
	case audiences == 0:
		said = append(said, "the app id as audience")
	case audiences == 1:
		said = append(said, "1 audience")
	case p.Config.AnyAudience:
		said = append(said, "any of "+count(audiences, "audience"))
	default:
		said = append(said, "all of "+count(audiences, "audience"))
	}
	return strings.Join(said, ", ")
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return legible(u.Host)
}

// someOf names the first of a list.
func someOf(list []string) string {
	if len(list) == 1 {
		return legible(list[0])
	}
	return legible(list[0]) + " or " + count(len(list)-1, "other")
}

// rest names what is in the export and not Latchkey's concern.
func (a app) rest() string {
	var all []string
	if a.sync {
		all = append(all, "Device Sync")
	}
	for _, some := range []struct {
		n    int
		noun string
	}{{a.functions, "function"}, {a.triggers, "trigger"}, {a.endpoints, "HTTPS endpoint"}} {
		if some.n > 0 {
			all = append(all, count(some.n, some.noun))
		}
	}
	if a.hosting {
		all = append(all, "hosting")
	}
	return strings.Join(all, ", ")
}

// addOff names the providers that were off, and those that users once had and the export no longer has.
func (r *report) addOff(a app, on map[string]bool, counted *people) {
	off := map[string]bool{}
	for _, p := range a.providers {
		off[p.Type] = off[p.Type] || p.Disabled
	}
	if counted != nil {
		for kind := range counted.by {
			off[kind] = true
		}
		off[model.ProviderAPIKey] = off[model.ProviderAPIKey] || counted.keys > 0
	}
	maps.DeleteFunc(off, func(kind string, is bool) bool { return !is || on[kind] })
	kinds := slices.SortedFunc(maps.Keys(off), func(p, q string) int { return cmp.Or(cmp.Compare(orderOf(p), orderOf(q)), cmp.Compare(p, q)) })
	for _, kind := range kinds {
		it := item{Type: legible(kind), What: nameOf(kind)}
		switch {
		case counted == nil:
		case kind == model.ProviderAPIKey && counted.keys > 0:
			it.Users, it.Keys = counted.keyOwners, counted.keys
			it.Note = count(it.Keys, "key") + " of " + count(it.Users, "user")
		case counted.by[kind] > 0:
			it.Users = counted.by[kind]
			it.Note = count(it.Users, "user")
		}
		r.Off = append(r.Off, it)
	}
}

// addNext says what to type.
func (r *report) addNext(a app, s settings, signed bool) {
	if s.users == "" {
		r.Next = append(r.Next, "latchkey doctor "+inShell(s.export)+" --users users.json")
	}
	start := "latchkey --app-id " + cmp.Or(a.id, "APP-ID")
	if signed {
		file := cmp.Or(s.providers, "providers.json")
		if s.providers == "" {
			r.Next = append(r.Next, "latchkey doctor "+inShell(s.export)+" --write-providers "+file)
		}
		start += " --providers " + inShell(file)
	}
	start += " --public-url https://keys.example.org"
	if s.users != "" { // or anybody could have somebody's address before they are imported
		start += " --registration closed"
	}
	if a.id == "" {
		start += ", with the app id that your apps have: this export has none"
	}
	if r.Next = append(r.Next, start); s.users != "" { // it needs the database that the first start creates
		r.Next = append(r.Next, "latchkey import-users "+inShell(s.users)+" --dry-run")
	}
	r.Next = append(r.Next, "docs/migrating.md: which versions of your app can be reached")
}

// text is the report for people.
func (r report) text() string {
	var b strings.Builder
	title := cmp.Or(r.AppID, r.Name, "an app without a name")
	if r.Region != "" {
		title += ", region " + r.Region
	}
	b.WriteString(title + "\n\n")
	if len(r.Problems) > 0 {
		b.WriteString("Could not be read\n")
		for _, problem := range r.Problems {
			b.WriteString("  " + problem + "\n")
		}
	}
	for _, part := range []struct {
		head  string
		items []item
	}{
		{"Works as it is", r.Works}, {"Works after a line of configuration", r.Configure}, {"Does not work", r.Fails}, {"Was off already", r.Off},
	} {
		if len(part.items) > 0 {
			b.WriteString(part.head + "\n")
		}
		for _, it := range part.items {
			if it.What == "" {
				b.WriteString("  " + it.Note + "\n")
				continue
			}
			b.WriteString(inColumn(it.What, it.Note))
		}
	}
	b.WriteString("Next\n")
	for i, step := range r.Next {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, step)
	}
	if r.Wrote != nil {
		b.WriteString("\n" + r.Wrote.text())
	}
	return b.String()
}
