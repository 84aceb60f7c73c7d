package views

import (
	"context"
	"io"
	"strconv"

	"github.com/a-h/templ"
)

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
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &sentences{ctx: ctx, to: to}
		w.text(o.endedWith())
		switch {
		case o.Access == AccessIsOver:
			w.text(" Access handed out before has ended.")
		case o.Access == AccessGoesOn:
			w.text(" Access handed out before ends by ")
			w.time(o.AccessUntil.as(timeOfDay))
			w.text(" at the latest")
			if o.Left.Machine != "" {
				w.text(", in ")
				w.time(o.Left)
			}
			w.text(".")
		case o.Sessions > 0:
			w.text(" Nothing it opened was in use.")
		}
		switch {
		case o.FirstRefused.Machine != "":
			w.text(" First refused ")
			w.time(o.FirstRefused.as(timeOfDay))
			w.text(".")
		case o.Refused:
			w.text(" It has been refused since.")
		}
		return w.err
	})
}

// endedWith says which sessions ended with the key.
func (o *Off) endedWith() string {
	switch o.Sessions {
	case 0:
		return "Nothing was signed in with it."
	case 1:
		return "It had 1 sign-in, which ended then."
	default:
		return "It had " + strconv.Itoa(o.Sessions) + " sign-ins, which ended then."
	}
}

// notReported is told in place of what ended by what another server does not tell. It said yes at that time, unless that is not known.
func notReported(saidYes When) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &sentences{ctx: ctx, to: to}
		if saidYes.Machine != "" {
			w.text("The key service said yes at ")
			w.time(saidYes.as(timeOfDay))
			w.text(". ")
		}
		w.text("It does not report whether what the key opened has ended.")
		return w.err
	})
}

// sentences writes words of ours, and times among them, without a space where none belongs.
type sentences struct {
	ctx context.Context
	to  io.Writer
	err error
}

func (s *sentences) text(words string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.to, words)
	}
}

func (s *sentences) time(w When) {
	if s.err == nil {
		s.err = w.Render(s.ctx, s.to)
	}
}
