// Package accounts is the rules of the key service: who signs in and how, what a key, a session, a password and a link can do, what
// is counted, what is recorded and who is notified. It knows neither HTTP nor HTML, and of SQL nothing but package store.
//
// Callers pass a model.Origin, which says where a request comes from. What belongs to a person is reached through As, whose caller
// has authenticated them. Every refusal is a *model.Error; the callers put it into words.
package accounts

import (
	"cmp"
	"log/slog"
	"runtime"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
	"latchkey/internal/passkeys"
	"latchkey/internal/store"
)

// Config is what an operator decides about accounts.
type Config struct {
	// PublicURL is how people reach this server: scheme://host[:port], no trailing slash. Links that are sent start with it.
	PublicURL string
	// Name and Contact are what emails call this server and its administrator, as in Letters.
	Name, Contact string
	// Language is the tag of what emails are in to people of whom it is not known which one they read; "" is English.
	Language string
	// Registration lets anybody create an account.
	Registration bool
	// Anonymous lets programs sign in without credentials.
	Anonymous bool
	// NewUsers has the providers whose tokens create an account for somebody who has none.
	NewUsers map[string]bool
	// TakesTokens says whether people sign in to apps with the tokens of a provider; nil means with those of all.
	TakesTokens func(provider string) bool
	// OpenID are other providers at which people sign in with a browser, and OpenIDFlows how.
	OpenID      []OpenIDProvider
	OpenIDFlows OpenIDFlows
	// SessionTime is how long a session lasts that they open; zero means as long as any other.
	SessionTime time.Duration
	// PasswordsOff lets nobody sign in with a password, nor get one. Those who have one show with it once that an account is theirs.
	PasswordsOff bool
	// OwnersAdopt lets people take over values that their devices have from elsewhere. The operator always can.
	OwnersAdopt bool
	// ServiceTokens is how long a token for another service lasts at most; zero means that there are none.
	ServiceTokens time.Duration
	// Knocks has devices be remembered that are refused because nobody has the value of their key.
	Knocks bool
	// ReturnURLs are where apps may have people led back to whom they have handed over.
	ReturnURLs []model.ReturnURL
	// MinPassword is the least number of characters of a new password; the most is 128.
	MinPassword int
	// Mailer sends emails; nil means that none are sent: accounts confirm themselves.
	Mailer Mailer
	// Receivers are where webhooks lead, and WebhookKeys what seals their secrets, newest first; nil where nobody adds or tries any.
	Receivers   Receivers
	WebhookKeys func() ([][]byte, error)
	// Limits counts tries of passwords; nil means counts of its own.
	Limits *Limits
	// Shared is where several nodes count together what protects people; nil means that there is one node.
	Shared *limits.Shared
	// PasswordCost is what hashing a password takes; the zero value means what is promised.
	PasswordCost model.PasswordCost
	// Derive hashes a password in place of argon2id, for tests that watch it; nil means argon2id.
	Derive func(password, salt []byte, cost model.PasswordCost) []byte
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log receives what no answer tells, never a credential; nil means nowhere.
	Log *slog.Logger
}

// Accounts is the accounts in one store, and their keys.
type Accounts struct {
	cfg        Config
	store      *store.Store
	passwords  *hasher
	emails     *emailLimits
	background *background

	acts, notices *Quota
	adoptions     *Quota
	handovers     *Quota
	returns       *Quota // from other providers
	registrations *registrations
	exchanges     *exchanges
	tokens        signedTokens

	lists *limits.Turns // of lists of sessions

	passkeys   *passkeys.Site   // nil where browsers create none
	challenges *challengeLimits // of people who are not signed in

	knocks *knocks // nil when none are remembered

	settleTime time.Duration // bounds finding out what came of an act
	fullPause  time.Duration // between tries to send a notice when the queue of emails is full
}

// New returns the accounts that are in a store.
func New(cfg Config, st *store.Store) *Accounts {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Limits == nil {
		cfg.Limits = NewLimits(cfg.Now, cfg.Shared)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	passwords := newHasher(cmp.Or(cfg.PasswordCost, passwordCost), runtime.GOMAXPROCS(0))
	if cfg.Derive != nil {
		passwords.derive = cfg.Derive
	}
	a := &Accounts{
		cfg: cfg, store: st, passwords: passwords, emails: newEmailLimits(cfg.Now, cfg.Shared), background: newBackground(),
		acts:          newQuota(cfg.Now, actsAtOnce, actPause),
		adoptions:     newQuota(cfg.Now, adoptionsAtOnce, adoptionPause),
		handovers:     newHandoverQuota(cfg.Now, cfg.Shared),
		returns:       newQuota(cfg.Now, returnsAtOnce, returnPause),
		registrations: newRegistrations(cfg.Now),
		notices:       NewNotices(cfg.Now, cfg.Shared),
		exchanges:     newExchanges(cfg.Now),
		lists:         limits.NewTurns(runtime.GOMAXPROCS(0) / 2),
		passkeys:      passkeys.New(cfg.PublicURL, cfg.Name),
		challenges:    newChallengeLimits(cfg.Now, cfg.Shared),
		settleTime:    settleTime,
		fullPause:     fullPause,
	}
	if cfg.Knocks {
		a.knocks = newKnocks(cfg.Now)
	}
	return a
}

// RegistrationOpen says whether anybody may create an account.
func (a *Accounts) RegistrationOpen() bool { return a.cfg.Registration && !a.cfg.PasswordsOff }

// PasswordsAllowed says whether people sign in with an email address and a password.
func (a *Accounts) PasswordsAllowed() bool { return !a.cfg.PasswordsOff }

// AnonymousAllowed says whether programs may sign in without credentials.
func (a *Accounts) AnonymousAllowed() bool { return a.cfg.Anonymous }

// Person is somebody who is signed in, and what they can do about what is theirs.
type Person struct {
	accounts *Accounts
	who      model.Account
	from     model.Origin
	by       *model.OperatorAct // what an operator does for them in the browser; nil
}

// As gives what belongs to a signed-in person. It checks nothing: the caller has authenticated them.
func (a *Accounts) As(who model.Account, from model.Origin) *Person {
	return &Person{who: who, from: from, accounts: a}
}

// manages lets nobody manage an account who is signed in with a key, or as nobody: a key is meant to be handed to a device, and losing
// a device must not mean losing the account.
func (p *Person) manages() error {
	switch {
	case model.ByPerson(p.who.Provider):
		return nil
	case p.who.Provider == "": // signed in while the accounts were elsewhere
		return refuse(model.KindSessionOver)
	default:
		return refuse(model.KindForbidden)
	}
}
