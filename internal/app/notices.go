package app

import (
	"context"
	"log/slog"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/app/mail"
	"latchkey/internal/lang"
	"latchkey/internal/limits"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/upstream"
)

// mailing is how the program sends emails, if it does.
type mailing struct{ box *mail.Outbox }

// connectMail gets ready to send emails, and connects nowhere yet: a mail server that is down keeps nobody from their keys.
func (a *App) connectMail(cfg config.Settings) mailing {
	if cfg.Mail == nil {
		return mailing{}
	}
	return mailing{mail.New(mail.Server(*cfg.Mail), a.url, cfg.Now, a.log)}
}

// mailer is nil, and not an interface that holds nil, when no emails are sent.
func (m mailing) mailer() accounts.Mailer {
	if m.box == nil {
		return nil
	}
	return m.box
}

// stuck says whether no email has been delivered for so long that pages must not promise any.
func (m mailing) stuck() bool { return m.box != nil && m.box.Stuck() }

// lookAfterMails warns the operator when emails are not delivered, and when they are again.
func (a *App) lookAfterMails(ctx context.Context) {
	box := a.mails.box
	if box == nil {
		return
	}
	box.Look(ctx)
	since, reason := box.Trouble()
	switch {
	case box.Stuck():
		a.warnings.raise(warnMail, "no email has been delivered for an hour: links are not arriving, and pages say so", "since", since.UTC().Format(time.RFC3339), "reason", reason)
	case since.IsZero():
		a.warnings.settle(warnMail, "email is delivered again")
	}
}

func (m mailing) drain() {
	if m.box != nil {
		m.box.Drain()
	}
}

// letters are those of jobs, and of what is done at another server.
func (a *App) letters(cfg config.Settings) accounts.Letters {
	return accounts.Letters{PublicURL: a.url, Name: cfg.Name, Contact: cfg.Contact, Language: cfg.Language}
}

func tagOf(l *lang.Language) string {
	tag, _ := l.HTML()
	return tag
}

// notices tells people what was done at another server, nil when no emails are sent. The accounts here tell people themselves.
func (m mailing) notices(letters accounts.Letters, now func() time.Time, shared *limits.Shared, log *slog.Logger) upstream.Notices {
	if m.box == nil {
		return nil
	}
	return notices{m.box, letters, accounts.NewNotices(now, shared), log}
}

// reminders tell people that their keys expire, nil when no emails are sent.
func (m mailing) reminders(st *store.Store, letters accounts.Letters, elsewhere bool, log *slog.Logger) *accounts.Reminders {
	if m.box == nil {
		return nil
	}
	return &accounts.Reminders{Store: st, Letters: letters, Mail: m.box, Elsewhere: elsewhere, Log: log}
}

type notices struct {
	mailer  accounts.Mailer
	letters accounts.Letters
	counts  *accounts.Quota
	log     *slog.Logger
}

// KeyCreated tells the owner of an email address of a key.
func (n notices) KeyCreated(ctx context.Context, email, key string, words model.Words, at time.Time, from model.Origin) error {
	l := n.letters.In(from.Language)
	letter := l.KeyCreated
	if from.Pairing != "" {
		letter = l.Paired
	}
	return n.send(ctx, email, letter(email, key, words, accounts.Circumstances{At: at, Address: from.Address}))
}

// KeyLeaked tells the owner of an email address of a key whose value leaked.
func (n notices) KeyLeaked(
	ctx context.Context, email, key string, words model.Words, news upstream.Leaked, at time.Time, from model.Origin,
) error {
	c := accounts.Circumstances{At: at, Address: from.Address}
	l := n.letters.In(from.Language)
	letter := l.KeyLeaked(email, key, words, news == upstream.LeakedWasOff, c)
	if news == upstream.LeakedTurnedOn {
		letter = l.LeakedKeyOn(email, key, words, c)
	}
	return n.send(ctx, email, letter)
}

// send sends a notice, unless there were too many to that address within the hour: the activity has all of them.
func (n notices) send(ctx context.Context, email string, letter accounts.Email) error {
	switch wait, err := n.counts.Take(ctx, email); {
	case err != nil:
		return err
	case wait > 0:
		n.log.DebugContext(ctx, "notice email skipped: too many within the hour")
		return nil
	}
	return n.mailer.Send(ctx, letter)
}
