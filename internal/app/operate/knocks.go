package operate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

const (
	pathKnocks      = "/knocks/list"
	pathAdoptKnock  = "/knocks/adopt"
	pathIgnoreKnock = "/knocks/ignore"
)

// shownOfKnock is how much of an id is shown at least.
const shownOfKnock = 6

func withKeyName(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.name, "name", "", "`NAME` of the key that the device gets: letters, digits, _ and -")
}

func withIgnored(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.ignored, "ignored", false, "list those that are ignored instead")
}

// knockCommands are those about devices that were refused.
func knockCommands() []command {
	return []command{
		{
			name: "knock list", does: "list devices that were refused because nobody has the value of their key", run: listKnocks,
			more: "The tries of a minute count as one. What a device says that it is, and whose token came from its address, anybody can\n" +
				"say: neither is proved. With --json, it prints one object per line.",
			flags: []commandFlag{withIgnored},
		},
		{
			name: "knock adopt", argument: "KNOCK [ID-or-EMAIL]", does: "give the value of such a device to a user, as a new key", run: adoptKnock,
			more: "KNOCK is an id from the list, or its beginning. Whatever has the value can sign in as the user from then on, so make\n" +
				"sure that it is their device: by its address, and by when it began to try. The user gets an email. With --server there is no user.",
			settings: []string{"public-url", "smtp", "contact"}, variables: []string{"name"}, flags: []commandFlag{withKeyName, withAsServerKey},
		},
		{
			name: "knock ignore", argument: "KNOCK", does: "leave a device out of the list, however often it tries", run: ignoreKnock,
			more: "KNOCK is an id from the list, or its beginning. It can still be adopted.",
		},
	}
}

// listedKnock is a device that was refused.
type listedKnock struct {
	Knock           string    `json:"knock"` // as much of the id as no other begins with
	ID              string    `json:"_id"`
	FirstAt         time.Time `json:"first_at"`
	LastAt          time.Time `json:"last_at"`
	Tries           int64     `json:"tries"`
	Address         string    `json:"address"`
	DeviceName      string    `json:"device_name,omitempty"`
	Platform        string    `json:"platform,omitempty"`
	PlatformVersion string    `json:"platform_version,omitempty"`
	SDK             string    `json:"sdk,omitempty"`
	SDKVersion      string    `json:"sdk_version,omitempty"`
	Agent           string    `json:"agent,omitempty"`
	HintUser        string    `json:"hint_user,omitempty"`  // is not proved
	HintEmail       string    `json:"hint_email,omitempty"` // neither is that
	Ignored         bool      `json:"ignored"`
}

type whichKnocks struct {
	Ignored bool `json:"ignored"`
}

type knockList struct {
	Knocks []listedKnock `json:"knocks"`
	Others int           `json:"others"` // that are ignored, or are not
	Now    time.Time     `json:"now"`
}

func (o *operator) knocks(ctx context.Context, in whichKnocks) (out knockList, err error) {
	wanted, err := o.accounts.Knocks(ctx, in.Ignored)
	if err != nil {
		return out, aboutUser("", err)
	}
	others, err := o.accounts.Knocks(ctx, !in.Ignored)
	if err != nil {
		return out, aboutUser("", err)
	}
	out.Others, out.Now = len(others), o.now()
	short := shortIDs(slices.Concat(wanted, others))
	out.Knocks = make([]listedKnock, 0, len(wanted))
	for _, k := range wanted {
		d := k.Device
		out.Knocks = append(out.Knocks, listedKnock{
			Knock: short[k.ID], ID: k.ID, FirstAt: k.FirstAt, LastAt: k.LastAt, Tries: k.Tries, Address: k.Address,
			DeviceName: d.Name, Platform: d.Platform, PlatformVersion: d.PlatformVersion, SDK: d.SDK, SDKVersion: d.SDKVersion,
			Agent: k.Agent, HintUser: k.HintUser, HintEmail: k.HintEmail, Ignored: k.Ignored,
		})
	}
	return out, nil
}

