package servicetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// memory is a service in its plainest form, for the contract to be tried on. With a lie set it gets one thing wrong.
type memory struct {
	*testkit.Clock
	lie string

	mu       sync.Mutex
	made     int
	users    map[string]*memoryUser // by address
	sessions map[string]*memorySession
	tries    map[string][]time.Time // that were wrong, by who is counted
	events   map[string][]model.Event
	links    map[string]*memoryLink // by id
	sent     map[string]string      // the id of the last link, by address
}

type memoryUser struct {
	id, email string
	password  model.Secret
	confirmed bool
	keys      []*memoryKey
}

type memoryKey struct {
	model.Key
	value model.Secret
}

type memorySession struct {
	model.Session
	user *memoryUser
}

type memoryLink struct {
	model.GivenLink
	user *memoryUser
}

func newMemory(lie string) *memory {
	return &memory{
		Clock: NewClock(), lie: lie, users: map[string]*memoryUser{}, sessions: map[string]*memorySession{},
		tries: map[string][]time.Time{}, events: map[string][]model.Event{}, links: map[string]*memoryLink{}, sent: map[string]string{},
	}
}

func (m *memory) tenant() Tenant {
	return Tenant{
		Service: m, Clock: m.Clock, ReportsUsage: true,
		Device: func(_ testing.TB, value model.Secret) func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			s, _ := m.signInWith(value, "192.0.2.200", false)
			if s == nil {
				return nil
			}
			return func() bool { return m.goesOn(s.ID) }
		},
		GoesOn: func(_ testing.TB, a model.Account) bool { return m.goesOn(a.SessionID) },
		Events: func(_ testing.TB, userID string) []model.Event {
			m.mu.Lock()
			defer m.mu.Unlock()
			return slices.Clone(m.events[userID])
		},
		Link: func(_ testing.TB, email string) model.GivenLink {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.links[m.sent[email]].GivenLink
		},
	}
}

func (m *memory) goesOn(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[id]
	return s != nil && (m.lies("sessions outlive expiry") || !slices.ContainsFunc(s.user.keys, func(k *memoryKey) bool {
		return k.ID == s.KeyID && m.expired(k)
	}))
}

func (m *memory) lies(about string) bool { return m.lie == about }

func (m *memory) newID() string {
	m.made++
	return fmt.Sprintf("%08x%016x", m.Now().Unix(), m.made)
}

func refuse(kind model.Kind, reason string) error { return &model.Error{Kind: kind, Reason: reason} }

// begin holds the service for one call, whose caller may have gone.
func (m *memory) begin(ctx context.Context) (end func(), err error) {
	m.mu.Lock()
	if err := ctx.Err(); err != nil && !m.lies("whoever has gone is served") {
		m.mu.Unlock()
		if m.lies("errors of other types") {
			return nil, err
		}
		return nil, &model.Error{Kind: model.KindStorageDown, Err: err}
	}
	return m.mu.Unlock, nil
}

func (m *memory) record(from model.Origin, userID string, kind model.EventKind, key model.Key, detail string) {
	e := model.Event{
		ID: m.newID(), UserID: userID, At: m.Now(), Kind: kind, Actor: from.Actor, KeyID: key.ID, KeyName: key.Name, Detail: detail,
		Address: from.Address, Agent: from.Agent,
	}
	if m.lies("events without an address") {
		e.Address = ""
	}
	m.events[userID] = append(m.events[userID], e)
	if m.lie == "twice "+string(kind) {
		m.events[userID] = append(m.events[userID], e)
	}
}

// lost says whether an event is not written down, which is the lie.
func (m *memory) lost(kind model.EventKind) bool { return m.lie == "no "+string(kind) }

func (m *memory) badPassword(password model.Secret, email string) error {
	switch {
	case m.lies("any password"):
		return nil
	case len(password) < 8 || password == "password1" || string(password) == email:
		reason := "password is short or common"
		if m.lies("no reasons") {
			reason = ""
		}
		return refuse(model.KindBadPassword, reason)
	}
	return nil
}

