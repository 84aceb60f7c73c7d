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
	Flags    *flag.FlagSet                   // its settings, which commands have by the same names
	Variable func(flagName string) string    // the environment variable of a setting
	Heed     func(flagNames ...string) error // takes settings from the environment
	Place    func() (Place, error)           // checks the settings, once all are given
	Database string                          // the file of the database in the data directory
	KeyFiles [2]string                       // the other files there that are worth keeping
}

// Place is the data that a command is about: a directory, or a database that several programs share.
type Place struct {
	Dir    string
	Open   func(context.Context) (*store.Store, error) // fails with store.ErrInUse while a running program has it
	Refuse func(why string) error                      // says what is wrong with the directory
	// Connect opens the shared database, whatever programs run on it; nil when the data is in the directory. It brings the schema up to
	// date when it is told to, and refuses another one otherwise.
	Connect func(ctx context.Context, migrate bool) (*store.Store, error)
	// Copy copies the database that is at a path into the shared one; nil when there is none.
	Copy   func(ctx context.Context, path string, o store.CopyOptions) (store.Copied, error)
	Config Config // of the operator there, but for the store
}

// usageError is a command line that is wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode is what the process ends with.
func (usageError) ExitCode() int { return 2 }

// options are the flags of the commands that are no settings of the program.
type options struct {
	json, passwordStdin, mail, keepSessions, yes, skipBad, dryRun, clean bool
}

// commandFlag makes one flag of a command.
type commandFlag func(fs *flag.FlagSet, o *options)

// command is one command of whoever runs the program.
type command struct {
	name, argument string // "": takes none
	does           string
	more           string        // what else one should know
	settings       []string      // of the program, beside --data and --database
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
	line     *line
}

func withPasswordStdin(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.passwordStdin, "password-stdin", false, "take the password from the first line of standard input")
}

func withMail(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.mail, "mail", false, "send the link by mail and do not print it; takes a running latchkey with --smtp or, with --database, --smtp itself")
}

func withKeepSessions(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.keepSessions, "keep-sessions", false, "leave the password and everything that is signed in as it is until the link is used")
}

func withYes(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.yes, "yes", false, "do not ask")
}

func withSkipBad(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.skipBad, "skip-bad", false, "import the rest when some users cannot be; otherwise nobody is imported then")
}

func withDryRun(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and do nothing")
}

func withClean(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.clean, "clean", false, "replace what PostgreSQL cannot hold: a NUL in a text goes, and what is no UTF-8 becomes U+FFFD")
}

