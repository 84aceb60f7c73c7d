package handlers_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/authserver"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
	"latchkey/internal/upstream"
)

const (
	appID     = "latchkey-test"
	publicURL = "http://localhost:8080"
	email     = "ana@example.com"
	password  = testkit.Password
)

// noon is when every test begins. Keys that a test seeds are from the month before.
var noon = time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)

// program is the dashboard over real accounts, or with elsewhere over a real auth server, wired as package app does it. Between the
// two, and between the dashboard and its web sessions, a test can make things go wrong.
type program struct {
	t        testing.TB
	deps     handlers.Deps
	handler  http.Handler
	store    *store.Store // of the accounts
	own      *store.Store // of the dashboard: the same one, unless the accounts are elsewhere
	rows     *webRows
	accounts *accounts.Accounts
	api      *client.Client // of a device, which nothing goes wrong for
	upstream *way           // the way to the auth server of a dashboard that is elsewhere
	clock    *testkit.Clock
	logs     *logs

	acme           *elsewhereAs // another provider, if there is one; connected says that people have it among their ways
	connected      bool
	refuses        map[string]error  // by the accounts here, by call: "register", "change password"
	then           map[string]func() // what happens after a call: "sign in", "check password"
	signIns        upstream.SignIns  // what counts tries of a dashboard that is elsewhere
	keyring        *keyring          // passkeys of everybody, nil for the accounts' own
	recordingSince time.Time         // of uses, unless it is zero and the store says so
}

// newProgram starts with nobody in it. Each of change may alter what the dashboard is given.
func newProgram(t testing.TB, change ...func(*handlers.Deps)) *program {
	t.Helper()
	return newProgramOn(t, testkit.Store(t), change...)
}

// newProgramOn is newProgram with its accounts in a store that is there already.
func newProgramOn(t testing.TB, st *store.Store, change ...func(*handlers.Deps)) *program {
	t.Helper()
	p := &program{
		t: t, store: st, clock: testkit.NewClock(noon), logs: &logs{}, signIns: uncounted{}, refuses: map[string]error{}, then: map[string]func(){},
	}
	p.deps = handlers.Deps{
		StepUp:       30 * time.Minute,
		SessionKeys:  [][]byte{bytes.Repeat([]byte{1}, 32)},
		PublicURL:    publicURL,
		AppID:        appID,
		Here:         true,
		Registration: true,
		MinPassword:  8,
		Pace:         50 * time.Millisecond, // twenty times as often as a real one, so that no test waits for it
		Ready:        p.store.Ping,
		Now:          p.clock.Now,
		Log:          p.logs.Logger(),
	}
	for _, c := range change {
		c(&p.deps)
	}
	p.deps.BaseURL = p.deps.PublicURL
	if p.own = p.store; !p.deps.Here {
		p.own = testkit.Store(t)
	}
	p.rows = &webRows{Store: p.own}
	p.deps.WebSessions = p.rows
	if p.deps.Events == nil {
		p.deps.Events = p.own
	}
	server := p.newAuthServer()
	p.upstream = &way{next: testkit.InProcess{Handler: server}}
	p.api = p.newClient(testkit.InProcess{Handler: server})
	if p.deps.Pairings == nil {
		p.deps.Pairings = onboard.New(onboard.Config{ClientID: appID, Grants: &onboardtest.Memory{}, Now: p.clock.Now})
	}
	p.start()
	return p
}

// start builds the dashboard from deps, as a restart of the program does.
func (p *program) start() {
	p.t.Helper()
	if p.deps.Here {
		p.deps.Service = here{p.accounts, p}
		if p.deps.Operators == nil {
			p.deps.Operators = operators{p.accounts}
		}
	} else {
		p.deps.SendsLinks = true
		p.deps.Service = away{upstream.New(upstream.Config{
			Client: p.newClient(p.upstream), SignIns: p.signIns, Asked: uncounted{}, Events: p.deps.Events, Cards: p.own.Elsewhere(),
			Now: p.clock.Now, Log: p.deps.Log,
		})}
	}
	p.handler = handlers.SecureHeaders(p.deps.PublicURL, handlers.New(p.deps))
}