// alike are the addresses that people cannot tell from one, itself left out.
func (m *memory) alike(email string) (list []string) {
	for other := range m.users {
		if other != email && model.OneSpelling(other) == model.OneSpelling(email) {
			list = append(list, other)
		}
	}
	return list
}

func (m *memory) Named(ctx context.Context, typed string) (string, error) {
	end, err := m.begin(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	alike := m.alike(typed)
	switch exact := m.users[typed] != nil; {
	case m.lies("spellings are told apart"), exact && !m.lies("one account for all spellings"):
		return strings.TrimSpace(typed), nil
	case exact && len(alike) > 0, len(alike) == 1, len(alike) > 0 && m.lies("accounts are guessed"):
		return alike[0], nil
	default:
		return strings.TrimSpace(typed), nil
	}
}

func (m *memory) Register(ctx context.Context, from model.Origin, email string, password model.Secret) error {
	end, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := m.badPassword(password, email); err != nil {
		return err
	}
	if from.Actor == model.ActorBrowser && len(m.alike(email)) > 0 && !m.lies("second accounts beside the first") {
		return refuse(model.KindEmailTaken, "")
	}
	if u := m.users[email]; u != nil {
		if m.lies("an address has the last password") {
			u.password = password
		}
		if m.lies("passwords are told") {
			return refuse(model.KindEmailTaken, "it is not "+password.Reveal())
		}
		return refuse(model.KindEmailTaken, "")
	}
	u := &memoryUser{id: m.newID(), email: email, password: password, confirmed: m.lies("addresses confirm themselves")}
	m.users[email] = u
	m.send(u, model.LinkConfirm)
	return nil
}

func (m *memory) send(u *memoryUser, purpose string) {
	id := m.newID()
	m.links[id] = &memoryLink{model.GivenLink{Purpose: purpose, ID: id, Token: model.Secret("token-" + id)}, u}
	m.sent[u.email] = id
}

func (m *memory) SendLink(_ context.Context, _ model.Origin, purpose, email string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.users[email]
	switch {
	case u != nil:
		m.send(u, purpose)
	case m.lies("links for accounts alone"):
		return refuse(model.KindNotFound, "")
	}
	return nil
}

func (m *memory) LinkOwner(ctx context.Context, given model.GivenLink) (email string, first bool, err error) {
	end, err := m.begin(ctx)
	if err != nil {
		return "", false, err
	}
	defer end()
	link := m.links[given.ID]
	if link == nil || link.Token != given.Token || link.Purpose != given.Purpose {
		return "", false, refuse(model.KindBadLink, "")
	}
	if m.lies("a look uses a link up") {
		delete(m.links, given.ID)
	}
	return link.user.email, m.lies("everybody was invited"), nil
}

func (m *memory) UseLink(ctx context.Context, _ model.Origin, given model.GivenLink, password model.Secret) (string, error) {
	end, err := m.begin(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	link := m.links[given.ID]
	if link == nil || link.Token != given.Token || link.Purpose != given.Purpose && !m.lies("any link will do") {
		return "", refuse(model.KindBadLink, "")
	}
	if given.Purpose == model.LinkReset {
		if err := m.badPassword(password, link.user.email); err != nil {
			if m.lies("a link that fails is used up") {
				delete(m.links, given.ID)
			}
			return "", err
		}
		link.user.password = password
		if !m.lies("sessions outlive a reset") {
			m.endSessions(link.user, "")
		}
	}
	link.user.confirmed = true
	if !m.lies("links for ever") {
		delete(m.links, given.ID)
	}
	if m.lies("links are of everybody in other letters") {
		return strings.ToUpper(link.user.email), nil
	}
	return link.user.email, nil
}

// endSessions ends all sessions of a user but one.
func (m *memory) endSessions(u *memoryUser, but string) {
	for id, s := range m.sessions {
		if s.user == u && id != but {
			delete(m.sessions, id)
		}
	}
}

// guessing counts a try, which right gives back.
func (m *memory) guessing(who string) (right func(), err error) {
	const most, stretch = 10, 10 * time.Minute
	tries := slices.DeleteFunc(m.tries[who], func(at time.Time) bool { return m.Now().Sub(at) >= stretch && !m.lies("no forgiveness") })
	m.tries[who] = tries
	if len(tries) >= most && !m.lies("tries without end") {
		e := &model.Error{Kind: model.KindTooManyTries, Wait: tries[0].Add(stretch).Sub(m.Now())}
		if m.lies("waits of unknown length") {
			e.Wait = 0
		}
		return nil, e
	}
	m.tries[who] = append(tries, m.Now())
	return func() {
		if !m.lies("right passwords count") {
			m.tries[who] = m.tries[who][:len(m.tries[who])-1]
		}
	}, nil
}

func (m *memory) SignIn(ctx context.Context, from model.Origin, email string, password model.Secret) (model.Account, error) {
	end, err := m.begin(ctx)
	if err != nil {
		return model.Account{}, err
	}
	defer end()
	u := m.users[email]
	if u == nil && m.lies("unknown accounts are told") {
		return model.Account{}, refuse(model.KindNotFound, "")
	}
	who := email
	if from.KnownBrowser != "" && !m.lies("browsers are locked out") {
		who = from.KnownBrowser
	}
	right := func() {}
	if u != nil || !m.lies("unknown accounts are not counted") {
		if right, err = m.guessing(who); err != nil && !(from.KnownBrowser != "" && m.lies("known browsers guess")) {
			return model.Account{}, err
		}
	}
	switch {
	case u == nil || u.password != password:
		e := &model.Error{Kind: model.KindWrongPassword}
		if m.lies("outcomes are never known") {
			e.Outcome = model.Unclear
		}
		return model.Account{}, e
	case !u.confirmed:
		return model.Account{}, refuse(model.KindUnconfirmed, "")
	}
	right()
	s := m.open(u, "")
	if !m.lost(model.EventSignedIn) {
		m.record(from, u.id, model.EventSignedIn, model.Key{}, "")
	}
	token := model.Secret("token of " + s.ID)
	if m.lies("the token is the user's id") {
		token = model.Secret(u.id)
	}
	return model.Account{UserID: u.id, Email: email, SessionID: s.ID, Token: token}, nil
}

func (m *memory) open(u *memoryUser, keyID string) *memorySession {
	s := &memorySession{model.Session{
		ID: m.newID(), UserID: u.id, KeyID: keyID, CreatedAt: m.Now(), ExpiresAt: m.Now().Add(time.Hour),
	}, u}
	if m.lies("one session for all") {
		s.ID = u.id
	}
	m.sessions[s.ID] = s
	return s
}

// signInWith opens a session with a value, unless it is only looked at.
func (m *memory) expired(k *memoryKey) bool {
	return !k.ExpiresAt.IsZero() && !m.Now().Before(k.ExpiresAt) && !m.lies("expired keys let in")
}

func (m *memory) signInWith(value model.Secret, address string, look bool) (*memorySession, *memoryKey) {
	for _, u := range m.users {
		for _, k := range u.keys {
			if k.value != value || value == "" {
				continue
			}
			if k.Disabled && !m.lies("off keys let in") {
				if !look && !m.lies("refusals are not told") {
					k.Usage.LastRefusal = model.KeyRefusal{At: m.Now(), Address: address, Reason: model.ReasonKeyOff}
				}
				return nil, k
			}
			if m.expired(k) {
				k.Usage.LastRefusal = model.KeyRefusal{At: m.Now(), Address: address, Reason: model.ReasonKeyExpired}
				return nil, k
			}
			if !look {
				if k.Usage.FirstUsed.IsZero() || m.lies("the last use is the first") {
					k.Usage.FirstUsed = m.Now()
				}
				k.Usage.LastUse = model.KeyUse{At: m.Now(), Address: address}
			}
			return m.open(u, k.ID), k
		}
	}
	return nil, nil
}

func (m *memory) As(a model.Account, from model.Origin) handlers.Person {
	return &memoryPerson{m, a, from}
}

type memoryPerson struct {
	m    *memory
	who  model.Account
	from model.Origin
}

// user is the person's, nil when they have gone.
func (p *memoryPerson) user() *memoryUser { return p.m.byID(p.who.UserID) }

func (m *memory) byID(id string) *memoryUser {
	for _, u := range m.users {
		if u.id == id {
			return u
		}
	}
	return nil
}

func (p *memoryPerson) begin(ctx context.Context) (u *memoryUser, end func(), err error) {
	end, err = p.m.begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	if u = p.user(); u == nil {
		end()
		return nil, nil, refuse(model.KindSessionOver, "")
	}
	return u, end, nil
}

func (p *memoryPerson) keys(u *memoryUser) model.Keys {
	keys := model.Keys{Usage: model.UsageKnown}
	if p.m.lies("no word of usage") {
		keys.Usage = model.UsageNotKnown
	}
	for _, k := range u.keys {
		keys.List = append(keys.List, p.shown(k))
	}
	if p.m.lies("keys of everybody") {
		for _, other := range p.m.users {
			if other != u {
				for _, k := range other.keys {
					keys.List = append(keys.List, p.shown(k))
				}
			}
		}
	}
	if p.m.lies("newest first") {
		slices.Reverse(keys.List)
	}
	return keys
}

func (p *memoryPerson) shown(k *memoryKey) model.Key {
	shown := k.Key
	if p.m.lies("the value in the name") {
		shown.Name = k.value.Reveal()
	}
	return shown
}

func (p *memoryPerson) Keys(ctx context.Context) (model.Keys, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Keys{}, err
	}
	defer end()
	return p.keys(u), nil
}

// key is one of the person's, or the error that says that there is none.
func (p *memoryPerson) key(u *memoryUser, id string) (*memoryKey, error) {
	for _, other := range p.m.users {
		for _, k := range other.keys {
			if k.ID == id && (other == u || p.m.lies("foreign keys")) {
				return k, nil
			}
		}
	}
	kind := model.KindNotFound
	if len(id) != 24 && p.m.lies("odd ids are mistakes") {
		kind = model.KindInternal
	}
	return nil, refuse(kind, "")
}

func (p *memoryPerson) Key(ctx context.Context, id string) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	k, err := p.key(u, id)
	if err != nil {
		return model.Key{}, err
	}
	return p.shown(k), nil
}

