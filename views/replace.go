package views

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// Replacement is that another key takes the place of one: which, and how far that has come. A pointer to none is how a key has it that nothing
// replaces.
type Replacement struct {
	ByID, By string // the other key, and its name
	State    Replacing
	// Evidence says that the server turns the old key off by itself; otherwise its owner does. Quiet is for how long it must not have been
	// seen then.
	Evidence bool
	Quiet    time.Duration
	// Created is when the new key was, Used when it first signed something in, and OffAt when the old key is turned off if it stays quiet;
	// zero for what is not so far. Device is what used it first, in our words.
	Created, Used, OffAt When
	// Seen is when the old key, or what it has opened, was last heard of; zero when it never was or nobody knows.
	Seen   When
	Device string
	// Unreported says that the key service does not tell whether the new key is in use.
	Unreported bool
}

// Replacing is how far a replacement has come.
type Replacing int

// How far it can come. What was undone is none.
const (
	ReplacingWaits Replacing = iota
	ReplacingBoth            // both keys are in use
	ReplacingDone            // the old key is off
)

// awaits is how far the replacement is, as one word, while that may change without the owner.
func (r *Replacement) awaits() string {
	switch {
	case r == nil || r.State != ReplacingWaits || r.Unreported:
		return ""
	case r.Used.Machine == "":
		return "replacement"
	case r.Evidence:
		return "replacement-used"
	default:
		return ""
	}
}

// Awaits is how far the key is, as one word without spaces: it changes whenever what its row says does. It is "" for keys of which nobody
// waits for anything.
func (k Key) Awaits() string {
	use, replaced := k.Use.Awaits(), k.Replaced.awaits()
	if use == "" || replaced == "" {
		return use + replaced
	}
	return use + "-" + replaced
}

// refetched says that the row or the page of the key is fetched again, once, when something has changed.
func (k Key) refetched() bool { return k.Use.refetched() || k.Replaced.awaits() != "" }

// replaced says that there is something to say of a replacement. One that turned the key off is over when the key has been turned on since.
func (k Key) replaced() bool { return k.Replaced != nil && k.On == (k.Replaced.State != ReplacingDone) }

// line is what the row of the old key says of the replacement: as much as fits a phone.
func (r *Replacement) line() templ.Component { return (*replacedLine)(r) }

type replacedLine Replacement

// Render writes the line.
func (r *replacedLine) Render(ctx context.Context, to io.Writer) error {
	p := penFor(ctx, to)
	name := put("new", r.By)
	p.html(`<span class="by">`)
	switch {
	case r.State == ReplacingDone:
		p.T("replace.row.done", "Replaced by {new}", name)
	case r.State == ReplacingBoth:
		p.T("replace.row.both", "→ {new} · both are in use", name)
	case r.Unreported, r.Used.Machine != "" && !r.Evidence:
		p.T("replace.row.yours", "→ {new} · waiting for you", name)
	case r.Used.Machine == "":
		p.T("replace.row.waits", "→ {new} · waiting for its first use", name)
	default:
		p.T("replace.row.off-after", "→ {new} is in use · off after {when}", name, moment("when", r.OffAt, timeOfDay))
	}
	p.html("</span>")
	if (*Replacement)(r).awaits() != "" {
		p.html(` <a class="by noscript" href="/keys">`)
		p.T("button.refresh", "Refresh")
		p.html("</a>")
	}
	return p.err
}

// Replace is the model of the question how to replace a key.
type Replace struct {
	Page
	Key Key
	// Name is what the new key will be called.
	Name  string
	Quota Quota
	// FormID is used once: the same form sent again creates no second key. Place is PlaceDialog when the form stands there.
	FormID, Place string
	// Pair is chosen when the device shows a code, Finish is when the old key may stop: see FinishEvidence. Quiet is for how long it must
	// have been quiet.
	Pair          bool
	Finish, Quiet string
	// Evidence says that the server can turn the old key off by itself.
	Evidence bool
	// By is the key that replaces it already, "" when none does.
	ByID, By string
	// Error says what is wrong with what was sent.
	Error string
}

// When the old key of a replacement may stop.
const (
	FinishEvidence = "evidence" // when the new one is in use and the old one was quiet
	FinishNow      = "now"
	FinishPerson   = "person" // when its owner turns it off
)

