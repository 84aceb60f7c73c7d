package servicetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func keys() []contract {
	return []contract{
		{"somebody new has none", noKeys},
		{"a key is in the list, in the order of creation, and found by its id", listed},
		{"the keys of others are not in the list", ownAlone},
		{"the keys are there beside a new one", besideNew},
		{"a new key is written down once as made and once as shown", madeAndShown},
		{"a key for a device is written down with the device, and not as shown", forADevice},
		{"a name that no key can have makes none, and says why", badName},
		{"a name is taken while a key of the person's own has it", nameTaken},
		{"20 keys are the most, those off included", limit},
		{"50 creates at once make exactly 20", atOnce},
		{"a key that never was, was deleted, is malformed or somebody else's is not found", notFound},
		{"a key is given as it is after it was turned, which is written down once", turned},
		{"a key is given as it was when it is deleted, which is written down once", deleted},
		{"the first who brings the value of a device has it, which is written down once", adopted},
	}
}

func noKeys(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	keys, err := p.Keys(t.Context())
	must(t, err)
	if len(keys.List) != 0 {
		t.Errorf("there are %v", names(keys.List))
	}
	if keys.Usage != known(s) {
		t.Errorf("their usage is %q", keys.Usage)
	}
}

// known is what is known of the usage of keys.
func known(s Tenant) model.Knowledge {
	if s.ReportsUsage {
		return model.UsageKnown
	}
	return model.UsageNotReported
}

// plain is a key without what is known of its use and its value.
func plain(k model.Key) model.Key {
	k.Usage, k.Card = model.KeyUsage{}, model.Card{}
	k.CreatedAt = k.CreatedAt.Truncate(time.Second) // which is what every service knows
	return k
}

// aDay is more than any test waits. Some services read dates from ids, which the clocks of other tests push ahead.
const aDay = 24 * time.Hour

func listed(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	var made []model.Key
	for _, name := range []string{"m", "z", "A", "0_-"} {
		key := p.create(t, name).Key
		if key.Name != name || key.UserID != p.id() || key.Disabled || key.CreatedAt.Sub(s.Now()).Abs() > aDay {
			t.Errorf("made is %+v", key)
		}
		made = append(made, plain(key))
		s.Advance(time.Second)
	}
	var got []model.Key
	for _, key := range p.list(t) {
		got = append(got, plain(key))
		one, err := p.Key(t.Context(), key.ID)
		if err != nil || one != key {
			t.Errorf("the key %+v is %+v by itself, %v", key, one, err)
		}
	}
	if !slices.Equal(got, made) {
		t.Errorf("listed are %+v, want %+v", got, made)
	}
}

func ownAlone(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	p.create(t, "pump")
	stranger.has(t)
	stranger.create(t, "pump")
	stranger.create(t, "lamp")
	p.has(t, "pump")
}

func besideNew(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	p.create(t, "lamp")
	created := p.create(t, "pump")
	if got := names(created.Keys.List); !slices.Equal(got, []string{"lamp", "pump"}) || created.Unread != nil {
		t.Fatalf("beside it are %v, %v", got, created.Unread)
	}
	if last := created.Keys.List[1]; last.ID != created.Key.ID || created.Value == "" || len(created.Found) != 0 {
		t.Errorf("the new key is %+v, and in the list %+v", created.Key, last)
	}
}

func madeAndShown(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	p.writes(t, func() { p.create(t, "pump") }, "key-made pump", "key-shown pump")
	for _, e := range p.written(t)[1:] {
		if e.KeyID != p.list(t)[0].ID || e.UserID != p.id() || e.Actor != here.Actor || e.Address != here.Address || e.Agent != here.Agent {
			t.Errorf("written down is %+v", e)
		}
		if e.At.Sub(s.Now()).Abs() > time.Second {
			t.Errorf("it happened at %v", e.At)
		}
	}
}

