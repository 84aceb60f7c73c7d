package operate

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/internal/store"
)

// Console is what a command reads from and writes to.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	Terminal *os.File // at which a person can be asked; nil: there is none
}

// Program is what commands must know of the program that they belong to.
type Program struct {
	Flags           *flag.FlagSet                   // its settings, which commands have by the same names
	Variable        func(flagName string) string    // the environment variable of a setting
	FromEnvironment func(flagNames ...string) error // takes settings from the environment
	Place           func() (Place, error)           // checks the settings, once all are given
	Database        string                          // the file of the database in the data directory
	KeyFiles        [2]string                       // the other files there that are worth keeping
}

// Place is the data that a command is about: a directory, or a database that several programs share.
type Place struct {
	Dir    string
	Open   func(context.Context) (*store.Store, error) // fails with store.ErrInUse while a running program has it
	Refuse func(why string) error                      // says what is wrong with the directory
	// Connect opens the shared database, whatever programs run on it; nil when the data is in the directory. It migrates the schema if asked to,
	// and otherwise refuses one that is not current.
	Connect func(ctx context.Context, migrate bool) (*store.Store, error)
	// Copy copies the database that is at a path into the shared one; nil when there is none.
	Copy   func(ctx context.Context, path string, o store.CopyOptions) (store.Copied, error)
	Config Config // of the operator there, except the store
}

// usageError is a command line that is wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode is what the process ends with.
func (usageError) ExitCode() int { return 2 }

// options are the flags of the commands that are no settings of the program.
type options struct {
	json, passwordStdin, mail, keepSessions, yes, skipBad, dryRun, clean bool

	ignored bool   // knocks
	name    string // of a key
	server  bool
	out     string

	clear     bool
	userField string

	kinds string // of webhooks
}

// commandFlag makes one flag of a command.
type commandFlag func(fs *flag.FlagSet, o *options)

// command is one command for operators.
type command struct {
	name, argument string // several words are several arguments, and one in brackets may be left out; "": takes none
	does           string
	more           string        // what else one should know
	settings       []string      // of the program, beside --data and --database
	variables      []string      // settings of the program that it takes from the environment alone
	flags          []commandFlag // beside --json
	run            func(context.Context, call) error
	alone          func(context.Context, call, Place) error // in place of run: no program may have the database
	shared         func(context.Context, call, Place) error // in place of both, when there is a database that programs share
}

// call is a command that is being carried out.
type call struct {
	Console
	options
	program  Program
	argument string
	second   string
	line     *line
}

func withPasswordStdin(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.passwordStdin, "password-stdin", false, "take the password from the first line of standard input")
}

func withMail(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.mail, "mail", false, "send the link by email instead of printing it; needs a running latchkey with --smtp or, with --database, --smtp here")
}

func withKeepSessions(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.keepSessions, "keep-sessions", false, "keep the password and all sessions until the link is used")
}

func withYes(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.yes, "yes", false, "do not ask for confirmation")
}

func withSkipBad(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.skipBad, "skip-bad", false, "take the others when some cannot be imported or adopted; without it, none are")
}

func withDryRun(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.dryRun, "dry-run", false, "show what would be done, and change nothing")
}

func withServer(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.server, "server", false, "the users of server keys instead of people")
}

func withClean(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.clean, "clean", false, "replace text that PostgreSQL cannot store: NUL is removed, invalid UTF-8 becomes U+FFFD")
}

