package handlers_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/views"
)

// cost is what the store does for one request.
func (p *program) cost(do func()) store.Stats {
	before := p.store.Stats()
	do()
	after := p.store.Stats()
	return store.Stats{Reads: after.Reads - before.Reads, Writes: after.Writes - before.Writes, Commits: after.Commits - before.Commits}
}

func TestWhatRequestsCostInTheStore(t *testing.T) {
	t.Parallel()
	p := newProgram(t) // which writes down what happened with the act; that a value was shown is another write
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(19)...)
	stranger := p.browser()
	key := "/keys/" + keys[0].ID
	for _, c := range []struct {
		name string
		do   func()
		most store.Stats
	}{
		{"the list", func() { b.get("/keys").want(200) }, store.Stats{Reads: 2}},
		{"a search", func() { b.htmx().get("/keys?q=key-1").want(200) }, store.Stats{Reads: 2}},
		{"a key's page", func() { b.get(key).want(200) }, store.Stats{Reads: 4}}, // with what was done with it lately
		{"asking before a delete", func() { b.htmx().get(key + "/delete").want(200) }, store.Stats{Reads: 3}},
		{"the log-in page", func() { stranger.get("/login").want(200) }, store.Stats{}},
		{"a page for strangers", func() { stranger.get("/keys").want(303) }, store.Stats{}},
		{"the choice of colours", func() { b.post("/theme", nil).want(303) }, store.Stats{}},
		{"the choice of a language", func() { b.post("/language", nil).want(303) }, store.Stats{Reads: 1, Writes: 1, Commits: 1}}, // which emails are in from then on,
		{"a form for a key", func() { b.get("/keys/new").want(200) }, store.Stats{Reads: 2}},
		{"a name in use", func() { b.post("/keys", createForm(newFormID(t), "key-01")).want(422) }, store.Stats{Reads: 6, Writes: 1}},
		{"a name that cannot be", func() { b.post("/keys", createForm(newFormID(t), "a b")).want(422) }, store.Stats{Reads: 5}},
		{"a create", func() { b.post("/keys", createForm(newFormID(t), "one-more")).want(200) }, store.Stats{Reads: 2, Writes: 1, Commits: 1}},
		{"a switch", func() { b.htmx().post(key+"/turn-off", row(keys[0])).want(200) }, store.Stats{Reads: 6, Writes: 1, Commits: 1}},
		{"a delete", func() { b.post(key+"/delete", nil).want(303) }, store.Stats{Reads: 5, Writes: 1, Commits: 1}},
		{"a log-in", func() { stranger.post("/login", credentials(email, password)).want(303) }, store.Stats{Reads: 3, Writes: 2, Commits: 2}}, // with whose spelling it is, and whether it is the first since a reset
		{"a wrong password", func() { p.browser().post("/login", credentials(email, "wrong horse")).want(422) }, store.Stats{Reads: 2, Writes: 1, Commits: 1}},
		{"a log-out", func() { stranger.post("/logout", nil).want(303) }, store.Stats{Reads: 2, Writes: 1, Commits: 1}},
	} {
		got := p.cost(c.do)
		if got.Reads > c.most.Reads || got.Writes != c.most.Writes || got.Commits != c.most.Commits {
			t.Errorf("%s costs %+v, want %+v at most", c.name, got, c.most)
		}
	}
}

