package authserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// Config is what an operator decides about the server.
type Config struct {
	// AppID is the client app id that the SDKs name in their paths.
	AppID string
	// PublicURL is how clients reach this server: scheme://host[:port], no trailing slash. Every URL in an answer starts with it.
	PublicURL string
	// DeviceURL is the address for the device that sent the request; nil means PublicURL.
	DeviceURL func(*http.Request) string
	// ClientAddress is where a request came from, for the usage of keys and for limits; nil means its peer, without the port.
	ClientAddress func(*http.Request) string
	// Audiences are the services for which there are tokens in exchange for access tokens.
	Audiences []model.Audience
	// IDTokens verifies the tokens of people whom another has authenticated; nil means that nobody signs in with one.
	IDTokens IDTokens
	// OwnersAdopt adds the call by which people take over values that their devices have.
	OwnersAdopt bool
	// StepUp is for how long after a proof that it is they people add and remove ways to sign in, and act as operators.
	StepUp time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log receives why requests were refused, never a credential; nil means nowhere.
	Log *slog.Logger
}

// Server is the App Services client API over accounts.
type Server struct {
	cfg      Config
	accounts *accounts.Accounts
	tokens   *Tokens
	ids      appIDs
	routes   []route
	mux      *http.ServeMux
}

// New returns a Server for /api/client/v2.0/…, /api/latchkey/v1/…, /.well-known/jwks.json and /.well-known/openid-configuration.
func New(cfg Config, of *accounts.Accounts, tokens *Tokens) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.DeviceURL == nil {
		cfg.DeviceURL = func(*http.Request) string { return cfg.PublicURL }
	}
	if cfg.ClientAddress == nil {
		cfg.ClientAddress = peer
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, accounts: of, tokens: tokens, ids: idsOf(cfg.AppID)}
	s.routes = append(s.table(), s.adminRoutes()...)
	if cfg.OwnersAdopt {
		s.routes = append(s.routes, route{"POST", adoptedPath, managesKeys, s.adoptKey})
	}
	s.mux = s.buildMux()
	return s
}

const (
	clientRoot = "/api/client/"

	root    = clientRoot + "v2.0"
	inApp   = root + "/app/{app}" // calls that name the app
	auth    = root + "/auth"      // calls that find app and user in the token
	apiKeys = auth + "/api_keys"
	byMail  = inApp + "/auth/providers/local-userpass" // calls about an account that need no token

	own          = "/api/latchkey/v1" // ours alone
	keyFactsPath = own + "/key_facts"
	sessionsPath = own + "/sessions"
	reissuePath  = own + "/refresh_token"
	proofPath    = own + "/proof"
	passwordPath = own + "/password"
	adoptedPath  = own + "/adopted_keys"
	expiryPath   = own + "/keys/{id}/expiry"
	replacedPath = own + "/keys/{id}/replacement"
	handoverPath = own + "/handovers"
	passkeysPath = own + "/passkeys"

	passkeyOptionsPath = own + "/passkey_options"
	passkeyLoginPath   = own + "/passkey_login"
)

// whenLinking is at the end of a path that is another call than the one without it.
const whenLinking = "?link=true"

// route is one call of the API: who may make it and what answers it.
type route struct {
	method, path string
	rule         accessRule
	answer       func(*http.Request, principal) (answer, error)
}

// table is every call that every server has. An access rule left out refuses everybody.
func (s *Server) table() []route {
	return []route{
		{"GET", keySetPath, anybody, s.publicKeys},
		{"GET", discoveryPath, anybody, s.discovery},
		{"GET", inApp + "/location", anybody, s.location},
		{"POST", byMail + "/register", anybody, s.register},
		{"POST", byMail + "/confirm", anybody, s.confirm},
		{"POST", byMail + "/confirm/send", anybody, s.sendConfirmation},
		{"POST", byMail + "/confirm/call", anybody, s.callConfirmation},
		{"POST", byMail + "/reset/send", anybody, s.sendReset},
		{"POST", byMail + "/reset/call", anybody, s.callReset},
		{"POST", byMail + "/reset", anybody, s.reset},
		{"POST", inApp + "/auth/providers/{provider}/login", anybody, s.login},
		{"POST", inApp + "/auth/providers/{provider}/login" + whenLinking, mayLink, s.link},
		{"POST", inApp + "/functions/call", anybody, noFunctions},
		{"GET", inApp + "/functions/call", anybody, noFunctions},

		{"POST", auth + "/session", holdsRefresh, s.renew},
		{"DELETE", auth + "/session", holdsRefresh, s.signOut},
		{"GET", auth + "/profile", holdsAccess, s.profile},
		{"DELETE", auth + "/delete", mayDeleteSelf, s.deleteUser},

		{"POST", apiKeys, managesKeys, s.createKey},
		{"GET", apiKeys, managesKeys, s.listKeys},
		{"GET", apiKeys + "/{id}", managesKeys, s.fetchKey},
		{"DELETE", apiKeys + "/{id}", managesKeys, s.deleteKey},
		{"PUT", apiKeys + "/{id}/enable", managesKeys, s.enableKey},
		{"PUT", apiKeys + "/{id}/disable", managesKeys, s.disableKey},

		{"GET", keyFactsPath, managesKeys, s.keyFacts},
		{"POST", proofPath, hasPassword, s.confirmPassword},
		{"PUT", passwordPath, hasPassword, s.changePassword},
		{"GET", sessionsPath, managesKeys, s.listSessions},
		{"DELETE", sessionsPath, managesKeys, s.endOtherSessions},
		{"DELETE", sessionsPath + "/{id}", managesKeys, s.endSession},
		{"POST", reissuePath, managesKeys, s.reissue},
		{"PUT", expiryPath, managesKeys, s.setExpiry},
		{"POST", replacedPath, managesKeys, s.replaceKey},
		{"GET", replacedPath, managesKeys, s.fetchReplacement},
		{"DELETE", replacedPath, managesKeys, s.endReplacement},
		{"POST", handoverPath, handsOver, s.handOver},

		{"POST", passkeyLoginPath + "/options", anybody, s.passkeyOptions},
		{"POST", passkeyLoginPath, anybody, s.loginWithPasskey},
		{"POST", proofPath + "/options", hasPassword, s.proofOptions},
		{"GET", passkeysPath, managesKeys, s.listPasskeys},
		{"POST", passkeyOptionsPath, hasProved, s.newPasskeyOptions},
		{"POST", passkeysPath, hasProved, s.addPasskey},
		{"PATCH", passkeysPath + "/{id}", managesKeys, s.renamePasskey},
		{"DELETE", passkeysPath + "/{id}", hasProved, s.removePasskey},
	}
}

