package clienttest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// memoryApp is the app id of the server below.
const memoryApp = "memory-abcde"

// memory is the client API in its plainest form, as the protocol has it, for
// the suite to be tried on. With a lie set it gets one thing wrong.
type memory struct {
	url string
	lie string

	mu       sync.Mutex
	users    map[string]*memoryUser    // by id
	sessions map[string]*memorySession // by either token
	made     int
}

type memoryUser struct {
	id, email, password string
	subject             string // of a signed token
	wasNobody           bool   // before an address was linked
	used                bool
	keys                []*memoryKey
}

type memoryKey struct {
	id, name, value      string
	disabled             bool
	first, last, refused time.Time
	off                  map[string]any // what it ended, as the answer has it
	device               memoryDevice
	expires              time.Time
}

type memoryDevice struct {
	DeviceID                                               any
	DeviceName, Platform, PlatformVersion, SDK, SDKVersion string
}

type memorySession struct {
	user            *memoryUser
	key             *memoryKey // that opened it, if one did
	id              string
	refresh, access string
	ended           bool
}

// refusal is an error answer; a code of "" is left out.
type refusal struct {
	status     int
	code, text string
}

func (r refusal) Error() string { return r.text }

var (
	errNoKey     = refusal{404, "APIKeyNotFound", "API key not found"}
	errGone      = refusal{401, "InvalidSession", "invalid session: failed to find refresh token"}
	errBadToken  = refusal{401, "InvalidSession", "invalid session"}
	errKeyLogin  = refusal{401, "AuthError", "unauthorized"}
	errPassword  = refusal{401, "InvalidPassword", "unauthorized"}
	errProvider  = refusal{404, "AuthProviderNotFound", "no such provider"}
	errForbidden = refusal{403, "", "keys are managed by people"}
	errNothing   = refusal{404, "", "nothing here"}
	errNoSession = refusal{404, "SessionNotFound", "session not found"}
	errNotOwn    = refusal{403, "InvalidPassword", "the password is wrong"}
	errTooShort  = refusal{400, "BadRequest", "password must be between 6 and 128 characters"}
)

func newMemory(lie string) *memory {
	return &memory{lie: lie, users: map[string]*memoryUser{}, sessions: map[string]*memorySession{}}
}

func (m *memory) lies(about string) bool { return m.lie == about }

