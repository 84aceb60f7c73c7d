package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/internal/model"
)

// lived is one life as it is lived: what it writes to, and whom it tells.
//
// A line is told when a write was acknowledged, and before each that takes something away one with a question mark: when the
// process dies in between, or the write fails, both outcomes are right.
type lived struct {
	context.Context
	*Store
	tell func(words ...string)
	user string

	failing []string // what the write that failed would have told
}

// liveOneLife creates a user who does everything that is ever recorded; some go again. After a write that fails the rest of that
// life is left out.
func liveOneLife(ctx context.Context, s *Store, tell func(...string)) {
	if l := (&lived{Context: ctx, Store: s, tell: tell}); l.live() != nil {
		tell("failed")
	}
}

func (l *lived) live() error {
	for _, act := range []func() error{l.register, l.useBrowsers, l.useKeys, l.pair, l.leave} {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// acknowledged tells of a write that was acknowledged, and passes on the error of one that was not.
func (l *lived) acknowledged(err error, words ...string) error {
	if err == nil {
		l.tell(words...)
	} else {
		l.failing = words
	}
	return err
}

// event is what happened just now to this user; about is the key or, in the detail, whatever else it is about.
func (l *lived) event(kind model.EventKind, keyID, detail string) model.Event {
	return model.Event{UserID: l.user, At: time.Now(), Kind: kind, Actor: model.ActorBrowser, KeyID: keyID, Detail: detail}
}

func (l *lived) register() error {
	now := time.Now()
	l.user = model.NewID(now)
	id := model.Identity{ID: model.NewID(now), UserID: l.user, Provider: model.ProviderAnonymous, Subject: model.NewID(now), CreatedAt: now}
	err := l.CreateUser(l, model.User{ID: l.user, CreatedAt: now}, id, l.event(model.EventAccountMade, "", ""))
	return l.acknowledged(err, "user", l.user)
}

// useBrowsers signs in with two browsers, and out with one of them.
func (l *lived) useBrowsers() error {
	if _, err := l.signIn(); err != nil {
		return err
	}
	session, err := l.signIn()
	if err != nil {
		return err
	}
	l.tell("closed?", l.user, session)
	err = l.DeleteWebSession(l, browserOf(session), l.event(model.EventSessionEnded, "", session))
	return l.acknowledged(err, "closed", l.user, session)
}

// signIn opens an auth session and the web session that holds it.
func (l *lived) signIn() (session string, err error) {
	now := time.Now()
	a := model.Session{ID: model.NewID(now), UserID: l.user, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	err = l.CreateAuthSession(l, a, nil, l.event(model.EventSignedIn, "", a.ID))
	if l.acknowledged(err, "session", l.user, a.ID, "-") != nil {
		return "", err
	}
	err = l.CreateWebSession(l, model.WebSession{
		IDHash: browserOf(a.ID), Sealed: []byte(a.ID), Version: 1, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour),
		UserID: l.user, AuthSessionID: a.ID, ProvedAt: now,
	})
	return a.ID, l.acknowledged(err, "browser", l.user, a.ID)
}

// browserOf names the browser that holds a session.
func browserOf(session string) [32]byte { return sha256.Sum256([]byte(session)) }

// useKeys makes three keys and a session by each. It turns one off, twice, of which the second time is nothing, and deletes one.
func (l *lived) useKeys() error {
	var keys [3]string
	for i := range keys {
		var err error
		if keys[i], err = l.makeKey(); err != nil {
			return err
		}
		session := model.Session{ID: model.NewID(time.Now()), UserID: l.user, KeyID: keys[i]}
		use := &model.KeyUse{At: time.Now(), Address: session.ID}
		err = l.CreateAuthSession(l, session, use, l.event(model.EventKeyFirstUsed, keys[i], ""))
		if l.acknowledged(err, "session", l.user, session.ID, keys[i]) != nil {
			return err
		}
	}
	l.tell("off?", l.user, keys[0])
	err := l.SetAPIKeyDisabled(l, l.user, keys[0], Turn{Off: true, At: time.Now()}, l.event(model.EventKeyTurnedOff, keys[0], ""))
	if l.acknowledged(err, "off", l.user, keys[0]) != nil {
		return err
	}
	if err := l.SetAPIKeyDisabled(l, l.user, keys[0], Turn{Off: true, At: time.Now()}, l.event(model.EventKeyTurnedOff, keys[0], "")); err != nil {
		return err
	}
	l.tell("gone?", l.user, keys[1])
	_, err = l.DeleteAPIKey(l, l.user, keys[1], l.event(model.EventKeyDeleted, keys[1], ""))
	return l.acknowledged(err, "gone", l.user, keys[1])
}

func (l *lived) makeKey() (id string, err error) {
	now := time.Now()
	k := model.Key{ID: model.NewID(now), UserID: l.user, CreatedAt: now}
	k.Name = k.ID
	err = l.CreateAPIKey(l, k, sha256.Sum256([]byte(k.ID)), 20, l.event(model.EventKeyMade, k.ID, ""))
	return k.ID, l.acknowledged(err, "key", l.user, k.ID)
}

// pair approves a device, which is five writes: it asks, is shown, is being approved, gets a key, and is approved.
func (l *lived) pair() error {
	now := time.Now()
	g := model.DeviceGrant{
		ID: model.NewID(now), UserCode: model.NewID(now), DeviceName: "porch", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	g.DeviceCodeHash = sha256.Sum256([]byte(g.ID))
	err := l.CreateGrant(l, g, 1<<30)
	if l.acknowledged(err, "pairing", l.user, g.ID, "pending") != nil {
		return err
	}
	session := sha256.Sum256([]byte(l.user))
	if _, err := l.ClaimGrant(l, g.UserCode, l.user, session, now); err != nil {
		return err
	}
	err = l.BeginApproval(l, g.ID, l.user, session, now)
	if l.acknowledged(err, "pairing", l.user, g.ID, "approving") != nil {
		return err
	}
	key, err := l.makeKey()
	if err != nil {
		return err
	}
	err = l.FinishApproval(l, g.ID, key, key, []byte(key), now)
	if l.acknowledged(err, "pairing", l.user, g.ID, "approved") != nil {
		return err
	}
	err = l.RecordEvent(l, l.event(model.EventPairingApproved, key, g.ID))
	return l.acknowledged(err, "event", l.user, string(model.EventPairingApproved), key, g.ID)
}

// leave deletes the accounts of some.
func (l *lived) leave() error {
	if last, err := hex.DecodeString(l.user[len(l.user)-2:]); err != nil || last[0]%3 != 0 {
		return err
	}
	l.tell("left?", l.user)
	return l.acknowledged(l.DeleteUser(l, l.user), "left", l.user)
}

// told is what lives in this process were told.
type told struct {
	mu    sync.Mutex
	more  sync.Cond
	lines strings.Builder
	count map[string]int // of the first words
}

func newTold() *told {
	o := &told{count: map[string]int{}}
	o.more.L = &o.mu
	return o
}

func (o *told) tell(words ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines.WriteString(strings.Join(words, " ") + "\n")
	o.count[words[0]]++
	o.more.Broadcast()
}

// soFar is what was told until now.
func (o *told) soFar() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines.String()
}

// await returns when n lines more begin with the word.
func (o *told) await(word string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for enough := o.count[word] + n; o.count[word] < enough; {
		o.more.Wait()
	}
}

// livesAtOnce lets fifty live one life after the other until the returned function is called, which waits for them.
func livesAtOnce(ctx context.Context, s *Store, o *told) (end func()) {
	var all sync.WaitGroup
	var enough atomic.Bool
	for range writersOfChild {
		all.Go(func() {
			for !enough.Load() {
				liveOneLife(ctx, s, o.tell)
			}
		})
	}
	return func() {
		enough.Store(true)
		all.Wait()
	}
}
