package e2e

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
)

// mailbox is a mail server that keeps what it is given.
type mailbox struct {
	url   string
	mails chan receivedMail
	clock clock // of the program
}

// receivedMail is a mail as a person reads it.
type receivedMail struct{ to, subject, text string }

// startMailbox starts one on this machine.
func startMailbox(t *testing.T) *mailbox {
	t.Helper()
	box := &mailbox{mails: make(chan receivedMail, 100)}
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

// startWithMail starts a program that sends its mails there.
func startWithMail(t *testing.T, change ...func(*config.Config)) (*program, *mailbox) {
	t.Helper()
	box := startMailbox(t)
	p := startProgram(t, append(change, func(cfg *config.Config) {
		cfg.SMTP, cfg.Now = model.Secret(box.url), box.clock.now
	})...)
	return p, box
}

type mailSession struct {
	box *mailbox
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

// next waits for a mail.
func (b *mailbox) next(t *testing.T) receivedMail {
	t.Helper()
	select {
	case m := <-b.mails:
		return m
	case <-time.After(10 * time.Second):
		t.Fatal("no mail came")
		return receivedMail{}
	}
}

// about waits for the next mail, which must be to that address and about that.
func (b *mailbox) about(t *testing.T, to, subject string) receivedMail {
	t.Helper()
	m := b.next(t)
	if m.to != to || m.subject != subject {
		t.Fatalf("a mail to %s about %q, want one to %s about %q", m.to, m.subject, to, subject)
	}
	return m
}

// isEmpty makes sure that no other mail is on its way. Mails are sent at once or not at all.
func (b *mailbox) isEmpty(t *testing.T) {
	t.Helper()
	select {
	case m := <-b.mails:
		t.Errorf("one more mail, to %s about %q", m.to, m.subject)
	default:
	}
}

var linkInMail = regexp.MustCompile(`https?://\S+/(confirm|reset)\?\S+`)

// link is where the link of the mail leads, without the host.
func (m receivedMail) link(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(linkInMail.FindString(m.text))
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("no link in %q", m.text)
	}
	return u.RequestURI()
}

// confirmed makes an account and confirms its address, without a browser. A minute later the next mail can be asked for.
func (p *program) confirmed(t *testing.T, box *mailbox, email string) *person {
	t.Helper()
	if err := p.client.Register(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(box.about(t, email, "Confirm your address").link(t))
	if err != nil {
		t.Fatal(err)
	}
	p.follow(t, link)
	box.clock.advance(time.Minute)
	return &person{email, p.logIn(t, client.EmailPassword(email, password))}
}

// follow does what the page behind the link does.
func (p *program) follow(t *testing.T, link *url.URL) {
	t.Helper()
	if res := p.send(t, "POST", link.Path, link.Query(), nil); res.StatusCode != 303 || !strings.HasSuffix(res.Header.Get("Location"), "/login") {
		t.Fatalf("%s: %s", link.Path, res.Status)
	}
}