// newID returns ids that sort by age and begin with the time, as the real ones.
func (m *memory) newID() string {
	m.made++
	return fmt.Sprintf("%08x%016x", time.Now().Unix(), m.made)
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.lies("errors without CORS") {
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	if r.Method == http.MethodOptions {
		m.preflight(w)
		return
	}
	status, body, err := m.answer(r)
	m.write(w, r, status, body, err)
}

func (m *memory) preflight(w http.ResponseWriter) {
	methods := "GET, POST, PUT, DELETE, OPTIONS"
	if m.lies("no DELETE for browsers") {
		methods = "GET, POST, OPTIONS"
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Methods", methods)
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
	w.WriteHeader(http.StatusNoContent)
}

func (m *memory) write(w http.ResponseWriter, r *http.Request, status int, body any, err error) {
	var no refusal
	if errors.As(err, &no) {
		status, body = no.status, m.envelope(r, no)
	}
	if m.lies("a type on empty answers") || body != nil {
		w.Header().Set("Content-Type", "application/json")
	}
	if m.lies("a charset") && body != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (m *memory) envelope(r *http.Request, no refusal) map[string]any {
	e := map[string]any{"error": no.text}
	if no.code != "" {
		e["error_code"] = no.code
	}
	switch {
	case m.lies("null links"):
		e["link"] = nil
	case !strings.Contains(r.URL.Path, "/app/unknown"):
		e["link"] = m.url + "/logs?co_id=" + m.newID()
	}
	return e
}

// answer finds the handler of a request: the route table, by hand.
func (m *memory) answer(r *http.Request) (int, any, error) {
	if r.URL.Path == "/oauth/token" {
		return m.exchange(r)
	}
	path, ok := strings.CutPrefix(r.URL.Path, apiRoot+"/app/")
	if !ok {
		return m.authorized(r, strings.TrimPrefix(r.URL.Path, apiRoot))
	}
	app, path, _ := strings.Cut(path, "/")
	if app != memoryApp {
		return 0, nil, refusal{404, "", "cannot find app using Client App ID '" + app + "'"}
	}
	if r.URL.Query().Get("link") == "true" {
		return m.link(r)
	}
	switch r.Method + " " + path {
	case "GET location":
		return 200, map[string]any{"deployment_model": "LOCAL", "location": "US-VA", "hostname": m.url,
			"ws_hostname": "ws" + strings.TrimPrefix(m.url, "http")}, nil
	case "POST auth/providers/local-userpass/register":
		return m.register(r)
	case "POST auth/providers/local-userpass/login", "POST auth/providers/api-key/login", "POST auth/providers/anon-user/login":
		return m.login(r, strings.Split(path, "/")[2])
	case "POST auth/providers/custom-token/login", "POST auth/providers/oauth2-google/login", "POST auth/providers/oauth2-apple/login":
		return m.loginSigned(r)
	}
	return 0, nil, errProvider
}

// fields are all texts that any body has.
type fields struct {
	Name, Email, Username, Password, Key, Token string
	Current                                     string `json:"current_password"`
	New                                         string `json:"new_password"`
	Options                                     struct {
		Device *memoryDevice
	}
}

func read(r *http.Request) (fields, error) {
	var f fields
	bad := refusal{400, "BadRequest", "one JSON object is needed"}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) > 1<<20 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return f, bad
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return f, bad
	}
	return f, nil
}

func (m *memory) register(r *http.Request) (int, any, error) {
	f, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	if n := utf8.RuneCountInString(f.Password); n < 6 || n > 128 && !m.lies("long passwords") {
		return 0, nil, errTooShort
	}
	if f.Email == "" || len(f.Email) > 128 {
		return 0, nil, refusal{400, "BadRequest", "email invalid"}
	}
	if m.byEmail(f.Email) != nil {
		return 0, nil, refusal{409, "AccountNameInUse", "name already in use"}
	}
	u := &memoryUser{id: m.newID(), email: f.Email, password: f.Password}
	m.users[u.id] = u
	return 201, nil, nil
}

func (m *memory) byEmail(email string) *memoryUser {
	for _, u := range m.users {
		if u.email == email || m.lies("email without case") && strings.EqualFold(u.email, email) {
			return u
		}
	}
	return nil
}

func (m *memory) login(r *http.Request, provider string) (int, any, error) {
	f, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	var u *memoryUser
	var k *memoryKey
	switch provider {
	case "anon-user":
		u = &memoryUser{id: m.newID()}
		m.users[u.id] = u
	case "api-key":
		if u, k = m.byValue(f.Key); u == nil {
			return 0, nil, errKeyLogin
		}
		m.use(k, f)
	default:
		if u = m.byEmail(f.Username); u == nil && m.lies("unknown users told") {
			return 0, nil, refusal{404, "UserNotFound", "user not found"}
		}
		if u == nil || u.email == "" || u.password != f.Password {
			return 0, nil, errPassword
		}
	}
	s := m.open(u, k)
	return 200, map[string]any{"user_id": u.id, "device_id": m.device(f),
		"access_token": s.access, "refresh_token": s.refresh}, nil
}

func (m *memory) byValue(value string) (*memoryUser, *memoryKey) {
	for _, u := range m.users {
		for _, k := range u.keys {
			if k.value == value && (!k.disabled || m.lies("off keys sign in")) {
				return u, k
			}
			if k.value == value && !m.lies("no refusals told") {
				k.refused = time.Now()
				if k.off != nil && k.off["first_refused_at"] == nil {
					k.off["first_refused_at"] = k.refused
				}
			}
		}
	}
	return nil, nil
}

// use remembers a sign-in with a key.
func (m *memory) use(k *memoryKey, f fields) {
	if m.lies("no uses told") {
		return
	}
	k.last = time.Now()
	if k.first.IsZero() || m.lies("the last use is the first") {
		k.first = k.last
	}
	if f.Options.Device != nil {
		k.device = *f.Options.Device
	}
}

// facts are of the user's keys.
func (m *memory) facts(s *memorySession) (int, any, error) {
	list := []any{}
	for _, u := range m.users {
		for _, k := range u.keys {
			if u == s.user || m.lies("facts of others") {
				list = append(list, m.fact(k))
			}
		}
	}
	return 200, map[string]any{"recording_since": time.Unix(0, 0), "keys": list}, nil
}

func (m *memory) fact(k *memoryKey) map[string]any {
	sum := sha256.Sum256([]byte(k.value))
	fact := map[string]any{"_id": k.id, "fingerprint": hex.EncodeToString(sum[:8])}
	switch digits := hex.EncodeToString(sum[3:5]); {
	case m.lies("words of others"):
		fact["words"] = "some-words-0000"
	case m.lies("words without a shape"):
		fact["words"] = "some words " + digits
	default:
		fact["words"] = "some-words-" + digits
	}
	if m.lies("other fingerprints") {
		fact["fingerprint"] = hex.EncodeToString(sum[8:16])
	}
	if m.lies("values in facts") {
		fact["value"] = k.value
	}
	if !k.last.IsZero() {
		fact["first_used_at"] = k.first
		fact["last_use"] = map[string]any{"at": k.last, "device_name": k.device.DeviceName, "platform": k.device.Platform,
			"platform_version": k.device.PlatformVersion, "sdk": k.device.SDK, "sdk_version": k.device.SDKVersion}
	}
	if !k.refused.IsZero() {
		fact["last_refusal"] = map[string]any{"at": k.refused, "reason": "off"}
	}
	if k.off != nil {
		fact["off"] = k.off
	}
	if !k.expires.IsZero() && !m.lies("no expiry told") {
		fact["expires_at"] = k.expires
	}
	return fact
}

// tellOff remembers what turning a key off will end.
func (m *memory) tellOff(k *memoryKey, opened func(*memorySession) bool) {
	if k.off != nil {
		return
	}
	sessions := map[*memorySession]bool{}
	for _, s := range m.sessions {
		if !s.ended && opened(s) {
			sessions[s] = true
		}
	}
	n := len(sessions)
	if m.lies("off ended nothing") {
		n = 0
	}
	k.off = map[string]any{"at": time.Now(), "sessions": n}
	if n > 0 || m.lies("access nobody had") {
		k.off["access_until"] = time.Now().Add(30 * time.Minute)
	}
}

func (m *memory) device(f fields) string {
	if f.Options.Device == nil {
		return strings.Repeat("0", 24)
	}
	id := f.Options.Device.DeviceID
	if extended, ok := id.(map[string]any); ok {
		id = extended["$oid"]
	}
	if given, _ := id.(string); hex24.MatchString(given) && !m.lies("new devices") {
		return given
	}
	return m.newID()
}

func (m *memory) open(u *memoryUser, k *memoryKey) *memorySession {
	u.used = true
	s := &memorySession{user: u, key: k, id: m.newID()}
	s.refresh, s.access = m.token(s, "refresh"), m.token(s, "access")
	m.sessions[s.refresh], m.sessions[s.access] = s, s
	return s
}

// token is a JWT in shape alone: the map of sessions decides.
func (m *memory) token(s *memorySession, kind string) string {
	now := time.Now().Unix()
	claims := fmt.Sprintf(`{"sub":%q,"typ":%q,"baas_id":%q,"iat":%d,"exp":%d}`, s.user.id, kind, s.id, now, now+1800)
	if m.lies("fractions of seconds") {
		claims = fmt.Sprintf(`{"sub":%q,"typ":%q,"baas_id":%q,"iat":%d.5,"exp":%d}`, s.user.id, kind, s.id, now, now+1800)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte(m.newID()))
}

// authorized answers the calls that carry a token.
func (m *memory) authorized(r *http.Request, path string) (int, any, error) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		return 0, nil, refusal{401, "", "must authenticate first"}
	}
	s := m.sessions[token]
	wantsAccess := path == "/auth/profile" || path == "/auth/delete"
	switch {
	case s == nil:
		return 0, nil, errBadToken
	case wantsAccess != (token == s.access) && !m.lies("any token will do"):
		return 0, nil, errBadToken
	case !wantsAccess && s.ended:
		return 0, nil, errGone
	}
	switch r.Method + " " + path {
	case "GET /auth/profile":
		return 200, m.profile(s.user), nil
	case "DELETE /auth/delete":
		m.endAll(func(other *memorySession) bool { return other.user == s.user })
		delete(m.users, s.user.id)
		return 204, nil, nil
	case "POST /auth/session":
		s.access = m.token(s, "access")
		m.sessions[s.access] = s
		return 201, map[string]any{"access_token": s.access}, nil
	case "DELETE /auth/session":
		s.ended = !m.lies("no sign-out")
		return 204, nil, nil
	}
	if path, ok := strings.CutPrefix(path, ownRoot); ok {
		return m.ownCall(r, s, path)
	}
	if path, ok := strings.CutPrefix(path, "/auth/api_keys"); ok {
		return m.keyCall(r, s, path)
	}
	return 0, nil, errNothing
}

