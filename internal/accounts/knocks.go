package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
)

// How many values may be heard of for the first time, at once and from then on. One address has as many as a network has places, a network
// twice that, so that one who makes up values leaves its neighbours as much; a provider has a fifth of what all have. What is heard of again
// is written down once in knockPause.
const (
	addressKnocks, addressKnockPause   = 20, time.Minute
	networkKnocks, networkKnockPause   = 2 * addressKnocks, addressKnockPause / 2
	providerKnocks, providerKnockPause = everyKnock / 5, 5 * everyKnockPause
	everyKnock, everyKnockPause        = 1000, 600 * time.Millisecond

	knockPause = time.Minute

	// heardOf is how many values each half of the memory holds, and hinted how many addresses.
	heardOf, hinted = 1024, 1024

	// hintTime is for how long a token tells whose devices are at an address.
	hintTime = 10 * time.Minute
)

// knocks decides what of refused values is written down. A nil one knows of none.
type knocks struct {
	now   func() time.Time
	total atomic.Uint64

	mu     sync.Mutex
	heard  limits.Lately[[sha256.Size]byte, heard]
	hints  limits.Lately[string, hint]
	newest struct {
		book                                     *limits.Book
		addresses, networks, providers, everyone *limits.Table
	}
}

// heard is how often a value was refused, the tries of a minute being one, and when that was last written down.
type heard struct {
	tries int64
	at    time.Time
}

// hint is whom a token named.
type hint struct {
	userID string // "": several
	at     time.Time
}

func newKnocks(now func() time.Time) *knocks {
	k := &knocks{now: now}
	k.heard.Most, k.hints.Most = heardOf, hinted
	book := limits.NewBook(now, quotaSweep)
	k.newest.book = book
	k.newest.addresses = book.Buckets(addressKnocks, addressKnockPause)
	k.newest.networks = book.Buckets(networkKnocks, networkKnockPause)
	k.newest.providers = book.Buckets(providerKnocks, providerKnockPause)
	k.newest.everyone = book.Buckets(everyKnock, everyKnockPause)
	return k
}

// knockNetwork is whose places a knock takes up: with IPv6 what a provider gives a house.
func knockNetwork(address string) string { return limits.Prefix(address, 24, 56) }

// hear counts a refusal and says whether it is to be written down, as one of how many.
func (k *knocks) hear(hash [sha256.Size]byte, address string) (tries int64, write bool) {
	k.total.Add(1)
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	h, known := k.heard.Find(hash)
	switch since := now.Sub(h.at); {
	case known && 0 <= since && since < knockPause:
		return 0, false
	case !known && !k.admit(address):
		return 0, false // and it leaves nothing behind
	}
	h.tries++
	h.at = now
	k.heard.Add(hash, h)
	return h.tries, true
}

// admit counts a value that was not heard of before.
func (k *knocks) admit(address string) bool {
	turn := k.newest.book.Begin()
	defer turn.End()
	_, wait := turn.Take(
		k.newest.addresses.Of(limits.Network(address)), k.newest.networks.Of(knockNetwork(address)),
		k.newest.providers.Of(limits.Provider(address)), k.newest.everyone.Of(""),
	)
	return wait == 0
}

// hintedAt is whom a token named that came from an address a moment ago, "" when none did, or not all of them the same.
func (k *knocks) hintedAt(address string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, known := k.hints.Find(limits.Network(address))
	if !known || k.now().Sub(h.at) >= hintTime {
		return ""
	}
	return h.userID
}

func (k *knocks) hint(address, userID string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, network := k.now(), limits.Network(address)
	if before, known := k.hints.Find(network); known && before.userID != userID && now.Sub(before.at) < hintTime {
		userID = ""
	}
	k.hints.Add(network, hint{userID, now})
}

// Hint says that somebody at an address has a token of another server that names a user. Nobody can check it: it is told to the operator
// with the next knock from there, and nothing is done about it.
func (a *Accounts) Hint(from model.Origin, userID string) {
	if a.knocks != nil && model.IsID(userID) {
		a.knocks.hint(from.Address, userID)
	}
}

// errNobodys is why a value is refused that no key has.
var errNobodys = errors.New("no such key")

// knocked remembers, after the answer, a device that was refused because nobody has its value. A value that is known to more than the
// device could be anybody's, and is not.
func (a *Accounts) knocked(ctx context.Context, from model.Origin, value model.Secret, d *model.Device) {
	if a.knocks == nil || adoptable(string(value)) != nil {
		return
	}
	hash := hashValue(string(value))
	tries, write := a.knocks.hear(hash, from.Address)
	if !write {
		return
	}
	now := a.cfg.Now()
	k := model.Knock{
		ID: knockID(hash), ValueHash: hash, FirstAt: now, LastAt: now, Tries: tries, Network: knockNetwork(from.Address),
		Address: from.Address, Agent: from.Agent, HintUser: a.knocks.hintedAt(from.Address),
	}
	if d != nil {
		k.Device = *d
	}
	ctx = context.WithoutCancel(ctx)
	// Refusals of keys come first: when too much is waiting, the device is heard again in a minute.
	a.background.try(func() {
		ctx, cancel := context.WithTimeout(ctx, laterTimeout)
		defer cancel()
		if err := a.store.RememberKnock(ctx, k); err != nil {
			a.cfg.Log.WarnContext(ctx, "refused device not remembered", "knock", k.ID, "reason", err)
		}
	})
}

