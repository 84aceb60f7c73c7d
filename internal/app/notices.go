package app

import (
	"context"
	"log/slog"
	"time"

	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/app/mail"
)

// mailing is how the program sends mails, if it does.
type mailing struct{ box *mail.Outbox }

// connectMail gets ready to send mails, and connects nowhere yet: a mail server that is down keeps nobody from their keys.
func (a *App) connectMail(cfg config.Settings) mailing {
	if cfg.Mail == nil {
		return mailing{}
	}
	return mailing{mail.New(mail.Server(*cfg.Mail), cfg.Now, a.log)}
}

// mailer is nil, and not an interface that holds nil, when no mails are sent.
func (m mailing) mailer() accounts.Mailer {
	if m.box == nil {
		return nil
	}
	return m.box
}

func (m mailing) drain() {
	if m.box != nil {
		m.box.Drain()
	}
}

// notices is for a dashboard whose key service is elsewhere: the embedded one tells people itself.
func (m mailing) notices(cfg config.Settings, publicURL string, log *slog.Logger) handlers.Notices {
	if m.box == nil || cfg.Upstream == nil {
		return nil
	}
	return newNotices(m.box, publicURL, cfg.Now, log)
}

// notices tells people by mail what was done on the dashboard.
type notices struct {
	mailer  accounts.Mailer
	letters accounts.Letters
	counts  *accounts.Quota
	log     *slog.Logger
}

func newNotices(mailer accounts.Mailer, publicURL string, now func() time.Time, log *slog.Logger) notices {
	return notices{mailer, accounts.Letters{PublicURL: publicURL}, accounts.NewNotices(now), log}
}

func (n notices) KeyMade(ctx context.Context, made handlers.KeyMade) error {
	if n.counts.Take(made.To) > 0 { // the activity has all of them
		n.log.DebugContext(ctx, "notice by mail left out: there were many")
		return nil
	}
	letter := n.letters.KeyMade
	if made.Paired {
		letter = n.letters.Paired
	}
	return n.mailer.Send(ctx, letter(made.To, made.Key, accounts.Circumstances{At: made.At, Address: made.Address}))
}
