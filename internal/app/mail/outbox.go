package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"latchkey/internal/accounts"
)

const (
	// maxMails is how many mails may wait. They are kept in memory alone: a mail that a restart loses can be asked for again, and
	// what a notice tells of is in the account's activity.
	maxMails = 1000
	// maxNotices is how many of them may be notices. The rest is for links, which somebody waits for.
	maxNotices = maxMails / 2
	// mailsAtOnce bounds the connections to the mail server.
	mailsAtOnce = 4
	// mailsEndIn is how long a program that stops waits for its mail server.
	mailsEndIn = 5 * time.Second
)

// mailPauses are how long a mail waits before it is tried again: a mail server may be restarting, or want to see us come back.
func mailPauses() []time.Duration {
	return []time.Duration{20 * time.Second, 2 * time.Minute, 8 * time.Minute}
}

var errTooManyMails = errors.New("too many mails are waiting for the mail server")

// Outbox takes mails and delivers them, so that nobody waits for a mail server: neither a person nor whoever watches how long an
// answer takes.
type Outbox struct {
	deliver func(context.Context, accounts.Mail) error
	log     *slog.Logger
	waiting chan struct{} // one entry for each mail that is not gone
	notices chan struct{} // one for each of these that is a notice
	sending chan struct{} // one for each that is being delivered
	mails   sync.WaitGroup
	ending  chan struct{} // closed when nothing is tried again
	end     sync.Once
	ctx     context.Context
	cut     context.CancelFunc
}

// New gives what takes mails for a server. It connects nowhere yet. publicURL is by which address people reach the program.
func New(server Server, publicURL string, now func() time.Time, log *slog.Logger) *Outbox {
	return newOutbox(smtpMailer{Server: server, hello: helloOf(publicURL, server.From), now: now}.deliver, log)
}

func newOutbox(deliver func(context.Context, accounts.Mail) error, log *slog.Logger) *Outbox {
	o := &Outbox{
		deliver: deliver, log: log, ending: make(chan struct{}),
		waiting: make(chan struct{}, maxMails), notices: make(chan struct{}, maxNotices), sending: make(chan struct{}, mailsAtOnce),
	}
	o.ctx, o.cut = context.WithCancel(context.Background()) //nolint:gosec // Drain calls it
	return o
}

// Send takes a mail.
func (o *Outbox) Send(_ context.Context, m accounts.Mail) error {
	leave, ok := o.enter(m)
	if !ok {
		return errTooManyMails
	}
	o.mails.Go(func() {
		defer leave()
		o.carry(m)
	})
	return nil
}

// enter takes the place of a mail among those that wait, if there is one.
func (o *Outbox) enter(m accounts.Mail) (leave func(), ok bool) {
	taken := []chan struct{}{o.waiting}
	if m.Notice {
		taken = []chan struct{}{o.notices, o.waiting}
	}
	leave = func() {
		for _, places := range taken {
			<-places
		}
	}
	for i, places := range taken {
		select {
		case places <- struct{}{}:
		default:
			taken = taken[:i]
			leave()
			return nil, false
		}
	}
	return leave, true
}

// carry tries until the mail is delivered, until the server says that it never will be, or until it was tried often enough. The log
// says which kind of mail it was and not whose.
func (o *Outbox) carry(m accounts.Mail) {
	pauses := mailPauses()
	for try := 0; ; try++ {
		err := o.try(m)
		if err == nil {
			o.log.Debug("mail sent", "tries", try+1)
			return
		}
		var refused errRefusedMail
		if errors.As(err, &refused) || try == len(pauses) || !o.pause(pauses[try]) {
			o.log.Error("mail not sent", "tries", try+1, "reason", err)
			return
		}
		o.log.Warn("mail not sent yet", "again", pauses[try], "reason", err)
	}
}

func (o *Outbox) try(m accounts.Mail) error {
	o.sending <- struct{}{}
	defer func() { <-o.sending }()
	return o.deliver(o.ctx, m)
}

// pause reports whether there is another try.
func (o *Outbox) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.ending:
		return false
	}
}

// Drain tries no mail again and waits a little for those that are being delivered.
func (o *Outbox) Drain() {
	o.end.Do(func() { close(o.ending) })
	cutting := time.AfterFunc(mailsEndIn, o.cut)
	defer cutting.Stop()
	o.mails.Wait()
	o.cut()
}