// knockID is the same whenever and wherever a value is refused, and says nothing of it that could be looked for.
func knockID(hash [sha256.Size]byte) string {
	sum := sha256.Sum256(append([]byte("knock "), hash[:]...))
	return hex.EncodeToString(sum[:12])
}

// KnocksHeard is how many sign-ins were refused because nobody has the value, remembered or not.
func (a *Accounts) KnocksHeard() uint64 {
	if a.knocks == nil {
		return 0
	}
	return a.knocks.total.Load()
}

// OpenKnocks is how many devices that were refused are remembered and not ignored.
func (a *Accounts) OpenKnocks(ctx context.Context) (int64, error) {
	n, err := a.store.CountKnocks(ctx)
	if err != nil {
		return 0, unavailable("count knocks", err)
	}
	return n, nil
}

// Knocked is a knock, and whom a token from there named.
type Knocked = model.Knocked

// Knocks are the devices that were refused and are not ignored, or those that are; first those that tried last.
func (a *Accounts) Knocks(ctx context.Context, ignored bool) ([]Knocked, error) {
	knocks, err := a.store.Knocks(ctx, ignored)
	if err != nil {
		return nil, unavailable("list knocks", err)
	}
	emails := map[string]string{"": ""}
	list := make([]Knocked, 0, len(knocks))
	for _, k := range knocks {
		email, known := emails[k.HintUser]
		if !known {
			ids, err := a.store.Identities(ctx, k.HintUser)
			if err != nil && !errors.Is(err, model.ErrNotFound) {
				return nil, unavailable("read identities", err)
			}
			id, _ := Managed{Identities: ids}.Password()
			email = id.Subject
			emails[k.HintUser] = email
		}
		list = append(list, Knocked{Knock: k, HintEmail: email})
	}
	return list, nil
}

// ErrSeveralKnocks says that the ids of several knocks begin so.
var ErrSeveralKnocks = errors.New("several knocks begin so")

var knockBeginning = regexp.MustCompile(`^[0-9a-f]{4,24}$`)

// FindKnock finds a knock, ignored or not, by its id, or so much of it that no other begins so.
func (a *Accounts) FindKnock(ctx context.Context, name string) (model.Knock, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if !knockBeginning.MatchString(name) {
		return model.Knock{}, refuse(model.KindNotFound)
	}
	switch found, err := a.store.KnocksFrom(ctx, name, 2); {
	case err != nil:
		return model.Knock{}, unavailable("find knock", err)
	case len(found) == 0:
		return model.Knock{}, refuse(model.KindNotFound)
	case len(found) > 1:
		return model.Knock{}, ErrSeveralKnocks
	default:
		return found[0], nil
	}
}

// IgnoreKnock has a knock not be listed any more, however often the device tries, and gives it as it was.
func (a *Accounts) IgnoreKnock(ctx context.Context, name string) (model.Knock, error) {
	return a.ignoreKnock(ctx, name)
}

func (a *Accounts) ignoreKnock(ctx context.Context, name string, acts ...model.OperatorAct) (model.Knock, error) {
	k, err := a.FindKnock(ctx, name)
	if err != nil {
		return k, err
	}
	if k.Ignored {
		return k, nil
	}
	err = a.settle(ctx, "", "ignore knock", a.store.IgnoreKnock(ctx, k.ID, acts...), func(ctx context.Context) (bool, error) {
		now, err := a.store.KnocksFrom(ctx, k.ID, 1)
		return len(now) == 1 && now[0].Ignored, err
	})
	return k, missing(model.KindNotFound, "ignore knock", err)
}

// AdoptedFromKnock is where the value was of a device that was refused.
const AdoptedFromKnock = "from a refused sign-in"

// AdoptKnock gives the value of a device that was refused to somebody, as a new key of theirs. The device signs in the next time it tries.
func (a *Accounts) AdoptKnock(ctx context.Context, k model.Knock, ownerID, name string) (model.Key, error) {
	return a.adoptKnock(ctx, k, ownerID, name, nil)
}

func (a *Accounts) adoptKnock(ctx context.Context, k model.Knock, ownerID, name string, by *model.OperatorAct) (model.Key, error) {
	key, err := a.Adopt(ctx, ByOperator, Adoption{UserID: ownerID, Name: name, Hash: k.ValueHash, Found: AdoptedFromKnock, By: by})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
		defer cancel()
		called := model.WordsOf(model.FingerprintOfHash(k.ValueHash)).Beside(key.Name)
		a.TellOwners(ctx, map[string][]string{ownerID: {called}}) // what is not sent is in the log, and the key in the activity
	}
	return key, err
}

// tellTime bounds how long an operator waits for an email to be on its way.
const tellTime = 5 * time.Second
