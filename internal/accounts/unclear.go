package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/internal/model"
)

// settleTime bounds finding out what came of an act. The caller has waited for the act before.
const settleTime = 10 * time.Second

// lastLook bounds a look at the keys after that, when the database may be there again.
const lastLook = 2 * time.Second

// unclear is the failure of a store call of which nobody knows whether it was saved.
func unclear(doing string, err error) *model.Error {
	return &model.Error{Kind: model.KindUnclear, Outcome: model.Unclear, Doing: doing, Err: err}
}

// settle finds out what came of an act of which the store could not say whether it was saved: the answer to its commit got lost. It
// waits until no write is on its way any more whose outcome nobody knows, and looks whether what was asked for is so. If it is, the act has
// succeeded; if not, nothing was done, which the error says for certain. The look may also refuse with a *model.Error, when what it
// finds leaves nothing to ask. When nobody can look the outcome stays unclear, and nothing is ever done twice.
//
// Every other outcome of the act stays as it is.
func (a *Accounts) settle(ctx context.Context, userID, doing string, err error, look func(context.Context) (done bool, err error)) error {
	if !errors.Is(err, model.ErrUnclear) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.settleTime)
	defer cancel()
	var done bool
	failed := a.store.Settled(ctx)
	if failed == nil {
		done, failed = look(ctx)
	}
	a.cfg.Log.WarnContext(ctx, "the answer to a commit was lost", "user", userID, "doing", doing, "saved", done, "cause", err, "look", failed)
	var refusal *model.Error
	switch {
	case errors.As(failed, &refusal):
		return refusal
	case failed != nil:
		return about(unclear(doing, fmt.Errorf("%w, and looking for it failed: %w", err, failed)), userID)
	case done:
		return nil
	default:
		undone := unavailable(doing, errors.New(err.Error())) // in words only: it is clear now
		undone.Outcome = model.FoundUndone
		return about(undone, userID)
	}
}

// settle is that of the accounts, for an act of the person.
func (p *Person) settle(ctx context.Context, doing string, err error, look func(context.Context) (done bool, err error)) error {
	return p.accounts.settle(ctx, p.who.UserID, doing, err, look)
}

// there says by the error of looking something up whether it is there.
func there(err error) (bool, error) {
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// gone is the opposite of there.
func gone(err error) (bool, error) {
	is, err := there(err)
	return !is && err == nil, err
}

// wrote says whether an event was recorded, and so whether the act was saved that it was to be saved with. Of an account that has very
// many in a day it is counted with an earlier one, which says when it happened last.
func (a *Accounts) wrote(ctx context.Context, e model.Event) (bool, error) {
	last, err := a.store.Events(ctx, e.UserID, model.EventQuery{Before: e.ID + "0", Limit: 1}) // the first id behind its own
	if err != nil || len(last) == 1 && last[0].ID == e.ID {
		return err == nil, err
	}
	same, err := a.store.Events(ctx, e.UserID, model.EventQuery{Kinds: []model.EventKind{e.Kind}, Limit: 100})
	return slices.ContainsFunc(same, func(earlier model.Event) bool {
		return earlier.Again > 0 && earlier.LastAt.UnixMilli() == e.At.UnixMilli()
	}), err
}
