package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// What a row has besides its name is written by hand: as templates, the lines on a key's use and its switch would allocate for each
// expression, in each of twenty rows.

// uses is what a row says of a key's use: a few words after a dot of the same meaning, and then what went wrong, or else which device it
// was, in our own words.
func (k *Key) uses() templ.Component { return (*usedKey)(k) }

// keyUse is the same, without anything to click on unless there are acts.
func keyUse(k Key, acts bool) templ.Component {
	if acts {
		return k.uses()
	}
	return (*stillKey)(&k)
}

type (
	usedKey  Key
	stillKey Key
)

// Render writes the line.
func (k *usedKey) Render(ctx context.Context, to io.Writer) error {
	return (*Key)(k).use(ctx, to, true)
}

// Render writes the line.
func (k *stillKey) Render(ctx context.Context, to io.Writer) error {
	return (*Key)(k).use(ctx, to, false)
}

func (k *Key) use(ctx context.Context, to io.Writer, acts bool) error {
	p := penFor(ctx, to)
	p.html(`<div class="use"><span>`)
	k.lately(&p)
	p.html(`</span> `)
	k.besides(&p, acts)
	p.html(`</div>`)
	return p.err
}

// lately says whether the key is used.
func (k *Key) lately(p *pen) {
	switch {
	case k.expired():
		p.T("keys.row.expired", "Expired {when}", moment("when", k.Expiry.At, timeOfDay))
	case !k.On && k.Use.Stage == WaitsOff:
		p.T("keys.row.off-before-use", "Off · turned off before its first use")
	case k.On && (k.Use.Stage == Waiting || k.Use.Stage == Late):
		p.draw(dotWait)
		p.html(" ")
		p.T("keys.row.waiting", "Waiting for first use")
	case k.On && k.Use.Stage == Connected && k.Use.Last == k.Use.First:
		p.draw(dotDone)
		p.html(" ")
		p.T("keys.row.connected", "Connected {when}", moment("when", k.Use.First, timeOfDay))
	case !k.On && k.Use.Off != nil:
		p.T("keys.row.off-since", "Off since {when}", moment("when", k.Use.Off.At, timeOfDay))
	default:
		switch {
		case !k.On:
			p.T("keys.state.off", "Off")
			p.html(" · ")
		case k.Use.Lately:
			p.draw(dotUsed)
			p.html(" ")
		default:
			p.draw(dotNone)
			p.html(" ")
		}
		switch {
		case k.used():
			p.time(k.Use.Last, howLongAgo)
		case k.Use.Known != Known:
			p.T("keys.row.created", "Created {when}", moment("when", k.Created, howLongAgo))
		default:
			k.unusedSince(p)
		}
	}
}

// unusedSince says that a key was never used, as far as anybody knows.
func (k *Key) unusedSince(p *pen) {
	created := moment("created", k.Created, howLongAgo)
	if k.Use.Since.Machine != "" {
		p.T("keys.row.no-use-seen", "No use seen since {day} · created {created}", moment("day", k.Use.Since, date), created)
		return
	}
	p.T("keys.row.never-used", "Never used · created {created}", created)
}

// besides goes on with what else there is to know.
func (k *Key) besides(p *pen, acts bool) {
	switch {
	case k.Unknown != "":
		p.draw(unknownState(*k))
	case k.Leaked:
		p.draw(leakedRow)
	case k.expired():
		p.draw(expiredBy(*k, acts))
	case k.replaced():
		p.draw(k.Replaced.line())
	case k.Use.Stage != "" && k.Use.Refused.Machine != "" && k.Use.Last.Machine == "":
		p.html(`<span class="by">`)
		k.Use.refused(p)
		p.html(` · <a href="/help#waiting">`)
		p.T("layout.help", "Help")
		p.html(`</a></span>`)
	case !k.On && k.Use.Off != nil && k.Use.Stage == "":
		p.html(`<span class="by">`)
		k.offNow(p)
		p.html(`</span>`)
	case k.Use.Stage == Late:
		p.html(`<span class="by">`)
		p.T("keys.row.nothing-yet", "Nothing has reached this server yet")
		p.html(` · <a href="/help#waiting">`)
		p.T("layout.help", "Help")
		p.html(`</a></span>`)
	case k.Use.Stage == Waiting:
		p.html(`<a class="by noscript" href="/keys">`)
		p.T("button.refresh", "Refresh")
		p.html(`</a>`)
	case k.On && k.expirySaid():
		p.draw(expiryBy(*k))
	case k.Use.Summary != "":
		p.html(`<span class="by">`, templ.EscapeString(k.Use.Summary), `</span>`)
	}
}

