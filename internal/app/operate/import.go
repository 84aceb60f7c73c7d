package operate

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/app/texts"
	"latchkey/internal/model"
)

// importWriters is how many users are written at the same time: what waits together is flushed to the disk together.
const importWriters = 256

// maxProblems is how many users that cannot be imported are named.
const maxProblems = 100

// exportedUser is what is used of a User of App Services' Admin API.
type exportedUser struct {
	ID           string             `json:"_id"`
	Identities   []exportedIdentity `json:"identities"`
	CreationDate *int64             `json:"creation_date"` // seconds
	Disabled     bool               `json:"disabled"`
	Data         exportedData       `json:"data"`
}

type exportedIdentity struct {
	ID       string       `json:"id"`
	Provider string       `json:"provider_type"`
	Data     exportedData `json:"provider_data"`
}

type exportedData struct {
	Email string `json:"email"`
}

// imported counts what was found in a file of users, and what became of it.
type imported struct {
	DryRun    bool           `json:"dry_run"`
	Users     int            `json:"users"`         // in the file
	Made      int            `json:"made"`          // or would be
	There     int            `json:"already_there"` // have been imported before
	Skipped   int            `json:"skipped"`       // had keys alone to sign in with
	NeedReset int            `json:"need_reset"`    // of those made: must choose a password
	Disabled  int            `json:"disabled"`      // of those made
	Keys      int            `json:"keys"`          // whose values an export does not have
	Kept      map[string]int `json:"kept"`          // identities by provider, of those that are elsewhere
	SetUp     []string       `json:"set_up"`        // providers of Kept with which people can sign in here
	Bad       int            `json:"bad"`
	Problems  []problem      `json:"problems"` // of the first of them

	// Beside are those made whom people cannot tell from somebody else by their address: each signs in with its exact letters alone, as
	// programs always do. BesideList has the first of them.
	Beside     int       `json:"beside"`
	BesideList []problem `json:"beside_list"`
}

// problem is why one user cannot be imported. The first of a file is number 1.
type problem struct {
	Number int    `json:"number"`
	ID     string `json:"_id,omitempty"`
	Reason string `json:"reason"`
}

// candidate is a user of the file as it would be stored.
type candidate struct {
	number     int
	user       model.User
	identities []model.Identity
	ids        []model.Identity // of keys, by their ids alone
	keys       int
	kept       []string // providers
	beside     string   // says who has an address that people cannot tell from theirs; "": nobody
}

// importUsers reads users from the body of a request. It writes nothing when that is a rehearsal, and otherwise all that can be.
func (o *operator) importUsers(w http.ResponseWriter, r *http.Request) {
	var result imported
	err := o.hasUsers()
	if err == nil {
		result, err = o.importFrom(r.Context(), r.Body, r.URL.Query().Get("dry_run") == "true")
	}
	answer(w, o.log, result, err)
}

func (o *operator) importFrom(ctx context.Context, file io.Reader, dryRun bool) (imported, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	i := &importing{
		operator: o, ctx: ctx, stop: stop, seen: map[[16]byte]struct{}{}, candidates: make(chan candidate),
		result: imported{DryRun: dryRun, Kept: map[string]int{}, SetUp: []string{}, Problems: []problem{}, BesideList: []problem{}},
	}
	err := shareOut(ctx, writers(dryRun), i.work, i.candidates, func() error { return i.read(texts.JSON(file)) })
	for provider := range i.result.Kept {
		if slices.Contains(o.providers, provider) {
			i.result.SetUp = append(i.result.SetUp, provider)
		}
	}
	slices.Sort(i.result.SetUp)
	for _, list := range [][]problem{i.result.Problems, i.result.BesideList} {
		slices.SortFunc(list, func(a, b problem) int { return a.Number - b.Number })
	}
	return i.result, err
}

// importing is one run through a file.
type importing struct {
	*operator
	ctx        context.Context
	stop       context.CancelCauseFunc
	seen       map[[16]byte]struct{} // hashes of what may be in a file only once
	candidates chan candidate

	mu     sync.Mutex
	result imported
}

