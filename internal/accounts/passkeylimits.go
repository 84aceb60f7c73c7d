package accounts

import (
	"context"
	"time"

	"latchkey/internal/limits"
)

// Challenges for passkeys that people ask for who are not signed in yet: a page for signing in asks for one when it opens. Each is a row
// for five minutes.
const (
	challengeStretch = 5 * time.Minute

	addressChallenges  = 300 // a school behind one address, at the start of a lesson
	siteChallenges     = 1000
	providerChallenges = everyoneChallenges / 2 // half of the total is left to the others
	everyoneChallenges = 8000
)

// challengeLimits counts challenges by where they are asked for, and in total. None needs a bound of its own: what is taken from one is
// taken from the total. As with Limits, several nodes count together what one place may do.
type challengeLimits struct{ places }

func newChallengeLimits(now func() time.Time, shared *limits.Shared) *challengeLimits {
	book := limits.NewBook(now, challengeStretch).ShareBy(shared)
	window := func(most int) *limits.Table { return book.Windows(limits.Rule{Most: most, In: challengeStretch}) }
	return &challengeLimits{places{
		book: book, addresses: window(addressChallenges).Shared("challenges by a network"), sites: window(siteChallenges).Shared("challenges by a site"),
		providers: window(providerChallenges), everyone: window(everyoneChallenges),
	}}
}

// take counts a challenge, or says how long to wait for one.
func (l *challengeLimits) take(ctx context.Context, address string) (wait time.Duration, err error) {
	counts, giveBack, wait := l.places.take(address)
	if wait > 0 {
		return wait, nil
	}
	_, wait, err = l.book.TakeShared(ctx, giveBack, counts, nil)
	return wait, err
}
