package story

import (
	"testing"

	"latchkey/client"
)

// Guests are people with as many keys as the states need.
type Guests struct{ None, Few, Many, Full *Person }

// Guests makes them.
func (p *Program) Guests(t *testing.T, upstream *Gateway) Guests {
	t.Helper()
	c, err := client.New(upstream.URL, "latchkey-local", client.WithHTTPClient(p.HTTP))
	if err != nil {
		t.Fatal(err)
	}
	p.Client = c
	g := Guests{
		None: p.PersonNamed(t, "none@example.com"), Few: p.PersonNamed(t, "few@example.com"),
		Many: p.PersonNamed(t, "many@example.com"), Full: p.PersonNamed(t, "full@example.com"),
	}
	made := g.Few.Keys(t, "porch-cam", "garage")
	if err := g.Few.Session.APIKeys().Disable(Within(t), made[1].ID); err != nil {
		t.Fatal(err)
	}
	g.Many.Keys(t, Numbered(7)...)
	g.Full.Keys(t, Numbered(client.MaxKeys)...)
	return g
}

// State is something that a page can show: who sees it, where, and what they do first.
type State struct {
	Name   string
	Who    *Person
	Path   string
	Reach  func(p *Page, upstream *Gateway)
	Status int // announced, when it is an error
}