// discard is an http.ResponseWriter that keeps nothing: what is measured is the page, not the recorder.
type discard struct {
	header http.Header
	status int
	bytes  int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { d.bytes += len(p); return len(p), nil }

// repeatable is a request that can be sent again and again, and what sends it.
func (b *browser) repeatable(path string) func() {
	r := b.request(http.MethodGet, path, nil)
	for _, cookie := range b.jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
	return func() {
		w := &discard{header: http.Header{}}
		b.p.handler.ServeHTTP(w, r.Clone(context.Background()))
		if w.status != http.StatusOK || w.bytes < 1000 {
			b.t.Fatalf("status %d, %d bytes", w.status, w.bytes)
		}
	}
}

// Not parallel: allocations are counted for the whole process.
func TestAllocationsOfTheListPageStayWithinTheirBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("-short goes with the race detector, under which pools give back less than was put into them")
	}
	p := newProgram(t)
	b, who := p.signedIn(email)
	for i, key := range p.seed(who, numbered(20)...) { // with all that can be on a card
		label, note := fmt.Sprintf("Kamera %d an der Haustür", i), "bought 2024, behind the lamp"
		if err := p.store.LabelKey(t.Context(), who.id, key.ID, label, note); err != nil {
			t.Fatal(err)
		}
	}
	if got := testing.AllocsPerRun(100, b.repeatable("/keys")); got > 900 {
		t.Errorf("the list page takes %.0f allocations, want 900 at most", got)
	} else {
		t.Logf("list page: %.0f allocations", got)
	}

	page := views.KeysPage(twentyKeys())
	if got := testing.AllocsPerRun(100, func() { _ = page.Render(context.Background(), io.Discard) }); got > 350 {
		t.Errorf("the component takes %.0f allocations, want 350 at most", got)
	} else {
		t.Logf("component: %.0f allocations", got)
	}
}

// twentyKeys is the model of a full keys page.
func twentyKeys() views.Keys {
	m := views.Keys{
		Page:  views.Page{Title: "Devices and keys", Email: email, Here: "/keys"},
		Quota: views.Quota{Used: 20, Limit: 20},
		Form:  views.CreateForm{ID: "AAAAAAAAAAAAAAAAAAAAAA"},
	}
	for i, name := range numbered(20) {
		id := "69cc8d00" + strings.Repeat("0", 14) + name[4:]
		made := noon.Add(-time.Duration(i) * time.Hour)
		m.List = append(m.List, views.Key{ID: id, Name: name, On: i%4 != 0, Created: views.NewWhen(made, noon)})
	}
	return m
}

// packed is how many bytes an answer takes for a browser, which asks for gzip.
func (b *browser) packed(method, path string, form url.Values) (int, answer) {
	b.t.Helper()
	a := b.with("Accept-Encoding", "gzip, deflate, br").send(b.with("Accept-Encoding", "gzip, deflate, br").request(method, path, form))
	size := len(a.body)
	if a.header.Get("Content-Encoding") == "gzip" {
		r, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			b.t.Fatal(err)
		}
		a.body = string(body)
	}
	return size, a
}

// deviceNames are twenty names as people give them, in place of a pattern that compresses well.
var deviceNames = strings.Fields(`porch-cam garage-pi heat-pump old-script backup_NAS kitchen-tablet Office-Mac weather-station
	mailbox-sensor greenhouse-esp32 solar_inverter bike-tracker attic-hub doorbell-v2 irrigation ci-runner-3 phone-Ana laptop-bob
	pool-thermometer printer-relay`)

func TestPagesAndPartsWeighLittle(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := make([]client.APIKey, 0, len(deviceNames))
	for i, name := range deviceNames { // with ids as random as the auth server's
		key, value := model.Key{ID: model.NewID(noon), UserID: who.id, Name: name, CreatedAt: noon}, fmt.Sprintf("%064x", i)
		if err := p.store.CreateAPIKey(t.Context(), key, sha([]byte(value)), client.MaxKeys); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, client.APIKey{ID: key.ID, Name: name})
		p.works(name, value)
		p.clock.Advance(time.Duration(i) * time.Second)
	}
	p.clock.Advance(20 * time.Minute)
	for _, c := range []struct {
		name, method, path string
		form               url.Values
		most               int
	}{
		{"the page with 20 keys", http.MethodGet, "/keys", nil, 5450},      // with words and fingerprints, which are random
		{"a key's page", http.MethodGet, "/keys/" + keys[0].ID, nil, 7200}, // with code for thirteen systems and a QR code, each marked as never translated
		{"a row", http.MethodPost, "/keys/" + keys[0].ID + "/turn-off", row(keys[0]), 1500},
	} {
		asking := b
		if c.most == 1500 {
			asking = b.htmx()
		}
		size, a := asking.packed(c.method, c.path, c.form)
		a.want(http.StatusOK)
		if size > c.most {
			t.Errorf("%s takes %d bytes, want %d at most", c.name, size, c.most)
		}
		t.Logf("%s: %d bytes on the wire, %d unpacked", c.name, size, len(a.body))
	}
}
