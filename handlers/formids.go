package handlers

import (
	"container/list"
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"latchkey/internal/model"
)

const (
	formIDBytes  = 16
	formLifetime = 24 * time.Hour
	// maxForms bounds what is kept of forms to 25 MB, whatever is sent: a form is 500 bytes, its name included.
	maxForms = 50_000
	// formsEach is more than anybody sends within a day who does it by hand. Beyond it a person's own oldest forms go, and nobody else's.
	formsEach = 500
)

// newFormID is what a form that makes a key carries, to be used once.
func newFormID() string { return base64.RawURLEncoding.EncodeToString(model.RandomBytes(formIDBytes)) }

// validFormID says whether newFormID may have made the id. By its length too: line breaks do not count in base64.
func validFormID(id string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return err == nil && len(b) == formIDBytes && len(id) == base64.RawURLEncoding.EncodedLen(formIDBytes)
}

// formIDs remembers which forms made a key, so that a double click or a reload makes no second one. They are kept in memory: what must
// hold without them, after a restart too, is that two keys never share a name. A form that made nothing leaves nothing behind.
type formIDs struct {
	now  func() time.Time
	mu   sync.Mutex
	sent map[string]*sentForm
	all  list.List             // of *sentForm, oldest first
	each map[string]*list.List // by user id: the same, of each person
}

// sentForm is one form on its way, or what came of it once done is closed.
type sentForm struct {
	userID, id string
	at         time.Time
	done       chan struct{}
	// made says that the form made the key name. When it did not, and that is certain, the form may be sent again.
	made    bool
	unclear bool
	name    string // of a key: a claim for anything longer is a mistake

	ofAll, ofEach *list.Element
}

func newFormIDs(now func() time.Time) *formIDs {
	return &formIDs{now: now, sent: make(map[string]*sentForm), each: make(map[string]*list.List)}
}

// claim gives the form to the first request of a person that sends it. The others wait until it is known what became of the first, and
// learn it; when nothing became of it, the next in line is the first. The name is one that a key can have.
func (f *formIDs) claim(ctx context.Context, userID, id, name string) (form *sentForm, first bool, err error) {
	for {
		if form, first = f.find(userID, id, name); first {
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

// find gives the form as it was sent before, or remembers that it is sent now.
func (f *formIDs) find(userID, id, name string) (form *sentForm, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if form, sent := f.sent[userID+"/"+id]; sent {
		return form, false
	}
	// Copied: what is cut from a form keeps all of it in memory.
	form = &sentForm{userID: userID, id: strings.Clone(id), at: f.now(), done: make(chan struct{}), name: strings.Clone(name)}
	f.makeRoom(userID, form.at)
	own := f.each[userID]
	if own == nil {
		own = list.New()
		f.each[userID] = own
	}
	f.sent[userID+"/"+form.id] = form
	form.ofAll, form.ofEach = f.all.PushBack(form), own.PushBack(form)
	return form, true
}

// renamed says that the form creates a key with another name. It is settled after that.
func (f *formIDs) renamed(form *sentForm, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	form.name = strings.Clone(name)
}

// settle says what came of a claimed form. It must be called once for every claim.
func (f *formIDs) settle(form *sentForm, made, unclear bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	form.made, form.unclear = made, unclear
	if !made && !unclear {
		f.forget(form)
	}
	close(form.done)
}

// makeRoom forgets what is old, and the oldest where there is no room for another. The caller holds the lock.
func (f *formIDs) makeRoom(userID string, now time.Time) {
	if own := f.each[userID]; own != nil && own.Len() >= formsEach {
		f.forget(own.Front().Value.(*sentForm))
	}
	for f.all.Len() > 0 {
		oldest := f.all.Front().Value.(*sentForm)
		if f.all.Len() < maxForms && now.Sub(oldest.at).Abs() <= formLifetime {
			return
		}
		f.forget(oldest)
	}
}

// forget leaves nothing of a form, which may have been forgotten already. The caller holds the lock.
func (f *formIDs) forget(form *sentForm) {
	own := f.each[form.userID]
	if f.sent[form.userID+"/"+form.id] != form {
		return
	}
	delete(f.sent, form.userID+"/"+form.id)
	f.all.Remove(form.ofAll)
	if own.Remove(form.ofEach); own.Len() == 0 {
		delete(f.each, form.userID)
	}
}
