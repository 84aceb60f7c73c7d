package views

import "github.com/a-h/templ"

// Off is what turning a key off ended.
type Off struct {
	At       When
	Sessions int
	// Access is what has become of the access that the sessions handed out, and AccessUntil by when it ends while some of it may go on, to
	// the minute. Left counts down to that, unless the clock was set back since.
	Access            Access
	AccessUntil, Left When
	// FirstRefused is the first sign-in since that was refused. Refused says that there was one also when its time is not known.
	FirstRefused When
	Refused      bool
}

// Access is what has become of access that was handed out before a key was turned off.
type Access int

// What can have become of it.
const (
	AccessUnused Access = iota // no session was in use
	AccessGoesOn               // until AccessUntil at the latest
	AccessIsOver
)

// ending says that the access ends some time from now.
func (o *Off) ending() bool { return o != nil && o.Access == AccessGoesOn }

// refetched says that the row or the page of the key is fetched again, once, when something has changed.
func (u Use) refetched() bool { return u.Awaits() != "" || u.Off.ending() && u.Off.Left.Machine != "" }

// told is one sentence after another on what ended.
func (o *Off) told() templ.Component {
	return penned(func(p *pen) {
		switch {
		case o.Sessions == 0:
			p.T("off.no-sign-ins", "Nothing was signed in with it.")
		default:
			p.html(templ.EscapeString(p.l.N("off.sign-ins", o.Sessions, "It had {n} sign-in, which ended then.", "It had {n} sign-ins, which ended then.")))
		}
		o.accessTold(p)
		switch {
		case o.FirstRefused.Machine != "":
			p.html(" ")
			p.T("off.first-refused", "First refused {when}.", moment("when", o.FirstRefused, timeOfDay))
		case o.Refused:
			p.html(" ")
			p.T("off.refused", "It has been refused since.")
		}
	})
}

// accessTold says what has become of the access that the sessions handed out.
func (o *Off) accessTold(p *pen) {
	by := moment("when", o.AccessUntil, timeOfDay)
	switch {
	case o.Access == AccessIsOver:
		p.html(" ")
		p.T("off.access-over", "Access handed out before has ended.")
	case o.Access == AccessGoesOn && o.Left.Machine != "":
		p.html(" ")
		p.T("off.access-left", "Access handed out before ends by {when} at the latest, in {time}.", by, moment("time", o.Left, o.Left.rule))
	case o.Access == AccessGoesOn:
		p.html(" ")
		p.T("off.access-until", "Access handed out before ends by {when} at the latest.", by)
	case o.Sessions > 0:
		p.html(" ")
		p.T("off.access-unused", "Nothing it opened was in use.")
	}
}

// notReported is told in place of what ended by what another server does not tell. It said yes at that time, unless that is not known.
func notReported(saidYes When) templ.Component {
	return penned(func(p *pen) {
		if saidYes.Machine != "" {
			p.T("off.said-yes", "The key service said yes at {when}.", moment("when", saidYes, timeOfDay))
			p.html(" ")
		}
		p.T("off.not-reported", "It does not report whether what the key opened has ended.")
	})
}
