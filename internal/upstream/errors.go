package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

// refused is a refusal by the other server itself.
func refused(kind model.Kind, err error) *model.Error {
	e := &model.Error{Kind: kind, Err: err, Elsewhere: true}
	var said *client.Error
	if errors.As(err, &said) {
		e.Reason, e.Wait, e.Reference = said.Message, said.RetryAfter, said.LogID()
	}
	return e
}

// counted is the refusal of what is counted here before the other server is asked, nil when that may be.
func counted(tooMany model.Kind, wait time.Duration, err error) error {
	switch {
	case err != nil:
		return &model.Error{Kind: model.KindStorageDown, Doing: "count a try", Err: err}
	case wait > 0:
		return &model.Error{Kind: tooMany, Wait: wait}
	default:
		return nil
	}
}

// failed is the one mapping from an error of the client to a kind, for all that a call does not look for itself. It says, too,
// whether an act may have happened all the same.
func failed(err error) error {
	if err == nil {
		return nil
	}
	var known *model.Error
	if errors.As(err, &known) {
		return err
	}
	e := refused(model.KindInternal, err)
	wait, busy := isBusy(err)
	switch {
	case client.IsUnauthorized(err):
		e.Kind = model.KindSessionOver
	case client.IsForbidden(err):
		e.Kind = model.KindForbidden
	case client.IsNotFound(err):
		e.Kind = model.KindNotFound
	case client.IsStorageDown(err):
		e.Kind = model.KindStorageDown
	case busy:
		e.Kind, e.Wait = model.KindBusy, wait
	case client.IsInsecure(err):
		e.Kind = model.KindInsecure
	case client.IsOtherHost(err):
		e.Kind, e.Doing = model.KindMisconfigured, "the upstream says that it is at another host: is --upstream the address that it goes by?"
	case client.NeverSent(err):
		e.Kind = model.KindUnreachable
	case timedOut(err):
		e.Kind, e.Outcome = model.KindTimedOut, model.Unclear
	case client.BrokeOff(err):
		e.Kind, e.Outcome = model.KindBrokeOff, model.Unclear
	case isUnclear(err):
		e.Kind, e.Outcome = model.KindUnclear, model.Unclear
	default:
		var said *client.Error
		if errors.As(err, &said) {
			e.Kind = model.KindBadAnswer
			if said.Status < http.StatusMultipleChoices || said.Status >= http.StatusInternalServerError {
				e.Outcome = model.Unclear
			}
		}
	}
	return e
}

// failedBefore is failed for a look before an act, which was not asked for then.
func failedBefore(err error) error {
	err = failed(err)
	err.(*model.Error).Outcome = model.NotDone //nolint:errorlint // failed makes no other
	return err
}

// failedOwn is failed for a call that only Latchkey has. Some servers refuse whatever they do not know; whether the session is over,
// other calls tell.
func failedOwn(err error) error {
	if client.IsNotReported(err) || client.IsUnauthorized(err) || client.IsForbidden(err) && !client.IsWrongPassword(err) {
		return refused(model.KindNotOffered, err)
	}
	return failed(err)
}

// isBusy says that the other server did nothing because it has too much to do, and for how long it asked to be left alone; 0 when it
// did not say. A 503 without a word from the service itself is from something in front of it, and could mean anything.
func isBusy(err error) (wait time.Duration, busy bool) {
	var said *client.Error
	if !errors.As(err, &said) {
		return 0, false
	}
	own := said.RetryAfter > 0 || said.Code != "" || said.Message != ""
	return said.RetryAfter, client.IsLimited(err) || said.Status == http.StatusServiceUnavailable && own
}

// isUnclear says that the other server itself does not know whether it saved something. Only Latchkey's says so.
func isUnclear(err error) bool {
	var said *client.Error
	return errors.As(err, &said) && said.Status == http.StatusInternalServerError && said.Code == "OutcomeUnknown"
}

func timedOut(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}
