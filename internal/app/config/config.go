// Package config is what operators decide: flags and environment variables as they are given, and what they mean.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/app/weburl"
	"latchkey/internal/lang"
	"latchkey/internal/model"
)

// Config is every setting of the program as it is given: by Load, or by a test that starts from Defaults. Parse says what it
// means.
type Config struct {
	Addr           string        // HOST:PORT to listen on
	PublicURL      string        // how browsers and devices reach the program; "": from the listener
	AlsoHosts      string        // further hosts that devices reach it by, comma separated
	Data           string        // directory of the database and the secrets
	Database       model.Secret  // URL of PostgreSQL; "": SQLite in Data
	Node           string        // name of this one among those that share Database; "": from the machine and the listener
	AppID          string        // the client app id that SDKs name
	Name           string        // what this server is called on pages and in emails; "": Latchkey
	Language       string        // tag of the language of pages for browsers that ask for none that there is, and of emails to people whose language is not known
	Contact        string        // mailto or https URL at which the administrator can be reached; "": nowhere
	Upstream       string        // base URL of the server that has the keys; "": this program
	Registration   string        // "open" or "closed"
	Anonymous      string        // "off" or "on"
	Adoption       string        // "operator" or "owners"
	Providers      string        // a file of those whose signed tokens people sign in with; "": none
	Passwords      string        // "on" or "off"
	SessionTime    time.Duration // how long a session lasts that another provider opens
	Knocks         string        // "on" or "off"
	MinPassword    int           // characters
	StepUp         time.Duration // how long a confirmed password allows creating keys
	PairingTime    time.Duration // how long a pairing code is good for
	DrainTime      time.Duration // how long the program says that it is stopping before it takes no more requests
	AdminAddr      string        // HOST:PORT of readiness, metrics and profiles; "": nowhere
	SMTP           model.Secret  // URL of the server that takes emails; "": none are sent
	TrustedProxies string        // networks whose X-Forwarded-For is believed, comma separated
	HookNetworks   string        // into which webhooks may lead although they are private, comma separated
	ReturnURLs     string        // where apps may have people led back to, comma separated; "": nowhere
	Audiences      string        // a file with the services that there are tokens for; "": none
	Log            string        // "text", "json", or "" for text on a terminal and JSON elsewhere
	LogLevel       string        // "debug", "info", "warn" or "error"

	SessionKeys     model.Secret // the key ring itself; "": from SessionKeysFile, or else from Data
	SessionKeysFile string       // a file with the key ring
	AccessKeys      model.Secret // the keys of access tokens themselves; "": from AccessKeysFile, or else from Data
	AccessKeysFile  string       // a file with the keys of access tokens
	DatabaseFile    string       // a file with Database

	LogTo io.Writer        // where the log goes
	Now   func() time.Time // the clock

	PasswordCost model.PasswordCost // what hashing a password takes; the zero value: what is promised
	KeySets      map[string]string  // where the keys of Google and Apple are, by provider; nil: at their own addresses
	Connections  int                // how many there may be at once; 0: as many as open files allow
	StopAtOnce   bool               // a stop waits for nobody who may be on the way; what was asked is answered all the same

	Unknown []string // variables that look like settings and are none
}

// Defaults gives the settings of a program without flags and variables.
func Defaults() Config {
	return Config{
		Addr:         "127.0.0.1:8080",
		Data:         "./latchkey-data",
		AppID:        "latchkey-local",
		Name:         DefaultName,
		Language:     lang.English,
		Registration: "open",
		Anonymous:    "off",
		Adoption:     "operator",
		Passwords:    "on",
		SessionTime:  30 * 24 * time.Hour,
		Knocks:       "on",
		MinPassword:  8,
		StepUp:       30 * time.Minute,
		PairingTime:  10 * time.Minute,
		LogLevel:     "info",
		LogTo:        os.Stderr,
		Now:          time.Now,
	}
}