func (p *memoryPerson) CreateKey(ctx context.Context, wanted model.NewKey) (out model.Created, err error) {
	name := wanted.Name
	u, end, err := p.begin(ctx)
	if err != nil {
		return out, err
	}
	defer end()
	most := model.MaxKeys
	if p.m.lies("21 keys") {
		most++
	}
	count := 0
	for _, k := range u.keys {
		if !k.Disabled || !p.m.lies("keys that are off do not count") {
			count++
		}
	}
	if p.m.lies("creates at once overtake each other") {
		p.m.mu.Unlock()
		time.Sleep(time.Millisecond)
		p.m.mu.Lock()
	}
	expiry := model.CheckExpiry(wanted.ExpiresAt, p.m.Now())
	switch taken := slices.ContainsFunc(u.keys, func(k *memoryKey) bool {
		return k.Name == name || p.m.lies("names without case") && strings.EqualFold(k.Name, name)
	}); {
	case !model.ValidName(name) && !p.m.lies("any name"):
		err = refuse(model.KindBadName, "a name is letters, digits, hyphens and underscores")
		if p.m.lies("reasons with a full stop") {
			err = refuse(model.KindBadName, "A name is letters.")
		}
	case taken && !p.m.lies("names twice"):
		err = refuse(model.KindNameTaken, "")
	case count >= most:
		err = refuse(model.KindKeyLimit, "")
	case model.CheckCard(model.CleanText(wanted.Label), model.CleanText(wanted.Note)) != nil:
		err = refuse(model.KindBadLabel, "")
	case expiry != nil && !p.m.lies("any day"):
		err = expiry
	default:
		out.Key, out.Value = p.create(u, name)
		if !p.m.lies("keys are created for ever") {
			u.keys[len(u.keys)-1].ExpiresAt = wanted.ExpiresAt
		}
		out.Key = p.label(u.keys[len(u.keys)-1], wanted.Label, wanted.Note)
	}
	if p.from.Pairing == "" && !p.m.lies("no keys beside a new one") && !(err != nil && p.m.lies("no keys beside a refusal")) {
		out.Keys = p.keys(u)
	}
	if err != nil && p.m.lies("a value beside a refusal") {
		out.Value = nobodys
	}
	return out, err
}

