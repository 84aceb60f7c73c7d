package accounts

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"

	"latchkey/internal/model"
)

// queued is a request that waits in a queue, or no longer does.
type queued struct {
	hangUp func()
	done   chan error // nil when it was their turn; they have left by then
}

// queueUp starts a request that waits for a hash, and returns when it has a place or none.
func (h *hasher) queueUp(t *testing.T, account, address string) queued {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	t.Cleanup(hangUp)
	who := queued{hangUp: hangUp, done: make(chan error, 1)}
	place := h.queue.queueUp(claim{account, model.Origin{Address: address}})
	go func() {
		var err error
		select {
		case err = <-place.turn:
		case <-ctx.Done():
			err = h.queue.giveUp(place, ctx.Err())
		}
		if err == nil {
			h.queue.leave(place)
		}
		who.done <- err
	}()
	return who
}

// greedy are those who take all places and more.
var greedy = map[string]func(i int) (account, address string){
	"one address with five accounts": func(i int) (string, string) {
		return fmt.Sprintf("greedy-%d@example.org", i%5), "198.51.100.7"
	},
	"one address with many accounts": func(i int) (string, string) {
		return fmt.Sprintf("greedy-%d@example.org", i), "198.51.100.7"
	},
	"one account from everywhere": func(i int) (string, string) { return "greedy@example.org", fmt.Sprintf("10.%d.0.1", i) },
	"five accounts from everywhere": func(i int) (string, string) {
		return fmt.Sprintf("greedy-%d@example.org", i%5), fmt.Sprintf("10.%d.0.1", i)
	},
	"one account in many spellings": func(i int) (string, string) {
		return []string{"greedy@example.org", "Greedy@Example.org ", "GREEDY@example.org"}[i%3], fmt.Sprintf("10.%d.0.1", i)
	},
	"the addresses of one /24": func(i int) (string, string) {
		return fmt.Sprintf("greedy-%d@example.org", i), fmt.Sprintf("198.51.100.%d", i)
	},
	"the networks of one /48": func(i int) (string, string) {
		return fmt.Sprintf("greedy-%d@example.org", i), fmt.Sprintf("2001:db8:7:%x::1", i)
	},
	"the sites of one provider": func(i int) (string, string) {
		return fmt.Sprintf("greedy-%d@example.org", i), fmt.Sprintf("2001:db8:%x::1", i)
	},
	"the sites of three providers": func(i int) (string, string) {
		return fmt.Sprintf("greedy-%d@example.org", i), fmt.Sprintf("10.%d.%d.1", i%3, i)
	},
}

func TestWhoeverIsGreedyForHashesKeepsNobodyElseOut(t *testing.T) {
	for name, who := range greedy {
		t.Run(name, func(t *testing.T) {
			h, started, release, _ := stalled(2)
			for range 2 { // both cores are busy for as long as the test wants
				go func() { _, _ = h.hash(t.Context(), claim{"busy", model.Origin{Address: "203.0.113.99"}}, "x") }()
				<-started
			}
			waiting := map[int]queued{}
			for i := range 48 {
				waiting[i] = h.queueUp(t, first(who(i)), second(who(i)))
			}
			if !h.full() {
				t.Fatal("there is room")
			}
			var others []queued
			for i := range 8 { // however many of them have come by now
				account, address := fmt.Sprintf("other-%d@example.org", i), fmt.Sprintf("192.%d.2.1", i)
				others = append(others, h.queueUp(t, account, address))
			}
			for i := range 100 { // and the greedy come back for more
				waiting[48+i] = h.queueUp(t, first(who(i)), second(who(i)))
			}
			if running, waiting := h.queue.held(); running+waiting != h.queue.places {
				t.Errorf("%d run and %d wait, of %d", running, waiting, h.queue.places)
			}
			release()
			for i, other := range others {
				if err := <-other.done; err != nil {
					t.Errorf("number %d of the others: %v", i, err)
				}
			}
			turned := 0
			for _, each := range waiting {
				if err := <-each.done; err != nil {
					is(t, err, model.KindBusy)
					turned++
				}
			}
			if turned != len(waiting)+len(others)+2-h.queue.places {
				t.Errorf("%d were turned away", turned)
			}
			for _, waiting := h.queue.held(); waiting > 0; _, waiting = h.queue.held() {
				runtime.Gosched()
			}
		})
	}
}

func first(a, _ string) string  { return a }
func second(_, b string) string { return b }

// Nothing is kept free: who is alone has the whole queue.
func TestWhoIsAloneHasAllPlaces(t *testing.T) {
	h, started, release, _ := stalled(1)
	go func() { _, _ = h.hash(t.Context(), claim{"a", here}, "x") }()
	<-started
	var all []queued
	for range waitingPerCore {
		all = append(all, h.queueUp(t, "a", here.Address))
	}
	one := h.queueUp(t, "a", here.Address)
	is(t, <-one.done, model.KindBusy)
	release()
	for _, each := range all {
		if err := <-each.done; err != nil {
			t.Error(err)
		}
	}
}

// An office goes on beside a flood from elsewhere: each person behind one address counts alone.
func TestAnOfficeSharesWithAFlood(t *testing.T) {
	h, started, release, _ := stalled(2)
	for range 2 {
		go func() { _, _ = h.hash(t.Context(), claim{"busy", model.Origin{Address: "203.0.113.99"}}, "x") }()
		<-started
	}
	for range 32 {
		h.queueUp(t, "greedy@example.org", "198.51.100.7")
	}
	var office []queued
	for i := range 16 {
		office = append(office, h.queueUp(t, fmt.Sprintf("colleague-%d@example.org", i), "192.0.2.1"))
	}
	for range 32 {
		h.queueUp(t, "greedy@example.org", "198.51.100.7")
	}
	release()
	for i, each := range office {
		if err := <-each.done; err != nil {
			t.Errorf("colleague %d: %v", i, err)
		}
	}
}