func (p *program) newClient(transport http.RoundTripper) *client.Client {
	p.t.Helper()
	c, err := client.New(p.deps.PublicURL, appID, client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// drained has written everything down when it has answered.
type drained struct {
	http.Handler
	rules *accounts.Accounts
}

func (d drained) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Handler.ServeHTTP(w, r)
	d.rules.Drain()
}

func (p *program) newAuthServer() http.Handler {
	p.t.Helper()
	access, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	tokens, err := authserver.NewTokens([]*ecdsa.PrivateKey{access}, [][]byte{bytes.Repeat([]byte{2}, 32)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.accounts = accounts.New(accounts.Config{
		PublicURL: p.deps.PublicURL, Registration: true, OwnersAdopt: p.deps.OwnersAdopt, MinPassword: 8, PasswordCost: testkit.Cheap, Limits: p.limits(), Now: p.clock.Now, Log: p.deps.Log,
	}, p.store)
	api := authserver.New(authserver.Config{AppID: appID, PublicURL: p.deps.PublicURL, OwnersAdopt: p.deps.OwnersAdopt, Now: p.clock.Now, Log: p.deps.Log}, p.accounts, tokens)
	return drained{api, p.accounts}
}

// elsewhere is a dashboard over a server that it reaches by HTTP. Faults of the way there are its subject.
func elsewhere(d *handlers.Deps) { d.Here = false }

// here and away are what package app makes of the two tenants.
type (
	here struct {
		*accounts.Accounts
		p *program
	}
	away struct{ *upstream.Service }
)

// operators is what package app makes of the accounts for those who look after others.
type operators struct{ accounts *accounts.Accounts }

func (o operators) Operator(ctx context.Context, a model.Account, from model.Origin) (handlers.Operating, error) {
	return o.accounts.Operator(ctx, a, from)
}

func (h here) As(a model.Account, from model.Origin) handlers.Person {
	person := handlers.Person(hooked{h.Accounts.As(a, from), h.p})
	if h.p.keyring != nil {
		person = h.p.keyring.of(person)
	}
	if !h.p.recordingSince.IsZero() {
		person = recording{person, h.p.recordingSince}
	}
	return person
}

func (h here) Register(ctx context.Context, from model.Origin, email string, password model.Secret) error {
	if err := h.p.refuses["register"]; err != nil {
		return err
	}
	return h.Accounts.Register(ctx, from, email, password)
}

func (h here) SignIn(ctx context.Context, from model.Origin, email string, password model.Secret) (model.Account, error) {
	defer h.p.after("sign in")
	return h.Accounts.SignIn(ctx, from, email, password)
}

// after lets happen what a test has planned for after a call.
func (p *program) after(call string) {
	if then := p.then[call]; then != nil {
		then()
	}
}

// hooked is a person to whom something happens meanwhile.
type hooked struct {
	handlers.Person
	p *program
}

func (h hooked) CheckPassword(ctx context.Context, password model.Secret) error {
	defer h.p.after("check password")
	return h.Person.CheckPassword(ctx, password)
}

func (h hooked) ChangePassword(ctx context.Context, current, replacement model.Secret) error {
	if err := h.p.refuses["change password"]; err != nil {
		return err
	}
	return h.Person.ChangePassword(ctx, current, replacement)
}

func (h hooked) MarkSaved(ctx context.Context, id string, how model.SavedHow) error {
	if err := h.p.refuses["mark saved"]; err != nil {
		return err
	}
	return h.Person.MarkSaved(ctx, id, how)
}

// recording is a person whose keys' use is recorded from another time on than the store says, which began when the test did.
type recording struct {
	handlers.Person
	since time.Time
}

func (r recording) Keys(ctx context.Context) (model.Keys, error) {
	keys, err := r.Person.Keys(ctx)
	for i := range keys.List {
		keys.List[i].Usage.RecordingSince = r.since
	}
	return keys, err
}

func (r recording) Key(ctx context.Context, id string) (model.Key, error) {
	key, err := r.Person.Key(ctx, id)
	key.Usage.RecordingSince = r.since
	return key, err
}

func (r recording) TurnKey(ctx context.Context, id string, on bool) (model.Key, error) {
	key, err := r.Person.TurnKey(ctx, id, on)
	key.Usage.RecordingSince = r.since
	return key, err
}

func (r recording) CreateKey(ctx context.Context, k model.NewKey) (model.Created, error) {
	created, err := r.Person.CreateKey(ctx, k)
	for i := range created.Keys.List {
		created.Keys.List[i].Usage.RecordingSince = r.since
	}
	return created, err
}

// uncounted lets everybody try, and ask another server, as often as they like.
type uncounted struct{}

func (uncounted) Take(context.Context, string, string, string) (func(), time.Duration, error) {
	return func() {}, 0, nil
}

func (a away) As(acc model.Account, from model.Origin) handlers.Person {
	return a.Service.As(acc, from)
}

// Account counts nothing.
func (uncounted) Account(context.Context, string) (time.Duration, error) { return 0, nil }

// Email counts nothing.
func (uncounted) Email(context.Context, string) (time.Duration, error) { return 0, nil }

// limits are those of the server's own accounts. One elsewhere counts nothing: what the dashboard counts is what a test is about.
func (p *program) limits() *accounts.Limits {
	if p.deps.Here {
		return nil
	}
	var hours atomic.Int64
	return accounts.NewLimits(func() time.Time { return noon.Add(time.Duration(hours.Add(1)) * time.Hour) }, nil)
}

// --- People and keys --------------------------------------------------------------------------------------------------

// person has an account with the password of all tests.
type person struct{ id, email string }

// person makes an account straight in the store.
func (p *program) person(email string) person {
	p.t.Helper()
	return person{testkit.Person(p.t, p.store, email, p.clock.Now()), email}
}

// seed makes keys of these names straight in the store, an hour apart from 1 April 2026 on. Nobody knows their values.
func (p *program) seed(who person, names ...string) []client.APIKey {
	p.t.Helper()
	keys := make([]client.APIKey, len(names))
	for i, name := range names {
		made := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
		keys[i] = client.APIKey{ID: fmt.Sprintf("%08x", made.Unix()) + who.id[8:], Name: name}
		var hash [32]byte
		_, _ = rand.Read(hash[:])
		key := model.Key{ID: keys[i].ID, UserID: who.id, Name: name, CreatedAt: made}
		if err := p.store.CreateAPIKey(p.t.Context(), key, hash, client.MaxKeys); err != nil {
			p.t.Fatal(err)
		}
	}
	return keys
}

// numbered gives n names: key-01, key-02, …
func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("key-%02d", i+1)
	}
	return names
}

func (p *program) turn(who person, key client.APIKey, on bool) {
	p.t.Helper()
	if err := p.store.SetAPIKeyDisabled(p.t.Context(), who.id, key.ID, store.Turn{Off: !on, At: p.clock.Now()}); err != nil {
		p.t.Fatal(err)
	}
}

// stored gives the person's keys as the store has them.
func (p *program) stored(who person) []model.Key {
	p.t.Helper()
	keys, err := p.store.APIKeys(p.t.Context(), who.id)
	if err != nil {
		p.t.Fatal(err)
	}
	return keys
}

// storedNames says each key as "name" or "name (off)".
func (p *program) storedNames(who person) string {
	var names []string
	for _, key := range p.stored(who) {
		if key.Disabled {
			key.Name += " (off)"
		}
		names = append(names, key.Name)
	}
	return strings.Join(names, ", ")
}

// --- Browsers ---------------------------------------------------------------------------------------------------------

// browser keeps cookies and does not follow redirects. What it sends says that it comes from our own pages.
type browser struct {
	t       testing.TB
	p       *program
	jar     http.CookieJar
	header  http.Header
	address string // "" for the same as others
}

func (p *program) browser() *browser {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return &browser{t: p.t, p: p, jar: jar, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}}
}