// refused says when a sign-in was refused, and why.
func (u *Use) refused(p *pen) {
	at := moment("when", u.Refused, timeOfDay)
	if u.Expired {
		p.T("keys.row.refused-expired", "Refused {when} after it had expired", at)
	} else {
		p.T("keys.row.refused-off", "Refused {when} while it was off", at)
	}
}

// refusedLine is the same as a component.
func (u *Use) refusedLine() templ.Component {
	return penned(u.refused)
}

// offNow is what the row of a key that is off says besides since when: whether what it opened has ended, whether a device still tries, or
// when it was used last.
func (k *Key) offNow(p *pen) {
	switch off := k.Use.Off; {
	case k.Use.refetched():
		p.T("keys.row.access-ends-within", "Its access ends within {time}", moment("time", off.Left, off.Left.rule))
	case off.ending():
		p.T("keys.row.access-ends-by", "Its access ends by {when}", moment("when", off.AccessUntil, timeOfDay))
	case off.FirstRefused.Machine != "":
		p.T("keys.row.first-refused", "First refused {when}", moment("when", off.FirstRefused, timeOfDay))
	case k.used():
		p.T("keys.row.last-used", "Last used {when}", moment("when", k.Use.Last, howLongAgo))
	default:
		k.unusedSince(p)
	}
}

// toggle is the one switch of a key. Without script it is a button that sends the form.
func (k *Key) toggle(place string) templ.Component {
	if place == PlaceRow {
		return (*rowSwitch)(k)
	}
	return (*pageSwitch)(k)
}

type (
	rowSwitch  Key
	pageSwitch Key
)

// Render writes the switch of a row.
func (k *rowSwitch) Render(ctx context.Context, to io.Writer) error {
	return (*Key)(k).drawSwitch(ctx, to, PlaceRow, "closest li")
}

// Render writes the switch of a key's own page.
func (k *pageSwitch) Render(ctx context.Context, to io.Writer) error {
	return (*Key)(k).drawSwitch(ctx, to, PlacePage, "#key")
}

func (k *Key) drawSwitch(ctx context.Context, to io.Writer, place, target string) error {
	p := penFor(ctx, to)
	id, act, owner := templ.EscapeString(k.ID), k.turn(), ownerOf(ctx)
	p.html(`<form class="toggle" method="post" action="/keys/`, id, "/", act, `" hx-post="/keys/`, id, "/", act, `" hx-target="`, target,
		`" hx-swap="outerHTML" hx-sync="this:drop">`)
	if owner != "" {
		p.html(`<input type="hidden" name="owner" value="`, templ.EscapeString(owner), `"> `)
	}
	p.html(`<input type="hidden" name="place" value="`, place, `"> <input type="hidden" name="name" value="`, templ.EscapeString(k.Name), `"> `)
	p.html(`<span class="state" data-doing="`)
	class, checked := "switch", "false"
	if k.On {
		checked = "true"
		p.T("button.turning-off", "Turning off…")
	} else {
		p.T("button.turning-on", "Turning on…")
	}
	p.html(`">`)
	switch {
	case k.Unknown != "":
		class = "switch unknown"
		p.T("keys.state.unknown", "Not known")
	case k.On:
		class = "switch on"
		p.T("keys.state.on", "On")
	default:
		p.T("keys.state.off", "Off")
	}
	p.html(`</span> <button id="switch-`, id, `" class="`, class, `" role="switch" aria-checked="`, checked, `" title="`)
	if k.On {
		p.T("button.turn-off", "Turn off")
	} else {
		p.T("button.turn-on", "Turn on")
	}
	p.html(`" aria-label="`)
	p.attribute(p.l.T("keys.switch.name", "{name} can sign in"), "name", k.Title())
	p.html(`"></button></form>`)
	return p.err
}