// shortIDs are the beginnings of ids by which each is found.
func shortIDs(knocks []accounts.Knocked) map[string]string {
	ids := make([]string, 0, len(knocks))
	for _, k := range knocks {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	short := make(map[string]string, len(ids))
	for i, id := range ids {
		n := shownOfKnock
		for _, beside := range []int{i - 1, i + 1} {
			if 0 <= beside && beside < len(ids) {
				n = max(n, 1+alike(id, ids[beside]))
			}
		}
		short[id] = id[:min(n, len(id))]
	}
	return short
}

// alike is with how many bytes two texts begin the same.
func alike(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func listKnocks(ctx context.Context, c call) error {
	var list knockList
	if err := c.line.call(ctx, pathKnocks, whichKnocks{c.ignored}, &list); err != nil {
		return err
	}
	if !c.json {
		return list.write(c.Out, c.ignored)
	}
	for _, k := range list.Knocks {
		if err := json.NewEncoder(c.Out).Encode(k); err != nil {
			return err
		}
	}
	return nil
}

// write is a table as wide as what is in it: the list comes whole.
func (l knockList) write(w io.Writer, ignored bool) error {
	var text strings.Builder
	rows := [][]string{{"KNOCK", "LAST", "TRIES", "FROM", "SAYS IT IS", ""}}
	for _, k := range l.Knocks {
		rows = append(rows, []string{k.Knock, ago(l.Now.Sub(k.LastAt)), fmt.Sprint(k.Tries), legible(k.Address), k.says(), k.hints()})
	}
	var wide [5]int
	for _, row := range rows {
		for i := range wide {
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		line := fmt.Sprintf("%-*s  %-*s  %*s  %-*s  %-*s  %s", wide[0], row[0], wide[1], row[1], wide[2], row[2], wide[3], row[3], wide[4], row[4], row[5])
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	switch {
	case len(l.Knocks) == 0:
		text.Reset()
		text.WriteString(map[bool]string{false: "No device was refused in the last two weeks because nobody has its value.\n", true: "No device is ignored.\n"}[ignored])
		fallthrough
	default:
		if l.Others > 0 && !ignored {
			fmt.Fprintf(&text, "Ignored: %d (see latchkey knock list --ignored)\n", l.Others)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// says is what a device says of itself, in its own words.
func (k listedKnock) says() string {
	var parts []string
	for _, words := range [][2]string{{k.DeviceName}, {k.Platform, k.PlatformVersion}, {k.SDK, k.SDKVersion}} {
		if part := strings.TrimSpace(words[0] + " " + words[1]); part != "" {
			parts = append(parts, legible(part))
		}
	}
	if len(parts) == 0 && k.Agent != "" {
		parts = append(parts, legible(k.Agent))
	}
	return strings.Join(parts, " · ")
}

// hints is whom a token from the address named.
func (k listedKnock) hints() string {
	switch {
	case k.HintUser == "":
		return ""
	case k.HintEmail == "":
		return "token of " + k.HintUser + ", not proved"
	default:
		return "token of " + legible(k.HintEmail) + ", not proved"
	}
}

// ago is for how long something is past, in one unit.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute: // or by a clock that was ahead
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// knockOrder is a command to give a device that was refused to a user.
type knockOrder struct {
	Knock string `json:"knock"`
	User  string `json:"user"` // "": a server key
	Name  string `json:"name"`
}

// adoptedKnock is the key that became of a knock.
type adoptedKnock struct {
	User listedUser `json:"user"` // as they are with it
	Key  keyOfKnock `json:"key"`
}

type keyOfKnock struct {
	ID   string `json:"_id"`
	Name string `json:"name"`
}

func (o *operator) adoptKnock(ctx context.Context, in knockOrder) (out adoptedKnock, err error) {
	k, err := o.accounts.FindKnock(ctx, in.Knock)
	if err != nil {
		return out, aboutKnock(in.Knock, err)
	}
	if in.User == "" {
		return o.adoptServerKnock(ctx, in, k)
	}
	owner, err := o.accounts.FindPerson(ctx, in.User)
	if err != nil {
		return out, aboutUser(in.User, err)
	}
	out.User = listed(owner)
	key, err := o.accounts.AdoptKnock(ctx, k, owner.ID, in.Name)
	switch {
	case model.Is(err, model.KindNameTaken):
		return out, fmt.Errorf("%s already has a key named %q: choose another name", out.User.called(), in.Name)
	case model.Is(err, model.KindOwnValue), model.Is(err, model.KindValueTaken):
		return out, fmt.Errorf("the value of knock %q is a key already: it was adopted a moment ago", in.Knock)
	case model.Is(err, model.KindBadName):
		return out, fmt.Errorf("the name of a key %w", aboutUser(in.User, err))
	case model.Is(err, model.KindSessionOver):
		return out, fmt.Errorf("%s was deleted a moment ago", out.User.called())
	case model.Is(err, model.KindUnclear):
		return out, notKnown(err, "key list")
	case err != nil:
		return out, aboutUser(in.User, err)
	}
	out.User.Keys++
	out.User.NotBack = max(0, out.User.NotBack-1)
	out.Key = keyOfKnock{key.ID, key.Name}
	return out, nil
}

// adoptServerKnock has a knock become a server key, of which nobody is told.
func (o *operator) adoptServerKnock(ctx context.Context, in knockOrder, k model.Knock) (out adoptedKnock, err error) {
	key, err := o.accounts.AdoptServerKey(ctx, accounts.Adoption{Name: in.Name, Hash: k.ValueHash, Found: accounts.AdoptedFromKnock})
	switch {
	case model.Is(err, model.KindOwnValue), model.Is(err, model.KindValueTaken):
		return out, fmt.Errorf("the value of knock %q is a key already: it was adopted a moment ago", in.Knock)
	case err != nil:
		return out, aboutServerKey(in.Name, err)
	}
	user := model.User{ID: key.UserID, CreatedAt: key.CreatedAt}
	return adoptedKnock{listed(accounts.Managed{User: user, Keys: 1, ServerKey: key.Name}), keyOfKnock{key.ID, key.Name}}, nil
}

// aboutKnock puts a refusal into words for operators.
func aboutKnock(name string, err error) error {
	switch {
	case errors.Is(err, accounts.ErrSeveralKnocks):
		return fmt.Errorf("several knocks begin with %q: use more of the id, which latchkey knock list shows", name)
	case model.Is(err, model.KindNotFound):
		return fmt.Errorf("there is no knock %q: use an id from latchkey knock list, at least 4 digits of it", name)
	case model.Is(err, model.KindUnclear):
		return notKnown(err, "knock list --ignored")
	default:
		return aboutUser("", err)
	}
}

func adoptKnock(ctx context.Context, c call) error {
	switch {
	case c.server && c.second != "":
		return usageError{errors.New("a server key has no user: leave out --server, or the user")}
	case !c.server && c.second == "":
		return usageError{errors.New("ID-or-EMAIL is missing: latchkey knock adopt KNOCK ID-or-EMAIL --name NAME, or KNOCK --server --name NAME")}
	case c.name == "":
		return usageError{fmt.Errorf("--name is missing: latchkey knock adopt %s %s --name NAME", c.argument, cmp.Or(c.second, "--server"))}
	}
	var done adoptedKnock
	if err := c.line.call(ctx, pathAdoptKnock, knockOrder{c.argument, c.second, c.name}, &done); err != nil {
		return err
	}
	return c.print(done, func(w io.Writer) error {
		works := "It works the next time the device tries."
		if c.server {
			_, err := fmt.Fprintf(w, "%s is a server key now, user %s. %s\n", done.Key.Name, done.User.ID, works)
			return err
		}
		if done.User.Disabled {
			works = "The account is disabled: it works once that is enabled."
		}
		_, err := fmt.Fprintf(w, "%s is %s's %s key. %s\n", done.Key.Name, done.User.called(), ordinal(done.User.Keys), works)
		return err
	})
}

// called is how a sentence calls a user.
func (u listedUser) called() string {
	if u.Email == "" {
		return u.ID
	}
	return legible(u.Email)
}

// ordinals are as many as a user has keys.
var ordinals = [model.MaxKeys]string{
	"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth",
	"fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
}

func ordinal(n int) string { return ordinals[min(max(n, 1), len(ordinals))-1] }

type namedKnock struct {
	Knock string `json:"knock"`
}

// ignoredKnock is a knock that is not listed any more.
type ignoredKnock struct {
	ID      string `json:"_id"`
	Changed bool   `json:"changed"`
}

func (o *operator) ignoreKnock(ctx context.Context, in namedKnock) (ignoredKnock, error) {
	k, err := o.accounts.IgnoreKnock(ctx, in.Knock)
	if err != nil {
		return ignoredKnock{}, aboutKnock(in.Knock, err)
	}
	return ignoredKnock{k.ID, !k.Ignored}, nil
}

func ignoreKnock(ctx context.Context, c call) error {
	var done ignoredKnock
	if err := c.line.call(ctx, pathIgnoreKnock, namedKnock{c.argument}, &done); err != nil {
		return err
	}
	return c.print(done, func(w io.Writer) error {
		words := "%s is not listed any more.\n"
		if !done.Changed {
			words = "%s was already ignored.\n"
		}
		_, err := fmt.Fprintf(w, words, done.ID[:shownOfKnock])
		return err
	})
}