// browserAt is a browser at an address.
func (p *program) browserAt(address string) *browser {
	p.t.Helper()
	b := p.browser()
	b.address = address
	return b
}

// signedIn gives a new account and a browser that is signed in to it.
func (p *program) signedIn(email string) (*browser, person) {
	p.t.Helper()
	who := p.person(email)
	return p.signIn(who), who
}

func (p *program) signIn(who person) *browser {
	p.t.Helper()
	b := p.browser()
	b.post("/login", url.Values{"email": {who.email}, "password": {password}}).leadsTo("/keys")
	return b
}

// with is the same browser sending one more header.
func (b *browser) with(name, value string) *browser {
	other := *b
	other.header = b.header.Clone()
	other.header.Set(name, value)
	return &other
}

// htmx is the same browser when its script asks.
func (b *browser) htmx() *browser { return b.with("HX-Request", "true") }

// on is the same browser reporting to a subtest.
func (b *browser) on(t testing.TB) *browser {
	other := *b
	other.t = t
	return &other
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.send(b.request(http.MethodGet, path, nil))
}

func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	return b.send(b.request(http.MethodPost, path, form))
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, b.p.deps.PublicURL+path, strings.NewReader(form.Encode()))
	for name, values := range b.header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.address != "" {
		r.RemoteAddr = b.address + ":40000"
	}
	return r
}