// Routes lists every call as "METHOD /path", for tests that must not miss one.
func (s *Server) Routes() []string {
	patterns := make([]string, len(s.routes))
	for i, rt := range s.routes {
		patterns[i] = rt.method + " " + rt.path
	}
	return patterns
}

// buildMux registers the table and, for each of its paths, the refusal of every other method: ServeMux would write its own
// 405 as text, which the SDKs cannot read.
func (s *Server) buildMux() *http.ServeMux {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	linking := map[string]http.HandlerFunc{}
	for _, rt := range s.routes {
		if path, ok := strings.CutSuffix(rt.path, whenLinking); ok {
			linking[path] = s.serve(rt)
		}
	}
	for _, rt := range s.routes {
		if strings.HasSuffix(rt.path, whenLinking) {
			continue
		}
		answer := s.serve(rt)
		if link, ok := linking[rt.path]; ok {
			answer = orLink(answer, link)
		}
		mux.HandleFunc(rt.method+" "+rt.path, answer)
		methods[rt.path] = append(methods[rt.path], rt.method)
		if rt.method == http.MethodGet {
			methods[rt.path] = append(methods[rt.path], http.MethodHead) // ServeMux answers HEAD with the GET handler
		}
	}
	for p, allowed := range methods {
		slices.Sort(allowed)
		allow := strings.Join(append(allowed, http.MethodOptions), ", ")
		mux.HandleFunc(p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			s.fail(w, r, principal{}, refuse(kindMethodNotAllowed))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, principal{}, refuse(whyNotFound(r.URL.Path)))
	})
	return mux
}

// orLink answers a request that says link=true otherwise than the others.
func orLink(otherwise, link http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" && r.URL.Query().Get("link") == "true" {
			link(w, r)
			return
		}
		otherwise(w, r)
	}
}

// whyNotFound tells the slips that are made with base URLs from addresses that are just wrong.
func whyNotFound(path string) kind {
	if at := strings.LastIndex(strings.ToLower(path), clientRoot); at > 0 || at == 0 && !strings.HasPrefix(path, clientRoot) {
		return kindBadBase
	}
	return kindNotFound
}

// ServeHTTP answers one request, always with the headers that browsers and SDKs need.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recoverPanic(w, r)
	commonHeaders(w.Header(), model.NewID(s.cfg.Now()))
	if r.Method == http.MethodOptions {
		preflight(w)
		return
	}
	// ServeMux redirects unclean paths; a redirect would take a token along to wherever it points.
	if p := r.URL.EscapedPath(); p != path.Clean(p) {
		why := whyNotFound(path.Clean(p))
		if why == kindNotFound {
			why = kindUncleanPath
		}
		s.fail(w, r, principal{}, refuse(why))
		return
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	s.mux.ServeHTTP(w, r)
}

// serve is the way every call of the table takes: app, access rule, handler, answer.
func (s *Server) serve(rt route) http.HandlerFunc {
	namesApp := strings.Contains(rt.path, "{app}")
	return func(w http.ResponseWriter, r *http.Request) {
		if namesApp && r.PathValue("app") != s.cfg.AppID {
			s.fail(w, r, principal{}, refuse(kindUnknownApp, r.PathValue("app")))
			return
		}
		who, err := s.admit(r, rt.rule)
		if err != nil {
			s.fail(w, r, who, err)
			return
		}
		a, err := rt.answer(r, who)
		if err != nil {
			s.fail(w, r, who, err)
			return
		}
		if err := a.write(w); err != nil {
			s.fail(w, r, who, fmt.Errorf("encode answer: %w", err))
		}
	}
}

// answer is what a handler hands back. Without a body it goes out without a Content-Type too: realm-web parses whatever claims
// to be JSON, and an empty body is none.
type answer struct {
	status int
	body   any
	public bool // the same for everybody, so it may be cached for a while
}

func (a answer) write(w http.ResponseWriter) error {
	if a.body == nil {
		w.WriteHeader(a.status)
		return nil
	}
	encoded, err := json.Marshal(a.body)
	if err != nil {
		return err
	}
	h := w.Header()
	if a.public {
		h.Set("Cache-Control", "public, max-age=300")
	}
	// Exactly this, without a charset: Realm's core compares the whole value before it reads an error.
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(a.status)
	_, _ = w.Write(encoded) // the client is gone: nobody is left to tell
	return nil
}

// recoverPanic turns a bug into a 500 that the SDKs can read. Answers are encoded before the first byte is written, so nothing
// was sent yet.
func (s *Server) recoverPanic(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	// Not the value: it may quote what the request held. Its type and the stack say enough.
	s.fail(w, r, principal{}, fmt.Errorf("panic with a %T\n%s", v, debug.Stack()))
}