// Flags ties each setting to its flag. Its variable follows from the flag's name.
func (c *Config) Flags() *flag.FlagSet {
	fs := flag.NewFlagSet("latchkey", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the error says it all, and says it once
	fs.StringVar(&c.Addr, "addr", c.Addr, "`HOST:PORT` to listen on; use 0.0.0.0:8080 for phones and other devices, port 0 for any free port")
	fs.StringVar(&c.PublicURL, "public-url", c.PublicURL, "`URL` at which browsers and devices reach this server; without it, the address in --addr, or for 0.0.0.0 one that this computer has in its network")
	fs.Var((*commaList)(&c.AlsoHosts), "also-host", "other `HOSTS` at which devices reach this server, such as 192.168.1.5 or http://192.168.1.5:8080, separated by commas; may be repeated")
	fs.StringVar(&c.Data, "data", c.Data, "`DIRECTORY` of the database and the secrets; created for its owner alone if it does not exist")
	fs.Var((*databaseURL)(c), "database", "`URL` of a PostgreSQL database that several servers share: postgres://user:password@HOST/DATABASE; without it, SQLite in --data. All users of the machine can read a command line, so set LATCHKEY_DATABASE or LATCHKEY_DATABASE_FILE instead")
	fs.StringVar(&c.Node, "node", c.Node, "`NAME` of this node among those that share --database; by default the host name and the port")
	fs.StringVar(&c.AppID, "app-id", c.AppID, "`ID` of the client app, as used by devices")
	fs.StringVar(&c.Name, "name", c.Name, "`NAME` of this server in page titles and emails, at most 60 characters")
	fs.StringVar(&c.Language, "language", c.Language, "`TAG` of the language of pages for browsers that ask for none that this server has: "+languageTags())
	fs.StringVar(&c.Contact, "contact", c.Contact, "`URL` where people reach the administrator, shown on pages and in emails: mailto:ADDRESS or https://…")
	fs.StringVar(&c.Upstream, "upstream", c.Upstream, "`URL` of another server that keeps users and keys; without it, this server keeps them")
	fs.StringVar(&c.Registration, "registration", c.Registration, "`open|closed`: whether people can create accounts themselves")
	fs.StringVar(&c.Anonymous, "anonymous", c.Anonymous, "`off|on`: whether devices can sign in without credentials")
	fs.StringVar(&c.Providers, "providers", c.Providers, "`FILE` of the issuers whose signed tokens people sign in with: your own, Google, Apple, and of the providers with OpenID Connect at which they sign in with a browser (see docs/operating.md)")
	fs.StringVar(&c.Passwords, "passwords", c.Passwords, "`on|off`: whether people sign in with an email address and a password; off takes a provider in the list openid of --providers")
	fs.Var(duration{&c.SessionTime, sessionTimeRange}, "session-time", "`TIME` that a session lasts that someone opens at a provider in the list openid of --providers, 1h to 1440h (60 days)")
	fs.StringVar(&c.Knocks, "knocks", c.Knocks, "`on|off`: whether devices are remembered that are refused because nobody has the value of their key (see latchkey knock --help)")
	fs.StringVar(&c.Adoption, "adoption", c.Adoption, "`operator|owners`: who may give a key the value that a device already has: only the operator, or also people for themselves")
	fs.Var((*characters)(&c.MinPassword), "min-password", "minimum `CHARACTERS` of a new password, 6 to 64")
	fs.Var((*secretText)(&c.SMTP), "smtp", "`URL` of the mail server: smtp://user:password@HOST:PORT?from=ADDRESS, or smtps://…; without it, no email is sent. All users of the machine can read a command line, so set LATCHKEY_SMTP instead")
	fs.Var(duration{&c.StepUp, stepUpRange}, "step-up", "`TIME` after which people confirm their password again before they create a key or turn one on, 1m to 12h")
	fs.Var(duration{&c.PairingTime, pairingTimeRange}, "pairing-time", "`TIME` after which a pairing code expires, 1s to 10m")
	fs.Var(duration{&c.DrainTime, drainTimeRange}, "drain-time", "`TIME` to keep serving at shutdown while health checks already fail, 0s to 60s")
	fs.StringVar(&c.AdminAddr, "admin-addr", c.AdminAddr, "`HOST:PORT` of the admin listener, with /readyz, /metrics and /debug/pprof/; without it, there is none")
	fs.StringVar(&c.TrustedProxies, "trusted-proxies", c.TrustedProxies, "`NETWORKS` and addresses whose X-Forwarded-For is trusted, such as 10.0.0.0/8, separated by commas")
	fs.StringVar(&c.HookNetworks, "webhook-networks", c.HookNetworks, "private `NETWORKS` and addresses that webhooks may lead to, also by plain http, such as 10.0.0.0/8, separated by commas; without it, webhooks reach the Internet alone, by https")
	fs.StringVar(&c.Audiences, "audiences", c.Audiences, "JSON `FILE` that names the other services for which apps and devices can get tokens; without it, there are none (docs/tokens.md)")
	fs.Var((*commaList)(&c.ReturnURLs), "return-urls", "`URLS` to which apps may have people led back from the keys page that they opened (see docs/handover.md), such as https://app.example.org/settings, separated by commas; may be repeated")
	fs.StringVar(&c.Log, "log", c.Log, "`text|json`: format of the log; by default text on a terminal and JSON elsewhere")
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "`debug|info|warn|error`: the lowest level that is logged")
	return fs
}