func (p *memoryPerson) AdoptKey(ctx context.Context, name string, pasted model.Secret) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	value := model.ValueIn(pasted)
	if len(value) != 64 && !p.m.lies("any value is adopted") {
		return model.Key{}, refuse(model.KindBadValue, "a value has 64 characters")
	}
	for _, other := range p.m.users {
		for _, k := range other.keys {
			switch {
			case k.value != value || p.m.lies("values of others are taken over") && other != u:
			case other == u:
				return k.Key, refuse(model.KindOwnValue, "")
			default:
				return model.Key{}, refuse(model.KindValueTaken, "")
			}
		}
	}
	k := &memoryKey{model.Key{ID: p.m.newID(), UserID: u.id, Name: name, CreatedAt: p.m.Now(), Origin: model.OriginAdopted}, value}
	u.keys = append(u.keys, k)
	if !p.m.lost(model.EventKeyAdopted) {
		p.m.record(p.from, u.id, model.EventKeyAdopted, k.Key, "")
	}
	return k.Key, nil
}

func (p *memoryPerson) create(u *memoryUser, name string) (model.Key, model.Secret) {
	m := p.m
	k := &memoryKey{Key: model.Key{ID: m.newID(), UserID: u.id, Name: name, CreatedAt: m.Now()}}
	k.value = model.Secret(fmt.Sprintf("%064d", m.made))
	if m.lies("one value for all") {
		k.value = model.Secret("the value of " + u.id)
	}
	sum := sha256.Sum256([]byte(k.value.Reveal()))
	k.Usage = model.KeyUsage{Known: model.UsageKnown, RecordingSince: m.Now(), Fingerprint: hex.EncodeToString(sum[:8])}
	if m.lies("other fingerprints") {
		k.Usage.Fingerprint = "0123456789abcdef"
	}
	if p.from.Pairing == "" && !m.lies("nobody asks whether a value was saved") {
		k.Card.SavedHow = model.NotSaved
	}
	u.keys = append(u.keys, k)
	if !m.lost(model.EventKeyMade) {
		detail := p.from.Pairing
		if m.lies("devices are not named") {
			detail = ""
		}
		m.record(p.from, u.id, model.EventKeyMade, k.Key, detail)
	}
	if (p.from.Pairing == "" || m.lies("devices are shown")) && !m.lost(model.EventKeyShown) {
		m.record(p.from, u.id, model.EventKeyShown, k.Key, "")
	}
	if m.lies("dead on arrival") {
		return k.Key, nobodys
	}
	return p.shown(k), k.value
}

