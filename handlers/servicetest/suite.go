// Package servicetest is the contract of handlers.Service, written as tests so that every tenant can be held to it.
package servicetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// Tenant is a service, and what can be seen of it from elsewhere.
type Tenant struct {
	Service handlers.Service

	// Device signs a device in with the value of a key, past the dashboard. What it gives says whether the session goes on; it is nil
	// when the device was refused.
	Device func(t testing.TB, value model.Secret) (goesOn func() bool)
	// GoesOn says whether the session that an account holds has not ended.
	GoesOn func(t testing.TB, a model.Account) bool
	// Events are what was written down of a user, where the dashboard looks for it, the oldest first. They wait for what is written
	// down after an answer.
	Events func(t testing.TB, userID string) []model.Event
	// Link is what was sent to an address last. Without it no email is sent, and accounts confirm themselves.
	Link func(t testing.TB, email string) model.GivenLink
	// Clock is what the service goes by.
	*testkit.Clock

	// ReportsUsage says that the service knows the usage of keys.
	ReportsUsage bool
	// NoSessions and NoNewPassword say that it has no list of sessions, and no way to change a password.
	NoSessions, NoNewPassword bool
	// NoAdoption says that it takes over no values that devices have.
	NoAdoption bool
	// NoSpellings says that it tells accounts apart by every letter, and nobody here knows which there are.
	NoSpellings bool
	// OthersByBrowser says that it does not write down that all others have ended: of browsers the dashboard writes it, and of apps
	// whoever has them.
	OthersByBrowser bool
	// OnlyReminds says that a key goes on letting devices in that has expired, and that nobody knows better.
	OnlyReminds bool
	// NoEvidence says that it does not see devices, and so cannot wait for one.
	NoEvidence bool
	// TrialsAreUses says that it cannot try a value but by signing in with it.
	TrialsAreUses bool
}

// NewClock stands at some noon.
func NewClock() *testkit.Clock {
	return testkit.NewClock(time.Date(2026, time.May, 2, 12, 0, 0, 0, time.UTC))
}

var link = regexp.MustCompile(`https?://\S+/(confirm|reset)\?(\S+)`)

// linkIn finds the link in the text of an email.
func linkIn(text string) (l model.GivenLink, ok bool) {
	found := link.FindStringSubmatch(text)
	if found == nil {
		return l, false
	}
	query, err := url.ParseQuery(found[2])
	return model.GivenLink{Purpose: found[1], ID: query.Get("tokenId"), Token: model.Secret(query.Get("token"))}, err == nil
}

// Postbox keeps emails, for tenants whose links are sent.
type Postbox struct {
	mu     sync.Mutex
	emails []email
}

type email struct{ to, text string }

// Keep puts an email into the box.
func (p *Postbox) Keep(to, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emails = append(p.emails, email{to, text})
}

// Link is the last one that was sent to an address.
func (p *Postbox) Link(t testing.TB, to string) model.GivenLink {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, sent := range slices.Backward(p.emails) {
		if link, ok := linkIn(sent.text); ok && sent.to == to {
			return link
		}
	}
	t.Fatalf("no link was sent to %s", to)
	return model.GivenLink{}
}

// contract is one sentence of the contract and its proof, which gets a tenant of its own.
type contract struct {
	name  string
	prove func(t testing.TB, s Tenant)
}

// part is some sentences about the same thing.
type part struct {
	name      string
	contracts []contract
}

func parts() []part {
	return []part{
		{"coming in", comingIn()},
		{"links", links()},
		{"keys", keys()},
		{"keys at work", keysAtWork()},
		{"labels", labels()},
		{"expiry", expiry()},
		{"values", values()},
		{"replacements", replacements()},
		{"sessions", sessions()},
		{"a person", self()},
		{"every answer", everyAnswer()},
	}
}

