package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
)

const mailPassword = "canary-of-the-mail-server"

// mailHost is a real mail server on a free port. What is set before it starts decides how it behaves.
type mailHost struct {
	user, refuse string // refuse is an address that it takes no email for
	later        bool   // it says so in the way that means: not now
	tls          *tls.Config
	sealed       bool // TLS from the first byte on

	mu    sync.Mutex
	mails []receivedMail
}

// receivedMail is an email as the server got it.
type receivedMail struct {
	hello    string
	from, to string
	raw      []byte
}

func (h *mailHost) start(t *testing.T) (port int) {
	t.Helper()
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{host: h, conn: c}, nil }))
	s.Domain, s.TLSConfig, s.AllowInsecureAuth = "mail.test", h.tls, true
	s.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = l.Addr().(*net.TCPAddr).Port
	if h.sealed {
		l = tls.NewListener(l, h.tls)
	}
	go func() { _ = s.Serve(l) }() // until Close
	t.Cleanup(func() { _ = s.Close() })
	return port
}

func (h *mailHost) received() []receivedMail {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mails
}

type mailSession struct {
	host     *mailHost
	conn     *smtp.Conn
	let      bool
	from, to string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.host.user || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		s.let = true
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if _, sealed := s.conn.TLSConnectionState(); s.host.tls != nil && !sealed || s.host.user != "" && !s.let {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == s.host.refuse {
		code := 550
		if s.host.later {
			code = 450
		}
		return &smtp.SMTPError{Code: code, Message: "no mail for " + to + ", who is not here"}
	}
	s.to = to
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	s.host.mails = append(s.host.mails, receivedMail{s.conn.Hostname(), s.from, s.to, raw})
	return err
}

func (s *mailSession) Reset() {}

func (s *mailSession) Logout() error { return nil }

// certificate is for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (server, trusting *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// mailerFor is what --smtp makes for a server on this port, as if the server were on another machine.
func mailerFor(t *testing.T, setting string, port int, trusting *tls.Config) smtpMailer {
	t.Helper()
	cfg := config.Defaults()
	cfg.SMTP = model.Secret(strings.ReplaceAll(setting, "PORT", strconv.Itoa(port)))
	settings, err := cfg.Parse()
	if err != nil {
		t.Fatal(err)
	}
	server := Server(*settings.Mail)
	if trusting != nil {
		server.Plaintext = false
	}
	return smtpMailer{Server: server, tlsConfig: trusting, hello: helloOf("https://login.example.org", server.From), now: time.Now}
}

var letter = accounts.Email{To: "ana@example.org", Subject: "Latchkey: New key: porch-cam", Text: "Grüße.\n\nhttps://keys.example.org/reset?token=0123456789abcdef&tokenId=x\n.\nEnd.\n"}

func TestAMailArrivesAsItWasWritten(t *testing.T) {
	t.Parallel()
	serverTLS, trusting := certificate(t)
	for _, c := range []struct {
		name, setting string
		host          *mailHost
		trusting      *tls.Config
	}{
		{"on this machine", "smtp://127.0.0.1:PORT?from=keys@example.org", &mailHost{}, nil},
		{"on this machine, with a password", "smtp://keys%40example.org:" + mailPassword + "@127.0.0.1:PORT?from=keys@example.org", &mailHost{user: "keys@example.org"}, nil},
		{"STARTTLS", "smtp://keys:" + mailPassword + "@127.0.0.1:PORT?from=keys@example.org", &mailHost{user: "keys", tls: serverTLS}, trusting},
		{"TLS", "smtps://keys:" + mailPassword + "@127.0.0.1:PORT?from=keys@example.org", &mailHost{user: "keys", tls: serverTLS, sealed: true}, trusting},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := mailerFor(t, c.setting, c.host.start(t), c.trusting)
			if err := m.deliver(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
			mails := c.host.received()
			if len(mails) != 1 || mails[0].from != "keys@example.org" || mails[0].to != letter.To || mails[0].hello != "login.example.org" {
				t.Fatalf("received %+v", mails)
			}
			header, text := mails[0].read(t)
			if text != letter.Text {
				t.Errorf("text is %q, want %q", text, letter.Text)
			}
			for name, want := range map[string]string{
				"From": "<keys@example.org>", "To": "<ana@example.org>", "Subject": letter.Subject, "Auto-Submitted": "auto-generated",
				"Content-Type": "text/plain; charset=UTF-8",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if id := header.Get("Message-ID"); !strings.HasSuffix(id, "@login.example.org>") || header.Get("User-Agent")+header.Get("X-Mailer") != "" {
				t.Errorf("header %v", header)
			}
			if _, err := header.Date(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMailServersAreToldAFullNameThatIsNotThisMachines(t *testing.T) {
	t.Parallel()
	for publicURL, want := range map[string]string{
		"https://keys.example.org":       "keys.example.org",
		"https://keys.example.org:8443":  "keys.example.org",
		"https://xn--mnchen-3ya.example": "xn--mnchen-3ya.example",
		"http://192.168.1.5:8080":        "sender.example",
		"http://[2001:db8::1]:8080":      "sender.example",
		"http://localhost:8080":          "sender.example",
		"http://keys:8080":               "sender.example",
		"http://my_host.example.org":     "sender.example",
	} {
		if got := helloOf(publicURL, "keys@sender.example"); got != want {
			t.Errorf("%s: %s, want %s", publicURL, got, want)
		}
	}
}

func TestAMailGoesToTheSpellingOfADomainThatMailServersTake(t *testing.T) {
	t.Parallel()
	host := &mailHost{}
	m := mailerFor(t, "smtp://127.0.0.1:PORT?from=keys@münchen.example", host.start(t), nil)
	to := letter
	to.To = "ana@Bücher.example"
	if err := m.deliver(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if got := host.received()[0]; got.to != "ana@xn--bcher-kva.example" || got.from != "keys@xn--mnchen-3ya.example" {
		t.Errorf("from %s to %s", got.from, got.to)
	}
}

// read takes an email apart as a mail program does.
func (m receivedMail) read(t *testing.T) (netmail.Header, string) {
	t.Helper()
	msg, err := netmail.ReadMessage(bytes.NewReader(m.raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
	if err != nil || msg.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		t.Fatal(msg.Header, err)
	}
	return msg.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestAMailCannotGrowAnotherHeader(t *testing.T) {
	t.Parallel()
	host := &mailHost{}
	m := mailerFor(t, "smtp://127.0.0.1:PORT?from=keys@example.org", host.start(t), nil)
	evil := accounts.Email{To: "ana@example.org", Subject: "Grüße\r\nBcc: eve@example.org\r\n\r\n<b>text", Text: "x\r\n.\r\nMAIL FROM:<eve@example.org>\r\n"}
	if err := m.deliver(t.Context(), evil); err != nil {
		t.Fatal(err)
	}
	mails := host.received()
	if len(mails) != 1 || mails[0].to != "ana@example.org" {
		t.Fatalf("received %+v", mails)
	}
	header, text := mails[0].read(t)
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if header.Get("Bcc") != "" || err != nil || !strings.Contains(subject, "Grüße  Bcc: eve@example.org") || text != "x\n.\nMAIL FROM:<eve@example.org>\n" {
		t.Errorf("subject %q, header %v, text %q", subject, header, text)
	}
	for _, to := range []string{"ana@example.org\r\nRCPT TO:<eve@example.org>", "ana@example.org, eve@example.org", "", "nobody"} {
		var refused errRefusedMail
		if err := m.deliver(t.Context(), accounts.Email{To: to, Subject: "s", Text: "t"}); !errors.As(err, &refused) {
			t.Errorf("to %q: %v", to, err)
		}
	}
	if len(host.received()) != 1 {
		t.Error("another mail was sent")
	}
}

func TestAMailThatDoesNotGetThroughSaysWhyAndNotWhose(t *testing.T) {
	t.Parallel()
	serverTLS, trusting := certificate(t)
	mute, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	const login = "smtp://keys:" + mailPassword + "@127.0.0.1:PORT?from=keys@example.org"
	for _, c := range []struct {
		name, setting string
		host          *mailHost // nil: nobody answers
		trusting      *tls.Config
		says          string
		forGood       bool
	}{
		{"nobody there", "smtp://127.0.0.1:1?from=keys@example.org", nil, nil, "no connection to the mail server", false},
		{"an answer that never comes", "smtp://" + mute.Addr().String() + "?from=keys@example.org", nil, nil, "the mail server did not answer in time", false},
		{"a refusal", "smtp://127.0.0.1:PORT?from=keys@example.org", &mailHost{refuse: "ana@example.org"}, nil, "the mail server rejected the email (550)", true},
		{"a refusal for now", "smtp://127.0.0.1:PORT?from=keys@example.org", &mailHost{refuse: "ana@example.org", later: true}, nil, "the mail server rejected the email for now (450)", false},
		{"a wrong password", login, &mailHost{user: "somebody"}, nil, "the mail server refused the connection (535)", false},
		{"no STARTTLS", login, &mailHost{user: "keys"}, trusting, "it may lack STARTTLS", false},
		{"a certificate that nobody trusts", login, &mailHost{user: "keys", tls: serverTLS}, &tls.Config{ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}, "no secure connection to the mail server", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port, patience := 0, 2*time.Second
			if c.host != nil {
				port, patience = c.host.start(t), time.Minute
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := mailerFor(t, c.setting, port, c.trusting).deliver(ctx, letter)
			var refused errRefusedMail
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.As(err, &refused) != c.forGood {
				t.Errorf("%v, want %q", err, c.says)
			}
			if text := err.Error(); strings.Contains(text, "ana@") || strings.Contains(text, mailPassword) || strings.Contains(text, "not here") {
				t.Errorf("the reason gives away too much: %s", text)
			}
			if c.host != nil && len(c.host.received()) > 0 {
				t.Error("and yet it was received")
			}
		})
	}
}

// --- The way to the server --------------------------------------------------------------------------------------------

// tries is a way to deliver that fails as often as it is told to.
type tries struct {
	mu    sync.Mutex
	at    []time.Time
	fails []error
}

func (d *tries) deliver(context.Context, accounts.Email) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = append(d.at, time.Now())
	if len(d.at) <= len(d.fails) {
		return d.fails[len(d.at)-1]
	}
	return nil
}

func TestAMailIsTriedAgainWhenThatMayHelp(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name  string
		fails []error
		want  []time.Duration // between tries
		logs  string
	}{
		{"at once", nil, nil, ""},
		{"the third time", []error{down, down}, mailPauses()[:2], "not sent yet"},
		{"never", []error{down, down, down, down, down}, mailPauses(), `msg="email not sent" tries=4 reason=down`},
		{"refused for good", []error{errRefusedMail{down, true}}, nil, `msg="email not sent" tries=1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs bytes.Buffer
				d := &tries{fails: c.fails}
				box := newOutbox(d.deliver, time.Now, slog.New(slog.NewTextHandler(&logs, nil)))
				if err := box.Send(t.Context(), letter); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour) // of the bubble's clock
				box.Drain()
				if len(d.at) != len(c.want)+1 {
					t.Fatalf("tried %d times, want %d", len(d.at), len(c.want)+1)
				}
				for i, want := range c.want {
					if got := d.at[i+1].Sub(d.at[i]); got != want {
						t.Errorf("pause %d is %s, want %s", i+1, got, want)
					}
				}
				if !strings.Contains(logs.String(), c.logs) || strings.Contains(logs.String(), "ana@") || strings.Contains(logs.String(), "token") {
					t.Errorf("logged %s", logs.String())
				}
			})
		})
	}
}

func TestAProgramThatStopsDoesNotWaitForAMailServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context, _ accounts.Email) error { <-ctx.Done(); return ctx.Err() }
		box := newOutbox(hangs, time.Now, slog.New(slog.DiscardHandler))
		for range 3 * mailsAtOnce {
			if err := box.Send(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		box.Drain()
		if took := time.Since(begun); took != mailsEndIn {
			t.Errorf("stopping took %s, want %s", took, mailsEndIn)
		}
	})
}

func TestMailsThatWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		atOnce, most := 0, 0
		slow := func(context.Context, accounts.Email) error {
			mu.Lock()
			atOnce++
			most = max(most, atOnce)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			atOnce--
			mu.Unlock()
			return nil
		}
		box := newOutbox(slow, time.Now, slog.New(slog.DiscardHandler))
		taken := 0
		for range maxMails + 100 {
			if box.Send(t.Context(), letter) == nil {
				taken++
			}
		}
		if taken != maxMails {
			t.Errorf("%d mails were taken, want %d", taken, maxMails)
		}
		time.Sleep(time.Hour)
		if err := box.Send(t.Context(), letter); err != nil {
			t.Error("there is room again, and yet:", err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		box.Drain()
		if most != mailsAtOnce {
			t.Errorf("%d at once, want %d", most, mailsAtOnce)
		}
	})
}

func TestNoticesLeaveHalfOfThePlacesToLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, accounts.Email) error {
			time.Sleep(time.Second)
			return nil
		}
		box := newOutbox(slow, time.Now, slog.New(slog.DiscardHandler))
		taken := func(m accounts.Email) (n int) {
			for range maxMails {
				if box.Send(t.Context(), m) == nil {
					n++
				}
			}
			return n
		}
		notice := letter
		notice.Notice = true
		for range 2 { // the places are given back, all of them
			if notices, links := taken(notice), taken(letter); notices != maxNotices || links != maxMails-maxNotices {
				t.Errorf("%d notices and %d links were taken", notices, links)
			}
			if box.Send(t.Context(), notice) == nil {
				t.Error("there was room for one more notice")
			}
			time.Sleep(time.Hour)
		}
		if links, notices := taken(letter), taken(notice); links != maxMails || notices != 0 {
			t.Errorf("%d links and then %d notices were taken", links, notices)
		}
		time.Sleep(time.Hour)
		if notices := taken(notice); notices != maxNotices {
			t.Errorf("of notices that were refused %d places stay taken", maxNotices-notices)
		}
		time.Sleep(time.Hour)
		box.Drain()
	})
}

// --- A server that takes no emails --------------------------------------------------------------------------------------

// steps is a way to deliver whose answer a test decides, with a clock of the test's.
type steps struct {
	now   time.Time
	err   error
	asked int
}

func (s *steps) health() *health {
	return &health{now: func() time.Time { return s.now }, probe: func(context.Context) error { s.asked++; return s.err }}
}

func TestMailsAreStuckWhenNoneHasGotThroughForAnHour(t *testing.T) {
	t.Parallel()
	down, refused, oneRefused := errors.New("down"), errRefusedMail{errors.New("504"), false}, errRefusedMail{errors.New("550"), true}
	for name, c := range map[string]struct {
		ends  []error // each half an hour after the one before it
		stuck bool
	}{
		"nothing was sent":                  {nil, false},
		"all get through":                   {[]error{nil, nil, nil}, false},
		"just now none":                     {[]error{nil, down, down}, false},
		"none for an hour":                  {[]error{down, down, down}, true},
		"none for an hour after some did":   {[]error{nil, down, down, down}, true},
		"one did in between":                {[]error{down, down, nil, down, down}, false},
		"all are refused for good":          {[]error{refused, refused, refused}, true},
		"two addresses are mistyped":        {[]error{oneRefused, oneRefused, nil, oneRefused, oneRefused}, false},
		"every address is refused":          {[]error{oneRefused, oneRefused, oneRefused}, true},
		"one address, and nothing after it": {[]error{oneRefused}, false},
		"we stop":                           {[]error{context.Canceled, context.Canceled, context.Canceled}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &steps{now: time.Unix(1_800_000_000, 0)}
			h := s.health()
			for i, end := range c.ends {
				if i > 0 {
					s.now = s.now.Add(30 * time.Minute)
				}
				h.learn(end)
			}
			if h.stuck() != c.stuck {
				t.Errorf("stuck: %t", h.stuck())
			}
			if since, reason := h.trouble(); c.stuck && (since.IsZero() || reason == "") {
				t.Errorf("since %s: %q", since, reason)
			}
			h.learn(nil)
			if since, reason := h.trouble(); h.stuck() || !since.IsZero() || reason != "" {
				t.Error("a mail got through, and that is not enough")
			}
		})
	}
}

func TestAServerThatFailedIsAskedWithoutAMailAndNotOften(t *testing.T) {
	t.Parallel()
	s := &steps{now: time.Unix(1_800_000_000, 0)}
	h := s.health()
	h.look(t.Context())
	h.learn(errors.New("down"))
	s.err = errors.New("still down")
	for range 120 { // two hours of looks, one a minute
		s.now = s.now.Add(time.Minute)
		h.look(t.Context())
	}
	if s.asked != 24 || !h.stuck() {
		t.Errorf("asked %d times, stuck: %t", s.asked, h.stuck())
	}
	s.err = nil
	s.now = s.now.Add(lookAgain)
	h.look(t.Context())
	if h.stuck() {
		t.Error("it is well again, and that was not noticed")
	}
}

func TestMailsThatWaitDoNotHammerAServerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var knocks []time.Time
		failing := func(context.Context, accounts.Email) error {
			mu.Lock()
			defer mu.Unlock()
			knocks = append(knocks, time.Now())
			return errors.New("down")
		}
		box := newOutbox(failing, time.Now, slog.New(slog.DiscardHandler))
		const minutes = 30
		for range minutes * 6 {
			_ = box.Send(t.Context(), letter)
			time.Sleep(10 * time.Second)
		}
		time.Sleep(20 * time.Minute)
		box.Drain()
		if len(knocks) > minutes+20+mailsAtOnce {
			t.Errorf("%d connections in %d minutes", len(knocks), minutes+20)
		}
		if len(knocks) < minutes/2 {
			t.Errorf("%d connections: it is not tried any more", len(knocks))
		}
		if box.Waiting() != 0 {
			t.Errorf("%d mails are kept for ever", box.Waiting())
		}
	})
}

func TestMailsThatWaitAreBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context, _ accounts.Email) error { <-ctx.Done(); return ctx.Err() }
		box := newOutbox(hangs, time.Now, slog.New(slog.DiscardHandler))
		large := letter
		large.Text = strings.Repeat("x", 64<<10)
		notice := large
		notice.Notice = true
		count := func(m accounts.Email) (n int) {
			for range 200 {
				if box.Send(t.Context(), m) == nil {
					n++
				}
			}
			return n
		}
		notices, links := count(notice), count(large)
		if size := (notices + links) * (64 << 10); size > maxMailBytes || size < maxMailBytes-(256<<10) || notices > links {
			t.Errorf("%d notices and %d links wait, %d bytes", notices, links, size)
		}
		box.Drain()
		if box.bytes != 0 {
			t.Errorf("%d bytes stay taken", box.bytes)
		}
	})
}

func TestAProbeGoesAsFarAsSigningIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host *mailHost
		ok   bool
	}{"well": {&mailHost{user: "keys"}, true}, "a wrong password": {&mailHost{user: "somebody"}, false}} {
		m := mailerFor(t, "smtp://keys:"+mailPassword+"@127.0.0.1:PORT?from=keys@example.org", c.host.start(t), nil)
		if err := m.probe(t.Context()); (err == nil) != c.ok || len(c.host.received()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMailInArabicArrivesInItsLettersAndSaysItsLanguage(t *testing.T) {
	t.Parallel()
	host := &mailHost{}
	m := mailerFor(t, "smtp://127.0.0.1:PORT?from=keys@example.org", host.start(t), nil)
	c := accounts.Circumstances{At: time.Unix(0, 0), Address: "192.0.2.1"}
	sent := accounts.Letters{PublicURL: "https://keys.example.org"}.In("ar").KeyCreated("ana@example.org", "porch-cam", model.Words{}, c)
	if err := m.deliver(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	header, text := host.received()[0].read(t)
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if err != nil || subject != "\u2068Latchkey\u2069: مفتاح جديد: \u2068porch-cam\u2069" || text != sent.Text || header.Get("Content-Language") != "ar" {
		t.Errorf("subject %q, header %v, text %q", subject, header, text)
	}
	for _, line := range strings.Split(string(host.received()[0].raw), "\r\n") {
		if len(line) > 78 && !strings.HasPrefix(line, "Message-ID") || strings.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("%q is in it as it is", line)
		}
	}
}