func (p *memoryPerson) TurnKey(ctx context.Context, id string, on bool) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	k, err := p.key(u, id)
	if err != nil {
		return model.Key{}, err
	}
	was := k.Key
	if on && k.Disabled && !k.Card.LeakedAt.IsZero() && p.from.Named != k.Name && !p.m.lies("leaked keys are turned on without their names") {
		return model.Key{}, refuse(model.KindLeaked, "")
	}
	if k.Disabled == on || p.m.lies("each turn is an event") {
		kind := model.EventKeyTurnedOff
		if on {
			kind = model.EventKeyTurnedOn
		}
		detail := ""
		if on && !k.Card.LeakedAt.IsZero() && !p.m.lies("leaked keys are turned on like others") {
			detail = model.DetailLeaked
		}
		if !p.m.lost(kind) {
			p.m.record(p.from, u.id, kind, k.Key, detail)
		}
		p.turned(u, k, on)
	}
	k.Disabled = !on
	if !on && !p.m.lies("sessions outlive their keys") {
		p.m.endOf(k.ID)
	}
	if on && p.m.lies("on is for ever off") {
		k.Disabled = true
	}
	if p.m.lies("keys as they were") {
		return was, nil
	}
	return p.shown(k), nil
}

func (p *memoryPerson) SetExpiry(ctx context.Context, id string, at time.Time) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	k, err := p.key(u, id)
	if err != nil {
		return model.Key{}, err
	}
	if err := model.CheckExpiry(at, p.m.Now()); err != nil && !p.m.lies("any day") {
		return model.Key{}, err
	}
	if model.Extends(k.ExpiresAt, at) && !p.from.Confirmed && !p.m.lies("anybody extends") {
		return model.Key{}, refuse(model.KindConfirm, "")
	}
	if (!k.ExpiresAt.Equal(at) || p.m.lies("each expiry is an event")) && !p.m.lost(model.EventKeyExpirySet) {
		p.m.record(p.from, u.id, model.EventKeyExpirySet, k.Key, model.ExpiryDetail(at))
	}
	k.ExpiresAt = at
	return p.shown(k), nil
}