// Run proves the whole contract. open returns a tenant that has counted nothing, and sees to its end at the end of the test. Whoever
// else is in it, the proofs do not know.
func Run(t *testing.T, open func(t testing.TB) Tenant) {
	for _, part := range parts() {
		t.Run(part.name, func(t *testing.T) {
			for _, c := range part.contracts {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel() // most of the time is spent waiting for a disk
					c.prove(t, open(t))
				})
			}
		})
	}
}

// here is where everybody in the tests is.
var here = model.Origin{Address: "192.0.2.7", Agent: "a browser", Actor: model.ActorBrowser}

const (
	// goodPassword is everybody's, unless a test says otherwise, and wrongPassword is nobody's.
	goodPassword  model.Secret = "correct horse battery"
	wrongPassword model.Secret = "tr0ub4dor and three"
	// nobodys has the shape of a key's value.
	nobodys model.Secret = "NobodysValueNobodysValueNobodysValueNobodysValueNobodysValueNobo"
)

// person is somebody who is signed in.
type person struct {
	handlers.Person
	tenant   Tenant
	account  model.Account
	password model.Secret
}

func newEmail() string { return strings.ToLower(rand.Text()) + "@example.org" }

// register creates an account with which one can sign in.
func register(t testing.TB, s Tenant, email string, password model.Secret) {
	t.Helper()
	must(t, s.Service.Register(t.Context(), here, email, password))
	if s.Link != nil {
		must(t, uses(t, s, s.Link(t, email), goodPassword, email))
	}
}

// newPerson creates an account and signs in.
func newPerson(t testing.TB, s Tenant) *person {
	t.Helper()
	email := newEmail()
	register(t, s, email, goodPassword)
	return signIn(t, s, email, goodPassword)
}

func signIn(t testing.TB, s Tenant, email string, password model.Secret) *person {
	t.Helper()
	a, err := s.Service.SignIn(t.Context(), here, email, password)
	must(t, err)
	return &person{s.Service.As(a, here), s, a, password}
}

// again is the same person in another session.
func (p *person) again(t testing.TB) *person {
	t.Helper()
	return signIn(t, p.tenant, p.account.Email, p.password)
}

// id is the user's.
func (p *person) id() string { return p.account.UserID }

// goesOn checks that the person's session has not ended.
func (p *person) goesOn(t testing.TB, want bool) {
	t.Helper()
	if p.tenant.GoesOn(t, p.account) != want {
		t.Errorf("the session goes on: %v, want %v", !want, want)
	}
}

// create creates a key.
func (p *person) create(t testing.TB, name string) model.Created {
	t.Helper()
	created, err := p.CreateKey(t.Context(), model.CalledKey(name))
	must(t, err)
	return created
}

// list is all keys.
func (p *person) list(t testing.TB) []model.Key {
	t.Helper()
	keys, err := p.Keys(t.Context())
	must(t, err)
	return keys.List
}

// has checks which keys there are, in order, and which of them are off.
func (p *person) has(t testing.TB, want ...string) {
	t.Helper()
	if got := names(p.list(t)); !slices.Equal(got, want) {
		t.Errorf("there are the keys %v, want %v", got, want)
	}
}

// names says keys as "name" or "name (off)".
func names(keys []model.Key) []string {
	var all []string
	for _, k := range keys {
		if k.Disabled {
			k.Name += " (off)"
		}
		all = append(all, k.Name)
	}
	return all
}

// numbered gives n names.
func numbered(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("key-%02d", i+1)
	}
	return all
}

// notOfActs are events that some tenants learn of and others do not: the account is elsewhere, or whoever acts is not the dashboard.
var notOfActs = []model.EventKind{
	model.EventAccountMade, model.EventEmailConfirmed, model.EventResetAsked, model.EventPasswordReset,
	model.EventKeyFirstUsed, model.EventKeyRefused,
}

// written is what was written down of the person's acts, the oldest first, and what repeated itself as often as it did.
func (p *person) written(t testing.TB) (events []model.Event) {
	t.Helper()
	for _, e := range p.tenant.Events(t, p.id()) {
		if !slices.Contains(notOfActs, e.Kind) {
			events = append(events, slices.Repeat([]model.Event{e}, e.Again+1)...)
		}
	}
	return events
}

