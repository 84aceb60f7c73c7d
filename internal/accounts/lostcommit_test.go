package accounts

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// unreliable is accounts on PostgreSQL, by way of a proxy that loses commits, and a way past it.
type unreliable struct {
	*fixture
	proxy  *pgtest.Proxy
	direct *store.Store
	emails *mailbox
}

func newUnreliable(t *testing.T, change ...func(url string) string) *unreliable {
	t.Helper()
	at := pgtest.URL(t)
	u := &unreliable{proxy: pgtest.NewProxy(t, at), emails: &mailbox{}}
	u.direct = testkit.StoreOn(t, at)
	by := u.proxy.URL()
	for _, c := range change {
		by = c(by)
	}
	u.fixture = newFixtureOn(t, testkit.StoreOn(t, by), withTokens, withKnocks, func(c *Config) {
		c.Mailer, c.OwnersAdopt = u.emails, true
	})
	return u
}

// stage is somebody with a key and another session, for one act.
type stage struct {
	*unreliable
	who   model.Account
	key   model.Key
	value model.Secret
	other model.Account
	link  model.GivenLink
	knock Knocked
}

func (u *unreliable) stage(email string) *stage {
	u.t.Helper()
	u.clock.Advance(time.Hour) // no mailbox has too much
	ctx := u.t.Context()
	must := func(err error) {
		if err != nil {
			u.t.Helper()
			u.t.Fatal(err)
		}
	}
	must(u.Register(ctx, here, email, testPassword))
	_, err := u.UseLink(ctx, here, u.sent(email), testPassword)
	must(err)
	s := &stage{unreliable: u}
	s.who, err = u.SignIn(ctx, here, email, testPassword)
	must(err)
	s.other, err = u.SignIn(ctx, here, email, testPassword)
	must(err)
	s.key, s.value = u.newKey(s.who, "lamp")
	return s
}

// role makes the person an operator.
func (s *stage) role() {
	s.t.Helper()
	if _, _, err := s.MakeOperator(s.t.Context(), s.who.UserID, true); err != nil {
		s.t.Fatal(err)
	}
}

// acted says whether it is remembered that the person did that as an operator.
func (s *stage) acted(what model.Act) bool {
	s.t.Helper()
	acts, err := s.direct.Acts(s.t.Context(), "", 100)
	return err == nil && slices.ContainsFunc(acts, func(a model.OperatorAct) bool { return a.OperatorID == s.who.UserID && a.Act == what })
}

// sent is the link in the last email to an address.
func (u *unreliable) sent(to string) (l model.GivenLink) {
	u.t.Helper()
	for _, m := range u.emails.taken(u.fixture) {
		if i := strings.Index(m.Text, testURL); i >= 0 && m.To == to {
			at, err := url.Parse(strings.Fields(m.Text[i:])[0])
			if err == nil && at.RawQuery != "" {
				l = model.GivenLink{Purpose: strings.Trim(at.Path, "/"), ID: at.Query().Get("tokenId"), Token: model.Secret(at.Query().Get("token"))}
			}
		}
	}
	if l.ID == "" {
		u.t.Fatalf("no link was sent to %s", to)
	}
	return l
}

func (s *stage) person() *Person { return s.As(s.who, here) }

// saved says by looking past the proxy whether something is there.
func saved[T any](_ T, err error) bool { return err == nil }

func (s *stage) session(id string) bool { return saved(s.direct.AuthSession(s.t.Context(), id)) }

func (s *stage) identity() model.Identity {
	s.t.Helper()
	id, err := s.direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, s.who.Email)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// google is what the person signs in with at Google, or nothing.
func (s *stage) google() model.Identity {
	id, _ := s.direct.IdentityBySubject(s.t.Context(), model.ProviderGoogle, s.who.UserID)
	return id
}

// token is what a token of Google says of the person.
func (s *stage) token() model.Proved {
	return model.Proved{Provider: model.ProviderGoogle, Subject: s.who.UserID}
}

// gateway is a name of a server key that nobody else in the test has.
func (s *stage) gateway() string { return "gateway-" + s.who.UserID }

