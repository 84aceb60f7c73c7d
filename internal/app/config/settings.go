package config

import (
	"cmp"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/lang"
	"latchkey/internal/model"
)

// Settings are what a Config means, once it was seen to be right.
type Settings struct {
	Addr           string   // HOST:PORT to listen on
	PublicURL      *url.URL // nil: from the listener
	AlsoHosts      []AlsoHost
	Data           string         // directory of the database and the secrets
	Database       model.Secret   // URL of PostgreSQL; "": SQLite in Data
	Node           string         // name of this one among those that share Database; "": from the machine and the listener
	DatabaseOpen   bool           // what goes to the database can be read on its way, as its URL says
	AppID          string         // the client app id that SDKs name
	Name           string         // what this server is called on pages and in emails
	Language       *lang.Language // of pages for browsers that ask for none that there is; nil: English
	Contact        string         // mailto or https URL of the administrator; "": none
	Upstream       *url.URL       // of the server that has the keys; nil: this program
	Registration   bool           // people may make accounts themselves
	Anonymous      bool           // devices may sign in without credentials
	Providers      Providers
	Passwords      bool // people sign in with passwords
	SessionTime    time.Duration
	Knocks         bool // devices are remembered that are refused because nobody has their value
	OwnersAdopt    bool // people may take over the values that their devices have
	MinPassword    int  // characters
	StepUp         time.Duration
	PairingTime    time.Duration
	DrainTime      time.Duration
	Admin          *Admin       // nil: nowhere
	Mail           *MailServer  // nil: no emails are sent
	TrustedProxies []*net.IPNet // whose X-Forwarded-For is believed
	HookNetworks   []*net.IPNet // into which webhooks may lead although they are private
	Log            LogForm
	LogLevel       slog.Level

	ReturnURLs []model.ReturnURL // where apps may have people led back to

	Audiences []model.Audience // for which users get tokens

	SessionKeys     model.Secret // the key ring itself; "": from SessionKeysFile, or else from Data
	SessionKeysFile string       // a file with the key ring
	AccessKeys      model.Secret // the keys of access tokens themselves; "": from AccessKeysFile, or else from Data
	AccessKeysFile  string       // a file with the keys of access tokens

	LogTo io.Writer        // where the log goes
	Now   func() time.Time // the clock

	PasswordCost model.PasswordCost // what hashing a password takes; the zero value: what is promised
	Connections  int                // how many there may be at once; 0: as many as open files allow
	StopAtOnce   bool               // a stop waits for nobody who may be on the way; what was asked is answered all the same

	Unknown []string // variables that look like settings and are none
}

// AlsoHost is another host by which devices reach the program.
type AlsoHost struct {
	Name string // as browsers send it, without a port
	// URL is the address for devices that come by this host, scheme and host without a slash at the end. "": the public URL.
	URL string
}

// Admin is where operators find readiness, metrics and profiles.
type Admin struct {
	Addr string // HOST:PORT to listen on
	Host string // of Addr
}

// LogForm is how the log is written.
type LogForm int

// The forms of the log.
const (
	LogByPlace LogForm = iota // text on a terminal and JSON elsewhere
	LogText
	LogJSON
)

// NeedsData says whether anything is kept in the data directory.
func (s Settings) NeedsData() bool {
	session := s.SessionKeys == "" && s.SessionKeysFile == ""
	access := s.AccessKeys == "" && s.AccessKeysFile == "" && s.Upstream == nil // which signs the tokens, where there is one
	return s.Database == "" || session || access
}

