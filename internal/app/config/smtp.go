package config

import (
	netmail "net/mail"
	"net/url"
	"strconv"

	"latchkey/internal/app/weburl"
	"latchkey/internal/model"
)

// MailServer is what --smtp says.
type MailServer struct {
	Host      string
	Port      int
	TLS       bool // from the first byte on; otherwise STARTTLS
	User      string
	Password  model.Secret
	From      string
	Plaintext bool // the server is on this machine: what goes there needs no encryption
}

const smtpForm = "must be like smtp://user:password@mail.example.org:587?from=keys@example.org, or smtps://…"

// hidden stands for a setting of which nobody knows where the password is.
const hidden = "[hidden]"

// parseSMTP reads the setting. Its complaints show no more of it than the server.
func parseSMTP(setting model.Secret) (*MailServer, error) {
	if setting == "" {
		return nil, nil
	}
	u, err := url.Parse(setting.Reveal())
	if err != nil {
		return nil, Refuse("smtp", hidden, smtpForm) // the error of package url quotes all of it
	}
	shown := hidden
	if u.Host != "" && u.User != nil { // without a user, what stands for the host may be what a # or / in the password cut off
		shown = u.Scheme + "://…@" + u.Host
	}
	m := &MailServer{Host: u.Hostname(), TLS: u.Scheme == "smtps", User: u.User.Username(), From: u.Query().Get("from")}
	password, hasPassword := u.User.Password()
	m.Password = model.Secret(password)
	query := u.Query()
	query.Del("from")
	sender, fromErr := netmail.ParseAddress(m.From)
	var portErr error
	if m.Port, portErr = portOf(u); portErr != nil || m.Host == "" || len(query) > 0 || u.Path != "" && u.Path != "/" ||
		u.Scheme != "smtp" && u.Scheme != "smtps" || (m.User == "") == hasPassword {
		return nil, Refuse("smtp", shown, smtpForm)
	}
	if fromErr != nil || sender.Address != m.From {
		return nil, Refuse("smtp", shown, "must end with ?from= and the address that mails are sent from")
	}
	m.Plaintext = !m.TLS && weburl.IsLoopback(m.Host)
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