// commands are all there are, in the order in which they are explained.
func (p Program) commands() []command {
	return slices.Concat([]command{
		{
			name: "user add", argument: "EMAIL", does: "create an account", run: addUser,
			more: "On a terminal, it asks for a password. Otherwise it prints a link with which the owner chooses one, once and within\n" +
				"24 hours.",
			settings: []string{"min-password", "public-url"}, flags: []commandFlag{withPasswordStdin},
		},
		{
			name: "user list", does: "list all accounts", run: listUsers,
			more:  "With --json, it prints one object per line.",
			flags: []commandFlag{withServer},
		},
		{
			name: "user disable", argument: "ID-or-EMAIL", does: "sign a user out everywhere and keep them from signing in", run: disableUser,
			more: "Their keys stop working until the user is enabled again. Access tokens already issued expire within 30 minutes.",
		},
		{name: "user enable", argument: "ID-or-EMAIL", does: "let a user sign in again", run: enableUser},
		{
			name: "user make-operator", argument: "ID-or-EMAIL", does: "let a user look after the accounts of others in the browser", run: makeOperator,
			more: "Operators see who has an account, keys, sessions and activity, but no values. They turn keys off, end sessions, disable\n" +
				"and enable people, and send reset links; what they do is recorded twice. They cannot make operators.",
		},
		{
			name: "user unmake-operator", argument: "ID-or-EMAIL", does: "take that from a user again, at once", run: unmakeOperator,
		},
		{
			name: "user reset-password", argument: "ID-or-EMAIL", does: "print a link with which a user chooses a new password", run: resetPassword,
			more: "The old password stops working and all sessions are signed out at once. Keys keep working: if one may be in the\n" +
				"wrong hands, turn it off or disable the user. The link works once, within 24 hours.",
			settings: []string{"public-url", "smtp", "name", "contact"}, flags: []commandFlag{withMail, withKeepSessions},
		},
		{
			name: "user delete", argument: "ID-or-EMAIL", does: "delete an account with its keys and activity", run: deleteUser,
			more:  "On a terminal, it asks for confirmation. Elsewhere, pass --yes.",
			flags: []commandFlag{withYes},
		},
		{
			name: "key list", argument: "ID-or-EMAIL", does: "list the keys of a user and when they were last used", run: listKeys,
		},
		{
			name: "key off", argument: "ID-or-EMAIL KEY", does: "turn a key off and sign out whatever signed in with it", run: turnKeyOff,
			more: "KEY is an id or a name. The key can be turned on again. Access tokens already issued expire within 30 minutes.\n" +
				"The user gets an email.",
			settings: []string{"public-url", "smtp", "name", "contact"},
		},
		{name: "key on", argument: "ID-or-EMAIL KEY", does: "turn a key on again", run: turnKeyOn, more: "KEY is an id or a name."},
		{
			name: "key delete", argument: "ID-or-EMAIL KEY", does: "delete a key", run: deleteKey,
			more:  "KEY is an id or a name. On a terminal, it asks for confirmation. Elsewhere, pass --yes.",
			flags: []commandFlag{withYes},
		},
		{
			name: "adopt-keys", argument: "FILE", does: "give values that devices already have to users, as new keys", run: adoptKeys,
			more: "FILE is CSV with a head line, or has one JSON object per line, with the fields user (id or email), name, and value or\n" +
				"sha256 (64 hexadecimal digits). Values do not leave this command: only their SHA-256 is kept. If one row cannot be\n" +
				"adopted, none is. Values that their user already has are skipped, so it can be run again. Owners get one email each.\n" +
				"With --server, rows name no user.",
			settings: []string{"public-url", "smtp", "name", "contact"}, flags: []commandFlag{withDryRun, withSkipBad, withAsServerKey},
		},
		{
			name: "import-users", argument: "FILE", does: "create accounts from a user export of App Services' Admin API", run: importUsers,
			more: "FILE is a JSON array of User objects, which keep their ids. An export contains neither passwords nor the values\n" +
				"of keys: people reset their passwords, and keys are adopted or created again. If one user cannot be imported, none\n" +
				"is. Existing users are skipped, so it can be run again.",
			settings: []string{"providers"}, flags: []commandFlag{withDryRun, withSkipBad},
		},
		{
			name: "status", does: "show where the server and its data are, and what needs attention", run: showStatus,
			more: "It lists the warnings of the running server since its start, such as an untrusted proxy, email that is not delivered,\n" +
				"or wrong permissions of the data directory. The metrics count the same warnings.",
		},
		{
			name: "nodes", does: "list the nodes that share the database of --database", run: listNodes,
			more: "With --json, it also prints the names of the keys that each node accepts: the first one signs.",
		},
		{
			name: "migrate", does: "update the schema of the database of --database", run: migrateNothing, shared: migrate,
			more: "Every node does so when it starts, if its role may. Run this first if the role of the nodes may not change tables.",
		},
		{
			name: "backup", argument: "FILE", does: "copy the database to a new file and check the copy", run: backUp, shared: backUpElsewhere,
			more: "It does not contain the key files of the data directory: keep copies of those elsewhere. latchkey restore puts the\n" +
				"backup back. If you do that by hand, remove " + p.Database + "-wal and -shm.",
		},
		{
			name: "restore", argument: "FILE", does: "replace the database with a backup while latchkey is stopped", alone: restore, shared: restoreElsewhere,
			more: "FILE is checked first and not changed. The old database and its log are kept beside the new one under another name.\n" +
				"Files that root creates get the owner of the old ones.",
		},
		{
			name: "copy-data", does: "copy all data from --data to the database of --database while latchkey is stopped", alone: copyToNothing, shared: copyData,
			more: "The database must be empty; missing tables are created. All data is copied in one transaction, compared on both sides,\n" +
				"and saved only if it is the same. The file in --data is not changed. The key files are not copied: give every node\n" +
				"the same ones, and everyone stays signed in.",
			flags: []commandFlag{withClean, withDryRun},
		},
	}, serverKeyCommands(), customDataCommands(), knockCommands(), webhookCommands())
}