// commands are all there are, in the order in which they are explained.
func (p Program) commands() []command {
	return []command{
		{
			name: "user add", argument: "EMAIL", does: "make an account", run: addUser,
			more: "The password is asked for on a terminal. Without one, a link is printed with which its owner chooses a password,\n" +
				"once and within 24 hours.",
			settings: []string{"min-password", "public-url"}, flags: []commandFlag{withPasswordStdin},
		},
		{
			name: "user list", does: "list all accounts", run: listUsers,
			more: "With --json there is one object a line.",
		},
		{
			name: "user disable", argument: "ID-or-EMAIL", does: "end all sessions of a user, and let none begin", run: disableUser,
			more: "Their keys stop working, and work again when the user is enabled. Access that a device was already given ends\nwithin 30 minutes.",
		},
		{name: "user enable", argument: "ID-or-EMAIL", does: "let a user sign in again", run: enableUser},
		{
			name: "user reset-password", argument: "ID-or-EMAIL", does: "print a link with which a user chooses another password", run: resetPassword,
			more: "The old password stops working and everything that is signed in is signed out, at once. Keys work as before: turn\n" +
				"off what may be in wrong hands, or disable the user. The link is good once, for 24 hours.",
			settings: []string{"public-url", "smtp", "name", "contact"}, flags: []commandFlag{withMail, withKeepSessions},
		},
		{
			name: "user delete", argument: "ID-or-EMAIL", does: "delete an account, its keys and what is known of it", run: deleteUser,
			more:  "It asks first, on a terminal; elsewhere it wants --yes.",
			flags: []commandFlag{withYes},
		},
		{
			name: "import-users", argument: "FILE", does: "make accounts of users that App Services' Admin API gave", run: importUsers,
			more: "FILE is a JSON array of User objects. They keep their ids. Passwords and keys are not in such a file: passwords are\n" +
				"reset, keys made anew. When one user cannot be imported, none is; users that are there already are left alone, so\n" +
				"it can be run again.",
			flags: []commandFlag{withDryRun, withSkipBad},
		},
		{
			name: "status", does: "say where latchkey and its data are, and what should be looked into", run: showStatus,
			more: "What the running program has warned of since it was started is there: a proxy that nobody trusts, mails that do not\n" +
				"get through, a data directory that is not as it should be. The metrics count the same.",
		},
		{
			name: "nodes", does: "list the programs that share the database of --database", run: listNodes,
			more: "With --json there are the names of the keys that each accepts, too: the first of them signs.",
		},
		{
			name: "migrate", does: "bring the schema of the database of --database up to date", run: migrateNothing, shared: migrate,
			more: "Every node does that when it starts, if it may. After this it need not: its role can be one that changes no tables.",
		},
		{
			name: "backup", argument: "FILE", does: "copy the database to a new file and check the copy", run: backUp, shared: backUpElsewhere,
			more: "The key files of the data directory are not in it: keep a copy of those apart. latchkey restore puts it back. Whoever\n" +
				"does that by hand must remove " + p.Database + "-wal and -shm if they are there.",
		},
		{
			name: "restore", argument: "FILE", does: "put a backup in the place of the database, while latchkey is stopped", alone: restore, shared: restoreElsewhere,
			more: "FILE is checked first, and stays as it is. The database that was there is kept beside the new one with its log, under\n" +
				"another name. Files that root makes belong to whom those did that were there.",
		},
		{
			name: "copy-data", does: "copy all data of --data into the database of --database, while latchkey is stopped", alone: copyToNothing, shared: copyData,
			more: "The database must be empty; it gets its tables if it has none. All is copied in one transaction, read again on both\n" +
				"sides, and saved only when it is the same. The file in --data is not changed. The key files are not copied: with the\n" +
				"same ones everybody stays signed in.",
			flags: []commandFlag{withClean, withDryRun},
		},
	}
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
		call.line, err = p.reach(ctx, place, patience)
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
	what := "latchkey " + args[0] + " needs to be told what to do"
	if len(args) > 1 {
		what = fmt.Sprintf("there is no command \"%s %s\"", args[0], args[1])
	}
	return command{}, nil, fmt.Errorf("%s: %s (latchkey %s --help explains them)", what, strings.Join(there, ", "), args[0])
}

// flagSet has the flags of a command. The settings among them are those of the program.
func (p Program) flagSet(c command, o *options) *flag.FlagSet {
	fs := flag.NewFlagSet("latchkey "+c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, name := range append([]string{"data", "database"}, c.settings...) {
		setting := p.Flags.Lookup(name)
		fs.Var(setting.Value, name, setting.Usage)
	}
	fs.Lookup("data").Usage = "`DIRECTORY` that latchkey runs with"
	fs.BoolVar(&o.json, "json", false, "print JSON")
	for _, add := range c.flags {
		add(fs, o)
	}
	return fs
}

// heeded are the settings of the program that a command takes from the environment: those of all commands, and its own. The rest is left
// unread: what is wrong with it is no reason not to list users.
func (c command) heeded() []string {
	all := append([]string{"addr", "data", "database", "min-password", "public-url", "upstream"}, c.settings...)
	slices.Sort(all)
	return slices.Compact(all)
}

// load reads the settings from the environment, then the arguments: flags may stand before and behind what they are about.
func (p Program) load(c command, args []string) (call call, place Place, err error) {
	fs := p.flagSet(c, &call.options)
	if wantsHelp(args) {
		return call, place, flag.ErrHelp
	}
	if err := p.Heed(c.heeded()...); err != nil {
		return call, place, err
	}
	var arguments []string
	for rest := args; ; rest = fs.Args()[1:] {
		if err := fs.Parse(rest); err != nil {
			return call, place, fmt.Errorf("%w (latchkey %s --help lists the flags)", err, c.name)
		}
		if fs.NArg() == 0 {
			break
		}
		arguments = append(arguments, fs.Arg(0))
	}
	for _, argument := range arguments {
		if !utf8.ValidString(argument) { // on its way to a running program it would become another
			return call, place, fmt.Errorf("the argument %q is not in UTF-8", argument)
		}
	}
	switch {
	case c.argument == "" && len(arguments) > 0 || len(arguments) > 1:
		return call, place, fmt.Errorf("the argument %q is one too many (latchkey %s --help shows what there is)", arguments[len(arguments)-1], c.name)
	case c.argument != "" && (len(arguments) == 0 || arguments[0] == ""):
		return call, place, fmt.Errorf("%s is missing: latchkey %s %s", c.argument, c.name, c.argument)
	case c.argument != "":
		call.argument = arguments[0]
	}
	place, err = p.Place()
	return call, place, err
}

func wantsHelp(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" })
}
