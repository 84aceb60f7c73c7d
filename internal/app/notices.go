package app

import (
	"context"
	"log/slog"

	"latchkey/handlers"
	"latchkey/internal/accounts"
)

// mailing is how the program sends mails, if it does.
type mailing struct{ box *outbox }

// connectMail gets ready to send mails, and connects nowhere yet: a mail server that is down keeps nobody from their keys.
func (a *App) connectMail(cfg Config) mailing {
	server, _ := parseSMTP(cfg.SMTP) // Validate has seen it
	if server == nil {
		return mailing{}
	}
	return mailing{newOutbox(smtpMailer{mailServer: *server, now: cfg.Now}.deliver, a.log)}
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
		m.box.drain()
	}
}

// notices is for a dashboard whose key service is elsewhere: the embedded one tells people itself.
func (m mailing) notices(cfg Config, publicURL string) handlers.Notices {
	if m.box == nil || cfg.Upstream == "" {
		return nil
	}
	return notices{m.box, accounts.Letters{PublicURL: publicURL}, accounts.NewNotices(cfg.Now), m.box.log}
}

// notices tells people by mail what was done on the dashboard.
type notices struct {
	box     *outbox
	letters accounts.Letters
	counts  *accounts.Quota
	log     *slog.Logger
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
	return n.box.Send(ctx, letter(made.To, made.Key, accounts.Circumstances{At: made.At, Address: made.Address}))
}
