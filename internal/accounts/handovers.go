package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
)

const (
	// handoverLife is how long a link waits to be opened: an app opens it at once.
	handoverLife = time.Minute

	// handedLife is how long what a link has opened lasts at most, as browsers do that a person signs in with.
	handedLife = 12 * time.Hour

	// handedProof is how old a proof may be that goes along with a link, and for how long it is good then.
	handedProof = 5 * time.Minute

	ticketBytes = 32 // of this and of other tickets

	// Links that a person's apps ask for.
	handoversAtOnce = 10
	handoverPause   = time.Minute / handoversAtOnce
)

// newHandoverQuota counts links by who asks for them, on all nodes together.
func newHandoverQuota(now func() time.Time, shared *limits.Shared) *Quota {
	q := newQuota(now, handoversAtOnce, handoverPause)
	q.book.ShareBy(shared)
	q.counts.Shared("handovers")
	return q
}

// HandOver creates a link with which the person's app opens a browser for them: once, within a minute, and for as long as the session
// that asks goes on. It leads back to an address that the operator has allowed, or nowhere.
func (p *Person) HandOver(ctx context.Context, returnTo string) (address model.Secret, expires time.Time, err error) {
	if err := p.manages(); err != nil {
		return "", time.Time{}, err
	}
	a := p.accounts
	if returnTo != "" && !model.AllowedReturn(a.cfg.ReturnURLs, returnTo) {
		return "", time.Time{}, refused(model.KindBadReturn, "not an address to lead back to", p.who.UserID)
	}
	wait, err := a.handovers.Take(ctx, p.who.UserID)
	if err != nil {
		return "", time.Time{}, notCounted(err)
	}
	if err := tooMany(model.KindTooManyActs, wait); err != nil {
		return "", time.Time{}, about(err, p.who.UserID)
	}
	ticket, now := hex.EncodeToString(model.RandomBytes(ticketBytes)), a.cfg.Now()
	h := model.Handover{UserID: p.who.UserID, SessionID: p.who.SessionID, ReturnTo: returnTo, ExpiresAt: now.Add(handoverLife)}
	hash := sha256.Sum256([]byte(ticket))
	err = a.store.CreateHandover(ctx, hash, h, now.Add(-handedProof), now)
	err = p.settle(ctx, "create handover", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.Handover(ctx, hash, now, handoverLife)
		return there(err)
	})
	if err != nil {
		return "", time.Time{}, missing(model.KindSessionOver, "create handover", err)
	}
	return model.Secret(a.cfg.PublicURL + "/handover?" + url.Values{"ticket": {ticket}}.Encode()), h.ExpiresAt, nil
}

// Handover is what a link would open. It leaves the link good.
func (a *Accounts) Handover(ctx context.Context, ticket model.Secret) (model.Handover, error) {
	h, _, err := a.handover(ctx, ticket)
	return h, err
}

func (a *Accounts) handover(ctx context.Context, ticket model.Secret) (h model.Handover, hash [32]byte, err error) {
	if len(ticket) != hex.EncodedLen(ticketBytes) {
		return h, hash, refuse(model.KindBadLink)
	}
	hash = sha256.Sum256([]byte(ticket))
	h, err = a.store.Handover(ctx, hash, a.cfg.Now(), handoverLife)
	if err == nil && a.Ended(h.SessionEnds) {
		err = model.ErrNotFound
	}
	return h, hash, linkError("find handover", err)
}

// UseHandover opens a session by a link, and uses that up. The session ends with the one that asked for the link. A person who has no way
// to confirm that it is they need not for a while, if they have just signed in to the app.
func (a *Accounts) UseHandover(ctx context.Context, from model.Origin, ticket model.Secret) (model.Account, model.Handed, error) {
	h, hash, err := a.handover(ctx, ticket)
	if err != nil {
		return model.Account{}, model.Handed{}, err
	}
	who, handed := h.Account(), model.Handed{ReturnTo: h.ReturnTo}
	row := a.newSession(from, authenticated{userID: h.UserID, identityID: h.IdentityID, provider: h.Provider}, nil)
	if row.ExpiresAt = row.CreatedAt.Add(handedLife); h.SessionEnds.Before(row.ExpiresAt) {
		row.ExpiresAt = h.SessionEnds
	}
	handed.Ends = row.ExpiresAt
	if !h.ProvedAt.IsZero() {
		proofs, err := a.As(who, from).Proofs(ctx)
		if err != nil {
			return model.Account{}, model.Handed{}, about(err, h.UserID)
		}
		if proofs.None() {
			row.ProvedAt, handed.Proof = h.ProvedAt, handedProof
		}
	}
	opened := a.event(from, model.EventHandedOver, h.UserID)
	opened.Detail = model.ReturnName(h.ReturnTo)
	err = a.store.OpenHandover(ctx, hash, h, row, a.cfg.Now(), handoverLife, opened)
	err = a.settle(ctx, h.UserID, "open handover", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.AuthSession(ctx, row.ID)
		return there(err)
	})
	if err != nil {
		return model.Account{}, model.Handed{}, linkError("open handover", err)
	}
	who.SessionID = row.ID
	return who, handed, nil
}
