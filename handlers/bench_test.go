package handlers_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"latchkey/handlers"
	"latchkey/views"
)

// quiet is a program as it runs for people: its log costs the writing of lines, and nobody keeps them.
func quiet(d *handlers.Deps) { d.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// BenchmarkListPage is the keys page with 20 keys. "program" is all of it: router, session, client, auth server, database.
// "floor" is Echo with the same component from memory; the first divided by the second is what the rest costs.
func BenchmarkListPage(b *testing.B) {
	p := newProgram(b, quiet)
	browser, who := p.signedIn(email)
	p.seed(who, numbered(20)...)
	program := browser.repeatable("/keys")
	b.Run("program", func(b *testing.B) { measure(b, program) })

	floor := &memoryOnly{handler: fromMemory()}
	b.Run("floor", func(b *testing.B) { measure(b, floor.get) })
}

func measure(b *testing.B, once func()) {
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
}

// memoryOnly is a handler without a program behind it.
type memoryOnly struct{ handler http.Handler }

func (p *memoryOnly) get() {
	r, _ := http.NewRequest(http.MethodGet, publicURL+"/keys", nil)
	p.handler.ServeHTTP(&discard{header: http.Header{}}, r)
}

// fromMemory is the least that a server of this page can do.
func fromMemory() http.Handler {
	model := twentyKeys()
	e := echo.New()
	e.GET("/keys", func(c echo.Context) error {
		page := templ.GetBuffer()
		defer templ.ReleaseBuffer(page)
		if err := views.KeysPage(model).Render(c.Request().Context(), page); err != nil {
			return err
		}
		return c.HTMLBlob(http.StatusOK, page.Bytes())
	})
	return e
}

// BenchmarkCreateKey is the form that makes a key, answered after the commit, by one person and by sixteen at once. An account
// is full after twenty keys: it is then emptied beside the forms, twenty deletes in about one commit.
func BenchmarkCreateKey(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { createKeys(b, writers) })
	}
}

func createKeys(b *testing.B, writers int) {
	p := newProgram(b, quiet)
	people := make([]creator, writers)
	for i := range people {
		browser, who := p.signedIn(fmt.Sprintf("ana%d@example.com", i))
		people[i] = creator{browser: browser, who: who}
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				people[i].create(b)
			}
		})
	}
	all.Wait()
}

// creator is one person who makes keys and throws them away.
type creator struct {
	browser *browser
	who     person
	made    int
}

func (c *creator) create(b *testing.B) {
	if c.made == 20 {
		c.empty(b)
	}
	c.made++
	r := c.browser.request(http.MethodPost, "/keys", createForm(newFormID(b), fmt.Sprintf("key-%02d", c.made)))
	for _, cookie := range c.browser.jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
	w := &discard{header: http.Header{}}
	c.browser.p.handler.ServeHTTP(w, r)
	if w.status != http.StatusOK {
		b.Errorf("status %d", w.status)
	}
}

func (c *creator) empty(b *testing.B) {
	keys, err := c.browser.p.store.APIKeys(b.Context(), c.who.id)
	if err != nil {
		b.Error(err)
	}
	var all sync.WaitGroup
	for _, key := range keys {
		all.Go(func() {
			if _, err := c.browser.p.store.DeleteAPIKey(b.Context(), c.who.id, key.ID); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	c.made = 0
}