func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	for _, cookie := range b.jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	b.p.handler.ServeHTTP(recorder, r)
	b.p.accounts.Drain() // what no answer waits for is written down
	res := recorder.Result()
	b.jar.SetCookies(r.URL, res.Cookies())
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(recorder.Body.Bytes()))
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{t: b.t, status: res.StatusCode, header: res.Header, cookies: res.Cookies(), body: recorder.Body.String(), doc: doc}
}

// cookie gives the value that the browser keeps under a name, "" when it keeps none.
func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.p.deps.PublicURL)
	for _, cookie := range b.jar.Cookies(u) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// plant makes the browser keep a cookie, whoever may have put it there.
func (b *browser) plant(name, value string) {
	u, _ := url.Parse(b.p.deps.PublicURL)
	b.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// --- Answers ----------------------------------------------------------------------------------------------------------

// answer is what came back, with questions a test can ask of it.
type answer struct {
	t       testing.TB
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
	doc     *goquery.Document
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, squeeze(a.doc.Find("main, body").First().Text()))
	}
	return a
}

// leadsTo checks that the browser is sent to a page with GET.
func (a answer) leadsTo(place string) answer {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	if got := a.header.Get("Location"); got != place {
		a.t.Errorf("leads to %q, want %q", got, place)
	}
	return a
}

// isPart checks that htmx got a part and not a whole page.
func (a answer) isPart() answer {
	a.t.Helper()
	if strings.Contains(a.body, "<html") {
		a.t.Errorf("the answer is a whole page: %.80s", a.body)
	}
	return a
}

// text is what stands in the first element that selector finds.
func (a answer) text(selector string) string { return squeeze(a.doc.Find(selector).First().Text()) }

// texts is what stands in each.
func (a answer) texts(selector string) []string {
	return a.doc.Find(selector).Map(func(_ int, s *goquery.Selection) string { return squeeze(s.Text()) })
}

func (a answer) has(selector string) bool { return a.doc.Find(selector).Length() > 0 }

func (a answer) attr(selector, name string) string {
	return a.doc.Find(selector).First().AttrOr(name, "")
}

// says checks that an element holds a text.
func (a answer) says(selector, text string) answer {
	a.t.Helper()
	if got := a.text(selector); !strings.Contains(got, text) {
		a.t.Errorf("%s says %q, want it to hold %q", selector, got, text)
	}
	return a
}

// lacks checks that nothing is found.
func (a answer) lacks(selectors ...string) answer {
	a.t.Helper()
	for _, selector := range selectors {
		if a.has(selector) {
			a.t.Errorf("there is a %s: %s", selector, a.text(selector))
		}
	}
	return a
}

// keepsQuiet checks that texts are nowhere in the answer, its header included.
func (a answer) keepsQuiet(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) || strings.Contains(fmt.Sprint(a.header), text) {
			a.t.Errorf("the answer holds %q", text)
		}
	}
	return a
}

func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// --- The way to the auth server ---------------------------------------------------------------------------------------

