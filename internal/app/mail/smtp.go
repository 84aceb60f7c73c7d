// Package mail gives messages to a mail server, and keeps them while that server has to be waited for.
package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"latchkey/internal/accounts"
	"latchkey/internal/app/weburl"
	"latchkey/internal/model"
)

// mailTime is how long a mail server may take for one email, from the connection to its word that it has it.
const mailTime = 20 * time.Second

// Server is a server that takes emails.
type Server struct {
	Host      string
	Port      int
	TLS       bool // from the first byte on; otherwise STARTTLS
	User      string
	Password  model.Secret
	From      string
	Plaintext bool // the server is on this machine: what goes there needs no encryption
}

// smtpMailer gives emails to a server, one connection each.
type smtpMailer struct {
	Server
	tlsConfig *tls.Config // nil: what the machine trusts
	hello     string      // what we call ourselves
	now       func() time.Time
}

// helloOf is what the program calls itself to mail servers: the host by which people reach it, or that of its sender when that is an
// address, or a name that is no full one. Strict servers take nothing else (Postfix's reject_non_fqdn_helo_hostname), and the name
// of this machine is nobody's business.
func helloOf(publicURL, from string) string {
	if u, err := url.Parse(publicURL); err == nil {
		if host := u.Hostname(); strings.Contains(host, ".") && net.ParseIP(host) == nil && !strings.Contains(host, "_") {
			return host
		}
	}
	return from[strings.LastIndexByte(from, '@')+1:]
}

// AtOnce gives what hands emails to a server before it returns, for a command that ends then.
func AtOnce(server Server, publicURL string, now func() time.Time) accounts.Mailer {
	return atOnce{smtpMailer{Server: server, hello: helloOf(publicURL, server.From), now: now}}
}

type atOnce struct{ smtpMailer }

// Send returns when the server has the email, or with the reason why it has not.
func (m atOnce) Send(ctx context.Context, letter accounts.Email) error { return m.deliver(ctx, letter) }

// deliver returns when the server has the email, or with a reason that names neither its receiver nor a password.
func (m smtpMailer) deliver(ctx context.Context, letter accounts.Email) error {
	msg, err := m.message(letter)
	if err != nil {
		return errRefusedMail{errors.New("the email cannot be written"), true} // the cause quotes the address
	}
	return m.connect(ctx, func(ctx context.Context, c *gomail.Client) error { return c.DialAndSendWithContext(ctx, msg) })
}

// probe goes as far with the server as one can without an email.
func (m smtpMailer) probe(ctx context.Context) error {
	return m.connect(ctx, func(ctx context.Context, c *gomail.Client) error {
		if err := c.DialWithContext(ctx); err != nil {
			return err
		}
		return c.Close()
	})
}

func (m smtpMailer) connect(ctx context.Context, talk func(context.Context, *gomail.Client) error) error {
	c, err := gomail.NewClient(m.Host, m.options()...)
	if err != nil {
		return fmt.Errorf("mail settings: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- talk(ctx, c) }() // once connected it has an eye on its own clock alone
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return mailError(err)
}

func (m smtpMailer) options() []gomail.Option {
	options := []gomail.Option{gomail.WithPort(m.Port), gomail.WithTimeout(mailTime), gomail.WithHELO(m.hello), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	if m.tlsConfig != nil {
		options = append(options, gomail.WithTLSConfig(m.tlsConfig))
	}
	auth := gomail.SMTPAuthAutoDiscover
	switch {
	case m.TLS:
		options = append(options, gomail.WithSSL())
	case m.Plaintext:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		auth = gomail.SMTPAuthPlainNoEnc
	}
	if m.User != "" {
		options = append(options, gomail.WithSMTPAuth(auth), gomail.WithUsername(m.User), gomail.WithPassword(m.Password.Reveal()))
	}
	return options
}

// message is plain text alone. Package mail refuses addresses and encodes subjects that would start another header.
func (m smtpMailer) message(letter accounts.Email) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(m.From), msg.To(weburl.SentAddress(letter.To))); err != nil {
		return nil, err
	}
	msg.SetMessageIDWithValue(rand.Text() + "@" + m.hello) // its own would name this machine
	msg.SetDateWithValue(m.now())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no answers from programs, please
	if letter.Language != "" {
		msg.SetGenHeader("Content-Language", letter.Language)
	}
	msg.Subject(strings.Map(inItsLine, letter.Subject))
	msg.SetBodyString(gomail.TypeTextPlain, letter.Text)
	return msg, nil
}

// inItsLine keeps a header in its line.
func inItsLine(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// errRefusedMail is a refusal that will be the same next time.
type errRefusedMail struct {
	error
	ofOne bool // it is about this email's receiver, as far as one can tell, and not about all emails
}

// aboutOne are the answers of servers to an address that is none, or whose mailbox is full. What else is refused for good is
// refused to everybody: how we introduce ourselves, or that we may not send.
var aboutOne = []int{550, 551, 552, 553}

// mailError says why an email was not delivered, in words that are fit for a log: servers quote addresses in theirs.
func mailError(err error) error {
	var send *gomail.SendError
	var said *textproto.Error
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &send) && send.ErrorCode() >= 500:
		return errRefusedMail{fmt.Errorf("the mail server rejected the email (%d)", send.ErrorCode()), slices.Contains(aboutOne, send.ErrorCode())}
	case errors.As(err, &send) && send.ErrorCode() > 0:
		return fmt.Errorf("the mail server rejected the email for now (%d)", send.ErrorCode())
	case errors.As(err, &said):
		return fmt.Errorf("the mail server refused the connection (%d)", said.Code)
	case errors.As(err, &untrusted):
		return fmt.Errorf("no secure connection to the mail server: %w", untrusted)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("stopped while sending: %w", err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return errors.New("the mail server did not answer in time")
	case errors.As(err, &op):
		return fmt.Errorf("no connection to the mail server: %w", op)
	default:
		return errors.New("cannot use the mail server: it may lack STARTTLS or a supported way to sign in")
	}
}
