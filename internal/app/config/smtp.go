package config

import (
	"fmt"
	netmail "net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
	if why := unescaped(setting.Reveal()); why != "" {
		return nil, Refuse("smtp", hidden, why)
	}
	u, err := url.Parse(setting.Reveal())
	if err != nil {
		return nil, Refuse("smtp", hidden, smtpForm) // the error of package url quotes all of it
	}
	u.RawQuery = strings.ReplaceAll(u.RawQuery, "+", "%2B") // in an address it is one, and not a space as in a form
	shown := hidden
	if u.Host != "" && u.User != nil { // without a user, what stands for the host may be what a # or / in the password cut off
		shown = u.Scheme + "://…@" + u.Host
	}
	host, hostErr := weburl.Host(u.Hostname())
	m := &MailServer{Host: host, TLS: u.Scheme == "smtps", User: u.User.Username(), From: u.Query().Get("from")}
	password, hasPassword := u.User.Password()
	m.Password = model.Secret(password)
	query := u.Query()
	query.Del("from")
	sender, fromErr := netmail.ParseAddress(m.From)
	var portErr error
	if m.Port, portErr = portOf(u); portErr != nil || hostErr != nil || len(query) > 0 || u.Path != "" && u.Path != "/" ||
		u.Scheme != "smtp" && u.Scheme != "smtps" || (m.User == "") == hasPassword {
		return nil, Refuse("smtp", shown, smtpForm)
	}
	if fromErr != nil || sender.Address != m.From {
		return nil, Refuse("smtp", shown, "must end with ?from= and the address that email is sent from, and nothing else, such as ?from=keys@example.org")
	}
	m.From = weburl.SentAddress(m.From)
	m.Plaintext = !m.TLS && weburl.IsLoopback(m.Host)
	return m, nil
}

// senderQuery is where the query with the sender's address begins: what stands before it may have any character of a password.
var senderQuery = regexp.MustCompile(`\?([^?@]*&)?from=`)

// plainInUser is what may stand in the user and the password as it is. A colon ends the user, and an at sign is read as what it
// means.
const plainInUser = "-._~!$&'()*+,;=:@%"

// unescaped says which characters of the user or the password must be written otherwise, if any must. They are named one by one,
// and not where they stand.
func unescaped(setting string) string {
	_, rest, _ := strings.Cut(setting, "://")
	if all := senderQuery.FindAllStringIndex(rest, -1); all != nil {
		rest = rest[:all[len(all)-1][0]]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return ""
	}
	return unescapedIn(rest[:at], plainInUser)
}

// unescapedIn looks at a user and a password, in which the plain characters may stand as they are beside letters and digits.
func unescapedIn(user, plain string) string {
	var instead []string
	for i, r := range user {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if letter || r != '%' && strings.ContainsRune(plain, r) || r == '%' && escape.MatchString(user[i:]) {
			continue
		}
		word := "%XX for each byte of anything that is not ASCII"
		if ' ' < r && r <= '~' {
			word = fmt.Sprintf("%%%02X for %c", r, r)
		} else if r == ' ' {
			word = "%20 for a space"
		}
		if !slices.Contains(instead, word) {
			instead = append(instead, word)
		}
	}
	if instead == nil {
		return ""
	}
	return "some characters in the user name and the password must be escaped: write " + strings.Join(instead, ", ")
}

var escape = regexp.MustCompile(`^%[0-9A-Fa-f]{2}`)

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
