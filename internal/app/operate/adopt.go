package operate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// adopted counts what was found in a file of values, and what became of it.
type adopted struct {
	DryRun    bool         `json:"dry_run"`
	Server    bool         `json:"server,omitempty"` // they are server keys
	Rows      int          `json:"rows"`
	Adopted   int          `json:"adopted"`       // or would be
	There     int          `json:"already_there"` // their user has the value
	Unchecked int          `json:"unchecked"`     // of those adopted: the file has their SHA-256 alone
	Users     int          `json:"users"`         // whose keys were adopted
	Emails    int          `json:"emails"`        // owners who were sent one
	NoEmail   int          `json:"emails_not_sent"`
	CanEmail  bool         `json:"can_email"`
	Bad       int          `json:"bad"`
	Problems  []rowProblem `json:"problems"` // of the first of them
}

// rowProblem is why a row cannot be adopted. It quotes nothing of the file.
type rowProblem struct {
	Row    int    `json:"row"`
	Reason string `json:"reason"`
}

func adoptKeys(ctx context.Context, c call) error {
	return inOneGo(c, batchWords{"adopted", "adopt", "rows"}, func(dryRun bool) (adopted, error) { return c.sendAdoptions(ctx, dryRun) })
}

func (r adopted) tally() (all, bad int) { return r.Rows, r.Bad }

func (c call) sendAdoptions(ctx context.Context, dryRun bool) (result adopted, err error) {
	file, err := os.Open(c.argument)
	if err != nil {
		return result, fmt.Errorf("cannot read the file of values: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return result, err
	case !info.Mode().IsRegular():
		return result, fmt.Errorf("%s must be a regular file, because it is read twice", c.argument)
	case dryRun && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		_, _ = fmt.Fprintf(c.Err, "warning: other users of this machine may read %s: chmod 600 it, and delete it when it is not needed any more\n", legible(c.argument))
	}
	// What is wrong with the file as a whole is found before any of it is sent: a body that breaks off says less.
	if dryRun {
		if err := readAdoptions(file, c.server, func(adoption) error { return nil }); err != nil {
			return result, err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return result, err
		}
	}
	rows, to := io.Pipe()
	go func() {
		encoder := json.NewEncoder(to)
		to.CloseWithError(readAdoptions(file, c.server, func(a adoption) error { return encoder.Encode(a) }))
	}()
	query := url.Values{"dry_run": {strconv.FormatBool(dryRun)}, "server": {strconv.FormatBool(c.server)}}
	err = c.line.send(ctx, pathAdoptKeys+"?"+query.Encode(), rows, &result)
	_ = rows.Close() // or the reader of the file would wait for ever
	return result, err
}

// adoptKeys takes rows from the body of a request. It writes nothing when that is a rehearsal, and otherwise all that can be.
func (o *operator) adoptKeys(w http.ResponseWriter, r *http.Request) {
	var result adopted
	err := o.hasUsers()
	if err == nil {
		query := r.URL.Query()
		result, err = o.adoptFrom(r.Context(), r.Body, adopted{
			DryRun: query.Get("dry_run") == "true", Server: query.Get("server") == "true", CanEmail: o.mailer != nil, Problems: []rowProblem{},
		})
	}
	answer(w, o.log, result, err)
}

func (o *operator) adoptFrom(ctx context.Context, rows io.Reader, as adopted) (adopted, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a := &adopting{
		operator: o, ctx: ctx, stop: stop, seen: map[[16]byte]struct{}{}, owners: map[string]*adopter{}, planned: make(chan plannedAdoption),
		result: as,
	}
	workers := importWriters
	if as.DryRun { // which reads where the rows are put in order
		workers = 0
	}
	err := shareOut(ctx, workers, a.work, a.planned, func() error { return a.read(rows) })
	slices.SortFunc(a.result.Problems, func(x, y rowProblem) int { return x.Row - y.Row })
	if as.Server { // nobody's, and so nobody is sent an email
		return a.result, err
	}
	names := map[string][]string{}
	for id, owner := range a.owners {
		if owner.planned > 0 {
			a.result.Users++
		}
		if len(owner.adopted) > 0 {
			names[id] = owner.adopted
		}
	}
	if !as.DryRun { // also after an error: what was adopted was adopted
		a.result.Users = len(names)
		a.result.Emails, a.result.NoEmail = o.accounts.TellOwners(context.WithoutCancel(ctx), names)
	}
	return a.result, err
}

// adopting is one run through the rows of a file.
type adopting struct {
	*operator
	ctx     context.Context
	stop    context.CancelCauseFunc
	seen    map[[16]byte]struct{} // hashes of what may be in a file only once
	owners  map[string]*adopter   // by id; "" for all server keys
	last    struct{ user, id string }
	planned chan plannedAdoption

	mu     sync.Mutex
	result adopted
}

// adopter is a user of the file.
type adopter struct {
	before, planned int      // keys
	adopted         []string // names
}

// plannedAdoption is a row that can be adopted.
type plannedAdoption struct {
	accounts.Adoption
	owner     *adopter
	row       int
	unchecked bool
	there     bool // already
}

func (a *adopting) read(rows io.Reader) error {
	decoder := json.NewDecoder(rows)
	decoder.DisallowUnknownFields()
	for {
		var in adoption
		switch err := decoder.Decode(&in); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the running latchkey does not understand this command: it is another version (%w)", err)
		}
		if a.result.Rows++; a.result.Rows > maxAdoptions {
			return fmt.Errorf("the file has more than %d rows: split it", maxAdoptions)
		}
		p, bad, err := a.plan(in)
		switch {
		case err != nil:
			return fmt.Errorf("row %d could not be looked at, and later rows were not tried: %w", in.Row, err)
		case bad != "":
			a.refuse(in.Row, bad)
			continue
		case p.there:
			a.count(func(r *adopted) { r.There++ })
			continue
		case a.result.DryRun:
			a.count(func(r *adopted) { r.add(p) })
			continue
		}
		select {
		case a.planned <- p:
		case <-a.ctx.Done():
			return context.Cause(a.ctx)
		}
	}
}