// endOf ends the sessions that a key has opened.
func (m *memory) endOf(keyID string) {
	for id, s := range m.sessions {
		if s.KeyID == keyID {
			delete(m.sessions, id)
		}
	}
}

func (p *memoryPerson) DeleteKey(ctx context.Context, id string) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	k, err := p.key(u, id)
	if err != nil {
		return model.Key{}, err
	}
	if !p.m.lies("deleted in words alone") {
		u.keys = slices.DeleteFunc(u.keys, func(other *memoryKey) bool { return other == k })
	}
	if !p.m.lies("sessions outlive deleted keys") {
		p.m.endOf(k.ID)
	}
	if !p.m.lost(model.EventKeyDeleted) {
		p.m.record(p.from, u.id, model.EventKeyDeleted, k.Key, "")
	}
	p.undo(u, k, "deleted")
	was := p.shown(k)
	was.Usage = model.KeyUsage{}
	if p.m.lies("deleted keys are off") {
		was.Disabled = false
	}
	return was, nil
}

func (p *memoryPerson) Sessions(ctx context.Context) (out model.Sessions, err error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return out, err
	}
	defer end()
	for _, s := range p.m.sessions {
		switch {
		case s.user != u && !p.m.lies("sessions of everybody"):
		case s.KeyID != "" && p.m.lies("keys have no sessions"):
		default:
			out.List = append(out.List, s.Session)
		}
	}
	return out, nil
}

func (p *memoryPerson) EndSession(ctx context.Context, id string) error {
	u, end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	s := p.m.sessions[id]
	if s == nil || s.user != u && !p.m.lies("anybody ends sessions") {
		if p.m.lies("no session is as good as ended") {
			return nil
		}
		return refuse(model.KindNotFound, "")
	}
	if p.m.lies("one ends all") {
		p.m.endSessions(u, p.who.SessionID)
	}
	delete(p.m.sessions, id)
	if !p.m.lost(model.EventSessionEnded) {
		p.m.record(p.from, u.id, model.EventSessionEnded, model.Key{}, model.EndedElsewhere)
	}
	return nil
}