func TestWhoeverIsGoneGivesTheirPlaceBackAtOnce(t *testing.T) {
	h, started, release, _ := stalled(1)
	go func() { _, _ = h.hash(t.Context(), claim{"a", here}, "x") }()
	<-started
	for name, leave := range map[string]func() (claim, context.Context, func()){
		"whose request ended": func() (claim, context.Context, func()) {
			ctx, hangUp := context.WithCancel(t.Context())
			return claim{"b", here}, ctx, hangUp
		},
		"whose act goes on without them": func() (claim, context.Context, func()) {
			gone := make(chan struct{})
			from := here
			from.Gone = gone
			return claim{"b", from}, t.Context(), func() { close(gone) }
		},
	} {
		of, ctx, hangUp := leave()
		done := make(chan error)
		go func() {
			_, err := h.hash(ctx, of, "x")
			done <- err
		}()
		for _, waiting := h.queue.held(); waiting == 0; _, waiting = h.queue.held() {
			runtime.Gosched()
		}
		hangUp()
		is(t, <-done, model.KindBusy)
		if _, waiting := h.queue.held(); waiting != 0 {
			t.Errorf("%s: %d wait", name, waiting)
		}
	}
	release()
}

// A turn that comes as its owner leaves is passed on, whichever is first.
func TestNoCoreIsLostToWhoLeavesAsTheirTurnComes(t *testing.T) {
	h := newHasher(model.PasswordCost{Memory: 8, Passes: 1, Threads: 1}, 2)
	h.derive = func(_, _ []byte, _ model.PasswordCost) []byte { return nil }
	var all sync.WaitGroup
	for i := range 2000 {
		all.Go(func() {
			ctx, hangUp := context.WithCancel(t.Context())
			go hangUp()
			_, _ = h.hash(ctx, claim{fmt.Sprint(i), here}, "x")
		})
	}
	all.Wait()
	h.wantEmpty(t)
}

// Every way to a hash is shared out by who asks: what each of them is refused with, the greedy have taken.
func TestEveryWayToAHashTakesItsPlaceFromTheGreedy(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("ana@example.org")
	f.confirm(box.taken(f)[0], testPassword)
	ana, err := f.SignIn(t.Context(), here, "ana@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	link := func() model.GivenLink {
		f.clock.Advance(accountGap)
		box.taken(f) // that the password was changed
		if err := f.SendLink(t.Context(), here, model.LinkReset, "ana@example.org"); err != nil {
			t.Fatal(err)
		}
		return f.link(box.taken(f)[0])
	}
	for _, way := range []struct {
		name string
		act  func() error
	}{
		{"signing in on a page", func() error { _, err := f.SignIn(t.Context(), here, "ana@example.org", testPassword); return err }},
		{"signing in by a program", func() error {
			_, err := f.SignInWithPassword(t.Context(), here, "ana@example.org", testPassword, nil)
			return err
		}},
		{"an account that does not exist", func() error {
			_, err := f.SignIn(t.Context(), here, "nobody@example.org", testPassword)
			if model.Is(err, model.KindWrongPassword) {
				return nil
			}
			return err
		}},
		{"the question for the password", func() error { return f.As(ana, here).CheckPassword(t.Context(), testPassword) }},
		{"changing the password", func() error { return f.As(ana, here).ChangePassword(t.Context(), testPassword, testPassword) }},
		{"a link", func() error { _, err := f.UseLink(t.Context(), here, link(), testPassword); return err }},
		{"registering", func() error { return f.Register(t.Context(), here, "bea@example.org", testPassword) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			fast := f.passwords
			hashes, started, release, _ := stalled(2)
			slow := hashes.derive
			hashes.derive = func(password, salt []byte, cost model.PasswordCost) []byte {
				slow(password, salt, cost)
				return fast.derive(password, salt, cost)
			}
			f.passwords = hashes
			defer func() { f.passwords = fast }()
			for range 2 {
				go func() { _, _ = hashes.hash(t.Context(), claim{"busy", model.Origin{Address: "203.0.113.99"}}, "x") }()
				<-started
			}
			for range 48 {
				hashes.queueUp(t, "greedy@example.org", "198.51.100.7")
			}
			done := make(chan error, 1)
			go func() {
				defer close(done)
				done <- way.act()
			}()
			for hashes.queue.placesOf(here) == 0 {
				select {
				case err := <-done:
					t.Fatalf("turned away: %v", err)
				default:
					runtime.Gosched()
				}
			}
			release()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// placesOf is how many places the network of an origin has.
func (q *hashQueue) placesOf(from model.Origin) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if h, ok := q.holders["network "+from.Address+"/32"]; ok {
		return h.places
	}
	return 0
}

// A browser that hangs up while it waits ends its request, and with it the wait.
func TestARequestTellsWhenItsClientIsGone(t *testing.T) {
	h, started, release, _ := stalled(1)
	defer release()
	go func() { _, _ = h.hash(t.Context(), claim{"a", here}, "x") }()
	<-started
	left := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := h.hash(r.Context(), claim{"b", here}, "x")
		left <- err
	}))
	defer server.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	for _, waiting := h.queue.held(); waiting == 0; _, waiting = h.queue.held() {
		runtime.Gosched()
	}
	hangUp()
	is(t, <-left, model.KindBusy)
}