func (m *memory) endAll(those func(*memorySession) bool) {
	for _, s := range m.sessions {
		s.ended = s.ended || those(s)
	}
}

func (m *memory) profile(u *memoryUser) map[string]any {
	id, provider, data := u.id, "local-userpass", map[string]any{"email": u.email}
	switch {
	case u.subject != "":
		id, provider, data = u.subject, "custom-token", map[string]any{}
	case u.email == "":
		provider, data = "anon-user", map[string]any{}
	}
	var ids []any
	if u.wasNobody {
		ids = append(ids, map[string]any{"id": "nobody", "provider_type": "anon-user", "provider_id": u.id})
	}
	ids = append(ids, map[string]any{"id": id, "provider_type": provider, "provider_id": u.id})
	return map[string]any{"user_id": u.id, "domain_id": strings.Repeat("d", 24), "type": "normal", "data": data, "identities": ids}
}

func (m *memory) keyCall(r *http.Request, s *memorySession, path string) (int, any, error) {
	if s.key != nil && !m.lies("keys manage keys") || s.user.isNobody() {
		if m.lies("401 for strangers") {
			return 0, nil, errBadToken
		}
		return 0, nil, errForbidden
	}
	switch r.Method + " " + path {
	case "GET ":
		list := []any{}
		for _, k := range s.user.keys {
			list = append(list, m.wire(k, m.lies("values in lists")))
		}
		if m.lies("newest first") {
			slices.Reverse(list)
		}
		return 200, list, nil
	case "POST ":
		return m.create(r, s.user)
	}
	id, verb, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	owner, i := m.find(s.user, id)
	if i < 0 {
		if !hex24.MatchString(id) && m.lies("400 for odd ids") {
			return 0, nil, refusal{400, "BadRequest", "odd id"}
		}
		return 0, nil, errNoKey
	}
	return m.oneKey(r.Method+" "+verb, owner, i)
}