// read goes through a file that may be larger than memory: one array of users or, since the Admin API gave 50 at a time, several
// one after another.
func (i *importing) read(file io.Reader) error {
	decoder := json.NewDecoder(file)
	arrays := 0
	for {
		opening, err := decoder.Token()
		if errors.Is(err, io.EOF) && arrays > 0 {
			return nil
		}
		if err != nil || opening != json.Delim('[') {
			return notUsers(decoder, "must be a JSON array of users, as exported by the Admin API of App Services", err)
		}
		arrays++
		for decoder.More() {
			var raw json.RawMessage
			if err := decoder.Decode(&raw); err != nil {
				return notUsers(decoder, "is not JSON", err)
			}
			if err := i.offer(raw); err != nil {
				return err
			}
		}
		if _, err := decoder.Token(); err != nil {
			return notUsers(decoder, "ends in the middle", err)
		}
	}
}

func notUsers(decoder *json.Decoder, what string, err error) error {
	var noText *texts.Error
	if errors.As(err, &noText) {
		return fmt.Errorf("cannot read the user file: %w", noText)
	}
	what = fmt.Sprintf("the file %s (at byte %d)", what, decoder.InputOffset())
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return errors.New(what)
}

// offer hands a user on to be written.
func (i *importing) offer(raw json.RawMessage) error {
	i.mu.Lock()
	i.result.Users++
	number := i.result.Users
	i.mu.Unlock()
	u, c, err := i.understand(raw)
	switch {
	case err != nil:
		i.refuse(number, u.ID, err.Error())
		return nil
	case len(c.identities) == 0:
		i.count(func(r *imported) { r.Skipped++; r.Keys += c.keys })
		return nil
	}
	c.number = number
	if c.beside, err = i.findBeside(c); err != nil {
		return err
	}
	select {
	case i.candidates <- c:
		return nil
	case <-i.ctx.Done():
		return context.Cause(i.ctx)
	}
}

// findBeside says beside whom a user would be. Devices of both know their exact addresses, so that neither can be left out.
//
// Users who are written meanwhile were earlier in the file, and are known from there: the answer is the same in every run.
func (i *importing) findBeside(c candidate) (string, error) {
	for _, id := range c.identities {
		if id.Provider != model.ProviderEmailPassword {
			continue
		}
		if i.again("spelling", model.OneSpelling(id.Subject)) {
			return fmt.Sprintf("%+q looks the same as an earlier address in the file", id.Subject), nil
		}
		beside, err := i.accounts.Beside(i.ctx, id.Subject)
		if err != nil {
			return "", err
		}
		for _, other := range beside {
			if other.UserID != c.user.ID {
				return fmt.Sprintf("%+q looks the same as %+q, of user %s", id.Subject, other.Subject, other.UserID), nil
			}
		}
	}
	return "", nil
}

func (i *importing) count(how func(*imported)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	how(&i.result)
}

func (i *importing) refuse(number int, id, reason string) {
	i.count(func(r *imported) {
		r.Bad++
		if len(r.Problems) < maxProblems {
			r.Problems = append(r.Problems, problem{number, id, reason})
		}
	})
}

// work writes users, or finds out whether they could be written.
func (i *importing) work() {
	for c := range i.candidates {
		err := i.write(c)
		var by accounts.TakenError
		switch {
		case err == nil:
			i.count(func(r *imported) { r.add(c) })
		case errors.Is(err, accounts.ErrImported):
			i.count(func(r *imported) { r.There++ })
		case errors.As(err, &by):
			i.refuse(c.number, c.user.ID, taken(by))
		case model.Is(err, model.KindUnclear):
			i.stop(fmt.Errorf("it is not known whether user %d was saved, and later users were not tried: "+
				"import the file again, which skips existing users (%w)", c.number, err))
		default:
			i.stop(fmt.Errorf("user %d could not be saved, and later users were not tried: %w", c.number, err))
		}
	}
}

func (r *imported) add(c candidate) {
	r.Made++
	r.Keys += c.keys
	if c.beside != "" {
		r.Beside++
		if len(r.BesideList) < maxProblems {
			r.BesideList = append(r.BesideList, problem{c.number, c.user.ID, c.beside})
		}
	}
	if !c.user.DisabledAt.IsZero() {
		r.Disabled++
	}
	for _, provider := range c.kept {
		r.Kept[provider]++
	}
	if slices.ContainsFunc(c.identities, func(id model.Identity) bool { return id.Provider == model.ProviderEmailPassword }) {
		r.NeedReset++
	}
}

// taken says, in words for operators, that somebody else signs in as what a user would.
func taken(e accounts.TakenError) string {
	if e.Provider == model.ProviderEmailPassword {
		return fmt.Sprintf("the email address %q already belongs to user %s", e.Subject, e.By)
	}
	return fmt.Sprintf("the %s identity %q already belongs to user %s", e.Provider, e.Subject, e.By)
}