// plan says what is wrong with a row, or what to adopt: nothing, when its user has the value already. The answer is the same in a rehearsal
// and beside what is being written of earlier rows.
func (a *adopting) plan(in adoption) (p plannedAdoption, bad string, err error) {
	var hash [sha256.Size]byte
	if n, err := hex.Decode(hash[:], []byte(in.Hash)); in.Bad == "" && (err != nil || n != len(hash)) {
		in.Bad = "its SHA-256 must have 64 hexadecimal digits"
	}
	if in.Bad != "" {
		return p, in.Bad, nil
	}
	id, bad, err := a.userOf(in.User)
	if err != nil || bad != "" {
		return p, bad, err
	}
	if a.again(hash[:]) {
		return p, "its value is already in the file", nil
	}
	p = plannedAdoption{
		Adoption: accounts.Adoption{UserID: id, Name: in.Name, Hash: hash, Found: accounts.AdoptedFromFile}, row: in.Row, unchecked: in.Unchecked,
	}
	canAdopt, most := a.accounts.CanAdopt, model.MaxKeys
	if a.result.Server {
		canAdopt, most = a.accounts.CanAdoptServerKey, model.MaxServerKeys
	}
	keys, err := canAdopt(a.ctx, p.Adoption)
	switch e, ok := errors.AsType[*model.Error](err); {
	case ok && e.Kind == model.KindOwnValue:
		p.there = true
		return p, "", nil
	case err != nil:
		bad = a.notAdopted(err)
		if bad != "" {
			err = nil
		}
		return p, bad, err
	}
	if a.again([]byte(id + in.Name)) {
		return p, a.said("its user has an earlier row with this name", "an earlier row has this name"), nil
	}
	owner := a.owners[id]
	if owner == nil {
		owner = &adopter{before: keys}
		a.owners[id] = owner
	}
	if owner.before+owner.planned >= most {
		return p, a.tooMany(), nil
	}
	owner.planned++
	p.owner = owner
	return p, "", nil
}

// userOf is the id of the user whom a row names. Rows of one user often follow each other.
func (a *adopting) userOf(name string) (id, bad string, err error) {
	switch {
	case a.result.Server:
		return "", "", nil
	case name == a.last.user && name != "":
		return a.last.id, "", nil
	}
	found, err := a.accounts.FindPerson(a.ctx, name)
	switch {
	case errors.As(err, new(accounts.ServerKeyError)):
		return "", "its user is a server key, which has no other keys", nil
	case errors.As(err, new(accounts.AmbiguousError)):
		return "", "several users match: use an id", nil
	case model.Is(err, model.KindNotFound):
		return "", "there is no such user", nil
	case err != nil:
		return "", "", err
	}
	a.last.user, a.last.id = name, found.ID
	return found.ID, "", nil
}

// said is what there is to say of a person's key, or of a server key.
func (a *adopting) said(ofUser, ofServer string) string {
	if a.result.Server {
		return ofServer
	}
	return ofUser
}