func forADevice(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	from := here
	from.Pairing = "porch camera"
	var created model.Created
	p.writes(t, func() {
		var err error
		created, err = s.Service.As(p.account, from).CreateKey(t.Context(), model.CalledKey("pump"))
		must(t, err)
	}, "key-made pump porch camera")
	p.has(t, "pump")
	works(t, s, created.Value)
	created, err := s.Service.As(p.account, from).CreateKey(t.Context(), model.CalledKey("pump"))
	is(t, err, model.KindNameTaken)
	if created.Value != "" {
		t.Error("there is a value")
	}
}

// makesNone checks that a name makes no key, and that those that there are are beside the refusal.
func (p *person) makesNone(t testing.TB, name string, kind model.Kind) {
	t.Helper()
	there := names(p.list(t))
	p.writes(t, func() {
		created, err := p.CreateKey(t.Context(), model.CalledKey(name))
		is(t, err, kind)
		if kind == model.KindBadName {
			saysWhy(t, err)
		}
		if created.Value != "" || created.Key.ID != "" || len(created.Found) != 0 {
			t.Errorf("%q made %+v", name, created.Key)
		}
		if beside := names(created.Keys.List); !slices.Equal(beside, there) || created.Unread != nil {
			t.Errorf("beside it are %v, %v, want %v", beside, created.Unread, there)
		}
	})
	p.has(t, there...)
}

func badName(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	p.create(t, "lamp")
	for _, name := range []string{"", "p u m p", "pümp", "pump\n", strings.Repeat("x", model.MaxNameLength+1)} {
		p.makesNone(t, name, model.KindBadName)
	}
	p.create(t, strings.Repeat("x", model.MaxNameLength))
}

func nameTaken(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	first := p.create(t, "pump")
	p.makesNone(t, "pump", model.KindNameTaken)
	works(t, s, first.Value)
	stranger.create(t, "pump")
	p.create(t, "Pump")
	_, err := p.TurnKey(t.Context(), first.Key.ID, false)
	must(t, err)
	p.makesNone(t, "pump", model.KindNameTaken)
	_, err = p.DeleteKey(t.Context(), first.Key.ID)
	must(t, err)
	if second := p.create(t, "pump"); second.Key.ID == first.Key.ID || second.Value == first.Value {
		t.Error("the second key of a name is the first")
	}
	isRefused(t, s, first.Value)
}

func limit(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	for _, name := range numbered(model.MaxKeys) {
		p.create(t, name)
	}
	off, err := p.TurnKey(t.Context(), p.list(t)[3].ID, false)
	must(t, err)
	p.makesNone(t, "one-more", model.KindKeyLimit)
	newPerson(t, s).create(t, "pump")
	_, err = p.DeleteKey(t.Context(), off.ID)
	must(t, err)
	p.create(t, "one-more")
}

func atOnce(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	const callers = 50
	created, answers := make([]model.Created, callers), make([]error, callers)
	before := len(p.written(t))
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			<-begin
			created[i], answers[i] = p.CreateKey(t.Context(), model.CalledKey(fmt.Sprint("key-", i)))
		})
	}
	close(begin)
	all.Wait()
	values, made := map[model.Secret]bool{}, 0
	for i, err := range answers {
		if err != nil {
			is(t, err, model.KindKeyLimit)
			continue
		}
		made++
		values[created[i].Value] = true
	}
	if there := len(p.list(t)); made != model.MaxKeys || there != made || len(values) != made {
		t.Errorf("%d were made, with %d values, and there are %d", made, len(values), there)
	}
	lines := told(p.written(t)[before:])
	slices.Sort(lines)
	if len(lines) != 2*made || len(slices.Compact(lines)) != 2*made {
		t.Errorf("written down is %q", lines)
	}
}

