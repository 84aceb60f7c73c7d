package operate

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"latchkey/internal/accounts"
	"latchkey/internal/app/texts"
	"latchkey/internal/model"
)

const (
	pathUserData   = "/users/data"
	pathImportData = "/users/import-data"

	// maxDataText is more than custom data needs, however it is laid out.
	maxDataText = 64 << 10
)

func withClear(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.clear, "clear", false, "remove the custom data")
}

func withUserField(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.userField, "user-field", "", "`FIELD` of each object that has the id of its user")
}

// customDataCommands are those about what apps know of users.
func customDataCommands() []command {
	return []command{
		{
			name: "user data", argument: "ID-or-EMAIL [FILE]", does: "print or replace the custom data of a user, which apps can read", run: userDataOf,
			more: "FILE has a JSON object of at most 2 KB; - is standard input. Without FILE, the object is printed: {} if there is none. Apps\n" +
				"read it as customData, the next time that they sign in, renew their access token or call refreshCustomData.",
			flags: []commandFlag{withClear},
		},
		{
			name: "import-custom-data", argument: "FILE", does: "save the custom data of many users, from a file of mongoexport", run: importData,
			more: "FILE has one JSON object per line, of at most 2 KB each. It replaces what is there, so it can be run again. If one object\n" +
				"cannot be saved, none is.",
			flags: []commandFlag{withUserField, withDryRun, withSkipBad},
		},
	}
}

func (o *operator) handleCustomData(mux *http.ServeMux) {
	mux.Handle("POST "+pathUserData, operation(o.log, ofUsers(o, o.userData)))
	mux.HandleFunc("POST "+pathImportData, o.importData)
}

// dataOrder asks for the custom data of a user or, with some, replaces it. A text keeps it letter by letter.
type dataOrder struct {
	User string  `json:"user"`
	Data *string `json:"data,omitempty"`
}

type userData struct {
	User listedUser `json:"user"`
	Data string     `json:"data"` // "": none
}

func (o *operator) userData(ctx context.Context, in dataOrder) (out userData, err error) {
	of, data, err := o.accounts.CustomData(ctx, in.User)
	if err == nil && in.Data != nil {
		if err = o.accounts.SetCustomData(ctx, of.ID, []byte(*in.Data)); err == nil {
			data, err = accounts.CompactData([]byte(*in.Data))
		}
	}
	if bad, is := errors.AsType[accounts.DataError](err); is {
		return out, fmt.Errorf("this cannot be custom data: %w", bad)
	}
	return userData{listed(of), data}, aboutUser(in.User, err)
}

func userDataOf(ctx context.Context, c call) error {
	order := dataOrder{User: c.argument}
	switch {
	case c.clear && c.second != "":
		return usageError{errors.New("--clear takes no FILE")}
	case c.clear:
		order.Data = new(string)
		*order.Data = "{}"
	case c.second != "":
		text, err := c.dataText()
		if err != nil {
			return err
		}
		order.Data = &text
	}
	var done userData
	if err := c.line.call(ctx, pathUserData, order, &done); err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.Out).Encode(struct {
			User       listedUser      `json:"user"`
			CustomData json.RawMessage `json:"custom_data,omitempty"`
		}{done.User, json.RawMessage(done.Data)})
	}
	var err error
	switch {
	case order.Data == nil && done.Data == "":
		_, err = io.WriteString(c.Out, "{}\n")
	case order.Data == nil:
		_, err = fmt.Fprintf(c.Out, "%s\n", done.Data)
	case done.Data == "":
		_, err = fmt.Fprintf(c.Out, "%s has no custom data now.\n", done.User.who())
	default:
		_, err = fmt.Fprintf(c.Out, "Saved %d bytes of custom data of %s.\n", len(done.Data), done.User.who())
	}
	return err
}

// dataText reads the file that a command names, or standard input.
func (c call) dataText() (string, error) {
	from := c.In
	if c.second != "-" {
		file, err := os.Open(c.second)
		if err != nil {
			return "", fmt.Errorf("cannot read the custom data: %w", err)
		}
		defer func() { _ = file.Close() }() // only read from
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(texts.Reader(from), maxDataText+1))
	if err == nil && len(text) > maxDataText {
		err = fmt.Errorf("it is longer than %d kB", maxDataText>>10)
	}
	if err != nil {
		return "", fmt.Errorf("cannot read the custom data: %w", err)
	}
	return string(text), nil
}

// importedData counts what was found in a file of custom data, and what became of it.
type importedData struct {
	DryRun   bool      `json:"dry_run"`
	Objects  int       `json:"objects"` // in the file
	Saved    int       `json:"saved"`   // or would be
	Bad      int       `json:"bad"`
	Problems []problem `json:"problems"` // of the first of them, by line
}

func importData(ctx context.Context, c call) error {
	if c.userField == "" {
		return usageError{errors.New("--user-field is missing: it names the field of each object that has the id of its user")}
	}
	return inOneGo(c, batchWords{"saved", "save", "objects"}, func(dryRun bool) (result importedData, err error) {
		query := url.Values{"dry_run": {strconv.FormatBool(dryRun)}, "user_field": {c.userField}}
		err = c.sendTwice(ctx, pathImportData+"?"+query.Encode(), &result)
		return result, err
	})
}

