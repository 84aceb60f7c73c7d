package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"latchkey/internal/accounts"
)

const (
	// maxMails is how many emails may wait. They are kept in memory alone: an email that a restart loses can be asked for again, and
	// what a notice tells of is in the account's activity.
	maxMails = 1000
	// maxMailBytes bounds what they hold together. An email has 2 KB at most by itself; what strangers send is in none except for an address
	// and a name.
	maxMailBytes = 4 << 20
	// maxNotices is how many of them may be notices. The rest is for links, which somebody waits for.
	maxNotices = maxMails / 2
	// mailsAtOnce bounds the connections to the mail server.
	mailsAtOnce = 4
	// mailsEndIn is how long a program that stops waits for its mail server.
	mailsEndIn = 5 * time.Second
)

// mailPauses are how long an email waits before it is tried again: a mail server may be restarting, or want to see us come back.
func mailPauses() []time.Duration {
	return []time.Duration{20 * time.Second, 2 * time.Minute, 8 * time.Minute}
}

// Outbox takes emails and delivers them, so that nobody waits for a mail server: neither a person nor an attacker who measures how long an
// answer takes.
type Outbox struct {
	deliver func(context.Context, accounts.Email) error
	health  *health
	log     *slog.Logger
	waiting chan struct{} // one entry for each email that is not gone
	notices chan struct{} // one for each of these that is a notice
	sending chan struct{} // one for each that is being delivered
	mails   sync.WaitGroup

	mu    sync.Mutex
	bytes int // of the emails that wait

	ending chan struct{} // closed when nothing is tried again
	end    sync.Once
	ctx    context.Context
	cut    context.CancelFunc
}

// New gives what takes emails for a server. It connects nowhere yet. publicURL is by which address people reach the program.
func New(server Server, publicURL string, now func() time.Time, log *slog.Logger) *Outbox {
	m := smtpMailer{Server: server, hello: helloOf(publicURL, server.From), now: now}
	o := newOutbox(m.deliver, now, log)
	o.health.probe = m.probe
	return o
}

func newOutbox(deliver func(context.Context, accounts.Email) error, now func() time.Time, log *slog.Logger) *Outbox {
	o := &Outbox{
		deliver: deliver, health: &health{now: now}, log: log, ending: make(chan struct{}),
		waiting: make(chan struct{}, maxMails), notices: make(chan struct{}, maxNotices), sending: make(chan struct{}, mailsAtOnce),
	}
	o.ctx, o.cut = context.WithCancel(context.Background()) //nolint:gosec // Drain calls it
	return o
}

// Send takes an email.
func (o *Outbox) Send(_ context.Context, m accounts.Email) error {
	leave, ok := o.enter(m)
	if !ok {
		return accounts.ErrQueueFull
	}
	o.mails.Go(func() {
		defer leave()
		o.carry(m)
	})
	return nil
}

// Deliver tries once, and returns when the mail server has the email or with the reason why it has not. It is for those who keep in the
// database what is to be sent: nothing of it waits here.
func (o *Outbox) Deliver(ctx context.Context, m accounts.Email) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := o.try(m)
	var refused errRefusedMail
	if errors.As(err, &refused) && refused.ofOne {
		return fmt.Errorf("%w: %w", accounts.ErrRefusedForGood, err)
	}
	return err
}

// enter takes the place of an email among those that wait, if there is one.
func (o *Outbox) enter(m accounts.Email) (leave func(), ok bool) {
	taken := []chan struct{}{o.waiting}
	if m.Notice {
		taken = []chan struct{}{o.notices, o.waiting}
	}
	size := len(m.To) + len(m.Subject) + len(m.Text)
	if !o.hold(size, m.Notice) {
		return nil, false
	}
	leave = func() {
		o.release(size)
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

// hold counts the bytes of an email, if there is room for them. Notices leave half of it to links.
func (o *Outbox) hold(size int, notice bool) bool {
	most := maxMailBytes
	if notice {
		most /= 2
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes+size > most {
		return false
	}
	o.bytes += size
	return true
}

func (o *Outbox) release(size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= size
}

// carry tries until the email is delivered, until the server says that it never will be, or until it was tried often enough. The log
// says which kind of email it was and not whose.
func (o *Outbox) carry(m accounts.Email) {
	pauses := mailPauses()
	for try := 0; ; try++ {
		err := o.try(m)
		if err == nil {
			o.log.Debug("email sent", "tries", try+1)
			return
		}
		var refused errRefusedMail
		if errors.As(err, &refused) || try == len(pauses) || !o.pause(pauses[try]) {
			o.log.Error("email not sent", "tries", try+1, "reason", err)
			return
		}
		o.log.Warn("email not sent yet", "again", pauses[try], "reason", err)
	}
}

func (o *Outbox) try(m accounts.Email) error {
	o.sending <- struct{}{}
	defer func() { <-o.sending }()
	if err := o.health.resting(); err != nil {
		return err
	}
	err := o.deliver(o.ctx, m)
	o.health.learn(err)
	return err
}

// Waiting is how many emails are not gone.
func (o *Outbox) Waiting() int { return len(o.waiting) }

// Trouble says since when no email has been delivered, and why: zero when the last one was.
func (o *Outbox) Trouble() (since time.Time, reason string) { return o.health.trouble() }

// Stuck says whether no email has been delivered for so long that none may be promised.
func (o *Outbox) Stuck() bool { return o.health.stuck() }

// Look asks a server that has been failing whether it is well again, so that this is known before somebody needs an email. It is
// called now and then.
func (o *Outbox) Look(ctx context.Context) { o.health.look(ctx) }

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

// Drain tries no email again and waits a little for those that are being delivered.
func (o *Outbox) Drain() {
	o.end.Do(func() { close(o.ending) })
	cutting := time.AfterFunc(mailsEndIn, o.cut)
	defer cutting.Stop()
	o.mails.Wait()
	o.cut()
}
