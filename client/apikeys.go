package client

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxNameLength is the most characters a key's name can have.
	MaxNameLength = 64
	// MaxKeys is the most keys a user can have. Keys that are off count.
	MaxKeys = 20
)

// Op values of this file; the helpers in errors.go compare them.
const (
	opCreateKey  = "create key"
	opFetchKey   = "fetch key"
	opListKeys   = "list keys"
	opEnableKey  = "enable key"
	opDisableKey = "disable key"
	opDeleteKey  = "delete key"
)

// APIKey is a user API key without its value, which the server does not know
// any more.
type APIKey struct {
	ID       string
	Name     string
	Disabled bool // a disabled key cannot sign in
}

// CreatedAt returns when the key was created, which its id tells to the second, or
// the zero time if the id is not one.
func (k APIKey) CreatedAt() time.Time {
	id, err := hex.DecodeString(k.ID)
	if err != nil || !validID(k.ID) {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint32(id)), 0).UTC()
}

// CreatedKey is a key together with its value. No later call gives the value
// again.
type CreatedKey struct {
	APIKey
	Value Secret
}

// String returns which key it is. Package fmt would find the value in a nested
// pointer, given a verb that does not fit a struct, so the type prints itself.
func (k CreatedKey) String() string { return "key " + k.Name + " (" + k.ID + ") " + redacted }

// Format prints the same for every verb.
func (k CreatedKey) Format(f fmt.State, _ rune) { printRedacted(f, k.String()) }

