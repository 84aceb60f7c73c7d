package config

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"latchkey/internal/app/weburl"
	"latchkey/internal/model"
)

const databaseForm = "must be like postgres://user:password@db.example.org/latchkey, with the host named, " +
	"or like postgres://user@/latchkey?host=/var/run/postgresql for a socket"

// databaseSetting is the setting as it is given, from its file when that is named instead.
func databaseSetting(c Config) (model.Secret, error) {
	if c.DatabaseFile == "" {
		return c.Database, nil
	}
	if c.Database != "" {
		return "", onlyOne(Variable("database"), DatabaseFileVariable, c.DatabaseFile)
	}
	content, err := os.ReadFile(c.DatabaseFile)
	if err != nil {
		return "", fmt.Errorf("%s is %q: cannot be read (%w)", DatabaseFileVariable, c.DatabaseFile, err)
	}
	setting := inFile(string(content))
	if setting == "" {
		return "", fmt.Errorf("%s is %q: it is empty", DatabaseFileVariable, c.DatabaseFile)
	}
	return model.Secret(setting), nil
}

// database is what the setting of the database means.
type database struct {
	url model.Secret // as it is connected to
	// open says that what goes there can be read on its way, as the URL wants it.
	open bool
}

// databaseURLForm is what the driver and package url read in the same way: nothing stands unescaped where it could be taken for the end
// of another part. Without that, a slash or an at sign in a password would have the rules be about another host than the one connected
// to.
var databaseURLForm = regexp.MustCompile(`^postgres(?:ql)?://` +
	`(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?` +
	`((?:[A-Za-z0-9._,:\[\]-]|%2[Ff])*)` + // hosts, of which a path is a socket's
	`(?:/(?:[A-Za-z0-9._~!$'()*+,;=:-]|%[0-9A-Fa-f]{2})*)?` +
	`(?:\?([^#?@\s]*))?$`)

// parseDatabase reads the setting. Its complaints show nothing of it.
func parseDatabase(setting model.Secret) (database, error) {
	if setting == "" {
		return database{}, nil
	}
	text := setting.Reveal()
	parts := databaseURLForm.FindStringSubmatch(text)
	if parts == nil {
		return database{}, Refuse("database", hidden, cmp.Or(inDatabaseUser(text), databaseForm))
	}
	query, err := databaseParameters(parts[2])
	if err != nil {
		return database{}, err
	}
	hosts, ok := databaseHosts(parts[1], query)
	if !ok {
		return database{}, Refuse("database", hidden, databaseForm)
	}
	here := allHere(hosts)
	mode, given := query["sslmode"]
	switch {
	case here:
		return database{url: setting}, nil
	case given:
		return database{url: setting, open: mode == "disable"}, checkSSLMode(mode)
	default:
		return database{url: model.Secret(withParameter(text, "sslmode=verify-full"))}, nil
	}
}

// inDatabaseUser says which characters of the user or the password must be written otherwise, if any must.
func inDatabaseUser(setting string) string {
	scheme, rest, found := strings.Cut(setting, "://")
	if at := strings.LastIndexByte(rest, '@'); found && at >= 0 && (scheme == "postgres" || scheme == "postgresql") {
		return unescapedIn(rest[:at], plainInDatabaseUser)
	}
	return ""
}

const plainInDatabaseUser = "-._~!$&'()*+,;=:%"

// RefuseDatabase says what is wrong with the database that is connected to, and nothing of where it is.
func RefuseDatabase(why string) error {
	return Refuse("database", hidden, strings.ReplaceAll(why, "\n", "; "))
}

// databaseParameters are those of the URL, as the driver reads them: a plus sign is one.
func databaseParameters(query string) (map[string]string, error) {
	values := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, found := strings.Cut(pair, "=")
		name, nameErr := url.PathUnescape(rawName)
		value, valueErr := url.PathUnescape(rawValue)
		if _, twice := values[name]; twice || !found || strings.Contains(rawValue, "=") || nameErr != nil || valueErr != nil {
			return nil, Refuse("database", hidden, "what follows its ? must be NAME=VALUE pairs with & between them, and no name twice")
		}
		values[name] = value
	}
	for _, name := range []string{"ssl", "service", "servicefile"} {
		if _, given := values[name]; given {
			return nil, Refuse("database", hidden, "it must name the host itself and say sslmode, if anything: "+name+" is not taken")
		}
	}
	return values, nil
}

// withParameter adds a parameter to a URL, whose other parts stay as they were written.
func withParameter(text, parameter string) string {
	switch {
	case !strings.Contains(text, "?"):
		return text + "?" + parameter
	case strings.HasSuffix(text, "?"), strings.HasSuffix(text, "&"):
		return text + parameter
	default:
		return text + "&" + parameter
	}
}

// databaseHosts are the hosts that a URL leads to, without ports: the parameter counts more. A path is the directory of a socket.
func databaseHosts(authority string, query map[string]string) (hosts []string, ok bool) {
	list, err := url.PathUnescape(authority) // as a whole, as the driver does
	parameter, given := query["host"]
	if given {
		list = parameter
	}
	for host := range strings.SplitSeq(list, ",") {
		if !given && !strings.HasPrefix(host, "/") {
			host = withoutPort(host)
		}
		if _, hostErr := weburl.Host(host); hostErr != nil && !strings.HasPrefix(host, "/") {
			return nil, false
		}
		hosts = append(hosts, host)
	}
	return hosts, err == nil
}

func withoutPort(host string) string {
	if inside, isIPv6 := strings.CutPrefix(host, "["); isIPv6 {
		host, _, _ = strings.Cut(inside, "]")
		return host
	}
	host, _, _ = strings.Cut(host, ":")
	return host
}

// allHere says whether nothing leaves this machine on its way to any of the hosts.
func allHere(hosts []string) bool {
	for _, host := range hosts {
		if !strings.HasPrefix(host, "/") && !weburl.IsLoopback(host) {
			return false
		}
	}
	return true
}

// checkSSLMode says whether a mode will do towards another machine. PostgreSQL's own default, "prefer", and what is called "require"
// encrypt for any server that answers: one in between reads everything. What says outright that it does without is let through.
func checkSSLMode(mode string) error {
	switch mode {
	case "verify-full", "verify-ca", "disable":
		return nil
	case "prefer", "allow", "require":
		return Refuse("database", hidden, "sslmode="+mode+" does not verify which server answers: leave it out for verify-full "+
			"(with sslrootcert=FILE for an authority of your own), or write sslmode=disable where nobody else can listen")
	default:
		return Refuse("database", hidden, "its sslmode must be verify-full, verify-ca or disable")
	}
}