func (a *adopting) tooMany() string {
	return a.said(fmt.Sprintf("its user would have more than %d keys", model.MaxKeys), fmt.Sprintf("there would be more than %d server keys", model.MaxServerKeys))
}

// notAdopted is why a value cannot be adopted, "" when that is not about the row.
func (a *adopting) notAdopted(err error) string {
	e, ok := errors.AsType[*model.Error](err)
	switch {
	case !ok:
		return ""
	case e.Kind == model.KindBadName:
		return "its name " + strings.TrimPrefix(e.Reason, "'name' ")
	case e.Kind == model.KindNameTaken:
		return a.said("its user has another key with this name", "another server key has this name")
	case e.Kind == model.KindValueTaken:
		return a.said("another user has a key with this value", "another key has this value")
	case e.Kind == model.KindKeyLimit:
		return a.tooMany()
	case e.Kind == model.KindSessionOver:
		return "there is no such user"
	default:
		return ""
	}
}

// again remembers something and says whether it was remembered before.
func (a *adopting) again(what []byte) bool {
	sum := sha256.Sum256(what)
	key := [16]byte(sum[:16])
	_, before := a.seen[key]
	a.seen[key] = struct{}{}
	return before
}

// work adopts what was planned.
func (a *adopting) work() {
	for p := range a.planned {
		key, err := a.adopt(p)
		switch bad := a.notAdopted(err); {
		case err == nil:
			a.count(func(r *adopted) {
				r.add(p)
				p.owner.adopted = append(p.owner.adopted, model.WordsOf(model.FingerprintOfHash(p.Hash)).Beside(key.Name))
			})
		case model.Is(err, model.KindOwnValue): // meanwhile
			a.count(func(r *adopted) { r.There++ })
		case bad != "":
			a.refuse(p.row, bad)
		case model.Is(err, model.KindUnclear):
			a.stop(fmt.Errorf("it is not known whether row %d was saved, and later rows were not tried: adopt the file again, which skips what is there (%w)", p.row, err))
		default:
			a.stop(fmt.Errorf("row %d could not be saved, and later rows were not tried: adopt the file again, which skips what is there (%w)", p.row, err))
		}
	}
}

func (a *adopting) adopt(p plannedAdoption) (model.Key, error) {
	if a.result.Server {
		return a.accounts.AdoptServerKey(a.ctx, p.Adoption)
	}
	return a.accounts.Adopt(a.ctx, accounts.ByOperator, p.Adoption)
}

func (r *adopted) add(p plannedAdoption) {
	r.Adopted++
	if p.unchecked {
		r.Unchecked++
	}
}

func (a *adopting) count(how func(*adopted)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	how(&a.result)
}

func (a *adopting) refuse(row int, reason string) {
	a.count(func(r *adopted) {
		r.Bad++
		if len(r.Problems) < maxProblems {
			r.Problems = append(r.Problems, rowProblem{row, reason})
		}
	})
}

// write says what is in a file of values, and what became of it.
func (r adopted) write(w io.Writer) error {
	var text bytes.Buffer
	done := "Adopted"
	if r.DryRun {
		done = "Can be adopted"
	}
	fmt.Fprintf(&text, "Rows in the file: %d. %s: %d.\n", r.Rows, done, r.Adopted)
	if r.There > 0 {
		fmt.Fprintf(&text, "There already: %d.\n", r.There)
	}
	if r.Bad > 0 {
		fmt.Fprintf(&text, "Cannot be adopted: %d.\n", r.Bad)
	}
	if r.Adopted > 0 && !r.Server {
		fmt.Fprintf(&text, "Users: %d.\n", r.Users)
	}
	if r.Unchecked > 0 {
		fmt.Fprintf(&text, "Given by their SHA-256 alone: %d. Whether those values are random cannot be checked.\n", r.Unchecked)
	}
	if r.Adopted > 0 && !r.DryRun && !r.Server {
		switch {
		case !r.CanEmail:
			text.WriteString("Nobody was sent an email: that needs a running latchkey with --smtp or, with --database, --smtp here.\n")
		case r.NoEmail > 0:
			fmt.Fprintf(&text, "Emails on their way to owners: %d. Not sent: %d, see the log.\n", r.Emails, r.NoEmail)
		default:
			fmt.Fprintf(&text, "Emails on their way to owners: %d.\n", r.Emails)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&text, "  row %d: %s\n", p.Row, p.Reason)
	}
	if more := r.Bad - len(r.Problems); more > 0 {
		fmt.Fprintf(&text, "  and %d more\n", more)
	}
	_, err := text.WriteTo(w)
	return err
}