// LogValue gives package slog the same text.
func (k CreatedKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// APIKeys are the keys of a session's user. Every call uses the refresh token,
// as in every SDK. People manage keys; sessions that were opened anonymously or
// with a key get an error for which [IsForbidden] is true.
type APIKeys struct {
	session *Session
}

// APIKeys returns the keys of the session's user.
func (s *Session) APIKeys() *APIKeys { return &APIKeys{session: s} }

// wireKey is a key as the protocol has it.
type wireKey struct {
	ID       wireID `json:"_id"`
	Name     string `json:"name"`
	Disabled *bool  `json:"disabled"`
}

func (k *wireKey) check() error {
	switch {
	case !validID(string(k.ID)):
		return errors.New("_id is missing or not 24 hexadecimal digits")
	case k.Name == "":
		return errors.New("name is missing")
	case k.Disabled == nil:
		return errors.New("disabled is missing")
	}
	return nil
}

func (k *wireKey) key() APIKey {
	return APIKey{ID: string(k.ID), Name: k.Name, Disabled: *k.Disabled}
}

// wireKeys is a list of keys.
type wireKeys []wireKey

func (l *wireKeys) check() error {
	if *l == nil {
		return errors.New("it is null, not a list")
	}
	for i := range *l {
		if err := (*l)[i].check(); err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
	}
	return nil
}

// wireCreatedKey is the only answer with a value.
type wireCreatedKey struct {
	wireKey
	Value Secret `json:"key"`
}

func (k *wireCreatedKey) check() error {
	if k.Value == "" {
		return errors.New("key is missing")
	}
	return k.wireKey.check()
}

// wireID is an id, plain or in extended JSON: realm-web reads both.
type wireID string

// UnmarshalJSON accepts "…" and {"$oid":"…"}.
func (id *wireID) UnmarshalJSON(data []byte) error {
	if data[0] != '{' { // the usual form, and the quick one
		return json.Unmarshal(data, (*string)(id))
	}
	var extended objectID
	err := json.Unmarshal(data, &extended)
	*id = wireID(extended.Hex)
	return err
}

// Create creates a key. The value in the answer is shown here and never again, so
// keep it before doing anything else. A name outside [ValidName] is refused
// without a request.
//
// Create is sent once, and again only after the server said that it did not act
// on a session that lives: repeating it could create a second key. After an error
// that is neither an answer nor [NeverSent], list the keys to see whether there
// is one of that name; its value is lost, so delete it.
func (a *APIKeys) Create(ctx context.Context, name string) (CreatedKey, error) {
	r := request{
		op:     opCreateKey,
		method: http.MethodPost,
		path:   path("auth", "api_keys"),
		body:   map[string]string{"name": name},
	}
	if err := ValidName(name); err != nil {
		refused := r.unsent(err)
		refused.Status, refused.Code = http.StatusBadRequest, codeInvalidParameter
		return CreatedKey{}, refused
	}
	var k wireCreatedKey
	if err := a.session.withRefresh(ctx, r, &k); err != nil {
		return CreatedKey{}, err
	}
	return CreatedKey{APIKey: k.key(), Value: k.Value}, nil
}

// Fetch looks up one key.
func (a *APIKeys) Fetch(ctx context.Context, id string) (APIKey, error) {
	var k wireKey
	if err := a.one(ctx, opFetchKey, http.MethodGet, id, "", &k); err != nil {
		return APIKey{}, err
	}
	return k.key(), nil
}

// FetchAll lists the user's keys in the order in which they were created.
func (a *APIKeys) FetchAll(ctx context.Context) ([]APIKey, error) {
	var list wireKeys
	r := request{op: opListKeys, method: http.MethodGet, path: path("auth", "api_keys")}
	if err := a.session.withRefresh(ctx, r, &list); err != nil {
		return nil, err
	}
	keys := make([]APIKey, len(list))
	for i := range list {
		keys[i] = list[i].key()
	}
	return keys, nil
}

// Enable lets a disabled key sign in again, with the value it always had.
// Enabling an enabled key changes nothing.
func (a *APIKeys) Enable(ctx context.Context, id string) error {
	return a.one(ctx, opEnableKey, http.MethodPut, id, "enable", nil)
}

// Disable stops a key from signing in until it is enabled again. Disabling a
// disabled key changes nothing.
func (a *APIKeys) Disable(ctx context.Context, id string) error {
	return a.one(ctx, opDisableKey, http.MethodPut, id, "disable", nil)
}

// Delete removes a key for good. An error for which [IsNotFound] is true means
// that it was gone already.
func (a *APIKeys) Delete(ctx context.Context, id string) error {
	return a.one(ctx, opDeleteKey, http.MethodDelete, id, "", nil)
}

// one sends a call about one key. An id that no key can have is answered as the
// server would, without asking it.
func (a *APIKeys) one(ctx context.Context, op, method, id, verb string, out answer) error {
	r := request{op: op, method: method, path: path("auth", "api_keys", id)}
	if verb != "" {
		r.path += path(verb)
	}
	if !validID(id) {
		r.path = path("auth", "api_keys") + "/{id}"
		return r.noSuchKey()
	}
	return a.session.withRefresh(ctx, r, out)
}

// noSuchKey is what a server says of a text that is no id. The text is not
// repeated: it may be a value mistaken for one.
func (r request) noSuchKey() error {
	unknown := r.unsent(nil)
	unknown.Status, unknown.Code, unknown.Message = http.StatusNotFound, codeKeyNotFound, "API key not found"
	return unknown
}

// validID reports whether id is 24 hexadecimal digits, as every id of the
// protocol is.
func validID(id string) bool {
	return len(id) == 24 && strings.Trim(id, "0123456789abcdefABCDEF") == ""
}

// nameError is a name's fault, as a sentence for people.
type nameError string

func (e nameError) Error() string { return string(e) }

// ValidName returns nil if a key can have the name, else an error whose text
// tells a person what is wrong. [APIKeys.Create] checks it before sending.
func ValidName(name string) error {
	switch {
	case name == "":
		return nameError("a name is required")
	case strings.ContainsFunc(name, notInName):
		return nameError("a name can only contain ASCII letters, numbers, underscores, and hyphens")
	case utf8.RuneCountInString(name) > MaxNameLength:
		return nameError(fmt.Sprintf("a name can have at most %d characters; this one has %d", MaxNameLength, len(name)))
	}
	return nil
}

func notInName(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '-':
		return false
	}
	return true
}