// writes checks what is written down of the person while something is done: "kind", "key" and "detail" of each event.
func (p *person) writes(t testing.TB, do func(), want ...string) {
	t.Helper()
	before := len(p.written(t))
	do()
	if got := told(p.written(t)[before:]); !slices.Equal(got, want) {
		t.Errorf("written down is %q, want %q", got, want)
	}
}

func told(events []model.Event) []string {
	var all []string
	for _, e := range events {
		all = append(all, strings.Join(strings.Fields(string(e.Kind)+" "+e.KeyName+" "+e.Detail), " "))
	}
	return all
}

// works checks that a device is let in with a value, and gives its session.
func works(t testing.TB, s Tenant, value model.Secret) (goesOn func() bool) {
	t.Helper()
	if goesOn = s.Device(t, value); goesOn == nil {
		t.Fatal("a device is refused")
	}
	return goesOn
}

// isRefused checks that no device is let in with a value.
func isRefused(t testing.TB, s Tenant, value model.Secret) {
	t.Helper()
	if s.Device(t, value) != nil {
		t.Error("a device is let in")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is checks that a call was refused in that way, and that nothing was done by it.
func is(t testing.TB, err error, kind model.Kind) {
	t.Helper()
	switch {
	case !model.Is(err, kind):
		t.Errorf("the error is %v, of kind %d, want kind %d", err, model.KindOf(err), kind)
	case model.OutcomeOf(err) != model.NotDone:
		t.Errorf("the outcome is %d, and nothing can have been done", model.OutcomeOf(err))
	}
}

// saysWhy checks that a refusal has a reason, as a sentence without its full stop.
func saysWhy(t testing.TB, err error) {
	t.Helper()
	e, ok := errors.AsType[*model.Error](err)
	if !ok || e.Reason == "" || strings.HasSuffix(e.Reason, ".") {
		t.Errorf("%v does not say why", err)
	}
}

// waitOf is for how long whoever asked is to wait.
func waitOf(t testing.TB, err error) time.Duration {
	t.Helper()
	e, ok := errors.AsType[*model.Error](err)
	if !ok || e.Wait <= 0 {
		t.Fatalf("%v does not say for how long to wait", err)
	}
	return e.Wait
}

// tooMany makes tries until one is refused because there were so many, and gives how many were not, and for how long to wait.
func tooMany(t testing.TB, try func() error) (tries int, wait time.Duration) {
	t.Helper()
	for tries = range 30 {
		err := try()
		if model.Is(err, model.KindTooManyTries) {
			return tries, waitOf(t, err)
		}
		is(t, err, model.KindWrongPassword)
	}
	t.Fatal("nobody counts")
	return 0, 0
}

// waits lets the time pass that it takes until a try is not refused for being one of too many, and makes it.
func waits(t testing.TB, s Tenant, wait time.Duration, try func() error) error {
	t.Helper()
	for range 5 { // a wait may be told in part
		s.Advance(wait)
		err := try()
		if !model.Is(err, model.KindTooManyTries) {
			return err
		}
		wait = waitOf(t, err)
	}
	t.Fatal("waiting does not help")
	return nil
}

// holds says whether a text is somewhere in a value, however deep, and however the value prints.
func holds(v any, text string) bool { return holdsIn(reflect.ValueOf(v), text, 20) }

func holdsIn(v reflect.Value, text string, deep int) bool {
	if deep == 0 {
		return false
	}
	within := func(v reflect.Value) bool { return holdsIn(v, text, deep-1) }
	switch v.Kind() {
	case reflect.String:
		return strings.Contains(v.String(), text)
	case reflect.Pointer, reflect.Interface:
		return within(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if within(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if within(v.Index(i)) {
				return true
			}
		}
	}
	return false
}

// ended is a context whose caller has gone.
func ended(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