// Run carries out the command that the arguments name. Commands work while the program runs, and while it does not. An error that
// has an exit code of its own has a method ExitCode.
func Run(ctx context.Context, args []string, c Console, p Program) error {
	command, rest, err := p.chosen(args)
	if errors.Is(err, flag.ErrHelp) {
		return p.usage(c.Out, args[0])
	}
	if err != nil {
		return usageError{err}
	}
	call, place, err := p.load(command, rest)
	if errors.Is(err, flag.ErrHelp) {
		return p.explain(command, c.Out)
	}
	if err != nil {
		return usageError{err}
	}
	call.Console, call.program = c, p
	switch {
	case place.Connect != nil && command.shared != nil:
		return command.shared(ctx, call, place)
	case command.alone != nil:
		return command.alone(ctx, call, place)
	case place.Connect != nil:
		call.line, err = place.share(ctx)
	default:
		call.line, err = p.reach(ctx, place, reachTimeout)
	}
	if err != nil {
		return err
	}
	err = command.run(ctx, call)
	return cmp.Or(err, call.line.close())
}

// CommandFirst puts the word that is a command in front of the flags that were written before it, which is where people expect them
// who know other programs. The flags of a program all have values; of others that is guessed.
func CommandFirst(args []string, flags *flag.FlagSet, isCommand func(string) bool) []string {
	at := 0
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[at], "-"), "=")
		if at++; hasValue || at == len(args) {
			continue
		}
		if flags.Lookup(name) != nil || !strings.HasPrefix(args[at], "-") && !isCommand(args[at]) {
			at++
		}
	}
	if at >= len(args) || !isCommand(args[at]) {
		return args
	}
	return slices.Concat(args[at:], args[:at])
}

// chosen finds the command that arguments begin with.
func (p Program) chosen(args []string) (command, []string, error) {
	all := p.commands()
	args = slices.Concat(args[:1], CommandFirst(args[1:], p.Flags, func(word string) bool {
		return slices.ContainsFunc(all, func(c command) bool { return c.name == args[0]+" "+word })
	}))
	for _, command := range all {
		words := strings.Fields(command.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return command, args[len(words):], nil
		}
	}
	if len(args) > 1 && slices.Contains([]string{"-h", "-help", "--help", "help"}, args[1]) {
		return command{}, nil, flag.ErrHelp
	}
	var there []string
	for _, command := range all {
		if name, ok := strings.CutPrefix(command.name, args[0]+" "); ok {
			there = append(there, name)
		}
	}
	what := "latchkey " + args[0] + " needs a command"
	if len(args) > 1 {
		what = fmt.Sprintf("unknown command \"%s %s\"", args[0], args[1])
	}
	return command{}, nil, fmt.Errorf("%s: use %s (see latchkey %s --help)", what, strings.Join(there, ", "), args[0])
}

// flagSet has the flags of a command. The settings among them are those of the program.
func (p Program) flagSet(c command, o *options) *flag.FlagSet {
	fs := flag.NewFlagSet("latchkey "+c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, name := range append([]string{"data", "database"}, c.settings...) {
		setting := p.Flags.Lookup(name)
		fs.Var(setting.Value, name, setting.Usage)
	}
	fs.Lookup("data").Usage = "data `DIRECTORY` of latchkey"
	fs.BoolVar(&o.json, "json", false, "print JSON")
	for _, add := range c.flags {
		add(fs, o)
	}
	return fs
}

// fromEnvironment are the settings of the program that a command takes from the environment: those of all commands, and its own. The rest is left
// unread: what is wrong with it is no reason not to list users.
func (c command) fromEnvironment() []string {
	all := append([]string{"addr", "data", "database", "min-password", "public-url", "upstream"}, slices.Concat(c.settings, c.variables)...)
	slices.Sort(all)
	return slices.Compact(all)
}

// load reads the settings from the environment, then the arguments: flags may stand before and behind what they are about.
func (p Program) load(c command, args []string) (call call, place Place, err error) {
	fs := p.flagSet(c, &call.options)
	if wantsHelp(args) {
		return call, place, flag.ErrHelp
	}
	if err := p.FromEnvironment(c.fromEnvironment()...); err != nil {
		return call, place, err
	}
	var arguments []string
	for rest := args; ; rest = fs.Args()[1:] {
		if err := fs.Parse(rest); err != nil {
			return call, place, fmt.Errorf("%w (see latchkey %s --help)", err, c.name)
		}
		if fs.NArg() == 0 {
			break
		}
		arguments = append(arguments, fs.Arg(0))
	}
	for _, argument := range arguments {
		if !utf8.ValidString(argument) { // on its way to a running program it would become another
			return call, place, fmt.Errorf("the argument %q is not valid UTF-8", argument)
		}
	}
	wanted := strings.Fields(c.argument)
	for i, name := range wanted {
		if given := i < len(arguments) && arguments[i] != ""; !given && !strings.HasPrefix(name, "[") {
			return call, place, fmt.Errorf("%s is missing: latchkey %s %s", name, c.name, c.argument)
		}
	}
	if len(arguments) > len(wanted) {
		return call, place, fmt.Errorf("unexpected argument %q (see latchkey %s --help)", arguments[len(arguments)-1], c.name)
	}
	if len(arguments) > 0 {
		call.argument = arguments[0]
	}
	if len(arguments) > 1 {
		call.second = arguments[1]
	}
	place, err = p.Place()
	return call, place, err
}

func wantsHelp(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" })
}
