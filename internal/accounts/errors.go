package accounts

import (
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

// unavailable is the failure of a store call that nobody outside could have prevented.
func unavailable(doing string, err error) *model.Error {
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

// tooMany is the refusal of whoever has to wait, nil when nobody has to.
func tooMany(kind model.Kind, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &model.Error{Kind: kind, Wait: wait}
}