func (p *memoryPerson) EndOthers(ctx context.Context) error {
	u, end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	but := p.who.SessionID
	if p.m.lies("others are all") {
		but = ""
	}
	p.m.endSessions(u, but)
	if !p.m.lies("others end unseen") {
		p.m.record(p.from, u.id, model.EventSessionEnded, model.Key{}, model.EndedOthers)
	}
	return nil
}

func (p *memoryPerson) SignOut(ctx context.Context) error {
	end, err := p.m.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	switch {
	case p.m.sessions[p.who.SessionID] == nil && p.m.lies("signed out once alone"):
		return refuse(model.KindSessionOver, "")
	case p.m.lies("signing out is written down"):
		p.m.record(p.from, p.who.UserID, model.EventSessionEnded, model.Key{}, model.EndedSignedOut)
	case p.m.lies("signing out ends all"):
		p.m.endSessions(p.user(), "")
	case p.m.lies("no signing out"):
		return nil
	}
	delete(p.m.sessions, p.who.SessionID)
	return nil
}

// proves checks the person's password.
func (p *memoryPerson) proves(u *memoryUser, password model.Secret) error {
	right, err := p.m.guessing(p.who.SessionID)
	if err != nil {
		return err
	}
	anybodys := p.m.lies("anybody's password") && slices.ContainsFunc(p.m.all(), func(u *memoryUser) bool { return u.password == password })
	if password != u.password && !anybodys {
		if !p.m.lost(model.EventSignInFailed) {
			p.m.record(p.from, u.id, model.EventSignInFailed, model.Key{}, model.ReasonWrongPassword)
		}
		if p.m.lies("a wrong password ends the session") {
			delete(p.m.sessions, p.who.SessionID)
		}
		return refuse(model.KindWrongPassword, "")
	}
	right()
	return nil
}

func (m *memory) all() (all []*memoryUser) {
	for _, u := range m.users {
		all = append(all, u)
	}
	return all
}

func (p *memoryPerson) Proofs(context.Context) (model.Proofs, error) {
	return model.Proofs{Password: true}, nil
}

func (p *memoryPerson) CheckPassword(ctx context.Context, password model.Secret) error {
	u, end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := p.proves(u, password); err != nil {
		return err
	}
	if !p.m.lost(model.EventPasswordProved) {
		p.m.record(p.from, u.id, model.EventPasswordProved, model.Key{}, "")
	}
	return nil
}

func (p *memoryPerson) ChangePassword(ctx context.Context, current, replacement model.Secret) error {
	u, end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if p.m.lies("changed before it was checked") {
		u.password = replacement
	}
	if err := p.proves(u, current); err != nil && !p.m.lies("any current password") {
		return err
	}
	if err := p.m.badPassword(replacement, u.email); err != nil && !p.m.lies("any new password") {
		return err
	}
	u.password = replacement
	if !p.m.lies("sessions outlive passwords") {
		p.m.endSessions(u, p.who.SessionID)
	}
	if !p.m.lost(model.EventPasswordChanged) {
		p.m.record(p.from, u.id, model.EventPasswordChanged, model.Key{}, "")
	}
	return nil
}

func (p *memoryPerson) DeleteAccount(ctx context.Context) error {
	u, end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if !p.m.lies("sessions outlive accounts") {
		p.m.endSessions(u, "")
	}
	if p.m.lies("keys outlive accounts") {
		p.m.users["formerly "+u.email] = &memoryUser{id: u.id + "x", keys: u.keys}
	}
	delete(p.m.users, u.email)
	return nil
}

