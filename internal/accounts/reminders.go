package accounts

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

const (
	// remindersAtOnce is how many people are reminded in a pass. The others are a minute later.
	remindersAtOnce = 200
	// failuresAtOnce are how many people cannot be reminded before it seems to be the mail server.
	failuresAtOnce = 3
	// claimTime is for how long the reminders of a person are one node's: longer than a mail server takes. What fails is tried again then.
	claimTime = 15 * time.Minute
	// tooLate is for how long a reminder is worth sending: emails may have been set up long after it was due.
	tooLate = 30 * 24 * time.Hour
)

// ErrRefusedForGood is that an email will be refused whenever it is sent.
var ErrRefusedForGood = errors.New("refused for good")

// Deliverer gives an email to a mail server, and returns when that has it. ErrRefusedForGood is that no other try will do.
type Deliverer interface {
	Deliver(ctx context.Context, m Email) error
}

// Reminders tell people by email that their keys expire.
type Reminders struct {
	Store   *store.Store
	Letters Letters
	Mail    Deliverer
	// Elsewhere says that the keys are at another server, which does not know when they expire.
	Elsewhere bool
	Log       *slog.Logger
}

// Send reminds those who are to be reminded by a time that has certainly come: once each, of all their keys at once, and of what is true of
// a key now, whatever they should have been reminded of before. An email counts as sent when the mail server has it, so that a crash
// before that is remembered has it sent once more, and none is lost. It ends when emails to several people fail.
func (r Reminders) Send(ctx context.Context, by time.Time) error {
	var failed error
	for failures, n := 0, 0; n < remindersAtOnce && failures < failuresAtOnce && ctx.Err() == nil; n++ {
		userID, err := r.Store.NextReminder(ctx, by)
		if errors.Is(err, model.ErrNotFound) {
			break
		}
		if err == nil {
			err = r.remind(ctx, userID, by)
		}
		if err != nil {
			failures++
			failed = err
		}
	}
	return failed
}

func (r Reminders) remind(ctx context.Context, userID string, by time.Time) error {
	until := by.Add(claimTime + time.Duration(rand.Int64N(int64(time.Minute)))) //nolint:gosec // tells claims apart, guards nothing
	due, err := r.Store.ClaimReminders(ctx, userID, by, until)
	if err != nil || len(due) == 0 {
		return err
	}
	var keys []ExpiringKey
	done := make([]store.Reminded, 0, len(due))
	for _, d := range due {
		last := max(model.LastReminder(userID, d.ExpiresAt, by), d.Reminded)
		done = append(done, store.Reminded{KeyID: d.KeyID, Last: last, Next: last.Next(userID, d.ExpiresAt)})
		if (d.Here || r.Elsewhere) && !d.Off && last > d.Reminded && by.Sub(last.Due(userID, d.ExpiresAt)) < tooLate {
			keys = append(keys, ExpiringKey{d.KeyID, d.Name, model.WordsOf(d.Fingerprint), d.ExpiresAt})
		}
	}
	if len(keys) > 0 {
		if err := r.deliver(ctx, userID, due[0].Email, keys, by); err != nil {
			return err
		}
	}
	return r.Store.FinishReminders(context.WithoutCancel(ctx), userID, until, done)
}

// deliver sends an email to each address of a user. That an address takes none is for the log.
func (r Reminders) deliver(ctx context.Context, userID, kept string, keys []ExpiringKey, by time.Time) error {
	addresses, language, err := r.addresses(ctx, userID, kept)
	for _, to := range addresses {
		if err == nil {
			err = r.Mail.Deliver(ctx, r.Letters.In(language).KeysExpire(to, keys, by, r.Elsewhere))
		}
		if errors.Is(err, ErrRefusedForGood) {
			r.Log.WarnContext(ctx, "reminder not sent", "user", userID, "reason", err)
			err = nil
		}
	}
	return err
}

// addresses are where a user is reminded, and in which language: nowhere when the account is disabled. Of users elsewhere no language is known.
func (r Reminders) addresses(ctx context.Context, userID, kept string) (to []string, language string, err error) {
	if r.Elsewhere {
		if mailable(kept) {
			to = append(to, kept)
		}
		return to, "", nil
	}
	identities, err := r.Store.Identities(ctx, userID)
	if errors.Is(err, model.ErrNotFound) {
		err = nil
	}
	language = languageOf(identities)
	return addressesOf(slices.DeleteFunc(identities, func(id model.Identity) bool { return id.UserDisabled || id.Pending })), language, err
}