// Parse checks the settings. It reports the first that cannot be, with its value and what is allowed.
func (c Config) Parse() (Settings, error) {
	s := Settings{
		Addr: c.Addr, Data: c.Data, Node: c.Node, AppID: c.AppID, MinPassword: c.MinPassword,
		SessionTime: c.SessionTime,
		StepUp:      c.StepUp, PairingTime: c.PairingTime, DrainTime: c.DrainTime,
		SessionKeys: c.SessionKeys, SessionKeysFile: c.SessionKeysFile, AccessKeys: c.AccessKeys, AccessKeysFile: c.AccessKeysFile, LogTo: c.LogTo, Now: c.Now, Unknown: c.Unknown,
		PasswordCost: c.PasswordCost,
		Connections:  c.Connections, StopAtOnce: c.StopAtOnce,
	}
	var publicErr, alsoErr, nameErr, languageErr, contactErr, upstreamErr, registrationErr, anonymousErr, adoptionErr, providersErr, passwordsErr, knocksErr, adminErr, smtpErr, proxiesErr, hooksErr, audiencesErr, returnsErr, logErr, levelErr error
	s.PublicURL, publicErr = parsePublicURL(c.PublicURL)
	s.AlsoHosts, alsoErr = parseAlsoHosts(c.AlsoHosts)
	s.Name, nameErr = parseName(c.Name)
	s.Language, languageErr = parseLanguage(c.Language)
	s.Contact, contactErr = parseContact(c.Contact)
	s.Upstream, upstreamErr = parseUpstream(c.Upstream)
	s.Registration, registrationErr = oneOf("registration", c.Registration, choice[bool]{"open", true}, choice[bool]{"closed", false})
	s.Anonymous, anonymousErr = oneOf("anonymous", c.Anonymous, choice[bool]{"off", false}, choice[bool]{"on", true})
	s.Providers, providersErr = parseProviders(c, s.Registration)
	s.Passwords, passwordsErr = parsePasswords(c, s)
	s.Knocks, knocksErr = oneOf("knocks", c.Knocks, choice[bool]{"on", true}, choice[bool]{"off", false})
	s.OwnersAdopt, adoptionErr = oneOf("adoption", c.Adoption, choice[bool]{"operator", false}, choice[bool]{"owners", true})
	s.Admin, adminErr = parseAdmin(c.AdminAddr)
	s.Mail, smtpErr = parseSMTP(c.SMTP)
	s.TrustedProxies, proxiesErr = parseNetworks("trusted-proxies", c.TrustedProxies)
	s.HookNetworks, hooksErr = parseNetworks("webhook-networks", c.HookNetworks)
	s.Audiences, audiencesErr = readAudiences(c.Audiences)
	s.ReturnURLs, returnsErr = parseReturnURLs(c.ReturnURLs)
	if c.Log != "" {
		s.Log, logErr = oneOf("log", c.Log, choice[LogForm]{"text", LogText}, choice[LogForm]{"json", LogJSON})
	}
	s.LogLevel, levelErr = oneOf("log-level", c.LogLevel, choice[slog.Level]{"debug", slog.LevelDebug},
		choice[slog.Level]{"info", slog.LevelInfo}, choice[slog.Level]{"warn", slog.LevelWarn}, choice[slog.Level]{"error", slog.LevelError})
	setting, databaseErr := databaseSetting(c)
	if databaseErr == nil {
		var to database
		to, databaseErr = parseDatabase(setting)
		s.Database, s.DatabaseOpen = to.url, to.open
	}
	err := cmp.Or(
		checkAddr(c.Addr),
		publicErr,
		alsoErr,
		check("data", c.Data, c.Data != "", "must name a directory"),
		check("data", c.Data, !unexpanded(c.Data), "begins with something that only a shell expands; write the whole path (or put ./ before it, if that is really its name)"),
		databaseErr,
		check("node", c.Node, c.Node == "" || nodeName.MatchString(c.Node), "must be 1 to 64 letters, digits and _ . : -"),
		check("app-id", c.AppID, appID.MatchString(c.AppID), "must be 1 to 64 letters, digits, - and _"),
		nameErr,
		languageErr,
		contactErr,
		upstreamErr,
		registrationErr,
		anonymousErr,
		adoptionErr,
		providersErr,
		passwordsErr,
		check("session-time", shortDuration(c.SessionTime), minSessionTime <= c.SessionTime && c.SessionTime <= maxSessionTime, sessionTimeRange),
		knocksErr,
		check("min-password", strconv.Itoa(c.MinPassword), 6 <= c.MinPassword && c.MinPassword <= 64, charactersRange),
		check("step-up", shortDuration(c.StepUp), minStepUp <= c.StepUp && c.StepUp <= maxStepUp, stepUpRange),
		check("pairing-time", shortDuration(c.PairingTime), minPairingTime <= c.PairingTime && c.PairingTime <= maxPairingTime, pairingTimeRange),
		check("drain-time", shortDuration(c.DrainTime), 0 <= c.DrainTime && c.DrainTime <= maxDrainTime, drainTimeRange),
		adminErr,
		smtpErr,
		proxiesErr,
		hooksErr,
		audiencesErr,
		check("audiences", c.Audiences, c.Audiences == "" || s.Upstream == nil, "cannot be used with --upstream: users get tokens from the server that keeps them"),
		returnsErr,
		check("return-urls", c.ReturnURLs, c.ReturnURLs == "" || s.Upstream == nil, "cannot be used with --upstream: apps open the keys page of the server that keeps users"),
		logErr,
		levelErr,
		checkKeySource(c),
	)
	if err != nil {
		return Settings{}, err
	}
	return s, nil
}

// unexpanded says whether a path was written for a shell to complete, and came here as it was: from a file of variables, or behind an
// equals sign. It would be created here under that very name, and be empty.
func unexpanded(path string) bool { return path != "" && strings.ContainsAny(path[:1], "~$%") }
