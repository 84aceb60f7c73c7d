package handlers

import "sync"

// places are taken by what lasts, such as a stream: each person may have so many, and all people together so many.
type places struct {
	each, most int

	mu    sync.Mutex
	taken map[string]int // by user id
	all   int
}

func newPlaces(each, most int) *places {
	return &places{each: each, most: most, taken: make(map[string]int)}
}

func (p *places) enter(userID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[userID] >= p.each || p.all >= p.most {
		return false
	}
	p.taken[userID]++
	p.all++
	return true
}

func (p *places) leave(userID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.taken[userID]--; p.taken[userID] == 0 {
		delete(p.taken, userID)
	}
}
