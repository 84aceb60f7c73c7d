package upstream

import (
	"context"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

const (
	// usageTimeout bounds what the list of keys waits for the usage beside it. The list is worth more.
	usageTimeout = 2 * time.Second
	// unreportedFor is how long a server that keeps no usage is not asked again.
	unreportedFor = 5 * time.Minute
)

// usage is what is known of the use of a person's keys.
type usage struct {
	client.KeyFacts
	known model.Knowledge
}

// of gives a key with its usage. One that was created after the usage was asked for has none.
func (u usage) of(k model.Key) model.Key {
	k.Usage = model.KeyUsage{Known: u.known}
	if u.known != model.UsageKnown {
		return k
	}
	fact, told := u.Keys[k.ID]
	if !told {
		k.Usage.Known = model.UsageNotKnown
		return k
	}
	k.Usage = model.KeyUsage{
		Known: model.UsageKnown, RecordingSince: u.RecordingSince, Fingerprint: fact.Fingerprint, FirstUsed: fact.FirstUsed,
		LastUse: model.KeyUse(fact.LastUse), LastRefusal: model.KeyRefusal(fact.LastRefusal), Off: model.KeyOff(fact.Off),
	}
	k.ExpiresAt = fact.ExpiresAt
	if !k.Disabled || k.Usage.Off.Sessions < 0 { // it was turned on between the two answers
		k.Usage.Off = model.KeyOff{}
	}
	return k
}

// askUsage asks for usage while the caller asks for the keys. The function that it gives waits for the answer.
func (p *Person) askUsage(ctx context.Context) func() usage {
	if p.s.now().UnixNano() < p.s.unreported.Load() {
		return func() usage { return usage{known: model.UsageNotReported} }
	}
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	answer := make(chan usage, 1)
	go func() {
		defer cancel()
		answer <- p.readUsage(ctx)
	}()
	return func() usage {
		select {
		case u := <-answer:
			return u
		case <-time.After(usageTimeout): // whatever becomes of the request
			return usage{}
		}
	}
}

// readUsage asks for usage. That there is none to be had is remembered. Some servers refuse every path that they do not know;
// a read of the keys themselves tells whether the session is over.
func (p *Person) readUsage(ctx context.Context) usage {
	facts, err := patiently(p, func() (client.KeyFacts, error) { return p.keys.Facts(ctx) })
	switch {
	case err == nil:
		return usage{KeyFacts: facts, known: model.UsageKnown}
	case client.IsNotReported(err):
		p.s.unreported.Store(p.s.now().Add(unreportedFor).UnixNano())
		return usage{known: model.UsageNotReported}
	case client.IsUnauthorized(err), client.IsForbidden(err):
		return usage{known: model.UsageNotReported}
	}
	if ctx.Err() == nil {
		p.s.log.WarnContext(ctx, "usage of keys not known", "user", p.account.UserID, "cause", err)
	}
	return usage{}
}
