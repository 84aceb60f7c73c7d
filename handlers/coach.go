package handlers

import (
	"cmp"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

const (
	// inUse is for how long after a use a key is taken to be needed.
	inUse = 7 * 24 * time.Hour
	// neverUsedFor and offFor are for how long a key has to be so before that speaks for deleting it. For use that is unusedAfter.
	neverUsedFor = 14 * 24 * time.Hour
	offFor       = 30 * 24 * time.Hour

	// mostProposals is how many keys are proposed to be deleted, pairingProposals how many beside a device that waits.
	mostProposals    = 5
	pairingProposals = 3
)

// evidence is what keys are proposed by, besides what is known of each.
type evidence struct {
	now time.Time
	// off says since when a key is off of which that is not known otherwise; nil when there is no such key.
	off func(id string) time.Time
}

// proposal is a key that may be deleted to make room, with what speaks for that.
type proposal struct {
	key model.Key
	why views.Why
	at  time.Time // since when, or when, as the reason says
	by  string    // the name of the key that took its place
}

// propose gives the keys that are least likely to be missed, the best candidate first, and at most mostProposals: those that another has
// replaced, those whose value nobody has, those never used, those that are off, and those not used for long. Of keys with the same reason
// the one comes first of which it has been true for longest. A key that was used lately is never among them, nor one that was created so
// short a time ago that its value may be on a screen still.
func (ev evidence) propose(keys []model.Key) []proposal {
	names := make(map[string]string, len(keys)) // of those that another key can leave its place to
	for _, key := range keys {
		if ev.stands(key, keys) {
			names[key.ID] = key.Name
		}
	}
	var all []proposal
	for _, key := range keys {
		if ev.now.Sub(key.Usage.LastUse.At) < inUse || ev.now.Sub(createdAt(key)) < waitsFor {
			continue
		}
		p := proposal{key: key}
		if p.why, p.at = ev.reason(key, names); p.why == views.Replaced {
			p.by = names[key.Replaced.NewID]
		}
		if p.why != 0 {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b proposal) int {
		return cmp.Or(
			cmp.Compare(rank(a.why), rank(b.why)), a.at.Compare(b.at), createdAt(a.key).Compare(createdAt(b.key)), cmp.Compare(a.key.ID, b.key.ID),
		)
	})
	return all[:min(len(all), mostProposals)]
}

// rank has one number for reasons that are of one kind.
func rank(why views.Why) views.Why {
	switch why {
	case views.NotSavedAlone:
		return views.NeverSaved
	case views.NoUseSeen:
		return views.NeverUsed
	case views.ExpiredThen:
		return views.OffSince
	default:
		return why
	}
}

// reason is the strongest that there is for deleting a key, 0 when there is none, and its time.
func (ev evidence) reason(key model.Key, names map[string]string) (views.Why, time.Time) {
	known, never := key.Usage.Known == model.UsageKnown, key.Usage.LastUse.At.IsZero()
	by, since, off := key.Replaced, createdAt(key), ev.offSince(key)
	unseen := views.NeverUsed
	if blind(key) {
		unseen, since = views.NoUseSeen, key.Usage.RecordingSince
	}
	switch longAgo := func(t time.Time, d time.Duration) bool { return !t.IsZero() && ev.now.Sub(t) >= d }; {
	case by.State == model.ReplacementParked && key.Disabled && names[by.NewID] != "":
		return views.Replaced, by.EndedAt
	case key.Card.SavedHow == model.NotSaved && known && never && unseen == views.NeverUsed:
		return views.NeverSaved, since
	case key.Card.SavedHow == model.NotSaved && !known:
		return views.NotSavedAlone, createdAt(key)
	case known && never && longAgo(since, neverUsedFor):
		return unseen, since
	case longAgo(off, offFor) && expired(key, ev.now) && off.Equal(key.ExpiresAt):
		return views.ExpiredThen, off
	case longAgo(off, offFor):
		return views.OffSince, off
	case known && longAgo(key.Usage.LastUse.At, unusedAfter):
		return views.LastUsed, key.Usage.LastUse.At
	default:
		return 0, time.Time{}
	}
}

// stands says that something can sign in with a key, or with the one that has taken its place in turn.
func (ev evidence) stands(key model.Key, keys []model.Key) bool {
	for range keys {
		if !key.Disabled && !expired(key, ev.now) {
			return true
		}
		i := slices.IndexFunc(keys, func(k model.Key) bool { return k.ID == key.Replaced.NewID })
		if i < 0 || key.Replaced.State != model.ReplacementParked {
			return false
		}
		key = keys[i]
	}
	return false
}

// offSince is since when nothing has been able to sign in with the key, because it is off or has expired; zero when something may, or that is
// not known.
func (ev evidence) offSince(key model.Key) (since time.Time) {
	if key.Disabled {
		if since = key.Usage.Off.At; since.IsZero() && ev.off != nil {
			since = ev.off(key.ID)
		}
	}
	if expired(key, ev.now) && (since.IsZero() || key.ExpiresAt.Before(since)) {
		since = key.ExpiresAt
	}
	return since
}

// propose is that of the evidence for the keys of a person. Since when keys are off that were turned off before this was kept with them, or at
// another server, is in what was written down.
func (h *dashboard) propose(c echo.Context, keys []model.Key) []views.Candidate {
	ev := evidence{now: h.Now()}
	if slices.ContainsFunc(keys, func(key model.Key) bool { return key.Disabled && key.Usage.Off.At.IsZero() }) {
		ev.off = h.turnedOffAll(c)
	}
	proposals := ev.propose(keys)
	list := make([]views.Candidate, 0, len(proposals))
	for _, p := range proposals {
		list = append(list, views.Candidate{Key: h.row(p.key), Why: p.why, At: views.NewWhen(p.at, ev.now), By: p.by})
	}
	return list
}

// turnsRead is how many of the newest turns of all keys are looked at.
const turnsRead = 5 * model.MaxKeys

// turnedOffAll is when keys were turned off last, of those that were not turned on since. The page does without what cannot be read.
func (h *dashboard) turnedOffAll(c echo.Context) func(id string) time.Time {
	events, err := h.readOnceInTurn(c, model.EventQuery{Kinds: turns, Limit: turnsRead})
	if err != nil {
		h.logFault(c, "when keys were turned off cannot be read", err)
	}
	off := map[string]time.Time{}
	for _, e := range events { // the newest first
		if _, seen := off[e.KeyID]; !seen && turnedKey(e) {
			off[e.KeyID] = time.Time{}
			if e.Kind != model.EventKeyTurnedOn {
				off[e.KeyID] = e.At
			}
		}
	}
	return func(id string) time.Time { return off[id] }
}

// others are the keys that are not proposed, those first that are least likely to be missed: never used, then not used for longest, then off.
// A key that was used lately is not among them either.
func (h *dashboard) others(keys []model.Key, proposed []views.Candidate) []views.Key {
	now := h.Now()
	group := func(key model.Key) int {
		switch {
		case key.Disabled:
			return 2
		case key.Usage.LastUse.At.IsZero():
			return 0
		default:
			return 1
		}
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(key model.Key) bool {
		return now.Sub(key.Usage.LastUse.At) < inUse || slices.ContainsFunc(proposed, func(p views.Candidate) bool { return p.ID == key.ID })
	})
	slices.SortStableFunc(keys, func(a, b model.Key) int {
		return cmp.Or(group(a)-group(b), a.Usage.LastUse.At.Compare(b.Usage.LastUse.At), createdAt(a).Compare(createdAt(b)))
	})
	list := make([]views.Key, 0, len(keys))
	for _, key := range keys {
		list = append(list, h.row(key))
	}
	return list
}
