package accounts

import (
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
)

// Tokens for other services that a session is given: more than a program needs that asks for one each time it connects, to several
// services. One that asks in a loop is told to wait.
const (
	exchangesAtOnce = 60
	exchangePause   = time.Second
)

// exchanges counts the tokens for other services by the session that asks. Each node counts for itself, and nobody is counted with anybody
// else: a token costs no more than renewing an access token, which is not counted at all. So when very many sessions are remembered,
// others are not, and get theirs.
type exchanges struct {
	book     *limits.Book
	sessions *limits.Table
}

func newExchanges(now func() time.Time) *exchanges {
	book := limits.NewBook(now, quotaSweep)
	return &exchanges{book: book, sessions: book.Buckets(exchangesAtOnce, exchangePause).Bound(maxCounted, 0)}
}

// Exchanging counts that a session of a user is to be given a token for another service.
func (a *Accounts) Exchanging(userID, sessionID string) error {
	turn := a.exchanges.book.Begin()
	defer turn.End()
	count := a.exchanges.sessions.Of(sessionID)
	if turn.Full(count) {
		return nil
	}
	_, wait := turn.Take(count)
	return about(tooMany(model.KindTooManyActs, wait), userID)
}