// find returns whose key it is and where; the index is negative for none.
func (m *memory) find(u *memoryUser, id string) (*memoryUser, int) {
	has := func(u *memoryUser) int {
		return slices.IndexFunc(u.keys, func(k *memoryKey) bool { return k.id == id })
	}
	if m.lies("foreign keys") {
		for _, other := range m.users {
			if i := has(other); i >= 0 {
				return other, i
			}
		}
	}
	return u, has(u)
}

func (m *memory) oneKey(call string, u *memoryUser, i int) (int, any, error) {
	k := u.keys[i]
	opened := func(s *memorySession) bool { return s.key == k && !m.lies("sessions outlive keys") }
	switch call {
	case "GET ":
		return 200, m.wire(k, false), nil
	case "PUT enable":
		k.disabled = false
		if !m.lies("off still when on") {
			k.off = nil
		}
		if m.lies("new value when on again") {
			k.value = strings.Repeat("n", 64)
		}
		return 204, nil, nil
	case "PUT disable":
		if k.disabled && m.lies("off only once") {
			return 0, nil, refusal{409, "", "off already"}
		}
		k.disabled = true
		m.tellOff(k, opened)
		m.endAll(opened)
		return 204, nil, nil
	case "DELETE ":
		u.keys = slices.Delete(slices.Clone(u.keys), i, i+1)
		m.endAll(opened)
		return 204, nil, nil
	}
	return 0, nil, errNothing
}

func (m *memory) create(r *http.Request, u *memoryUser) (int, any, error) {
	f, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	limit := 20
	if m.lies("21 keys") {
		limit++
	}
	same := func(k *memoryKey) bool {
		return k.name == f.Name || m.lies("names without case") && strings.EqualFold(k.name, f.Name)
	}
	switch {
	case f.Name == "":
		return 0, nil, refusal{400, "", "'name' is a required string"}
	case strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" && !m.lies("any name"):
		return 0, nil, refusal{400, "InvalidParameter", badCharacters}
	case len(f.Name) > 64:
		return 0, nil, refusal{400, "InvalidParameter", "at most 64 characters"}
	case len(u.keys) >= limit:
		return 0, nil, refusal{400, "BadRequest", "a user can have at most 20 keys"}
	case slices.ContainsFunc(u.keys, same):
		return 0, nil, refusal{409, "APIKeyAlreadyExists", "API key with name already exists"}
	}
	k := &memoryKey{id: m.newID(), name: f.Name, value: random(32)}
	u.keys = append(u.keys, k)
	return 201, m.wire(k, true), nil
}

func (m *memory) wire(k *memoryKey, withValue bool) map[string]any {
	object := map[string]any{"_id": k.id, "name": k.name, "disabled": k.disabled}
	if withValue {
		object["key"] = k.value
	}
	if m.lies("dates on keys") {
		object["created"] = time.Now()
	}
	return object
}