func (p *memoryPerson) Ways(ctx context.Context) ([]model.Way, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if p.m.lies("others sign in with it") {
		return []model.Way{{Provider: model.ProviderEmailPassword, Name: "ada@example.org"}}, nil
	}
	return []model.Way{{Provider: model.ProviderEmailPassword, Name: u.email}}, nil
}

func (p *memoryPerson) RemoveWay(ctx context.Context, _ string) (model.Way, error) {
	_, end, err := p.begin(ctx)
	if err != nil {
		return model.Way{}, err
	}
	defer end()
	return model.Way{}, refuse(model.KindNotFound, "")
}

func (p *memoryPerson) TryValue(ctx context.Context, value model.Secret) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	own := slices.ContainsFunc(u.keys, func(k *memoryKey) bool { return k.value == value })
	s, k := p.m.signInWith(value, p.from.Address, own && !p.m.lies("trials are uses") || !own && p.m.lies("trials of others are hidden"))
	switch {
	case k == nil && p.m.lies("any value works"):
		return model.Key{UserID: u.id}, nil
	case s == nil && k != nil && p.m.lies("off is told"):
		return k.Key, refuse(model.KindWrongValue, "")
	case s == nil:
		return model.Key{}, refuse(model.KindWrongValue, "")
	case !p.m.lies("trials stay"):
		delete(p.m.sessions, s.ID)
	}
	if own && p.m.lies("trials are written down") {
		p.m.record(p.from, u.id, model.EventKeyFirstUsed, k.Key, "")
	}
	if p.m.lies("every key is one's own") {
		return model.Key{UserID: u.id, ID: k.ID, Name: k.Name}, nil
	}
	if !own && !p.m.lies("foreign keys are named") {
		return model.Key{UserID: k.UserID}, nil
	}
	key := model.Key{UserID: k.UserID, ID: k.ID, Name: k.Name}
	if p.m.lies("keys are mistaken") {
		key = model.Key{UserID: u.id, ID: u.keys[0].ID, Name: u.keys[0].Name}
	}
	return key, nil
}

func (p *memoryPerson) KeepLanguage(context.Context) error { return nil }

func (p *memoryPerson) MarkSaved(ctx context.Context, id string, how model.SavedHow) error {
	u, end, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	k, err := p.key(u, id)
	switch {
	case err != nil:
		return err
	case k.Card.SavedHow == "" && !p.m.lies("values of devices are saved on pages"), !how.IsAnswer() && !p.m.lies("any way of saving"):
		return refuse(model.KindNotFound, "")
	case k.Card.SavedHow.IsAnswer() && !p.m.lies("values are saved again"):
		return nil
	}
	k.Card.SavedAt, k.Card.SavedHow = p.m.Now(), how
	if !p.m.lost(model.EventKeySaved) {
		p.m.record(p.from, u.id, model.EventKeySaved, k.Key, string(how))
	}
	return nil
}

func (p *memoryPerson) ReportLeak(ctx context.Context, id string) (model.Leak, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Leak{}, err
	}
	defer end()
	k, err := p.key(u, id)
	if err != nil {
		return model.Leak{}, err
	}
	leak, detail := model.Leak{WasOff: k.Disabled}, ""
	if k.Disabled && !p.m.lies("leaks of keys that are off go unsaid") {
		detail = model.DetailWasOff
	}
	if !k.Disabled || k.Card.LeakedAt.IsZero() || p.m.lies("each report is an event") {
		if !p.m.lost(model.EventKeyLeaked) {
			p.m.record(p.from, u.id, model.EventKeyLeaked, k.Key, detail)
		}
	}
	if !p.m.lies("leaked keys stay on") {
		k.Disabled = true
		p.m.endOf(k.ID)
	}
	if k.Card.LeakedAt.IsZero() && !p.m.lies("leaks are forgotten") {
		k.Card.LeakedAt = p.m.Now()
	}
	leak.Key = p.shown(k)
	if p.m.lies("every leaked key was off") {
		leak.WasOff = true
	}
	return leak, nil
}