// secretText is a flag.Value that is never shown.
type secretText model.Secret

func (s *secretText) String() string { return "" }

func (s *secretText) Set(text string) error {
	*s = secretText(text)
	return nil
}

// databaseURL is the flag.Value of the database. It is never shown, and counts more than a file that the environment names.
type databaseURL Config

func (c *databaseURL) String() string { return "" }

func (c *databaseURL) Set(text string) error {
	c.Database, c.DatabaseFile = model.Secret(text), ""
	return nil
}

// commaList is a flag.Value that may be given several times.
type commaList string

func (l *commaList) String() string { return string(*l) }

func (l *commaList) Set(text string) error {
	if *l != "" && text != "" {
		text = string(*l) + "," + text
	}
	*l = commaList(text)
	return nil
}

const charactersRange = "must be 6 to 64"

// characters is a flag.Value that counts characters of a password.
type characters int

func (n *characters) String() string { return strconv.Itoa(int(*n)) }

func (n *characters) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err != nil {
		return errors.New(charactersRange)
	}
	*n = characters(v)
	return nil
}

// The most is what ASVS 5.0.0-6.5.5 gives a code that is typed.
const (
	minPairingTime, maxPairingTime = time.Second, 10 * time.Minute
	pairingTimeRange               = "must be 1s to 10m"
)

// A web session lasts for 12 hours: a longer time would never be over.
const (
	minStepUp, maxStepUp = time.Minute, 12 * time.Hour
	stepUpRange          = "must be 1m to 12h"
)

// The most is what sessions last that are opened otherwise.
const (
	minSessionTime, maxSessionTime = time.Hour, 60 * 24 * time.Hour
	sessionTimeRange               = "must be 1h to 1440h, which is 60 days"
)

// maxDrainTime is more than what health checks need to notice, and less than what service managers wait before they kill.
const (
	maxDrainTime   = time.Minute
	drainTimeRange = "must be 0s to 60s"
)

// duration is a flag.Value with an error text of its own.
type duration struct {
	to      *time.Duration
	allowed string
}

func (d duration) String() string {
	if d.to == nil { // package flag asks an empty one too
		return ""
	}
	return shortDuration(*d.to)
}

func (d duration) Set(text string) error {
	v, err := time.ParseDuration(text)
	if err != nil {
		return errors.New(d.allowed)
	}
	*d.to = v
	return nil
}

// shortDuration is "10m", where package time says "10m0s".
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// The names of the variables that are not those of flags.
//
// Keys have variables and no flag: a command line is there for every user of the machine to read.
const (
	SessionKeysVariable     = "LATCHKEY_SESSION_KEYS"
	SessionKeysFileVariable = "LATCHKEY_SESSION_KEYS_FILE"
	AccessKeysVariable      = "LATCHKEY_ACCESS_KEY"
	AccessKeysFileVariable  = "LATCHKEY_ACCESS_KEY_FILE"
	DatabaseFileVariable    = "LATCHKEY_DATABASE_FILE"
)

// Load reads the settings from flags and, for those not given, from the environment; an empty variable counts as not
// given. It answers flag.ErrHelp when help was asked for.
func Load(args, environ []string) (Config, error) {
	c := Defaults()
	fs := c.Flags()
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return Config{}, err
		}
		return Config{}, fmt.Errorf("%w (see latchkey help)", err)
	}
	if fs.NArg() > 0 {
		return Config{}, fmt.Errorf("unexpected argument %q (see latchkey help)", fs.Arg(0))
	}
	if err := c.applyEnvironment(fs, environ); err != nil {
		return Config{}, err
	}
	return c, nil
}

// FromEnvironment takes the named settings from the environment, and leaves the others as they are.
func (c *Config) FromEnvironment(environ []string, flagNames ...string) error {
	all, some := c.Flags(), flag.NewFlagSet("", flag.ContinueOnError)
	for _, name := range flagNames {
		setting := all.Lookup(name)
		some.Var(setting.Value, name, setting.Usage)
	}
	return c.applyEnvironment(some, environ)
}