// Quiets are the times for which an old key may have to be quiet, in the order in which they are offered. The first is the least: a device
// renews its access every half hour, and that is written down within ten minutes.
var Quiets = []struct {
	ID    string
	Words lang.Text
	For   time.Duration
}{
	{"hour", lang.New("stretch.an-hour", "an hour"), time.Hour},
	{"day", lang.New("stretch.a-day", "a day"), day},
	{"week", lang.New("stretch.a-week", "a week"), 7 * day},
}

// QuietFor is a time of Quiets in words, and every other as Stretch has it.
func QuietFor(ctx context.Context, d time.Duration) string {
	for _, q := range Quiets {
		if q.For == d {
			return q.Words.In(ctx)
		}
	}
	return Stretch(ctx, d)
}

// room is how many keys there are, before there is one more.
func (m Replace) room(ctx context.Context) string {
	return t(ctx, "replace.room", "{used} of {limit} used; a replacement needs one more for a while",
		"used", strconv.Itoa(m.Quota.Used), "limit", strconv.Itoa(m.Quota.Limit))
}

// Takes is which key the one takes the place of that is to be created, or was.
type Takes struct {
	ID, Name string
	// When is when the old one may stop, as forms carry it.
	When string
	// Then goes on behind "which": "is turned off at once". Without an ID it is why there is none.
	Then string
	// Off says that the old one is off already.
	Off bool
}

// replacePath is where a key is replaced.
func replacePath(id string) templ.SafeURL { return keyPath(id, "replace") }

// parked says that the key is off because another one has taken its place, and can be brought back. One whose value leaked is not offered.
func (k Key) parked() bool { return k.replaced() && !k.On && k.Unknown == "" && !k.Leaked }

// takenOver says that the key is off, and that the one is still there that has taken its place, as far as its page has looked.
func (k Key) takenOver() bool { return k.replaced() && !k.On && k.Replaced.ByID != "" }

// News is what a page says of the replacement when something has changed, "" for nothing.
func (k Key) News(ctx context.Context) string {
	switch {
	case !k.replaced():
		return ""
	case k.Replaced.State == ReplacingDone:
		return t(ctx, "replace.news.done", "{old} is off: {new} has taken its place.", "old", k.Name, "new", k.Replaced.By)
	case k.Replaced.State == ReplacingBoth:
		return t(ctx, "replace.both-in-use", "{old} and {new} are both in use.", "old", k.Name, "new", k.Replaced.By)
	case k.Replaced.Used.Machine != "":
		return t(ctx, "replace.news.in-use", "{new} is in use.", "new", k.Replaced.By)
	default:
		return ""
	}
}

// inUse is the second step of a replacement: the new key.
func (r *Replacement) inUse() templ.Component {
	return penned(func(p *pen) {
		since := moment("when", r.Used, timeOfDay)
		switch {
		case r.Unreported:
			p.T("replace.step.unreported", "Put its value on the device. The key service does not report when it is in use")
		case r.Used.Machine == "":
			p.T("replace.step.waits", "Waiting for its first use")
		case r.Device == "":
			p.T("replace.step.in-use", "New value in use since {when}", since)
		default:
			p.T("replace.step.in-use-by", "New value in use since {when} ({device})", since, put("device", r.Device))
		}
	})
}

// ends is the third step: the old key, of that name.
func (r *Replacement) ends(name string) templ.Component {
	return penned(func(p *pen) {
		old, off := put("old", name), moment("off", r.OffAt, timeOfDay)
		switch {
		case !r.Evidence:
			p.T("replace.step.yours", "Waiting for you: turn {old} off when nothing needs it any more", old)
		case r.Used.Machine == "":
			p.T("replace.step.when-quiet", "{old} is turned off when it has been quiet for {quiet} from then on", old, put("quiet", QuietFor(p.ctx, r.Quiet)))
		case r.Seen.Machine == "":
			p.T("replace.step.off-after", "{old} is turned off after {off} if that stays so", old, off)
		default:
			p.T("replace.step.quiet-off-after", "{old} has been quiet since {seen}, and is turned off after {off} if that stays so",
				old, off, moment("seen", r.Seen, timeOfDay))
		}
	})
}

// parkedSince is said of the old key when another one has taken its place, with the time when that is known.
func (k *KeyCard) parkedSince() templ.Component {
	w := with{"old": k.Name, "new": otherKey(k.Replaced), "when": clock(k.TurnedOff)}
	if k.TurnedOff.Machine == "" {
		return say("replace.parked", "{old} is off: replaced by {new}.", w)
	}
	return say("replace.parked-since", "{old} has been off since {when}: replaced by {new}.", w)
}
