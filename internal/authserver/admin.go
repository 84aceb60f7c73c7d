package authserver

import (
	"net/http"
	"strings"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// The calls of operators, for programs: what they may do is decided in package accounts, as for the dashboard.
const (
	adminPath       = own + "/admin"
	adminUsersPath  = adminPath + "/users"
	adminUserPath   = adminUsersPath + "/{id}"
	adminKnocksPath = adminPath + "/knocks"
	adminServerPath = adminPath + "/server_keys"
)

// eventsListed is how many events a call answers.
const eventsListed = 50

// adminRoutes are the calls of operators.
func (s *Server) adminRoutes() []route {
	var routes []route
	add := func(method, path string, answer func(*http.Request, *accounts.Operating) (answer, error)) {
		routes = append(routes, route{method, path, operates, s.operating(answer)})
	}
	add("GET", adminUsersPath, searchUsers)
	add("POST", adminPath+"/by_value", findByValue)
	add("GET", adminUserPath, fetchUser)
	add("GET", adminUserPath+"/keys", listKeysOf)
	add("GET", adminUserPath+"/sessions", listSessionsOf)
	add("GET", adminUserPath+"/events", listEventsOf)
	add("POST", adminUserPath+"/disable", switchUser(false))
	add("POST", adminUserPath+"/enable", switchUser(true))
	add("POST", adminUserPath+"/sign_out", signUserOut)
	add("POST", adminUserPath+"/reset", sendResetTo)
	add("POST", adminUserPath+"/keys/{key}/off", turnKeyOff)
	add("DELETE", adminUserPath+"/sessions/{session}", endSessionOf)
	add("GET", adminKnocksPath, listKnocks)
	add("POST", adminKnocksPath+"/{id}/assign", assignKnock)
	add("POST", adminKnocksPath+"/{id}/ignore", ignoreKnock)
	add("GET", adminServerPath, listServerKeys)
	add("POST", adminServerPath, createServerKey)
	add("POST", adminServerPath+"/{id}/off", turnServerKeyOff)
	add("GET", adminPath+"/acts", listActs)
	return routes
}

// operating lets operators in, and says whether they proved a moment ago who they are: the role and the session's row are read for each call.
func (s *Server) operating(do func(*http.Request, *accounts.Operating) (answer, error)) func(*http.Request, principal) (answer, error) {
	return func(r *http.Request, who principal) (answer, error) {
		from := s.from(r, who.identity.provider)
		from.Confirmed = s.provedLately(who.proved)
		operator, err := s.accounts.Operator(r.Context(), accountOf(who), from)
		if err != nil {
			return answer{}, err
		}
		out, err := do(r, operator)
		err = inWords(err, model.KindSessionOver, kindNoSuchUser) // which is whom it is about: nobody is signed out
		return out, inWords(err, model.KindConfirm, kindNotProved)
	}
}

func searchUsers(r *http.Request, o *accounts.Operating) (answer, error) {
	query := r.URL.Query()
	if model.MaybeValue(query.Get("q")) {
		return answer{}, refuse(kindValueInAddress)
	}
	page, err := o.Search(r.Context(), query.Get("q"), query.Get("after"))
	out := usersAnswer{Users: make([]wireUser, len(page.List)), More: page.More}
	for i, u := range page.List {
		out.Users[i] = wireUserOf(u)
	}
	return answer{status: http.StatusOK, body: out}, err
}

func findByValue(r *http.Request, o *accounts.Operating) (answer, error) {
	var in byValueRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.Value == nil {
		return answer{}, refuse(kindMissingField, "value")
	}
	owner, err := o.FindByValue(r.Context(), *in.Value)
	out := valueOwnerAnswer{Key: wireKeyOf(owner.Key), ServerKey: owner.Server}
	if !owner.Server {
		user := wireUserOf(owner.User)
		out.User = &user
	}
	return answer{status: http.StatusOK, body: out}, err
}

func fetchUser(r *http.Request, o *accounts.Operating) (answer, error) {
	u, err := o.User(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusOK, body: userAnswer{wireUserOf(u.UserFacts), u.Imported, u.NotBack}}, err
}

func listKeysOf(r *http.Request, o *accounts.Operating) (answer, error) {
	u, err := o.User(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusOK, body: managedKeysAnswer{wireManagedKeysOf(u.KeyList)}}, err
}

func listSessionsOf(r *http.Request, o *accounts.Operating) (answer, error) {
	u, err := o.User(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusOK, body: sessionsAnswerOf(u.Sessions, "")}, err
}

func listEventsOf(r *http.Request, o *accounts.Operating) (answer, error) {
	events, err := o.Events(r.Context(), r.PathValue("id"), model.EventQuery{Before: strings.ToLower(r.URL.Query().Get("before")), Limit: eventsListed})
	out := eventsAnswer{Events: make([]wireEvent, len(events))}
	for i, e := range events {
		out.Events[i] = wireEvent{
			e.ID, wireTime(e.At), string(e.Kind), string(e.Actor), e.KeyID, e.KeyName, e.Detail, e.Address, e.Agent, e.Again, wireTimeIf(e.LastAt),
		}
	}
	return answer{status: http.StatusOK, body: out}, err
}

func switchUser(on bool) func(*http.Request, *accounts.Operating) (answer, error) {
	return func(r *http.Request, o *accounts.Operating) (answer, error) {
		done, err := o.SwitchUser(r.Context(), r.PathValue("id"), on)
		return switched(done, err)
	}
}

func signUserOut(r *http.Request, o *accounts.Operating) (answer, error) {
	return switched(o.SignOutEverywhere(r.Context(), r.PathValue("id")))
}

func sendResetTo(r *http.Request, o *accounts.Operating) (answer, error) {
	return switched(o.SendReset(r.Context(), r.PathValue("id")))
}

func turnKeyOff(r *http.Request, o *accounts.Operating) (answer, error) {
	return switched(o.TurnKeyOff(r.Context(), r.PathValue("id"), r.PathValue("key")))
}

func endSessionOf(r *http.Request, o *accounts.Operating) (answer, error) {
	return switched(o.EndSession(r.Context(), r.PathValue("id"), r.PathValue("session")))
}

func listKnocks(r *http.Request, o *accounts.Operating) (answer, error) {
	knocks, err := o.Knocks(r.Context(), r.URL.Query().Get("ignored") == "true")
	out := knocksAnswer{Knocks: make([]wireKnock, len(knocks))}
	for i, k := range knocks {
		d := k.Device
		out.Knocks[i] = wireKnock{
			k.ID, wireTime(k.FirstAt), wireTime(k.LastAt), k.Tries, k.Address, k.Agent, d.Name, d.Platform, d.PlatformVersion, d.SDK, d.SDKVersion,
			k.HintUser, k.HintEmail, k.Ignored,
		}
	}
	return answer{status: http.StatusOK, body: out}, err
}

func assignKnock(r *http.Request, o *accounts.Operating) (answer, error) {
	var in assignRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	switch {
	case in.Name == "":
		return answer{}, refuse(kindNoName)
	case (in.User == "") != in.Server: // neither, or both
		return answer{}, refuse(kindMissingField, "user")
	}
	key, err := o.AssignKnock(r.Context(), r.PathValue("id"), in.User, in.Name)
	return answer{status: http.StatusCreated, body: wireKeyOf(key)}, inWords(err, model.KindNotFound, kindKnockNotFound)
}

func ignoreKnock(r *http.Request, o *accounts.Operating) (answer, error) {
	done, err := o.IgnoreKnock(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusOK, body: switchedAnswer{Changed: done.Changed}}, inWords(err, model.KindNotFound, kindKnockNotFound)
}

func listServerKeys(r *http.Request, o *accounts.Operating) (answer, error) {
	keys, err := o.ServerKeys(r.Context())
	return answer{status: http.StatusOK, body: managedKeysAnswer{wireManagedKeysOf(keys)}}, err
}

func createServerKey(r *http.Request, o *accounts.Operating) (answer, error) {
	var in createKeyRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.Name == "" {
		return answer{}, refuse(kindNoName)
	}
	key, value, err := o.CreateServerKey(r.Context(), in.Name)
	return answer{status: http.StatusCreated, body: createdKey{wireKeyOf(key), value.Reveal()}}, err
}

func turnServerKeyOff(r *http.Request, o *accounts.Operating) (answer, error) {
	return switched(o.TurnServerKeyOff(r.Context(), r.PathValue("id")))
}

func listActs(r *http.Request, o *accounts.Operating) (answer, error) {
	page, err := o.Acts(r.Context(), strings.ToLower(r.URL.Query().Get("before")))
	out := actsAnswer{Acts: make([]wireAct, len(page.List)), More: page.More}
	for i, a := range page.List {
		out.Acts[i] = wireAct{
			a.ID, wireTime(a.At), a.OperatorID, a.Operator, string(a.Act), a.UserID, a.User, a.KeyID, a.Detail, a.Address, a.Agent,
		}
	}
	return answer{status: http.StatusOK, body: out}, err
}

// switched answers an act that has something be so.
func switched(done model.Switched, err error) (answer, error) {
	return answer{status: http.StatusOK, body: switchedAnswer{Changed: done.Changed}}, err
}

type usersAnswer struct {
	Users []wireUser `json:"users"`
	More  string     `json:"more,omitempty"` // to be sent as after
}

// wireUser is a person as operators see them. What never happened is absent.
type wireUser struct {
	ID          string    `json:"_id"`
	Email       string    `json:"email,omitempty"`
	Name        string    `json:"name,omitempty"`
	Ways        []wireWay `json:"ways"`
	Keys        int       `json:"keys"`
	CreatedAt   wireTime  `json:"created_at"`
	LastSeenAt  *wireTime `json:"last_seen_at,omitempty"`
	DisabledAt  *wireTime `json:"disabled_at,omitempty"`
	Operator    bool      `json:"operator"`
	Unconfirmed bool      `json:"unconfirmed"`
}

type wireWay struct {
	Provider string `json:"provider"`
	Name     string `json:"name,omitempty"`
}

func wireUserOf(u model.UserFacts) wireUser {
	out := wireUser{
		ID: u.ID, Email: u.Email, Name: u.Name, Ways: make([]wireWay, len(u.Ways)), Keys: u.Keys, CreatedAt: wireTime(u.CreatedAt),
		LastSeenAt: wireTimeIf(u.LastSeen), DisabledAt: wireTimeIf(u.DisabledAt), Operator: u.Operator, Unconfirmed: u.Unconfirmed,
	}
	for i, way := range u.Ways {
		out.Ways[i] = wireWay{way.Provider, way.Name}
	}
	return out
}

type userAnswer struct {
	wireUser
	Imported bool `json:"imported"`
	NotBack  int  `json:"keys_not_back"`
}

// byValueRequest has the value of a key. It goes no further than its SHA-256.
type byValueRequest struct {
	Value *model.Secret `json:"value"`
}

type valueOwnerAnswer struct {
	Key       wireKey   `json:"api_key"`
	User      *wireUser `json:"user,omitempty"` // absent with a server key
	ServerKey bool      `json:"server_key"`
}

type managedKeysAnswer struct {
	Keys []wireManagedKey `json:"keys"`
}

type wireManagedKey struct {
	wireKeyFacts
	Name      string   `json:"name"`
	Disabled  bool     `json:"disabled"`
	CreatedAt wireTime `json:"created_at"`
}

func wireManagedKeysOf(keys []model.Key) []wireManagedKey {
	out := make([]wireManagedKey, len(keys))
	for i, k := range keys {
		out[i] = wireManagedKey{wireFactsOf(k.ID, k.Usage), k.Name, k.Disabled, wireTime(k.CreatedAt)}
		out[i].ExpiresAt = wireTimeIf(k.ExpiresAt)
	}
	return out
}

type eventsAnswer struct {
	Events []wireEvent `json:"events"`
}

type wireEvent struct {
	ID      string    `json:"_id"`
	At      wireTime  `json:"at"`
	Kind    string    `json:"kind"`
	Actor   string    `json:"actor"`
	KeyID   string    `json:"key_id,omitempty"`
	KeyName string    `json:"key_name,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Address string    `json:"address,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Again   int       `json:"again,omitempty"`
	LastAt  *wireTime `json:"last_at,omitempty"`
}

type switchedAnswer struct {
	Changed bool `json:"changed"`
}

type knocksAnswer struct {
	Knocks []wireKnock `json:"knocks"`
}

// wireKnock is a device that was refused. What it says of itself and whom a token from there named is not proved.
type wireKnock struct {
	ID              string   `json:"_id"`
	FirstAt         wireTime `json:"first_at"`
	LastAt          wireTime `json:"last_at"`
	Tries           int64    `json:"tries"`
	Address         string   `json:"address"`
	Agent           string   `json:"agent,omitempty"`
	DeviceName      string   `json:"device_name,omitempty"`
	Platform        string   `json:"platform,omitempty"`
	PlatformVersion string   `json:"platform_version,omitempty"`
	SDK             string   `json:"sdk,omitempty"`
	SDKVersion      string   `json:"sdk_version,omitempty"`
	HintUser        string   `json:"hint_user,omitempty"`
	HintEmail       string   `json:"hint_email,omitempty"`
	Ignored         bool     `json:"ignored"`
}

// assignRequest names a person by id or address, or says that it is a server key.
type assignRequest struct {
	User   string `json:"user"`
	Server bool   `json:"server_key"`
	Name   string `json:"name"`
}

type actsAnswer struct {
	Acts []wireAct `json:"acts"`
	More string    `json:"more,omitempty"` // to be sent as before
}

type wireAct struct {
	ID         string   `json:"_id"`
	At         wireTime `json:"at"`
	OperatorID string   `json:"operator_id"`
	Operator   string   `json:"operator,omitempty"`
	Act        string   `json:"act"`
	UserID     string   `json:"user_id,omitempty"`
	User       string   `json:"user,omitempty"`
	KeyID      string   `json:"key_id,omitempty"`
	Detail     string   `json:"detail,omitempty"`
	Address    string   `json:"address"`
	Agent      string   `json:"agent"`
}
