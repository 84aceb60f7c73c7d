package accounts

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

// refuse is a refusal whose kind says all that there is to tell.
func refuse(kind model.Kind) *model.Error { return &model.Error{Kind: kind} }

// refused is a refusal, and what only the log may know of it: why, and of which user.
func refused(kind model.Kind, why, userID string) *model.Error {
	return &model.Error{Kind: kind, UserID: userID, Err: errors.New(why)}
}

// unavailable is the failure of a store call that nobody outside could have prevented. What was found out about it already stays so, and
// nobody is told that nothing was saved who cannot know.
func unavailable(doing string, err error) *model.Error {
	if known, ok := errors.AsType[*model.Error](err); ok {
		return known
	}
	switch {
	case errors.Is(err, model.ErrUnclear):
		return unclear(doing, err)
	case errors.Is(err, model.ErrNoOperator):
		return refuse(model.KindForbidden)
	case errors.Is(err, model.ErrLastOperator):
		return refuse(model.KindLastOperator)
	}
	return &model.Error{Kind: model.KindStorageDown, Doing: doing, Err: err}
}

// missing is the failure of a store call about one row: of the kind when there is none, and nil when the call did not fail.
func missing(kind model.Kind, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, model.ErrNotFound):
		return refuse(kind)
	default:
		return unavailable(doing, err)
	}
}

// about says in a refusal which user it is about, for the log; one that says so already goes on saying it.
func about(err error, userID string) error {
	e, ok := errors.AsType[*model.Error](err)
	if !ok || e.UserID != "" || userID == "" {
		return err
	}
	named := *e
	named.UserID = userID
	return &named
}

// aboutOwner says in a refusal which user owns the account that was asked for. It has not been looked up before, and the client must
// not learn from the time of the answer whether the account exists: there is one look-up, whatever it finds.
func (a *Accounts) aboutOwner(ctx context.Context, err error, email string) error {
	id, _ := a.store.IdentityBySubject(ctx, model.ProviderEmailPassword, email) // without it the log knows less
	return about(err, id.UserID)
}

// notCounted is the failure to ask the counts of all nodes. What was to be counted is not done, whatever became of its count.
func notCounted(err error) *model.Error {
	return &model.Error{Kind: model.KindStorageDown, Doing: "count a try", Err: err}
}

// tooMany is the refusal of a request that has to wait, nil when it need not.
func tooMany(kind model.Kind, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &model.Error{Kind: kind, Wait: wait}
}