func (s *stage) addGateway() {
	s.t.Helper()
	if _, _, err := s.AddServerKey(s.t.Context(), s.gateway()); err != nil {
		s.t.Fatal(err)
	}
}

// knocks has a device be refused.
func (s *stage) knocks() Knocked {
	s.t.Helper()
	value := testkit.OldValue()
	s.refused(atHome, value)
	return s.knockOf(value)
}

// lostAct is an act of which the commit is lost: what must be there before, how it is done, and whether it was.
type lostAct struct {
	before func(s *stage)
	do     func(ctx context.Context, s *stage) error
	done   func(s *stage) bool
}

// lostActs are all acts of the accounts that have one commit, or whose others come after an answer.
func lostActs() map[string]lostAct {
	var made model.Key
	var session model.Session
	var ticket model.Secret
	var passkey struct {
		model.Passkey
		challenge string
		answer    []byte
	}
	const another model.Secret = "tr0ub4dor and three"
	changed := func(s *stage) bool {
		v, err := s.passwords.check(s.t.Context(), claim{s.who.Email, here}, s.identity().PasswordHash, another)
		return err == nil && v == passwordRight
	}
	return map[string]lostAct{
		"create a key": {
			do: func(ctx context.Context, s *stage) error {
				created, err := s.person().CreateKey(ctx, model.CalledKey("pump"))
				made = created.Key
				if err == nil {
					_, err = s.SignInWithKey(ctx, here, created.Value, nil) // its value is not lost
				}
				return err
			},
			done: func(s *stage) bool {
				keys, err := s.direct.APIKeys(s.t.Context(), s.who.UserID)
				return err == nil && len(keys) == 2 && (made.ID == "" || keys[1].ID == made.ID)
			},
		},
		"turn a key off as an operator": {
			before: func(s *stage) { s.role() },
			do: func(ctx context.Context, s *stage) error {
				o, err := s.Operator(ctx, s.who, atWork)
				if err == nil {
					_, err = o.TurnKeyOff(ctx, s.who.UserID, s.key.ID)
				}
				return err
			},
			done: func(s *stage) bool {
				key, err := s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)
				return err == nil && key.Disabled && s.acted(model.ActKeyOff)
			},
		},
		"look a value up as an operator": {
			before: func(s *stage) { s.role() },
			do: func(ctx context.Context, s *stage) error {
				o, err := s.Operator(ctx, s.who, atWork)
				if err != nil {
					return err
				}
				owner, err := o.FindByValue(ctx, s.value)
				if err == nil && owner.Key.ID != s.key.ID {
					s.t.Errorf("the value is said to be of %+v", owner)
				}
				return err
			},
			done: func(s *stage) bool { return s.acted(model.ActValueLookedUp) },
		},
		"create a key for a device": {
			do: func(ctx context.Context, s *stage) error {
				from := here
				from.Pairing = "porch-cam"
				_, err := s.As(s.who, from).CreateKey(ctx, model.CalledKey("pump"))
				return err
			},
			done: func(s *stage) bool {
				keys, err := s.direct.APIKeys(s.t.Context(), s.who.UserID)
				return err == nil && len(keys) == 2
			},
		},
		"hand over": {
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.person().HandOver(ctx, "")
				return err
			},
		},
		"be handed over": {
			before: func(s *stage) { ticket = s.ticketFor(s.who, "") },
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.UseHandover(ctx, here, ticket)
				return err
			},
			done: func(s *stage) bool {
				_, err := s.Handover(s.t.Context(), ticket)
				return model.Is(err, model.KindBadLink)
			},
		},
		"adopt a key": {
			do: func(ctx context.Context, s *stage) error {
				value := model.Secret(testkit.OldValue())
				_, err := s.person().AdoptKey(ctx, "pump", value)
				if err == nil {
					_, err = s.SignInWithKey(ctx, here, value, nil)
				}
				return err
			},
			done: func(s *stage) bool {
				keys, err := s.direct.APIKeys(s.t.Context(), s.who.UserID)
				return err == nil && len(keys) == 2
			},
		},
		"adopt a refused device": {
			before: func(s *stage) { s.knock = s.knocks() },
			do: func(ctx context.Context, s *stage) error {
				_, err := s.AdoptKnock(ctx, s.knock.Knock, s.who.UserID, "pump")
				return err
			},
			done: func(s *stage) bool { return saved(s.direct.APIKeyByValueHash(s.t.Context(), s.knock.ValueHash)) },
		},
		"ignore a refused device": {
			before: func(s *stage) { s.knock = s.knocks() },
			do: func(ctx context.Context, s *stage) error {
				_, err := s.IgnoreKnock(ctx, s.knock.ID)
				return err
			},
			done: func(s *stage) bool {
				now, err := s.direct.KnocksFrom(s.t.Context(), s.knock.ID, 1)
				return err == nil && len(now) == 1 && now[0].Ignored
			},
		},
		"add a server key": {
			do: func(ctx context.Context, s *stage) error {
				_, value, err := s.AddServerKey(ctx, s.gateway())
				if err == nil {
					_, err = s.SignInWithKey(ctx, here, value, nil) // its value is not lost
				}
				return err
			},
			done: func(s *stage) bool { return saved(s.direct.ServerKey(s.t.Context(), s.gateway())) },
		},
		"adopt a server key": {
			do: func(ctx context.Context, s *stage) error {
				_, err := s.AdoptServerKey(ctx, Adoption{Name: s.gateway(), Hash: hashValue(testkit.OldValue())})
				return err
			},
			done: func(s *stage) bool { return saved(s.direct.ServerKey(s.t.Context(), s.gateway())) },
		},
		"turn a server key off": {
			before: func(s *stage) { s.addGateway() },
			do: func(ctx context.Context, s *stage) error {
				_, err := s.SetServerKey(ctx, s.gateway(), false)
				return err
			},
			done: func(s *stage) bool {
				key, err := s.direct.ServerKey(s.t.Context(), s.gateway())
				return err == nil && key.Disabled
			},
		},
		"delete a server key": {
			before: func(s *stage) { s.addGateway() },
			do: func(ctx context.Context, s *stage) error {
				_, err := s.DeleteServerKey(ctx, s.gateway())
				return err
			},
			done: func(s *stage) bool { return !saved(s.direct.ServerKey(s.t.Context(), s.gateway())) },
		},
		"turn off a key of somebody": {
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.TurnKeyOf(ctx, s.who.UserID, "lamp", false)
				return err
			},
			done: func(s *stage) bool {
				key, err := s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)
				return err == nil && key.Disabled
			},
		},
		"delete a key of somebody": {
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.DeleteKeyOf(ctx, s.who.UserID, "lamp")
				return err
			},
			done: func(s *stage) bool { return !saved(s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)) },
		},
		"set custom data": {
			do: func(ctx context.Context, s *stage) error {
				return s.SetCustomData(ctx, s.who.UserID, []byte(`{"plan":"free"}`))
			},
			done: func(s *stage) bool {
				data, err := s.direct.CustomData(s.t.Context(), s.who.UserID)
				return err == nil && data == `{"plan":"free"}`
			},
		},
		"link a token": {
			do: func(ctx context.Context, s *stage) error {
				_, err := s.person().LinkToken(ctx, s.token())
				return err
			},
			done: func(s *stage) bool { return s.google().UserID == s.who.UserID },
		},
		"link a password": {
			before: func(s *stage) {
				if err := s.Register(s.t.Context(), here, "new-"+s.who.Email, testPassword); err != nil {
					s.t.Fatal(err)
				}
				if _, err := s.UseLink(s.t.Context(), here, s.sent("new-"+s.who.Email), testPassword); err != nil {
					s.t.Fatal(err)
				}
				session, err := s.SignInAnonymously(s.t.Context(), here, nil)
				if err != nil {
					s.t.Fatal(err)
				}
				s.who.UserID, s.who.SessionID, s.who.IdentityID, s.who.Provider = session.UserID, session.ID, session.IdentityID, session.Provider
			},
			do: func(ctx context.Context, s *stage) error {
				_, err := s.person().LinkPassword(ctx, "new-"+s.who.Email, testPassword)
				return err
			},
			done: func(s *stage) bool {
				id, err := s.direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, "new-"+s.who.Email)
				return err == nil && id.UserID == s.who.UserID
			},
		},
		"sign in with a token for the first time": {
			do: func(ctx context.Context, s *stage) (err error) {
				_, err = s.SignInWithToken(ctx, here, s.token(), nil)
				return err
			},
			done: func(s *stage) bool { return s.google().ID != "" },
		},
		"turn a key off": {
			do: func(ctx context.Context, s *stage) error {
				key, err := s.person().TurnKey(ctx, s.key.ID, false)
				if model.OutcomeOf(err) != model.Unclear && (key.ID == "" || key.Disabled != (err == nil)) {
					s.t.Errorf("given is %+v beside %v", key, err)
				}
				return err
			},
			done: func(s *stage) bool {
				key, err := s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)
				return err == nil && key.Disabled
			},
		},
		"set the expiry of a key": {
			do: func(ctx context.Context, s *stage) error {
				key, err := s.person().SetExpiry(ctx, s.key.ID, s.clock.Now().Add(48*time.Hour))
				if err == nil && key.ExpiresAt.IsZero() {
					err = errors.New("the key does not expire")
				}
				return err
			},
			done: func(s *stage) bool {
				key, err := s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)
				return err == nil && !key.ExpiresAt.IsZero()
			},
		},
		"turn a key on": {
			before: func(s *stage) {
				_ = s.direct.SetAPIKeyDisabled(s.t.Context(), s.who.UserID, s.key.ID, store.Turn{Off: true, At: time.Now()})
			},
			do: func(ctx context.Context, s *stage) error { return s.person().SetKey(ctx, s.key.ID, true) },
			done: func(s *stage) bool {
				key, err := s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)
				return err == nil && !key.Disabled
			},
		},
		"replace a key": {
			do: func(ctx context.Context, s *stage) error {
				created, err := s.person().ReplaceKey(ctx, s.key.ID, model.Replacing{Finish: model.FinishNow})
				if err == nil {
					_, err = s.SignInWithKey(ctx, here, created.Value, nil) // its value is not lost
				}
				return err
			},
			done: func(s *stage) bool {
				keys, err := s.direct.Keys(s.t.Context(), s.who.UserID)
				return err == nil && len(keys.List) == 2 && keys.List[0].Disabled && keys.List[0].Replaced.NewID == keys.List[1].ID
			},
		},
		"replace a key with one that is there": {
			before: func(s *stage) { s.newKey(s.who, "pump") },
			do: func(ctx context.Context, s *stage) error {
				keys, err := s.direct.APIKeys(ctx, s.who.UserID)
				if err != nil {
					return err
				}
				_, err = s.person().ReplaceKeyWith(ctx, s.key.ID, keys[1].ID, model.Replacing{Finish: model.FinishByPerson})
				return err
			},
			done: func(s *stage) bool {
				key, err := s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)
				return err == nil && key.Replaced.Open()
			},
		},
		"bring a replaced key back": {
			before: func(s *stage) {
				if _, err := s.person().ReplaceKey(s.t.Context(), s.key.ID, model.Replacing{Finish: model.FinishNow}); err != nil {
					s.t.Fatal(err)
				}
			},
			do: func(ctx context.Context, s *stage) error {
				_, err := s.As(s.who, model.Origin{Actor: model.ActorBrowser, Confirmed: true}).EndReplacement(ctx, s.key.ID)
				return err
			},
			done: func(s *stage) bool {
				key, err := s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)
				return err == nil && !key.Disabled && key.Replaced.State == model.ReplacementUndone
			},
		},
		"delete a key": {
			do: func(ctx context.Context, s *stage) error {
				key, err := s.person().DeleteKey(ctx, s.key.ID)
				if key.Name != "lamp" {
					s.t.Errorf("given is %+v beside %v", key, err)
				}
				return err
			},
			done: func(s *stage) bool { return !saved(s.direct.APIKey(s.t.Context(), s.who.UserID, s.key.ID)) },
		},
		"sign in": {
			do: func(ctx context.Context, s *stage) error {
				who, err := s.SignIn(ctx, here, s.who.Email, testPassword)
				session.ID = who.SessionID
				return err
			},
			done: func(s *stage) bool { return s.session(session.ID) },
		},
		"sign in with a key": {
			before: func(s *stage) { _, _ = s.SignInWithKey(s.t.Context(), here, s.value, nil) }, // the first use is tried in two ways
			do: func(ctx context.Context, s *stage) (err error) {
				session, err = s.SignInWithKey(ctx, here, s.value, &model.Device{Name: "porch-cam"})
				return err
			},
			done: func(s *stage) bool { return s.session(session.ID) },
		},
		"sign in as nobody": {
			do: func(ctx context.Context, s *stage) (err error) {
				session, err = s.SignInAnonymously(ctx, here, nil)
				return err
			},
			done: func(s *stage) bool { return s.session(session.ID) },
		},
		"register": {
			do: func(ctx context.Context, s *stage) error {
				return s.Register(ctx, here, "new-"+s.who.Email, testPassword)
			},
			done: func(s *stage) bool {
				return saved(s.direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, "new-"+s.who.Email))
			},
		},
		"register once more": {
			before: func(s *stage) {
				if err := s.Register(s.t.Context(), here, "new-"+s.who.Email, another); err != nil {
					s.t.Fatal(err)
				}
				s.clock.Advance(time.Hour)
			},
			do: func(ctx context.Context, s *stage) error {
				return s.Register(ctx, here, "new-"+s.who.Email, testPassword)
			},
			done: func(s *stage) bool {
				id, _ := s.direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, "new-"+s.who.Email)
				v, err := s.passwords.check(s.t.Context(), claim{s.who.Email, here}, id.PasswordHash, testPassword)
				return err == nil && v == passwordRight
			},
		},
		"confirm an address": {
			before: func(s *stage) {
				if err := s.Register(s.t.Context(), here, "new-"+s.who.Email, testPassword); err != nil {
					s.t.Fatal(err)
				}
				s.link = s.sent("new-" + s.who.Email)
			},
			do: func(ctx context.Context, s *stage) error {
				email, err := s.UseLink(ctx, here, s.link, testPassword)
				if err == nil && email != "new-"+s.who.Email {
					s.t.Errorf("it was of %q", email)
				}
				return err
			},
			done: func(s *stage) bool {
				id, err := s.direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, "new-"+s.who.Email)
				return err == nil && !id.Pending
			},
		},
		"reset a password": {
			before: func(s *stage) {
				s.clock.Advance(time.Hour)
				if err := s.SendLink(s.t.Context(), here, model.LinkReset, s.who.Email); err != nil {
					s.t.Fatal(err)
				}
				s.link = s.sent(s.who.Email)
			},
			do: func(ctx context.Context, s *stage) error {
				_, err := s.UseLink(ctx, here, s.link, another)
				return err
			},
			done: changed,
		},
		"change a password": {
			do: func(ctx context.Context, s *stage) error {
				return s.person().ChangePassword(ctx, testPassword, another)
			},
			done: changed,
		},
		"remove a way to sign in": {
			before: func(s *stage) {
				id := model.Identity{
					ID: model.NewID(s.clock.Now()), UserID: s.who.UserID, Provider: model.ProviderGoogle, Subject: s.who.UserID, CreatedAt: s.clock.Now(),
				}
				if _, err := s.direct.LinkIdentity(s.t.Context(), s.who.SessionID, id); err != nil {
					s.t.Fatal(err)
				}
			},
			do: func(ctx context.Context, s *stage) error {
				_, err := s.person().RemoveWay(ctx, s.google().ID)
				return err
			},
			done: func(s *stage) bool { return s.google().ID == "" },
		},
		"add a passkey": {
			before: func(s *stage) {
				options, challenge, err := s.person().NewPasskeyOptions(s.t.Context())
				if err != nil {
					s.t.Fatal(err)
				}
				passkey.challenge, passkey.answer = challenge, testkit.NewAuthenticator(s.t, testURL).Create(s.t, options)
			},
			do: func(ctx context.Context, s *stage) error {
				_, err := s.person().AddPasskey(ctx, passkey.challenge, "phone", passkey.answer)
				return err
			},
			done: func(s *stage) bool {
				all, err := s.direct.Passkeys(s.t.Context(), s.who.UserID)
				return err == nil && len(all) == 1
			},
		},
		"sign in with a passkey": {
			before: func(s *stage) {
				_, a := s.addPasskey(s.who, "phone")
				options, challenge, err := s.PasskeyOptions(s.t.Context(), here)
				if err != nil {
					s.t.Fatal(err)
				}
				passkey.challenge, passkey.answer = challenge, a.Sign(s.t, options)
			},
			do: func(ctx context.Context, s *stage) error {
				_, err := s.SignInWithPasskey(ctx, here, passkey.challenge, passkey.answer)
				return err
			},
			done: func(s *stage) bool {
				all, err := s.direct.Passkeys(s.t.Context(), s.who.UserID)
				return err == nil && len(all) == 1 && !all[0].LastUsedAt.IsZero()
			},
		},
		"confirm with a passkey": {
			before: func(s *stage) {
				_, a := s.addPasskey(s.who, "phone")
				options, challenge, err := s.person().ProofOptions(s.t.Context())
				if err != nil {
					s.t.Fatal(err)
				}
				passkey.challenge, passkey.answer = challenge, a.Sign(s.t, options)
			},
			do: func(ctx context.Context, s *stage) error {
				return s.person().CheckPasskey(ctx, passkey.challenge, passkey.answer)
			},
			done: func(s *stage) bool {
				all, err := s.direct.Passkeys(s.t.Context(), s.who.UserID)
				return err == nil && len(all) == 1 && !all[0].LastUsedAt.IsZero()
			},
		},
		"remove a passkey": {
			before: func(s *stage) { passkey.Passkey, _ = s.addPasskey(s.who, "phone") },
			do: func(ctx context.Context, s *stage) error {
				_, err := s.person().RemovePasskey(ctx, passkey.ID)
				return err
			},
			done: func(s *stage) bool {
				all, err := s.direct.Passkeys(s.t.Context(), s.who.UserID)
				return err == nil && len(all) == 0
			},
		},
		"remove the password": {
			before: func(s *stage) { s.addPasskey(s.who, "phone") },
			do:     func(ctx context.Context, s *stage) error { return s.person().RemovePassword(ctx) },
			done:   func(s *stage) bool { return s.identity().PasswordHash == "" && s.session(s.who.SessionID) },
		},
		"confirm the password": {
			do: func(ctx context.Context, s *stage) error { return s.person().CheckPassword(ctx, testPassword) },
			done: func(s *stage) bool {
				events, err := s.direct.Events(s.t.Context(), s.who.UserID, model.EventQuery{Kinds: []model.EventKind{model.EventPasswordProved}, Limit: 9})
				return err == nil && len(events) == 1
			},
		},
		"end a session": {
			do:   func(ctx context.Context, s *stage) error { return s.person().EndSession(ctx, s.other.SessionID) },
			done: func(s *stage) bool { return !s.session(s.other.SessionID) },
		},
		"end all other sessions": {
			do:   func(ctx context.Context, s *stage) error { return s.person().EndOthers(ctx) },
			done: func(s *stage) bool { return !s.session(s.other.SessionID) && s.session(s.who.SessionID) },
		},
		"sign out": {
			do:   func(ctx context.Context, s *stage) error { return s.person().SignOut(ctx) },
			done: func(s *stage) bool { return !s.session(s.who.SessionID) },
		},
		"delete the account": {
			do:   func(ctx context.Context, s *stage) error { return s.person().DeleteAccount(ctx) },
			done: func(s *stage) bool { return !saved(s.direct.User(s.t.Context(), s.who.UserID)) },
		},
		"disable a user": {
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.Disable(ctx, s.who.UserID)
				return err
			},
			done: func(s *stage) bool {
				u, err := s.direct.User(s.t.Context(), s.who.UserID)
				return err == nil && !u.DisabledAt.IsZero() && !s.session(s.who.SessionID)
			},
		},
		"enable a user": {
			before: func(s *stage) { _ = s.direct.DisableUser(s.t.Context(), s.who.UserID, s.clock.Now()) },
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.Enable(ctx, s.who.UserID)
				return err
			},
			done: func(s *stage) bool {
				u, err := s.direct.User(s.t.Context(), s.who.UserID)
				return err == nil && u.DisabledAt.IsZero()
			},
		},
		"add a user": {
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.Add(ctx, "new-"+s.who.Email, testPassword)
				return err
			},
			done: func(s *stage) bool {
				return saved(s.direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, "new-"+s.who.Email))
			},
		},
		"delete a user": {
			do: func(ctx context.Context, s *stage) error {
				_, err := s.Delete(ctx, s.who.UserID)
				return err
			},
			done: func(s *stage) bool { return !saved(s.direct.User(s.t.Context(), s.who.UserID)) },
		},
		"void a password": {
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.Accounts.ResetPassword(ctx, s.who.UserID, false, false)
				return err
			},
			done: func(s *stage) bool { return s.identity().PasswordHash == "" && !s.session(s.who.SessionID) },
		},
		"hand out a link": {
			do: func(ctx context.Context, s *stage) error {
				_, link, err := s.Accounts.ResetPassword(ctx, s.who.UserID, true, false)
				if err == nil {
					at, _ := url.Parse(link.Address.Reveal())
					s.link = model.GivenLink{Purpose: model.LinkReset, ID: at.Query().Get("tokenId"), Token: model.Secret(at.Query().Get("token"))}
				}
				return err
			},
			done: func(s *stage) bool { return s.link.ID != "" && saved(s.UseLink(s.t.Context(), here, s.link, another)) },
		},
		"import a user": {
			do: func(ctx context.Context, s *stage) error {
				u := model.User{ID: model.NewID(s.clock.Now()), CreatedAt: s.clock.Now()}
				return s.Import(ctx, u, []model.Identity{{
					ID: model.NewID(s.clock.Now()), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: "new-" + s.who.Email, CreatedAt: u.CreatedAt,
				}})
			},
			done: func(s *stage) bool {
				return saved(s.direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, "new-"+s.who.Email))
			},
		},
		"ask for a link": { // which nobody waits for: done is whether an email was sent
			before: func(s *stage) { s.clock.Advance(time.Hour) },
			do: func(ctx context.Context, s *stage) error {
				if err := s.SendLink(ctx, here, model.LinkReset, s.who.Email); err != nil {
					return err
				}
				if !slices.ContainsFunc(s.emails.taken(s.fixture), func(m Email) bool { return !m.Notice }) {
					return &model.Error{Kind: model.KindStorageDown, Outcome: model.FoundUndone}
				}
				return nil
			},
		},
	}
}

