package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/views"
)

const (
	// factsTimeout bounds what the list of keys waits for the facts beside it. The list is worth more.
	factsTimeout = 2 * time.Second
	// unreportedFor is how long a key service that has no facts is not asked again.
	unreportedFor = 5 * time.Minute

	// waitsFor is how long after it was made a key is waited for, lateAfter from when on the page says what may be wrong.
	waitsFor  = 15 * time.Minute
	lateAfter = 2 * time.Minute
	// maxAhead is how far the clock by which the key service made a key may be ahead of ours.
	maxAhead = 24 * time.Hour
)

// facts are what is known of the use of a person's keys, and when that was.
type facts struct {
	client.KeyFacts
	known views.Knowledge
	at    time.Time
}

// askFacts asks for the facts beside what the request does otherwise. The function that it gives waits for them: facts that
// fail, are slow or do not exist never keep a key from being shown.
func (h *dashboard) askFacts(c echo.Context) func() facts {
	now := h.now()
	if now.UnixNano() < h.unreported.Load() {
		return func() facts { return facts{known: views.NotReported, at: now} }
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), factsTimeout)
	keys, request := h.keys(c), requestIDOf(c)
	answer := make(chan facts, 1)
	go func() {
		defer cancel()
		f, err := h.readFacts(ctx, keys)
		if err != nil && ctx.Err() == nil {
			h.log.Warn("use of keys not known", "request", request, "cause", err)
		}
		answer <- f
	}()
	return func() facts {
		select {
		case f := <-answer:
			return f
		case <-time.After(factsTimeout): // whatever becomes of the request
			return facts{known: views.NotKnown, at: now}
		}
	}
}

// readFacts asks for the facts. That there are none to be had is no error, and is remembered. Some servers refuse every path
// that they do not know; whether the session is over, whoever asks for the keys themselves learns.
func (h *dashboard) readFacts(ctx context.Context, keys patientKeys) (facts, error) {
	now := h.now()
	f, err := keys.Facts(ctx)
	switch {
	case err == nil:
		return facts{KeyFacts: f, known: views.Known, at: now}, nil
	case client.IsNotReported(err):
		h.unreported.Store(now.Add(unreportedFor).UnixNano())
		return facts{known: views.NotReported, at: now}, nil
	case pageOfItsOwn(err):
		return facts{known: views.NotReported, at: now}, nil
	default:
		return facts{known: views.NotKnown, at: now}, err
	}
}

// ofRow is what a row shows of a key's use. Moments that it does not show are left out: writing them takes longer than the
// rest of the row.
func (f facts) ofRow(key client.APIKey) views.Use {
	fact, told := f.Keys[key.ID]
	if f.known != views.Known {
		return views.Use{Known: f.known}
	}
	if !told { // made after the facts were asked for
		return views.Use{Known: views.NotKnown}
	}
	u := views.Use{Known: views.Known, Stage: f.stage(key, fact), Fingerprint: fact.Fingerprint}
	if use := fact.LastUse; !use.At.IsZero() {
		u.Last, u.From = views.NewWhen(use.At, f.at), use.Address
		u.By = views.UsedBy{
			Name: use.DeviceName, Platform: use.Platform, PlatformVersion: use.PlatformVersion,
			SDK: use.SDK, SDKVersion: use.SDKVersion,
		}
	} else if f.blind(key) {
		u.Since = dayOf(f.RecordingSince, f.at)
	}
	if u.Stage != "" {
		u.First, u.Refused = views.NewWhen(fact.FirstUsed, f.at), views.NewWhen(fact.LastRefusal.At, f.at)
	}
	return u
}

// ofCard is what a key's own page shows of its use: all of it.
func (f facts) ofCard(key client.APIKey) views.Use {
	u, fact := f.ofRow(key), f.Keys[key.ID]
	if u.Known == views.Known {
		u.First, u.Refused = views.NewWhen(fact.FirstUsed, f.at), views.NewWhen(fact.LastRefusal.At, f.at)
	}
	return u
}

// blind says that the key may have been used before uses were recorded. Its age is known to the second.
func (f facts) blind(key client.APIKey) bool {
	return !key.CreatedAt().Add(time.Second).After(f.RecordingSince)
}

// young says that the key was made so short a time ago that somebody may be waiting for it.
func (f facts) young(key client.APIKey) bool {
	age := f.at.Sub(key.CreatedAt())
	return age < waitsFor && age > -maxAhead
}

// stage is how far a new key is on its way to its first use.
func (f facts) stage(key client.APIKey, fact client.KeyFact) views.Stage {
	switch age := f.at.Sub(key.CreatedAt()); {
	case !fact.FirstUsed.IsZero():
		if key.Disabled || f.at.Sub(fact.FirstUsed).Abs() >= waitsFor {
			return ""
		}
		return views.Connected
	case !f.young(key) || f.blind(key):
		return ""
	case key.Disabled:
		return views.WaitsOff
	case age >= lateAfter:
		return views.Late
	default:
		return views.Waiting
	}
}

// awaited names the keys that are waited for and how far each is, for the page to notice when that changes.
func (f facts) awaited(keys []client.APIKey) string {
	var all strings.Builder
	for _, key := range keys {
		if f.known != views.Known || !f.young(key) {
			continue
		}
		if state := f.ofRow(key).Awaits(); state != "" {
			if all.Len() > 0 {
				all.WriteByte(',')
			}
			all.WriteString(key.ID + "=" + state)
		}
	}
	return all.String()
}

// dayOf is a day as people say it at now.
func dayOf(t, now time.Time) string {
	t = t.UTC()
	if t.Year() == now.UTC().Year() {
		return t.Format("2 January")
	}
	return t.Format("2 January 2006")
}
