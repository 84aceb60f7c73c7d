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
	Contact        string        // mailto or https URL at which the administrator can be reached; "": nowhere
	Upstream       string        // base URL of the server that has the keys; "": this program
	Registration   string        // "open" or "closed"
	Anonymous      string        // "off" or "on"
	MinPassword    int           // characters
	StepUp         time.Duration // how long a confirmed password allows creating keys
	PairingTime    time.Duration // how long a pairing code is good for
	DrainTime      time.Duration // how long the program says that it is stopping before it takes no more requests
	AdminAddr      string        // HOST:PORT of readiness, metrics and profiles; "": nowhere
	SMTP           model.Secret  // URL of the server that takes mails; "": none are sent
	TrustedProxies string        // networks whose X-Forwarded-For is believed, comma separated
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
	Connections  int                // how many there may be at once; 0: as many as open files allow

	Unknown []string // variables that look like settings and are none
}

// Defaults gives the settings of a program that was told nothing.
func Defaults() Config {
	return Config{
		Addr:         "127.0.0.1:8080",
		Data:         "./latchkey-data",
		AppID:        "latchkey-local",
		Name:         DefaultName,
		Registration: "open",
		Anonymous:    "off",
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
	fs.StringVar(&c.Addr, "addr", c.Addr, "`HOST:PORT` to listen on; 0.0.0.0:8080 lets phones and other devices in, port 0 picks a free one")
	fs.StringVar(&c.PublicURL, "public-url", c.PublicURL, "`URL` by which browsers and devices reach this program; when not given, that of --addr or, for all addresses, one that this computer has in its network")
	fs.Var((*commaList)(&c.AlsoHosts), "also-host", "`HOSTS` by which devices reach this program too, such as 192.168.1.5 or http://192.168.1.5:8080, comma separated or one a flag")
	fs.StringVar(&c.Data, "data", c.Data, "`DIRECTORY` of the database and the secrets; made, and closed to other users, when absent")
	fs.Var((*databaseURL)(c), "database", "`URL` of the PostgreSQL database that several of these share: postgres://user:password@HOST/DATABASE; without it, SQLite in --data. A command line is there for all to read: better set LATCHKEY_DATABASE, or LATCHKEY_DATABASE_FILE to the name of a file with it")
	fs.StringVar(&c.Node, "node", c.Node, "`NAME` of this one among those that share --database; that of the machine with the port of --addr when not given")
	fs.StringVar(&c.AppID, "app-id", c.AppID, "`ID` of the client app, as devices name it")
	fs.StringVar(&c.Name, "name", c.Name, "`NAME` of this server on its pages and in its emails, at most 60 characters")
	fs.StringVar(&c.Contact, "contact", c.Contact, "`URL` at which people reach the administrator, shown on pages and in emails: mailto:ADDRESS or https://…")
	fs.StringVar(&c.Upstream, "upstream", c.Upstream, "`URL` of another server that has users and keys; without it, this program has them")
	fs.StringVar(&c.Registration, "registration", c.Registration, "`open|closed`: may people make accounts themselves")
	fs.StringVar(&c.Anonymous, "anonymous", c.Anonymous, "`off|on`: may devices log in without credentials")
	fs.Var((*characters)(&c.MinPassword), "min-password", "`CHARACTERS` that a new password must have at least, 6 to 64")
	fs.Var((*secretText)(&c.SMTP), "smtp", "`URL` of the mail server: smtp://user:password@HOST:PORT?from=ADDRESS, or smtps://…; without it no mails are sent. A command line is there for all to read: better set LATCHKEY_SMTP")
	fs.Var(duration{&c.StepUp, stepUpRange}, "step-up", "`TIME` after which the password is asked for again before a key is made or turned on, 1m to 12h")
	fs.Var(duration{&c.PairingTime, pairingTimeRange}, "pairing-time", "`TIME` for which the code of a device that wants to connect is good, 1s to 10m")
	fs.Var(duration{&c.DrainTime, drainTimeRange}, "drain-time", "`TIME` for which a stopping program tells health checks so and still serves, 0s to 60s")
	fs.StringVar(&c.AdminAddr, "admin-addr", c.AdminAddr, "`HOST:PORT` to listen on for /readyz, /metrics and /debug/pprof/, which are for operators; nowhere when not given")
	fs.StringVar(&c.TrustedProxies, "trusted-proxies", c.TrustedProxies, "`NETWORKS` and addresses whose X-Forwarded-For is believed, such as 10.0.0.0/8, comma separated")
	fs.StringVar(&c.Log, "log", c.Log, "`text|json`: form of the log; when not given, text on a terminal and JSON elsewhere")
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "`debug|info|warn|error`: the least that is logged")
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

// maxDrainTime is more than what health checks need to notice, and less than what service managers wait before they kill.
const (
	maxDrainTime   = time.Minute
	drainTimeRange = "must be 0s to 60s"
)

// duration is a flag.Value whose complaint is ours.
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
		return Config{}, fmt.Errorf("%w (latchkey help lists the flags)", err)
	}
	if fs.NArg() > 0 {
		return Config{}, fmt.Errorf("the argument %q is one too many (latchkey help shows what there is)", fs.Arg(0))
	}
	if err := c.applyEnvironment(fs, environ); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Heed takes the named settings from the environment, and leaves the others as they are.
func (c *Config) Heed(environ []string, flagNames ...string) error {
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

// inFile is a value as whoever wrote it into a file meant it. Some programs that read such files for another leave in it what was never
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
	return fmt.Errorf("%s is set and %s is %q: only one of them may be given", variable, fileVariable, file)
}

func parseNetworks(list string) ([]*net.IPNet, error) {
	var networks []*net.IPNet
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		network, err := parseNetwork(part)
		if err != nil {
			return nil, Refuse("trusted-proxies", list, "must be networks such as 10.0.0.0/8 or addresses such as 192.0.2.7, comma separated")
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