// TestAnActWhoseCommitIsLostIsToldAsItIs loses the answer to the commit of every act, and its request: on a real server, by a proxy that
// cuts the connection.
func TestAnActWhoseCommitIsLostIsToldAsItIs(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	for name, act := range lostActs() {
		for _, reached := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				u.t, u.fixture.t = t, t
				s := u.stage(strings.ReplaceAll(name, " ", "-") + map[bool]string{true: "@saved.example", false: "@lost.example"}[reached])
				if act.before != nil {
					act.before(s)
				}
				u.Drain()
				u.emails.taken(u.fixture)
				if reached {
					u.proxy.CutAtCommit(1)
				} else {
					u.proxy.CutBeforeCommit(1)
				}
				err := act.do(t.Context(), s)
				u.Drain()
				done := act.done == nil && err == nil || act.done != nil && act.done(s)
				switch {
				case done != reached:
					t.Errorf("done: %v, and told is %v", done, err)
				case reached && err != nil:
					t.Errorf("it was done, and told is %v", err)
				case !reached && (!model.Is(err, model.KindStorageDown) || model.OutcomeOf(err) != model.FoundUndone):
					t.Errorf("it was not done, and told is %v", err)
				}
				if !strings.Contains(u.logs.String(), "the answer to a commit was lost") {
					t.Error("nothing was lost")
				}
				u.logs.Reset()
			})
		}
	}
}

