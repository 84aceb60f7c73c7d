// Package operate does what only the operator may do: the commands, and the socket on which a running
// program takes them.
package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/store"
)

// operator does what only the operator may do. The running program serves it on a socket in the data
// directory, for the commands; while none runs they call it themselves. It is never on a port.
type operator struct {
	store     *store.Store
	accounts  *accounts.Accounts
	publicURL string
	onlyHere  bool            // only this computer can open publicURL
	upstream  *url.URL        // nil: the users are here
	mailer    accounts.Mailer // nil: no emails are sent
	providers []string        // whose tokens people sign in with
	data      string
	warnings  func() []Warning
	mailStuck func() bool
	now       func() time.Time
	log       *slog.Logger
}

// What commands ask for.
const (
	pathAddUser        = "/users/add"
	pathListUsers      = "/users/list"
	pathFindUser       = "/users/find"
	pathDisableUser    = "/users/disable"
	pathEnableUser     = "/users/enable"
	pathResetUser      = "/users/reset-password"
	pathDeleteUser     = "/users/delete"
	pathMakeOperator   = "/users/make-operator"
	pathUnmakeOperator = "/users/unmake-operator"
	pathImportUsers    = "/users/import"
	pathBackup         = "/backup"
	pathNodes          = "/nodes"
)

// Config is what an operator works with.
type Config struct {
	Store       *store.Store
	PublicURL   string
	OnlyHere    bool     // only this computer can open PublicURL
	Name        string   // what the server is called
	Contact     string   // URL of the administrator; "": none
	Language    string   // tag of that of emails to people whose language is not known
	Upstream    *url.URL // nil: the users are here
	MinPassword int
	Mailer      accounts.Mailer // nil: no emails are sent
	Providers   []string        // whose tokens people sign in with
	Data        string          // the directory, from the root
	// Warnings are what was seen since the program was started; nil while none runs.
	Warnings func() []Warning
	// MailStuck says that emails do not leave right now; nil when that is not known.
	MailStuck func() bool
	Now       func() time.Time
	Log       *slog.Logger

	// Receivers are where webhooks lead, and WebhookKeys what seals their secrets.
	Receivers   accounts.Receivers
	WebhookKeys func() ([][]byte, error)
}

// Handler answers commands.
func Handler(c Config) http.Handler {
	o := &operator{
		store: c.Store, publicURL: c.PublicURL, onlyHere: c.OnlyHere, upstream: c.Upstream, mailer: c.Mailer, now: c.Now, log: c.Log,
		data: c.Data, warnings: c.Warnings, mailStuck: c.MailStuck, providers: c.Providers,
		accounts: accounts.New(accounts.Config{
			PublicURL: c.PublicURL, Name: c.Name, Contact: c.Contact, Language: c.Language, MinPassword: c.MinPassword, Mailer: c.Mailer, Now: c.Now, Log: c.Log,
			Receivers: c.Receivers, WebhookKeys: c.WebhookKeys,
		}, c.Store),
	}
	return o.handler()
}

func (o *operator) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+pathAddUser, operation(o.log, ofUsers(o, o.addUser)))
	mux.Handle("POST "+pathListUsers, operation(o.log, ofUsers(o, o.listUsers)))
	mux.Handle("POST "+pathFindUser, operation(o.log, ofUsers(o, o.findUser)))
	mux.Handle("POST "+pathDisableUser, operation(o.log, ofUsers(o, o.disableUser)))
	mux.Handle("POST "+pathEnableUser, operation(o.log, ofUsers(o, o.enableUser)))
	mux.Handle("POST "+pathResetUser, operation(o.log, ofUsers(o, o.resetPassword)))
	mux.Handle("POST "+pathDeleteUser, operation(o.log, ofUsers(o, o.deleteUser)))
	mux.Handle("POST "+pathMakeOperator, operation(o.log, ofUsers(o, o.makeOperator)))
	mux.Handle("POST "+pathUnmakeOperator, operation(o.log, ofUsers(o, o.unmakeOperator)))
	mux.HandleFunc("POST "+pathImportUsers, o.importUsers)
	mux.Handle("POST "+pathKnocks, operation(o.log, ofUsers(o, o.knocks)))
	mux.Handle("POST "+pathAdoptKnock, operation(o.log, ofUsers(o, o.adoptKnock)))
	mux.Handle("POST "+pathIgnoreKnock, operation(o.log, ofUsers(o, o.ignoreKnock)))
	o.handleServerKeys(mux)
	o.handleKeys(mux)
	o.handleCustomData(mux)
	o.handleWebhooks(mux)
	mux.Handle("POST "+pathNodes, operation(o.log, o.nodes))
	mux.Handle("POST "+pathStatus, operation(o.log, o.status))
	mux.Handle("POST "+pathBackup, operation(o.log, o.backup))
	return mux
}

// ofUsers refuses what is about users when they live elsewhere: an account that was created here could not even sign in.
func ofUsers[In, Out any](o *operator, act func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (out Out, err error) {
		if err := o.hasUsers(); err != nil {
			return out, err
		}
		return act(ctx, in)
	}
}

func (o *operator) hasUsers() error {
	if o.upstream != nil {
		return fmt.Errorf("the users are not kept here: manage them at %s", o.upstream)
	}
	return nil
}

// operation answers a request with what act makes of its body. Operators see every error as it is.
func operation[In, Out any](log *slog.Logger, act func(context.Context, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			answer(w, log, nil, fmt.Errorf("the running latchkey does not understand this command: it is another version (%w)", err))
			return
		}
		out, err := act(r.Context(), in)
		answer(w, log, out, err)
	})
}

// failure is an answer that says what went wrong.
type failure struct {
	Error string `json:"error"`
}

func answer(w http.ResponseWriter, log *slog.Logger, out any, err error) {
	status := http.StatusOK
	if err != nil {
		status, out = http.StatusUnprocessableEntity, failure{oneLine(err)}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(out); err != nil {
		log.Warn("the answer to a command could not be sent", "error", err)
	}
}

// backedUp is what a backup was made of.
type backedUp struct {
	Path  string       `json:"path"`
	Bytes int64        `json:"bytes"`
	Rows  store.Counts `json:"rows"`
}

type backupOrder struct {
	Path string `json:"path"`
}

func (o *operator) backup(ctx context.Context, in backupOrder) (backedUp, error) {
	err := o.store.Backup(ctx, in.Path)
	if errors.Is(err, store.ErrExists) {
		return backedUp{}, fmt.Errorf("the file %s already exists: choose another name", in.Path)
	}
	if err != nil {
		return backedUp{}, err
	}
	done := backedUp{Path: in.Path}
	if done.Bytes, err = sizeOf(in.Path); err == nil {
		done.Rows, err = store.CountBackup(ctx, in.Path)
	}
	if err != nil {
		return done, fmt.Errorf("the backup was written, but cannot be read back: %w", err)
	}
	o.log.Info("backup written", "file", in.Path, "bytes", done.Bytes)
	return done, nil
}