// way leads from the dashboard's client to the auth server. It counts what is sent and can lose or replace answers.
type way struct {
	next http.RoundTripper

	mu     sync.Mutex
	sent   []string
	faults []fault
}

type fault struct {
	call string
	happens
}

// happens is what becomes of a request.
type happens func(next http.RoundTripper, r *http.Request) (*http.Response, error)

// RoundTrip lets the newest fault for the call decide.
func (u *way) RoundTrip(r *http.Request) (*http.Response, error) {
	call := callOf(r)
	u.mu.Lock()
	u.sent = append(u.sent, call)
	var broken happens
	for _, f := range u.faults {
		if covers(f.call, call) {
			broken = f.happens
		}
	}
	u.mu.Unlock()
	if broken != nil {
		return broken(u.next, r)
	}
	return u.next.RoundTrip(r)
}

// callOf names a request as "PUT keys/disable": the ids are left out.
func callOf(r *http.Request) string {
	rest := strings.TrimPrefix(r.URL.Path, "/api/client/v2.0")
	rest = strings.TrimPrefix(rest, "/app/"+appID)
	rest = strings.Replace(rest, "/auth/providers/local-userpass", "", 1)
	parts := strings.Split(strings.Replace(rest, "/auth/api_keys", "/keys", 1), "/")[1:]
	if parts[0] == "keys" && len(parts) > 1 {
		parts[1] = "one"
	}
	return r.Method + " " + strings.Join(parts, "/")
}

// covers says whether call is pattern, or any call when pattern is "*".
func covers(pattern, call string) bool { return pattern == "*" || pattern == call }

// Calls of the client API, as callOf names them.
const (
	logIn     = "POST login"
	logOut    = "DELETE auth/session"
	register  = "POST register"
	listKeys  = "GET keys"
	createKey = "POST keys"
	fetchKey  = "GET keys/one"
	turnOn    = "PUT keys/one/enable"
	turnOff   = "PUT keys/one/disable"
	deleteKey = "DELETE keys/one"
)

// breaks makes something happen to a call until heal.
func (u *way) breaks(call string, what happens) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.faults = append(u.faults, fault{call, what})
}

func (u *way) heal() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.faults = nil
}

// count says how often a call was sent since the last reset, to a server that answered or not.
func (u *way) count(call string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for _, sent := range u.sent {
		if covers(call, sent) {
			n++
		}
	}
	return n
}

func (u *way) reset() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sent = nil
}

// webRows keeps web sessions in the store, unless a test sets an error.
type webRows struct {
	*store.Store

	mu     sync.Mutex
	broken error // of every call
	onRead func()
}

func (w *webRows) breaks(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

// afterRead has something happen after every row that is read.
func (w *webRows) afterRead(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onRead = do
}

func (w *webRows) state() (onRead func(), broken error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.onRead, w.broken
}

func (w *webRows) CreateWebSession(ctx context.Context, row model.WebSession) error {
	if _, broken := w.state(); broken != nil {
		return broken
	}
	return w.Store.CreateWebSession(ctx, row)
}

func (w *webRows) WebSession(ctx context.Context, idHash [32]byte) (model.WebSession, error) {
	onRead, broken := w.state()
	if onRead != nil {
		defer onRead()
	}
	if broken != nil {
		return model.WebSession{}, broken
	}
	return w.Store.WebSession(ctx, idHash)
}

func (w *webRows) WebSessions(ctx context.Context, userID string) ([]model.WebSession, error) {
	if _, broken := w.state(); broken != nil {
		return nil, broken
	}
	return w.Store.WebSessions(ctx, userID)
}

func (w *webRows) UpdateWebSession(ctx context.Context, row model.WebSession) error {
	if _, broken := w.state(); broken != nil {
		return broken
	}
	return w.Store.UpdateWebSession(ctx, row)
}

func (w *webRows) DeleteWebSession(ctx context.Context, idHash [32]byte, happened ...model.Event) error {
	if _, broken := w.state(); broken != nil {
		return broken
	}
	return w.Store.DeleteWebSession(ctx, idHash, happened...)
}

func sha(b []byte) [32]byte { return sha256.Sum256(b) }