// gate passes connections on until it is shut; those that it has passed on stay.
type gate struct{ shut atomic.Bool }

// before puts the gate in front of an address.
func (g *gate) before(t *testing.T, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil || g.shut.Load() {
				_ = client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_, _ = client.Close(), server.Close()
				}()
			}
		}
	}()
	return listener.Addr().String()
}

// TestAnActOfWhichNobodyCanLearnAnythingIsUnclear loses the answer to the commit of every act, and the way to the server with it.
func TestAnActOfWhichNobodyCanLearnAnythingIsUnclear(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the patience of each act to end")
	}
	g := &gate{}
	u := newUnreliable(t, func(by string) string {
		at, err := url.Parse(by)
		if err != nil {
			t.Fatal(err)
		}
		at.Host = g.before(t, at.Host)
		query := at.Query()
		query.Set("pool_max_conns", "1") // of which none is left when it was cut
		at.RawQuery = query.Encode()
		return at.String()
	})
	u.settleTime = 100 * time.Millisecond
	for name, act := range lostActs() {
		t.Run(name, func(t *testing.T) {
			u.t, u.fixture.t = t, t
			g.shut.Store(false)
			s := u.stage(strings.ReplaceAll(name, " ", "-") + "@example.org")
			if act.before != nil {
				act.before(s)
			}
			u.Drain()
			u.emails.taken(u.fixture)
			u.logs.Reset()
			g.shut.Store(true)
			u.proxy.CutAtCommit(1)
			err := act.do(t.Context(), s)
			if act.done != nil { // or nobody waits to be told
				is(t, err, model.KindUnclear)
				if model.OutcomeOf(err) != model.Unclear {
					t.Errorf("%v has the outcome %d", err, model.OutcomeOf(err))
				}
			}
			if emails := u.emails.taken(u.fixture); len(emails) != 0 {
				t.Errorf("%d emails tell of what is not known", len(emails))
			}
			if !strings.Contains(u.logs.String(), `"saved":false`) {
				t.Errorf("the log says %s", u.logs)
			}
		})
	}
}

