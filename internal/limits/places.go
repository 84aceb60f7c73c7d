package limits

import (
	"context"
	"sync"
)

// Places are taken by what lasts, such as a stream. Each person may have so many, and all people together so many. Those of a
// network may have half of what is free, and those of a site all of it, so that one network ends at a third, a site at half, and
// however many take their part there is room for others.
type Places struct {
	each, most int

	mu       sync.Mutex
	people   map[string]int
	networks map[string]int
	sites    map[string]int
	taken    int
}

// NewPlaces returns places, so many for each person and so many for all.
func NewPlaces(each, most int) *Places {
	return &Places{each: each, most: most, people: map[string]int{}, networks: map[string]int{}, sites: map[string]int{}}
}

// Enter takes a place for a person at an address, or says that there is none for them.
func (p *Places) Enter(person, address string) bool {
	network, site := Network(address), Site(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	free := p.most - p.taken
	if free <= 0 || p.people[person] >= p.each || p.networks[network] >= max(p.each, free/2) || p.sites[site] >= max(2*p.each, free) {
		return false
	}
	p.people[person]++
	p.networks[network]++
	p.sites[site]++
	p.taken++
	return true
}

// Leave gives back a place that was taken.
func (p *Places) Leave(person, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	less(p.people, person)
	less(p.networks, Network(address))
	less(p.sites, Site(address))
	p.taken--
}

func less(counts map[string]int, who string) {
	if counts[who]--; counts[who] <= 0 {
		delete(counts, who)
	}
}

// Turns are for what costs much and is soon over. A person has one at a time, a network two, and all together so many. A person
// who comes meanwhile waits in their own line, so that a long one keeps nobody else waiting.
type Turns struct {
	all chan struct{}

	mu    sync.Mutex
	lines map[string]*line
}

// line has those who have a turn or wait for one.
type line struct {
	turns  chan struct{}
	people int
}

const (
	personsTurns, networksTurns = 1, 2
	// personsLine and networksLine are how many may have a turn or wait for one. More than that a page does not ask for at once.
	personsLine, networksLine = 6, 24
)

// NewTurns returns turns of which all together may have so many.
func NewTurns(all int) *Turns {
	return &Turns{all: make(chan struct{}, max(1, all)), lines: map[string]*line{}}
}

// Begin waits for a turn of a person at an address, which ends when end is called. There is none when their line is too long, or
// the context ends first.
func (t *Turns) Begin(ctx context.Context, person, address string) (end func(), ok bool) {
	var undo []func()
	end = func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	for _, l := range []struct {
		name        string
		turns, most int
	}{{"person " + person, personsTurns, personsLine}, {"network " + Network(address), networksTurns, networksLine}} {
		in := t.join(l.name, l.turns, l.most)
		if in == nil {
			end()
			return nil, false
		}
		undo = append(undo, func() { t.leave(l.name, in) })
		if !take(ctx, in.turns) {
			end()
			return nil, false
		}
		undo = append(undo, func() { <-in.turns })
	}
	if !take(ctx, t.all) {
		end()
		return nil, false
	}
	undo = append(undo, func() { <-t.all })
	return end, true
}

func take(ctx context.Context, turns chan struct{}) bool {
	select {
	case turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// join gets into a line, or gives nil when it is too long.
func (t *Turns) join(name string, turns, most int) *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.lines[name]
	if in == nil {
		in = &line{turns: make(chan struct{}, turns)}
		t.lines[name] = in
	}
	if in.people >= most {
		return nil
	}
	in.people++
	return in
}

func (t *Turns) leave(name string, in *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if in.people--; in.people == 0 {
		delete(t.lines, name)
	}
}
