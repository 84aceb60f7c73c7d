package handlers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"sync"
	"time"
)

const (
	formIDBytes  = 16
	formLifetime = 24 * time.Hour
	// Together they bound what is kept of forms to some 50 MB, whatever is sent.
	maxForms    = 100_000
	maxKeptName = 256 // bytes; no key has a longer name
)

// newFormID is what a form that makes a key carries, to be used once.
func newFormID() string { return base64.RawURLEncoding.EncodeToString(randomBytes(formIDBytes)) }

// validFormID says whether newFormID may have made the id. By its length too: line breaks do not count in base64.
func validFormID(id string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return err == nil && len(b) == formIDBytes && len(id) == base64.RawURLEncoding.EncodedLen(formIDBytes)
}

// formIDs remembers which forms were sent and what came of them, so that a double click or a reload makes no second key.
// They are kept in memory: what must hold without them, after a restart too, is that two keys never share a name.
type formIDs struct {
	now   func() time.Time
	mu    sync.Mutex
	sent  map[string]*sentForm
	order []*sentForm // oldest first
}

// sentForm is one form on its way, or what came of it once done is closed.
type sentForm struct {
	id   string
	at   time.Time
	done chan struct{}
	// made says that the form made the key name. When it did not, and that is certain, the form may be sent again.
	made    bool
	unclear bool
	name    string // cut at maxKeptName
}

func newFormIDs(now func() time.Time) *formIDs {
	return &formIDs{now: now, sent: make(map[string]*sentForm)}
}

// claim gives the form to the first request that sends it. The others wait until it is known what became of the first, and
// learn it; when nothing became of it, the next in line is the first.
func (f *formIDs) claim(ctx context.Context, id, name string) (form *sentForm, first bool, err error) {
	for {
		f.mu.Lock()
		form, taken := f.sent[id]
		if !taken {
			form = &sentForm{id: id, at: f.now(), done: make(chan struct{}), name: keptName(name)}
			f.forgetOld(form.at)
			f.sent[id] = form
			f.order = append(f.order, form)
		}
		f.mu.Unlock()
		if !taken {
			return form, true, nil
		}
		select {
		case <-form.done:
			if form.made || form.unclear {
				return form, false, nil
			}
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// keptName is a name to keep. It shares no memory with the request, all of which would stay with it.
func keptName(name string) string {
	return strings.ToValidUTF8(strings.Clone(name[:min(len(name), maxKeptName)]), "")
}

// settle says what came of a claimed form. It must be called once for every claim.
func (f *formIDs) settle(form *sentForm, made, unclear bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	form.made, form.unclear = made, unclear
	if !made && !unclear {
		delete(f.sent, form.id)
	}
	close(form.done)
}

// forgetOld keeps the memory bounded. The caller holds the lock.
func (f *formIDs) forgetOld(now time.Time) {
	for len(f.order) > 0 && (len(f.order) >= maxForms || now.Sub(f.order[0].at) > formLifetime) {
		if f.sent[f.order[0].id] == f.order[0] {
			delete(f.sent, f.order[0].id)
		}
		f.order = f.order[1:]
	}
}

// randomBytes never fails: crypto/rand ends the program when the system has no randomness.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