func (i *importing) write(c candidate) error {
	if i.result.DryRun {
		return i.accounts.CanImport(i.ctx, c.user, c.identities)
	}
	return i.accounts.Import(i.ctx, c.user, slices.Concat(c.identities, c.ids))
}

// understand turns a user of the file into one of the store.
func (i *importing) understand(raw json.RawMessage) (u exportedUser, c candidate, err error) {
	if err := json.Unmarshal(raw, &u); err != nil {
		return u, c, misshapen(err)
	}
	if !model.IsID(u.ID) {
		return u, c, errors.New("_id must be 24 lower-case hexadecimal digits")
	}
	if i.again("user", u.ID) {
		return u, c, errors.New("its _id is already in the file")
	}
	c.user = model.User{ID: u.ID, CreatedAt: createdAt(u)}
	if y := c.user.CreatedAt.Year(); y < 1970 || y > 9999 {
		return u, c, fmt.Errorf("creation_date is %d, but must be in seconds since 1970", *u.CreationDate)
	}
	if u.Disabled {
		c.user.DisabledAt = i.now()
	}
	for _, from := range u.Identities {
		if from.Provider == model.ProviderAPIKey {
			c.keys++
			if model.IsID(from.ID) {
				c.ids = append(c.ids, model.Identity{ID: from.ID, UserID: u.ID, Provider: from.Provider})
			}
			continue
		}
		id, err := i.identity(u, from)
		if err != nil {
			return u, c, err
		}
		c.identities = append(c.identities, id)
		if id.Provider != model.ProviderEmailPassword && id.Provider != model.ProviderAnonymous {
			c.kept = append(c.kept, id.Provider)
		}
	}
	return u, c, nil
}

// identity keeps the ids that App Services gave. Those of its external providers are what the provider calls the user, and could be
// the same at two of them: these become the subject.
func (i *importing) identity(u exportedUser, from exportedIdentity) (model.Identity, error) {
	id := model.Identity{
		ID: from.ID, UserID: u.ID, Provider: from.Provider, Subject: from.ID, CreatedAt: createdAt(u),
	}
	switch id.Provider {
	case model.ProviderEmailPassword:
		if id.Subject = from.Data.Email; id.Subject == "" {
			id.Subject = u.Data.Email
		}
		if accounts.CheckEmail(id.Subject) != nil {
			return id, fmt.Errorf("its email address is %q, but must have 1 to 128 characters", id.Subject)
		}
		if !model.IsID(id.ID) {
			id.ID = model.NewID(i.now())
		}
	case model.ProviderAnonymous:
	default:
		id.ID = model.NewID(i.now())
	}
	switch {
	case id.Provider == "" || len(id.Provider) > 64:
		return id, errors.New("an identity has no provider_type")
	case id.Subject == "" || len(id.Subject) > 1024 || strings.Contains(id.Subject, "\x00"):
		return id, fmt.Errorf("its %s identity has no id", id.Provider)
	case i.again(id.Provider, id.Subject):
		return id, fmt.Errorf("its %s identity %q is already in the file", id.Provider, id.Subject)
	case i.again("identity", id.ID):
		return id, fmt.Errorf("the id %s of its %s identity is already in the file", id.ID, id.Provider)
	}
	return id, nil
}

// createdAt is when a user was created: the export says so, and the id does too.
func createdAt(u exportedUser) time.Time {
	if u.CreationDate != nil {
		return time.Unix(*u.CreationDate, 0).UTC()
	}
	var seconds int64
	_, _ = fmt.Sscanf(u.ID[:8], "%x", &seconds) // it was seen to be hexadecimal
	return time.Unix(seconds, 0).UTC()
}

// again remembers something and says whether it was remembered before.
func (i *importing) again(kind, name string) bool {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	key := [16]byte(sum[:16])
	_, before := i.seen[key]
	i.seen[key] = struct{}{}
	return before
}

// misshapen says what is wrong in words of the file, not of Go.
func misshapen(err error) error {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err
	}
	if mismatch.Field == "" {
		return fmt.Errorf("it is a JSON %s, but must be an object", mismatch.Value)
	}
	return fmt.Errorf("its %s must not be a JSON %s", mismatch.Field, mismatch.Value)
}