func notFound(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	foreign := stranger.create(t, "secretly-named")
	gone := p.create(t, "pump").Key
	_, err := p.DeleteKey(t.Context(), gone.ID)
	must(t, err)
	p.create(t, "lamp")
	calls := map[string]func(id string) (model.Key, error){
		"Key":      func(id string) (model.Key, error) { return p.Key(t.Context(), id) },
		"turn on":  func(id string) (model.Key, error) { return p.TurnKey(t.Context(), id, true) },
		"turn off": func(id string) (model.Key, error) { return p.TurnKey(t.Context(), id, false) },
		"delete":   func(id string) (model.Key, error) { return p.DeleteKey(t.Context(), id) },
	}
	p.writes(t, func() {
		stranger.writes(t, func() {
			for _, id := range []string{"", "1", "0123456789abcdef01234567", gone.ID, foreign.Key.ID, foreign.Key.ID[1:], strings.Repeat("z", 24), "lamp", "../keys", "%"} {
				for name, call := range calls {
					key, err := call(id)
					is(t, err, model.KindNotFound)
					if key != (model.Key{}) {
						t.Errorf("%s of %q gives %+v", name, id, key)
					}
				}
			}
		})
	})
	p.has(t, "lamp")
	stranger.has(t, "secretly-named")
	works(t, s, foreign.Value)
}

func turned(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	p.create(t, "lamp")
	key := plain(p.create(t, "pump").Key)
	for _, step := range []struct {
		on    bool
		lines []string
	}{
		{false, []string{"key-turned-off pump"}}, {false, nil}, {true, []string{"key-turned-on pump"}}, {true, nil},
	} {
		p.writes(t, func() {
			got, err := p.TurnKey(t.Context(), key.ID, step.on)
			key.Disabled = !step.on
			if err != nil || plain(got) != key {
				t.Errorf("it is %+v, %v, want %+v", got, err, key)
			}
			if got.Usage.Known != known(s) {
				t.Errorf("its usage is %q", got.Usage.Known)
			}
		}, step.lines...)
	}
	p.has(t, "lamp", "pump")
}

func deleted(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	key, lamp := p.create(t, "pump").Key, p.create(t, "lamp")
	off, err := p.TurnKey(t.Context(), key.ID, false)
	must(t, err)
	p.writes(t, func() {
		if was, err := p.DeleteKey(t.Context(), key.ID); err != nil || plain(was) != plain(off) {
			t.Errorf("it was %+v, %v, want %+v", was, err, off)
		}
		_, err := p.DeleteKey(t.Context(), key.ID)
		is(t, err, model.KindNotFound)
	}, "key-deleted pump")
	p.has(t, "lamp")
	works(t, s, lamp.Value)
}

func adopted(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	value := model.Secret(testkit.OldValue())
	if s.NoAdoption {
		_, err := p.AdoptKey(t.Context(), "pump", value)
		is(t, err, model.KindNotOffered)
		return
	}
	_, err := p.AdoptKey(t.Context(), "pump", value[1:])
	is(t, err, model.KindBadValue)
	saysWhy(t, err)
	isRefused(t, s, value)
	p.writes(t, func() {
		key, err := p.AdoptKey(t.Context(), "pump", " API_KEY="+value+"\n")
		must(t, err)
		if key.Name != "pump" || key.UserID != p.id() || key.Origin != model.OriginAdopted {
			t.Errorf("adopted is %+v", key)
		}
	}, "key-adopted pump")
	works(t, s, value)
	if got := p.list(t); len(got) != 1 || got[0].Origin != model.OriginAdopted {
		t.Errorf("listed are %+v", got)
	}
	stranger.writes(t, func() {
		key, err := stranger.AdoptKey(t.Context(), "mine", value)
		is(t, err, model.KindValueTaken)
		if key.ID != "" {
			t.Errorf("a stranger is told of %+v", key)
		}
	})
	has, err := p.AdoptKey(t.Context(), "lamp", value)
	is(t, err, model.KindOwnValue)
	if has.Name != "pump" {
		t.Errorf("it is %+v that has it", has)
	}
	p.has(t, "pump")
}