func (r importedData) tally() (all, bad int) { return r.Objects, r.Bad }

func (r importedData) write(w io.Writer) error {
	var text strings.Builder
	done := "Saved"
	if r.DryRun {
		done = "Can be saved"
	}
	fmt.Fprintf(&text, "Objects in the file: %d. %s: %d.\n", r.Objects, done, r.Saved)
	if r.Bad > 0 {
		fmt.Fprintf(&text, "Cannot be saved: %d.\n", r.Bad)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&text, "  line %d: %s\n", p.Number, legible(p.Reason))
	}
	if more := r.Bad - len(r.Problems); more > 0 {
		fmt.Fprintf(&text, "  and %d more\n", more)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// importData reads objects from the body of a request. It writes nothing when that is a rehearsal, and otherwise all that can be.
func (o *operator) importData(w http.ResponseWriter, r *http.Request) {
	var result importedData
	err := o.hasUsers()
	if err == nil {
		result, err = o.importDataFrom(r.Context(), r.Body, r.URL.Query().Get("user_field"), r.URL.Query().Get("dry_run") == "true")
	}
	answer(w, o.log, result, err)
}

func (o *operator) importDataFrom(ctx context.Context, file io.Reader, field string, dryRun bool) (importedData, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	i := &importingData{
		operator: o, ctx: ctx, stop: stop, field: field, seen: map[[16]byte]struct{}{}, objects: make(chan dataOfUser),
		result: importedData{DryRun: dryRun, Problems: []problem{}},
	}
	err := shareOut(ctx, writers(dryRun), i.work, i.objects, func() error { return i.read(texts.Reader(file)) })
	slices.SortFunc(i.result.Problems, func(a, b problem) int { return a.Number - b.Number })
	return i.result, err
}

// importingData is one run through a file of custom data.
type importingData struct {
	*operator
	ctx     context.Context
	stop    context.CancelCauseFunc
	field   string
	seen    map[[16]byte]struct{} // hashes of users, who may be in a file only once
	objects chan dataOfUser

	mu     sync.Mutex
	result importedData
}

// dataOfUser is an object of the file.
type dataOfUser struct {
	line int
	user string
	data []byte
}

// read goes through a file that may be larger than memory, line by line.
func (i *importingData) read(file io.Reader) error {
	lines := bufio.NewReaderSize(file, maxDataText)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("cannot read line %d of the file: %w", n, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 || long {
			if err := i.offer(n, text, long); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// offer hands an object on to be written.
func (i *importingData) offer(n int, text []byte, long bool) error {
	i.mu.Lock()
	i.result.Objects++
	i.mu.Unlock()
	if long {
		i.refuse(n, fmt.Sprintf("it is longer than %d kB", maxDataText>>10))
		return nil
	}
	d := dataOfUser{line: n, data: bytes.Clone(text)}
	var err error
	if d.user, err = i.userOf(text); err != nil {
		i.refuse(n, err.Error())
		return nil
	}
	sum := sha256.Sum256([]byte(d.user))
	key := [16]byte(sum[:16])
	if _, again := i.seen[key]; again {
		i.refuse(n, "user "+d.user+" is in an earlier line")
		return nil
	}
	i.seen[key] = struct{}{}
	select {
	case i.objects <- d:
		return nil
	case <-i.ctx.Done():
		return context.Cause(i.ctx)
	}
}

// userOf is the user whom an object is about. App Services kept ids as texts, and others keep them as what they are.
func (i *importingData) userOf(text []byte) (string, error) {
	if text[0] == '[' {
		return "", errors.New("it is a JSON array: each line must be one object, as mongoexport writes without --jsonArray")
	}
	if _, err := accounts.CompactData(text); err != nil {
		return "", err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return "", errors.New("it is not a JSON object")
	}
	raw, there := fields[i.field]
	if !there {
		return "", fmt.Errorf("it has no field %+q", i.field)
	}
	var id string
	if json.Unmarshal(raw, &id) != nil {
		var extended map[string]string
		if json.Unmarshal(raw, &extended) == nil && len(extended) == 1 {
			id = extended["$oid"]
		}
	}
	if !model.IsID(id) {
		return "", fmt.Errorf("its field %+q is not the id of a user, which has 24 lower-case hexadecimal digits", i.field)
	}
	return id, nil
}

// work writes objects, or finds out whether they could be written.
func (i *importingData) work() {
	for d := range i.objects {
		write := i.accounts.SetCustomData
		if i.result.DryRun {
			write = i.accounts.CanSetCustomData
		}
		err := write(i.ctx, d.user, d.data)
		switch {
		case err == nil:
			i.mu.Lock()
			i.result.Saved++
			i.mu.Unlock()
		case model.Is(err, model.KindNotFound):
			i.refuse(d.line, "there is no user "+d.user)
		case model.Is(err, model.KindUnclear):
			i.stop(fmt.Errorf("it is not known whether line %d was saved, and later lines were not tried: import the file again (%w)", d.line, err))
		default:
			i.stop(fmt.Errorf("line %d could not be saved, and later lines were not tried: %w", d.line, err))
		}
	}
}

func (i *importingData) refuse(line int, reason string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.result.Bad++
	if len(i.result.Problems) < maxProblems {
		i.result.Problems = append(i.result.Problems, problem{Number: line, Reason: reason})
	}
}