func (c *Config) applyEnvironment(fs *flag.FlagSet, environ []string) error {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if name = strings.TrimPrefix(name, byteOrderMark); strings.HasPrefix(name, "LATCHKEY_") {
			env[name] = inFile(value)
		}
	}
	take := func(name string) string {
		value := env[name]
		delete(env, name)
		return value
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var failed error
	fs.VisitAll(func(f *flag.Flag) {
		value := take(Variable(f.Name))
		if given[f.Name] || value == "" || failed != nil {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			failed = Refuse(f.Name, value, err.Error())
		}
	})
	c.SessionKeys = model.Secret(take(SessionKeysVariable))
	c.SessionKeysFile = take(SessionKeysFileVariable)
	c.AccessKeys = model.Secret(take(AccessKeysVariable))
	c.AccessKeysFile = take(AccessKeysFileVariable)
	if file := take(DatabaseFileVariable); !given["database"] {
		c.DatabaseFile = file
	}
	for name := range env {
		if !serviceLink.MatchString(name) {
			c.Unknown = append(c.Unknown, name)
		}
	}
	slices.Sort(c.Unknown)
	return failed
}

// byteOrderMark begins files of Windows, and so the name of the first variable in one.
const byteOrderMark = "\ufeff"

// inFile is a value as it was meant in a file of variables. Some programs that read such files leave in it what was never
// meant: spaces, the line end of Windows, quotation marks. No setting has any of these around it.
func inFile(value string) string {
	value = strings.TrimSpace(strings.TrimPrefix(value, byteOrderMark))
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[0] == value[n-1] {
		value = strings.TrimSpace(value[1 : n-1])
	}
	return value
}

// serviceLink matches the variables that Kubernetes sets in every container of a namespace with a service "latchkey".
var serviceLink = regexp.MustCompile(`^LATCHKEY(_.*)?_(SERVICE_HOST|SERVICE_PORT.*|PORT|PORT_[0-9]+_.*)$`)

// Variable is the name of the environment variable of a flag.
func Variable(flagName string) string {
	return "LATCHKEY_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// Refuse says what is wrong with a setting: both its names, the value, and what is allowed.
func Refuse(flagName, value, allowed string) error {
	return fmt.Errorf("--%s (%s) is %q: %s", flagName, Variable(flagName), value, allowed)
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$`)

var appID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func check(flagName, value string, ok bool, allowed string) error {
	if ok {
		return nil
	}
	return Refuse(flagName, value, allowed)
}

// choice is a word that a setting can be, and what it means.
type choice[T any] struct {
	word    string
	meaning T
}

func oneOf[T any](flagName, value string, choices ...choice[T]) (meaning T, err error) {
	var allowed []string
	for _, c := range choices {
		if c.word == value {
			return c.meaning, nil
		}
		allowed = append(allowed, c.word)
	}
	return meaning, Refuse(flagName, value, "must be "+strings.Join(allowed, " or "))
}

func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return check("addr", addr, err == nil, "must be HOST:PORT, such as 127.0.0.1:8080, or :8080 for every address")
}

// parseAdmin wants the host said: metrics and profiles for every address of the machine are nothing to get by leaving
// something out.
func parseAdmin(addr string) (*Admin, error) {
	if addr == "" {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if name, hostErr := weburl.Host(host); hostErr == nil {
		host, addr = name, net.JoinHostPort(name, port)
	} // else an address with a zone, or what cannot be listened on, which says so then
	return &Admin{addr, host}, check("admin-addr", addr, err == nil && host != "", "must be HOST:PORT with the host named, such as 127.0.0.1:9090")
}

func checkKeySource(c Config) error {
	if c.SessionKeys != "" && c.SessionKeysFile != "" {
		return onlyOne(SessionKeysVariable, SessionKeysFileVariable, c.SessionKeysFile)
	}
	if c.AccessKeys != "" && c.AccessKeysFile != "" {
		return onlyOne(AccessKeysVariable, AccessKeysFileVariable, c.AccessKeysFile)
	}
	return nil
}

func onlyOne(variable, fileVariable, file string) error {
	return fmt.Errorf("%s is set and %s is %q: give only one of them", variable, fileVariable, file)
}

func parseNetworks(flagName, list string) ([]*net.IPNet, error) {
	var networks []*net.IPNet
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		network, err := parseNetwork(part)
		if err != nil {
			return nil, Refuse(flagName, list, "must be networks such as 10.0.0.0/8 or addresses such as 192.0.2.7, separated by commas")
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// parseNetwork takes an address for the network of itself. One of IPv4 may be written as IPv6 has it (::ffff:192.0.2.7), also
// with a length.
func parseNetwork(text string) (*net.IPNet, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}, nil
	}
	_, network, err := net.ParseCIDR(text)
	if err != nil {
		return nil, err
	}
	if ones, bits := network.Mask.Size(); bits == 8*net.IPv6len && ones >= 96 && network.IP.To4() != nil {
		network = &net.IPNet{IP: network.IP.To4(), Mask: net.CIDRMask(ones-96, 8*net.IPv4len)}
	}
	return network, nil
}