func TestAKeyThatIsInTheListAfterAllIsGivenWithItsValue(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := u.stage("ana@example.org")
	u.Drain()
	u.emails.taken(u.fixture)
	u.settleTime = 0 // nobody can look at once
	u.proxy.CutAtCommit(1)
	created, err := s.person().CreateKey(t.Context(), model.CalledKey("pump"))
	if err != nil || created.Key.Name != "pump" || len(created.Keys.List) != 2 {
		t.Fatalf("created is %+v, %v", created.Key, err)
	}
	if _, err := u.SignInWithKey(t.Context(), here, created.Value, nil); err != nil {
		t.Error(err)
	}
	if emails := u.emails.taken(u.fixture); len(emails) != 1 {
		t.Errorf("%d emails tell of it", len(emails))
	}
}

func TestAnOperatorIsToldThatAPasswordIsVoidWhenItsLinkIsLost(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := u.stage("ana@example.org")
	u.Drain()
	asked := 0
	u.cfg.Now = func() time.Time {
		if asked++; asked == 2 { // for the link, once the password is void
			u.proxy.CutBeforeCommit(1)
		}
		return u.clock.Now()
	}
	_, link, err := u.Accounts.ResetPassword(t.Context(), s.who.UserID, false, false)
	if !errors.Is(err, ErrPasswordVoid) || model.OutcomeOf(err) != model.FoundUndone || link.Address != "" {
		t.Errorf("told is %v, given %v", err, link)
	}
	if s.identity().PasswordHash != "" {
		t.Error("the password still fits")
	}
}
