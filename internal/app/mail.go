package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/client"
	"latchkey/internal/accounts"

	"github.com/wneessen/go-mail"
)

// mailTime is how long a mail server may take for one mail, from the connection to its word that it has it.
const mailTime = 20 * time.Second

// mailServer is what --smtp says.
type mailServer struct {
	host       string
	port       int
	tls        bool // from the first byte on; otherwise STARTTLS
	user       string
	password   client.Secret
	from       string
	unsealable bool // the server is on this machine: what goes there needs no encryption
}

const smtpForm = "must be like smtp://user:password@mail.example.org:587?from=keys@example.org, or smtps://…"

// hidden stands for a setting of which nobody knows where the password is.
const hidden = "[hidden]"

// parseSMTP reads the setting. Its complaints show no more of it than the server.
func parseSMTP(setting client.Secret) (*mailServer, error) {
	if setting == "" {
		return nil, nil
	}
	u, err := url.Parse(setting.Reveal())
	if err != nil {
		return nil, refuse("smtp", hidden, smtpForm) // the error of package url quotes all of it
	}
	shown := hidden
	if u.Host != "" && u.User != nil { // without a user, what stands for the host may be what a # or / in the password cut off
		shown = u.Scheme + "://…@" + u.Host
	}
	m := &mailServer{host: u.Hostname(), tls: u.Scheme == "smtps", user: u.User.Username(), from: u.Query().Get("from")}
	password, hasPassword := u.User.Password()
	m.password = client.Secret(password)
	query := u.Query()
	query.Del("from")
	sender, fromErr := netmail.ParseAddress(m.from)
	var portErr error
	if m.port, portErr = portOf(u); portErr != nil || m.host == "" || len(query) > 0 || u.Path != "" && u.Path != "/" ||
		u.Scheme != "smtp" && u.Scheme != "smtps" || (m.user == "") == hasPassword {
		return nil, refuse("smtp", shown, smtpForm)
	}
	if fromErr != nil || sender.Address != m.from {
		return nil, refuse("smtp", shown, "must end with ?from= and the address that mails are sent from")
	}
	m.unsealable = !m.tls && (m.host == "localhost" || net.ParseIP(m.host).IsLoopback())
	return m, nil
}

func portOf(u *url.URL) (int, error) {
	switch {
	case u.Port() != "":
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		return int(port), err //nolint:gosec // 16 bits
	case u.Scheme == "smtps":
		return 465, nil
	default:
		return 587, nil
	}
}

// smtpMailer gives mails to a server, one connection each.
type smtpMailer struct {
	mailServer
	tlsConfig *tls.Config // nil: what the machine trusts
	now       func() time.Time
}

// deliver returns when the server has the mail, or with a reason that names neither its receiver nor a password.
func (m smtpMailer) deliver(ctx context.Context, letter accounts.Mail) error {
	msg, err := m.message(letter)
	if err != nil {
		return errRefusedMail{errors.New("the mail cannot be written")} // the cause quotes the address
	}
	c, err := mail.NewClient(m.host, m.options()...)
	if err != nil {
		return fmt.Errorf("mail settings: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- c.DialAndSendWithContext(ctx, msg) }() // once connected it has an eye on its own clock alone
	select {
	case err = <-sent:
	case <-ctx.Done():
		err = context.DeadlineExceeded
	}
	return mailError(err)
}

func (m smtpMailer) options() []mail.Option {
	options := []mail.Option{mail.WithPort(m.port), mail.WithTimeout(mailTime), mail.WithTLSPolicy(mail.TLSMandatory)}
	if m.tlsConfig != nil {
		options = append(options, mail.WithTLSConfig(m.tlsConfig))
	}
	auth := mail.SMTPAuthAutoDiscover
	switch {
	case m.tls:
		options = append(options, mail.WithSSL())
	case m.unsealable:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
		auth = mail.SMTPAuthPlainNoEnc
	}
	if m.user != "" {
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(m.user), mail.WithPassword(m.password.Reveal()))
	}
	return options
}

// message is plain text alone. Package mail refuses addresses and encodes subjects that would start another header.
func (m smtpMailer) message(letter accounts.Mail) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(m.from), msg.To(letter.To)); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(m.from, "@")
	msg.SetMessageIDWithValue(rand.Text() + "@" + domain) // its own would name this machine
	msg.SetDateWithValue(m.now())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no answers from programs, please
	msg.Subject(strings.Map(inItsLine, letter.Subject))
	msg.SetBodyString(mail.TypeTextPlain, letter.Text)
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
type errRefusedMail struct{ error }

// mailError says why a mail did not get through, in words that are fit for a log: servers quote addresses in theirs.
func mailError(err error) error {
	var send *mail.SendError
	var said *textproto.Error
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &send) && send.ErrorCode() >= 500:
		return errRefusedMail{fmt.Errorf("the mail server refuses the mail (%d)", send.ErrorCode())}
	case errors.As(err, &send) && send.ErrorCode() > 0:
		return fmt.Errorf("the mail server refuses the mail for now (%d)", send.ErrorCode())
	case errors.As(err, &said):
		return fmt.Errorf("the mail server refuses to talk to us (%d)", said.Code)
	case errors.As(err, &untrusted):
		return fmt.Errorf("no secure connection to the mail server: %w", untrusted)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return errors.New("the mail server did not answer in time")
	case errors.As(err, &op):
		return fmt.Errorf("no connection to the mail server: %w", op)
	default:
		return errors.New("the mail server is not one that we can use: it may lack STARTTLS or a way to log in")
	}
}
