package story

import (
	"bytes"
	"context"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// Mailbox is a mail server that keeps what it is given.
type Mailbox struct {
	url   string
	mails chan receivedMail
	Clock testkit.Clock // of the program
}

// receivedMail is a mail as a person reads it.
type receivedMail struct{ To, Subject, Text string }

// startMailbox starts one on this machine.
func startMailbox(t *testing.T) *Mailbox {
	t.Helper()
	box := &Mailbox{mails: make(chan receivedMail, 100)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: box}, nil }))
	server.Domain = "mail.test"
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }() // until Close
	t.Cleanup(func() { _ = server.Close() })
	box.url = "smtp://" + l.Addr().String() + "?from=keys@example.org"
	return box
}

// StartWithMail starts a program that sends its mails there.
func StartWithMail(t *testing.T, change ...func(*config.Config)) (*Program, *Mailbox) {
	t.Helper()
	box := startMailbox(t)
	p := StartProgram(t, append(change, func(cfg *config.Config) {
		cfg.SMTP, cfg.Now = model.Secret(box.url), box.Clock.Now
	})...)
	return p, box
}

type mailSession struct {
	box *Mailbox
	to  string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	s.box.mails <- receivedMail{s.to, m.Header.Get("Subject"), string(text)}
	return err
}

func (s *mailSession) Reset() {}

func (s *mailSession) Logout() error { return nil }

// Next waits for a mail.
func (b *Mailbox) Next(t *testing.T) receivedMail {
	t.Helper()
	select {
	case m := <-b.mails:
		return m
	case <-Within(t).Done():
		t.Fatal("no mail came:", context.Cause(Within(t)))
		return receivedMail{}
	}
}

// About waits for the next mail, which must be to that address and about that.
func (b *Mailbox) About(t *testing.T, to, subject string) receivedMail {
	t.Helper()
	m := b.Next(t)
	if m.To != to || m.Subject != "Latchkey: "+subject {
		t.Fatalf("a mail to %s about %q, want one to %s about %q", m.To, m.Subject, to, subject)
	}
	return m
}

// IsEmpty makes sure that no other mail is on its way. Mails are sent at once or not at all.
func (b *Mailbox) IsEmpty(t *testing.T) {
	t.Helper()
	select {
	case m := <-b.mails:
		t.Errorf("one more mail, to %s about %q", m.To, m.Subject)
	default:
	}
}

var linkInMail = regexp.MustCompile(`https?://\S+/(confirm|reset)\?\S+`)

// Link is where the link of the mail leads, without the host.
func (m receivedMail) Link(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(linkInMail.FindString(m.Text))
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("no link in %q", m.Text)
	}
	return u.RequestURI()
}

// Confirmed makes an account and confirms its address, without a browser. A minute later the next mail can be asked for.
func (p *Program) Confirmed(t *testing.T, box *Mailbox, email string) *Person {
	t.Helper()
	if err := p.Client.Register(Within(t), email, Password); err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(box.About(t, email, "Confirm your email address").Link(t))
	if err != nil {
		t.Fatal(err)
	}
	form := link.Query()
	form.Set("password", Password)
	p.Follow(t, &url.URL{Path: link.Path, RawQuery: form.Encode()})
	box.Clock.Advance(time.Minute)
	return &Person{email, p.LogIn(t, client.EmailPassword(email, Password))}
}

// Follow does what the page behind the link does, with what is typed there in its query: where it leads depends on whom it signs in.
func (p *Program) Follow(t *testing.T, link *url.URL) {
	t.Helper()
	if res := p.Send(t, "POST", link.Path, link.Query(), nil); res.StatusCode != 303 {
		t.Fatalf("%s: %s", link.Path, res.Status)
	}
}
