package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/handlers/websession"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
)

// What an act is answered with whose answer got lost: by the rules, when nobody knows what came of it and when it was found that nothing
// was saved, and by the store.
var (
	errLost    = fmt.Errorf("secret-host: %w", model.ErrUnclear)
	errUnclear = &model.Error{Kind: model.KindUnclear, Outcome: model.Unclear, Doing: "act", Err: errLost}
	errUndone  = &model.Error{Kind: model.KindStorageDown, Outcome: model.FoundUndone, Doing: "act", Err: fmt.Errorf("secret-host")}
)

// losing is what happens before some of the calls behind the pages. A call with an error is not made: its answer got lost, and nothing was
// saved.
type losing map[string]func() error

func (l losing) before(call string) error {
	if happens := l[call]; happens != nil {
		return happens()
	}
	return nil
}

// loses gives a program in which that happens from now on.
func (p *program) loses(calls losing) {
	p.deps.Service = losingService{p.deps.Service, calls}
	p.deps.WebSessions = losingRows{p.rows, calls}
	p.handler = handlers.SecureHeaders(p.deps.PublicURL, handlers.New(p.deps))
}

type losingService struct {
	handlers.Service
	calls losing
}

func (l losingService) As(a model.Account, from model.Origin) handlers.Person {
	return losingPerson{l.Service.As(a, from), l.calls}
}

func (l losingService) Register(ctx context.Context, from model.Origin, email string, password model.Secret) error {
	if err := l.calls.before("Register"); err != nil {
		return err
	}
	return l.Service.Register(ctx, from, email, password)
}

func (l losingService) SignIn(ctx context.Context, from model.Origin, email string, password model.Secret) (model.Account, error) {
	if err := l.calls.before("SignIn"); err != nil {
		return model.Account{}, err
	}
	return l.Service.SignIn(ctx, from, email, password)
}

// LinkOwner knows every link: what is lost is the answer to its use.
func (l losingService) SignInWithPasskey(ctx context.Context, from model.Origin, challenge string, answer []byte) (model.Account, error) {
	if err := l.calls.before("SignInWithPasskey"); err != nil {
		return model.Account{}, err
	}
	return l.Service.SignInWithPasskey(ctx, from, challenge, answer)
}

func (l losingService) LinkOwner(context.Context, model.GivenLink) (email string, first bool, err error) {
	return "", false, nil
}

func (l losingService) UseLink(ctx context.Context, from model.Origin, link model.GivenLink, password model.Secret) (string, error) {
	if err := l.calls.before("UseLink"); err != nil {
		return "", err
	}
	return l.Service.UseLink(ctx, from, link, password)
}

func (l losingService) UseHandover(ctx context.Context, from model.Origin, ticket model.Secret) (model.Account, model.Handed, error) {
	if err := l.calls.before("UseHandover"); err != nil {
		return model.Account{}, model.Handed{}, err
	}
	return l.Service.UseHandover(ctx, from, ticket)
}

type losingPerson struct {
	handlers.Person
	calls losing
}

func (l losingPerson) Keys(ctx context.Context) (model.Keys, error) {
	if err := l.calls.before("Keys"); err != nil {
		return model.Keys{}, err
	}
	return l.Person.Keys(ctx)
}

func (l losingPerson) CreateKey(ctx context.Context, k model.NewKey) (created model.Created, err error) {
	if err = l.calls.before("CreateKey"); err == nil {
		return l.Person.CreateKey(ctx, k)
	}
	created.Keys, created.Unread = l.Keys(ctx)
	created.Value = "the-value-of-a-key"
	return created, err
}

func (l losingPerson) AdoptKey(ctx context.Context, name string, pasted model.Secret) (model.Key, error) {
	if err := l.calls.before("AdoptKey"); err != nil {
		return model.Key{}, err
	}
	return l.Person.AdoptKey(ctx, name, pasted)
}

func (l losingPerson) LabelKey(ctx context.Context, id, label, note string) (key model.Key, err error) {
	if err = l.calls.before("LabelKey"); err == nil {
		return l.Person.LabelKey(ctx, id, label, note)
	}
	return key, err
}

func (l losingPerson) TurnKey(ctx context.Context, id string, on bool) (key model.Key, err error) {
	if err = l.calls.before("TurnKey"); err == nil {
		return l.Person.TurnKey(ctx, id, on)
	}
	if model.OutcomeOf(err) == model.FoundUndone {
		key, _ = l.Key(ctx, id)
	}
	return key, err
}

func (l losingPerson) SetExpiry(ctx context.Context, id string, at time.Time) (model.Key, error) {
	if err := l.calls.before("SetExpiry"); err != nil {
		return model.Key{}, err
	}
	return l.Person.SetExpiry(ctx, id, at)
}

func (l losingPerson) ReportLeak(ctx context.Context, id string) (model.Leak, error) {
	if err := l.calls.before("ReportLeak"); err != nil {
		return model.Leak{}, err
	}
	return l.Person.ReportLeak(ctx, id)
}

func (l losingPerson) ReplaceKey(ctx context.Context, id string, how model.Replacing) (created model.Created, err error) {
	if err = l.calls.before("ReplaceKey"); err == nil {
		return l.Person.ReplaceKey(ctx, id, how)
	}
	created.Keys, created.Unread = l.Keys(ctx)
	created.Value = "the-value-of-a-key"
	return created, err
}

func (l losingPerson) EndReplacement(ctx context.Context, id string) (model.Key, error) {
	if err := l.calls.before("EndReplacement"); err != nil {
		return model.Key{}, err
	}
	return l.Person.EndReplacement(ctx, id)
}

func (l losingPerson) DeleteKey(ctx context.Context, id string) (model.Key, error) {
	err := l.calls.before("DeleteKey")
	if err == nil {
		return l.Person.DeleteKey(ctx, id)
	}
	key, _ := l.Key(ctx, id)
	return key, err
}

func (l losingPerson) EndSession(ctx context.Context, id string) error {
	if err := l.calls.before("EndSession"); err != nil {
		return err
	}
	return l.Person.EndSession(ctx, id)
}

func (l losingPerson) EndOthers(ctx context.Context) error {
	if err := l.calls.before("EndOthers"); err != nil {
		return err
	}
	return l.Person.EndOthers(ctx)
}

func (l losingPerson) DeleteAccount(ctx context.Context) error {
	if err := l.calls.before("DeleteAccount"); err != nil {
		return err
	}
	return l.Person.DeleteAccount(ctx)
}

func (l losingPerson) RemoveWay(ctx context.Context, id string) (model.Way, error) {
	if err := l.calls.before("RemoveWay"); err != nil {
		return model.Way{}, err
	}
	return l.Person.RemoveWay(ctx, id)
}

func (l losingPerson) SignOut(ctx context.Context) error {
	if err := l.calls.before("SignOut"); err != nil {
		return err
	}
	return l.Person.SignOut(ctx)
}

func (l losingPerson) CheckPassword(ctx context.Context, password model.Secret) error {
	if err := l.calls.before("CheckPassword"); err != nil {
		return err
	}
	return l.Person.CheckPassword(ctx, password)
}

func (l losingPerson) CheckPasskey(ctx context.Context, challenge string, answer []byte) error {
	if err := l.calls.before("CheckPasskey"); err != nil {
		return err
	}
	return l.Person.CheckPasskey(ctx, challenge, answer)
}

func (l losingPerson) AddPasskey(ctx context.Context, challenge, name string, answer []byte) (model.Passkey, error) {
	if err := l.calls.before("AddPasskey"); err != nil {
		return model.Passkey{}, err
	}
	return l.Person.AddPasskey(ctx, challenge, name, answer)
}

func (l losingPerson) RenamePasskey(ctx context.Context, id, name string) (model.Passkey, error) {
	if err := l.calls.before("RenamePasskey"); err != nil {
		return model.Passkey{}, err
	}
	return l.Person.RenamePasskey(ctx, id, name)
}

func (l losingPerson) RemovePasskey(ctx context.Context, id string) (model.Passkey, error) {
	if err := l.calls.before("RemovePasskey"); err != nil {
		return model.Passkey{}, err
	}
	return l.Person.RemovePasskey(ctx, id)
}

func (l losingPerson) RemovePassword(ctx context.Context) error {
	if err := l.calls.before("RemovePassword"); err != nil {
		return err
	}
	return l.Person.RemovePassword(ctx)
}

func (l losingPerson) ChangePassword(ctx context.Context, current, replacement model.Secret) error {
	if err := l.calls.before("ChangePassword"); err != nil {
		return err
	}
	return l.Person.ChangePassword(ctx, current, replacement)
}

func (l losingPerson) TryValue(ctx context.Context, value model.Secret) (model.Key, error) {
	if err := l.calls.before("TryValue"); err != nil {
		return model.Key{}, err
	}
	return l.Person.TryValue(ctx, value)
}

type losingRows struct {
	*webRows
	calls losing
}

func (l losingRows) CreateWebSession(ctx context.Context, row model.WebSession) error {
	if err := l.calls.before("CreateWebSession"); err != nil {
		return err
	}
	return l.webRows.CreateWebSession(ctx, row)
}

func (l losingRows) UpdateWebSession(ctx context.Context, row model.WebSession) error {
	if err := l.calls.before("UpdateWebSession"); err != nil {
		return err
	}
	return l.webRows.UpdateWebSession(ctx, row)
}

func (l losingRows) DeleteWebSession(ctx context.Context, idHash [32]byte, happened ...model.Event) error {
	if err := l.calls.before("DeleteWebSession"); err != nil {
		return err
	}
	return l.webRows.DeleteWebSession(ctx, idHash, happened...)
}

type losingGrants struct {
	onboard.Grants
	calls losing
}

func (l losingGrants) CreateGrant(ctx context.Context, g model.DeviceGrant, limit int) error {
	if err := l.calls.before("CreateGrant"); err != nil {
		return err
	}
	return l.Grants.CreateGrant(ctx, g, limit)
}

func (l losingGrants) ClaimGrant(
	ctx context.Context, code, userID string, session [32]byte, now time.Time,
) (model.DeviceGrant, error) {
	if err := l.calls.before("ClaimGrant"); err != nil {
		return model.DeviceGrant{}, err
	}
	return l.Grants.ClaimGrant(ctx, code, userID, session, now)
}

func (l losingGrants) DenyGrant(ctx context.Context, id, userID string, session [32]byte, now time.Time) error {
	if err := l.calls.before("DenyGrant"); err != nil {
		return err
	}
	return l.Grants.DenyGrant(ctx, id, userID, session, now)
}

func (l losingGrants) BeginApproval(ctx context.Context, id, userID string, session [32]byte, now time.Time) error {
	if err := l.calls.before("BeginApproval"); err != nil {
		return err
	}
	return l.Grants.BeginApproval(ctx, id, userID, session, now)
}

func (l losingGrants) CancelApproval(ctx context.Context, id string) error {
	if err := l.calls.before("CancelApproval"); err != nil {
		return err
	}
	return l.Grants.CancelApproval(ctx, id)
}

func (l losingGrants) FinishApproval(ctx context.Context, id, keyID, keyName string, sealed []byte, now time.Time) error {
	if err := l.calls.before("FinishApproval"); err != nil {
		return err
	}
	return l.Grants.FinishApproval(ctx, id, keyID, keyName, sealed, now)
}

func (l losingGrants) DeliverGrant(ctx context.Context, hash [32]byte, now, notBefore, lastBefore time.Time) (model.DeviceGrant, error) {
	if err := l.calls.before("DeliverGrant"); err != nil {
		return model.DeviceGrant{}, err
	}
	return l.Grants.DeliverGrant(ctx, hash, now, notBefore, lastBefore)
}

// scene is where an act takes place.
type scene struct {
	*program
	b       *browser // of somebody who is signed in
	who     person
	key     string // is on
	pairing opened
	device  *device
}

// sends is a form that is sent with or without script.
type sends func(s scene, b *browser) answer

func sendsForm(path string, form url.Values) sends {
	return func(_ scene, b *browser) answer { return b.post(path, form) }
}

// told is what an act is answered with: the status, all sentences of it that are said somewhere, and where a link leads.
type told struct {
	status     int
	says       []string
	link, text string
}

const lostTouch = "The connection to the database broke. "

// lostActs are all acts, by the calls behind the pages. A call that is in none of them fails TestEveryActHasWordsForALostAnswer.
var lostActs = map[string]struct {
	calls           []string
	act             sends
	stranger        bool
	unclear, undone told
}{
	"register": {
		calls: []string{"Register"}, stranger: true,
		act: sendsForm("/register", url.Values{"email": {"new@example.com"}, "password": {password}}),
		unclear: told{500, []string{"We don’t know whether your account was created", lostTouch +
			"Send the form again: if the account is there, it says so, and you can sign in with your password."}, "/register", "Try again"},
		undone: told{503, []string{"No account was created", lostTouch + "Nothing was saved. You can try again."}, "/register", "Try again"},
	},
	"register, and sign in": {
		calls: []string{"SignIn"}, stranger: true,
		act:     sendsForm("/register", url.Values{"email": {"new@example.com"}, "password": {password}}),
		unclear: told{200, []string{"Your account was created. Sign in to continue."}, "", ""},
	},
	"sign in": {
		calls: []string{"SignIn"}, stranger: true,
		act: sendsForm("/login", credentials(email, password)),
		unclear: told{500, []string{"You weren’t signed in", lostTouch +
			"Sign in again. If a session was opened anyway, Sessions lists it, and nobody has it."}, "/login", "Sign in"},
		undone: told{503, []string{"You weren’t signed in", lostTouch + "Nothing was saved. You can try again."}, "/login", "Try again"},
	},
	"sign in, and begin a web session": {
		calls: []string{"CreateWebSession"}, stranger: true,
		act:     sendsForm("/login", credentials(email, password)),
		unclear: told{500, []string{"You weren’t signed in"}, "/login", "Sign in"},
	},
	"sign out": {
		calls: []string{"DeleteWebSession"},
		act:   sendsForm("/logout", nil),
		unclear: told{500, []string{"You may still be signed in", lostTouch + "If you still see your keys, sign out again."},
			"/keys", "Check now"},
	},
	"sign out of what ended with the web session": {
		calls:   []string{"SignOut"},
		act:     sendsForm("/logout", nil),
		unclear: told{0, []string{}, "", ""}, undone: told{0, []string{}, "", ""},
	},
	"use a link for a new password": {
		calls: []string{"UseLink"}, stranger: true,
		act: sendsForm("/reset", url.Values{"token": {"secret-token"}, "tokenId": {"5f3a1c2b9d0e4a0012345678"}, "password": {"another " + password}}),
		unclear: told{500, []string{"We don’t know whether your new password is set", lostTouch +
			"Sign in with it. If it is refused, open the link in the email again."}, "/login", "Sign in"},
		undone: told{503, []string{"Your password was not changed", lostTouch + "Nothing was saved. Open the link in the email again."}, "", ""},
	},
	"use a link that confirms an address": {
		calls: []string{"UseLink"}, stranger: true,
		act: sendsForm("/confirm", url.Values{"token": {"secret-token"}, "tokenId": {"5f3a1c2b9d0e4a0012345678"}, "password": {password}}),
		unclear: told{500, []string{"We don’t know whether your address is confirmed", lostTouch +
			"Sign in. If that is refused, open the link in the email again."}, "/login", "Sign in"},
		undone: told{503, []string{"Your address is not confirmed yet", "Open the link in the email again."}, "", ""},
	},
	"create a key": {
		calls: []string{"CreateKey"},
		act:   func(_ scene, b *browser) answer { return b.post("/keys", createForm(newFormID(b.t), "pump")) },
		unclear: told{500, []string{"We don’t know whether the key was created.",
			"Your list has no key named pump so far. Check again before you send the form again."}, "/keys", "Check now"},
		undone: told{503, []string{"The key was not created.", "Nothing was saved. You can send the form again."}, "", ""},
	},
	"create a key, and nobody can look": {
		calls: []string{"CreateKey", "Keys"},
		act:   func(_ scene, b *browser) answer { return b.post("/keys", createForm(newFormID(b.t), "pump")) },
		unclear: told{500, []string{"We don’t know whether the key was created.", lostTouch +
			"If pump is in your list, its value is lost: delete it and create it again. If not, send the form again."}, "/keys", "Check now"},
		undone: told{503, []string{"The key was not created.", "Nothing was saved. You can send the form again."}, "", ""},
	},
	"adopt a key": {
		calls: []string{"AdoptKey"},
		act:   sendsForm("/keys/adopt", url.Values{"name": {"pump"}, "key": {"the-value-of-a-key"}}),
		unclear: told{500, []string{"We don’t know whether the key was adopted", lostTouch + "If it is in your list, it was. If not, paste the value again."},
			"/keys", "Check now"},
		undone: told{503, []string{"The key was not adopted"}, "/keys/adopt", "Try again"},
	},
	"replace a key": {
		calls: []string{"ReplaceKey"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/replace", replaceForm(b.t, "pump"))
		},
		unclear: told{500, []string{"We don’t know whether the key was created.", lostTouch +
			"Your list has no key named pump so far. Check again before you replace the key again."}, "/keys", "Check now"},
		undone: told{503, []string{"Nothing was saved. You can send the form again."}, "", ""},
	},
	"replace a key, and nobody can look": {
		calls: []string{"ReplaceKey", "Keys"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/replace", replaceForm(b.t, "pump"))
		},
		unclear: told{500, []string{"We don’t know whether the key was created.", lostTouch +
			"If pump is in your list, its value is lost: delete it, then replace the key again. If not, replace it again."}, "/keys", "Check now"},
	},
	"end a replacement": {
		calls: []string{"EndReplacement"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/replacement/end", url.Values{"place": {"page"}})
		},
		unclear: told{500, []string{"We don’t know whether the replacement was ended", lostTouch + "The page of the key says so. Neither key was deleted."},
			"/keys/KEY", "Check now"},
		undone: told{503, []string{"The replacement was not ended"}, "/keys/KEY", "Try again"},
	},
	"turn a key off": {
		calls: []string{"TurnKey"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/turn-off", url.Values{"name": {"porch-cam"}, "place": {"row"}})
		},
		unclear: told{500, []string{"We asked to turn porch-cam off and got no answer. It may be on or off."}, "/keys/KEY", "Check now"},
		undone:  told{0, []string{"Nothing changed: porch-cam is still on."}, "", ""},
	},
	"turn a key on": {
		calls: []string{"TurnKey"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/turn-on", url.Values{"name": {"porch-cam"}, "place": {"page"}})
		},
		unclear: told{500, []string{"We asked to turn porch-cam on and got no answer."}, "/keys/KEY", "Check now"},
		undone:  told{0, []string{"Nothing changed: porch-cam is still on."}, "", ""}, // as it was found to be
	},
	"report a leak": {
		calls: []string{"ReportLeak"},
		act:   func(s scene, b *browser) answer { return b.post("/keys/"+s.key+"/leaked", nil) },
		unclear: told{500, []string{"The key may be on or off", lostTouch + "Look at its page. If it’s on, report it again."},
			"/keys/KEY", "Check now"},
		undone: told{503, []string{"The key is still on", lostTouch + "Nothing was saved. You can try again."}, "/keys/KEY", "Try again"},
	},
	"delete a key": {
		calls: []string{"DeleteKey"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/delete", url.Values{"place": {"row"}})
		},
		unclear: told{500, []string{"porch-cam may or may not be deleted", "We asked to delete it and got no answer."}, "/keys/KEY", "Check now"},
		undone: told{503, []string{"porch-cam was not deleted", lostTouch + "The key is still there. You can try again."},
			"/keys/KEY", "Open porch-cam"},
	},
	"delete several keys": {
		calls: []string{"DeleteKey"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/room", url.Values{"key": {s.key}, "name": {"porch-cam"}})
		},
		unclear: told{200, []string{"porch-cam May or may not be deleted"}, "/keys/KEY", "porch-cam"},
		undone: told{200, []string{"porch-cam Not deleted: the connection to the database broke. You can try again."},
			"/keys/KEY", "porch-cam"},
	},
	"end the session of an app": {
		calls: []string{"EndSession"},
		act:   sendsForm("/sessions/5f3a1c2b9d0e4a0012345678/end", nil),
		unclear: told{500, []string{"We don’t know whether the session was signed out", lostTouch + "If it’s still in the list, sign it out again."},
			"/sessions", "See your sessions"},
		undone: told{503, []string{"The session was not signed out"}, "/sessions", "Try again"},
	},
	"end the session of a browser": {
		calls: []string{"DeleteWebSession"},
		act: func(s scene, b *browser) answer {
			rows, err := s.own.WebSessions(b.t.Context(), s.who.id)
			if err != nil || len(rows) == 0 {
				b.t.Fatal(rows, err)
			}
			return b.post(fmt.Sprintf("/sessions/%x/end", rows[0].IDHash), nil)
		},
		unclear: told{500, []string{"We don’t know whether the session was signed out"}, "/sessions", "See your sessions"},
	},
	"end all other sessions": {
		calls: []string{"EndOthers"},
		act:   sendsForm("/sessions/end-others", nil),
		unclear: told{500, []string{"We don’t know whether you were signed out everywhere else", lostTouch + "Sign out those that are still in the list."},
			"/sessions", "See your sessions"},
		undone: told{503, []string{"You were not signed out everywhere else"}, "/sessions", "Try again"},
	},
	"change the password": {
		calls: []string{"ChangePassword"},
		act:   sendsForm("/account/password", url.Values{"current": {password}, "new": {"another " + password}}),
		unclear: told{500, []string{"We don’t know whether your password was changed", lostTouch +
			"If it was changed, your activity says so. If not, the old one still works."}, "/activity", "See your activity"},
		undone: told{503, []string{"Your password was not changed"}, "/account", "Try again"},
	},
	"remove a way to sign in": {
		calls: []string{"RemoveWay"},
		act:   sendsForm("/account/ways/0123456789abcdef01234567/remove", nil),
		unclear: told{500, []string{"We don’t know whether that way to sign in was removed", lostTouch +
			"If it’s still in the list, remove it again."}, "/account", "See your account"},
		undone: told{503, []string{"That way to sign in was not removed"}, "/account", "Try again"},
	},
	"delete the account": {
		calls: []string{"DeleteAccount"},
		act:   sendsForm("/account/delete", url.Values{"password": {password}}),
		unclear: told{500, []string{"We don’t know whether your account was deleted", lostTouch +
			"If you still see your keys, delete it again."}, "/keys", "Check now"},
		undone: told{503, []string{"Your account was not deleted"}, "/account/delete", "Try again"},
	},
	"delete the account, and end its sessions": {
		calls: []string{"DeleteWebSession"},
		act:   sendsForm("/account/delete", url.Values{"password": {password}}),
		unclear: told{500, []string{"Your account was deleted", lostTouch +
			"A browser that was signed in may look so for half an hour, but nothing is left behind it."}, "/login", "Sign in"},
	},
	"label a key": {
		calls: []string{"LabelKey"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/card", url.Values{"label": {"Pump"}})
		},
		unclear: told{500, []string{"We don’t know whether the label was saved", lostTouch +
			"Look at the key’s page. If it isn’t there, save it again."}, "/keys/KEY", "Check now"},
		undone: told{503, []string{"The label was not saved", lostTouch + "Nothing was saved. You can try again."}, "/keys/KEY/card", "Try again"},
	},
	"confirm the password": {
		calls:   []string{"CheckPassword"},
		act:     sendsForm("/account/delete", url.Values{"password": {password}}),
		unclear: told{503, []string{lostTouch + "Nothing was done. Enter your password again."}, "", ""},
		undone:  told{503, []string{"Nothing was done. Enter your password again."}, "", ""},
	},
	"confirm with a passkey": {
		calls: []string{"CheckPasskey"},
		act: func(s scene, b *browser) answer {
			s.program.keyring = &keyring{passkey: true}
			return b.post("/account/delete", url.Values{"passkey": {"{}"}, "challenge": {"x"}})
		},
		unclear: told{503, []string{lostTouch + "Nothing was done. Use your passkey again."}, "", ""},
		undone:  told{503, []string{"Nothing was done. Use your passkey again."}, "", ""},
	},
	"add a passkey": {
		calls: []string{"AddPasskey"},
		act:   sendsForm("/account/passkeys", url.Values{"name": {"MacBook"}}),
		unclear: told{500, []string{"We don’t know whether your passkey was added", lostTouch +
			"If it’s not in the list, add it again."}, "/account", "See your account"},
		undone: told{503, []string{"Your passkey was not added"}, "/account", "Try again"},
	},
	"rename a passkey": {
		calls: []string{"RenamePasskey"},
		act:   sendsForm("/account/passkeys/5f3a1c2b9d0e4a0012345678/name", url.Values{"name": {"MacBook"}}),
		unclear: told{500, []string{"We don’t know whether the passkey was renamed", lostTouch +
			"If it has its old name in the list, rename it again."}, "/account", "See your account"},
		undone: told{503, []string{"The passkey was not renamed"}, "/account", "Try again"},
	},
	"remove a passkey": {
		calls: []string{"RemovePasskey"},
		act:   sendsForm("/account/passkeys/5f3a1c2b9d0e4a0012345678/remove", nil),
		unclear: told{500, []string{"We don’t know whether the passkey was removed", lostTouch +
			"If it’s still in the list, remove it again."}, "/account", "See your account"},
		undone: told{503, []string{"The passkey was not removed"}, "/account", "Try again"},
	},
	"stop using the password": {
		calls: []string{"RemovePassword"},
		act:   sendsForm("/account/password/stop", nil),
		unclear: told{500, []string{"We don’t know whether your password still works", lostTouch +
			"Your account says so. Your passkeys work either way."}, "/account", "See your account"},
		undone: told{503, []string{"Your password still works"}, "/account/password/stop", "Try again"},
	},
	"sign in with a passkey": {
		calls: []string{"SignInWithPasskey"}, stranger: true,
		act:     sendsForm("/login/passkey", url.Values{"passkey": {"{}"}, "challenge": {"x"}}),
		unclear: told{500, []string{"You weren’t signed in", lostTouch + "Sign in again."}, "/login", "Sign in"},
		undone:  told{503, []string{"You weren’t signed in"}, "/login", "Try again"},
	},
	"remember that the password was confirmed": {
		calls: []string{"UpdateWebSession"},
		act: func(s scene, b *browser) answer {
			s.clock.Advance(11 * time.Minute)
			return b.post("/keys", alsoPassword(createForm(newFormID(b.t), "pump"), password))
		},
		unclear: told{503, []string{"Nothing was done. Enter your password again."}, "", ""},
	},
	"say when a key expires": {
		calls: []string{"SetExpiry"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/expiry", url.Values{"expires": {"90"}})
		},
		unclear: told{500, []string{"We don’t know whether the new day was saved", lostTouch +
			"The key’s page says when it expires. If that is not the day you chose, choose it again."}, "/keys/KEY", "Check now"},
		undone: told{503, []string{"The new day was not saved"}, "/keys/KEY/expiry", "Try again"},
	},
	"try a value": {
		calls: []string{"TryValue"},
		act:   sendsForm("/keys/which", url.Values{"value": {"the-value-of-a-key"}}),
		unclear: told{500, []string{"We don’t know whether this value works", lostTouch +
			"None of your keys was changed. Try the value again."}, "/keys/which", "Try again"},
		undone: told{503, []string{"We don’t know whether this value works"}, "/keys/which", "Try again"},
	},
	"open a pairing": {
		calls: []string{"ClaimGrant"},
		act: func(s scene, b *browser) answer {
			return b.post("/device", url.Values{"code": {s.device.userCode}})
		},
		unclear: told{500, []string{"We couldn’t look up the code", lostTouch + "Nothing was decided. Enter the code again."}, "/device", "Try again"},
	},
	"answer a scanned question": {
		calls: []string{"ClaimGrant"},
		act: func(s scene, b *browser) answer {
			return b.scans(s.program.pairing("garage")).answers("approve")
		},
		unclear: told{500, []string{"We couldn’t look up the code", lostTouch + "Nothing was decided. Enter the code again."}, "/device", "Try again"},
	},
	"deny a pairing": {
		calls: []string{"DenyGrant"},
		act:   func(s scene, b *browser) answer { return s.pairing.on(b).deny() },
		unclear: told{500, []string{"We don’t know whether the device was refused", lostTouch + "Look at its page. If it’s still asking, deny it again."},
			"PAIRING", "Check now"},
	},
	"begin to approve a pairing": {
		calls:   []string{"BeginApproval"},
		act:     func(s scene, b *browser) answer { return s.pairing.on(b).approve("pump") },
		unclear: told{500, []string{"The device was not connected.", lostTouch + "No key was created."}, "", ""},
	},
	"approve a pairing, and create its key": {
		calls: []string{"CreateKey"},
		act:   func(s scene, b *browser) answer { return s.pairing.on(b).approve("pump") },
		unclear: told{500, []string{"The device was not connected.",
			"Your list has no key named pump so far. Check again before you approve again."}, "/keys", "Look at your keys"},
		undone: told{503, []string{"The device was not connected.", lostTouch + "No key was created."}, "", ""},
	},
	"approve a pairing, and nobody knows whether its key was kept": {
		calls: []string{"FinishApproval", "CancelApproval"},
		act:   func(s scene, b *browser) answer { return s.pairing.on(b).approve("pump") },
		unclear: told{500, []string{"We don’t know whether the device was connected.",
			"The key pump was created for it. If the device does not get it, delete the key before you approve again."},
			"", "Delete pump…"},
	},
	"approve a pairing whose key was not kept": {
		calls:   []string{"FinishApproval"},
		act:     func(s scene, b *browser) answer { return s.pairing.on(b).approve("pump") },
		unclear: told{500, []string{"The device was not connected. Its key couldn’t be kept for it, so it was deleted again."}, "", ""},
	},
	"be handed over by an app": {
		calls:    []string{"UseHandover"},
		stranger: true,
		act:      func(_ scene, b *browser) answer { return b.post("/handover", url.Values{"ticket": {"0"}}) },
		unclear: told{500, []string{"You weren’t signed in", lostTouch +
			"Go back to the app and try again. If a session was opened anyway, Sessions lists it, and nobody has it."}, "", ""},
		undone: told{503, []string{"You weren’t signed in"}, "", ""},
	},
	"ask for a pairing": {
		calls:   []string{"CreateGrant"},
		act:     func(s scene, _ *browser) answer { return s.program.device().start(url.Values{"client_id": {appID}}) },
		unclear: told{503, []string{"This server cannot do it now. Try again soon."}, "", ""},
	},
}

// notLost are the calls behind the pages that save nothing, or of which nobody waits for what they save.
var notLost = []string{
	"Named", "LinkOwner", "As", "Keys", "Key", "Sessions", "Ways", "Proofs", "WebSession", "WebSessions", "Settled", "Grant", "GrantByDeviceCode", "LookUpGrant",
	"SendLink", "SweepGrants",
	"Passkeys", "PasskeyOptions", "ProofOptions", "NewPasskeyOptions",
	"Handover", "OpenID", "BeginOpenID", "ReturnOpenID", "ConnectOpenID", "ConfirmOpenID",
	"KeepLanguage", // a cookie has the choice
	"MarkSaved",    // TestLeavingAValueGoesOnWhateverCannotBeRemembered
	"DeliverGrant", // TestADeliveryWhoseAnswerIsLostIsRepeatedAndWrittenDownOnce
}

func TestEveryActHasWordsForALostAnswer(t *testing.T) {
	t.Parallel()
	for _, part := range []reflect.Type{
		reflect.TypeFor[handlers.Service](), reflect.TypeFor[handlers.Person](), reflect.TypeFor[websession.Rows](), reflect.TypeFor[onboard.Grants](),
	} {
		for i := range part.NumMethod() {
			name, found := part.Method(i).Name, false
			for _, act := range lostActs {
				found = found || slices.Contains(act.calls, name)
			}
			if !found && !slices.Contains(notLost, name) {
				t.Errorf("what are people told when the answer to %s of %s got lost?", name, part)
			}
		}
	}
}

func TestWhatPeopleAreToldWhenAnAnswerGotLost(t *testing.T) {
	t.Parallel()
	for name, act := range lostActs {
		for outcome, c := range map[string]struct {
			told
			err error
		}{"unclear": {act.unclear, errUnclear}, "undone": {act.undone, errUndone}} {
			if c.says == nil && c.status == 0 {
				continue
			}
			for _, script := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, script %v", name, outcome, script), func(t *testing.T) {
					t.Parallel()
					s := lostScene(t, act.stranger, act.calls, c.err)
					b := s.b.on(t)
					if script {
						b = b.htmx()
					}
					a := act.act(s, b)
					c.told.by(t, s, b, a)
					a.keepsQuiet("secret-host", "secret-token", "the-value-of-a-key", password)
					if script && a.status != http.StatusSeeOther && strings.Contains(a.body, "<html") && !act.stranger && !strings.HasPrefix(act.calls[0], "Check") {
						t.Error("the answer is a whole page")
					}
				})
			}
		}
	}
}

// What is said only then is in the language of the page as everything else is.
func TestWhatPeopleAreToldOfALostAnswerIsInTheirLanguage(t *testing.T) {
	t.Parallel()
	for name, act := range lostActs {
		if name == "answer a scanned question" { // as "open a pairing"
			continue
		}
		for outcome, err := range map[string]error{"unclear": errUnclear, "undone": errUndone} {
			t.Run(name+", "+outcome, func(t *testing.T) {
				t.Parallel()
				s := lostScene(t, act.stranger, act.calls, err)
				a := act.act(s, s.b.on(t).with("Cookie", "latchkey-language=en-XA"))
				if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
					return
				}
				if left := untranslated(a); len(left) > 0 {
					t.Errorf("not in the language of the page: %q", left)
				}
			})
		}
	}
}

// lostScene is a program of which some calls lose their answers, and everything that an act needs.
func lostScene(t *testing.T, stranger bool, calls []string, err error) scene {
	t.Helper()
	lost := losing{}
	p := newProgram(t, withGrants(losingGrants{&onboardtest.Memory{}, lost}), ownersAdopt, func(d *handlers.Deps) { d.StepUp = 10 * time.Minute })
	b, who := p.signedIn(email)
	s := scene{program: p, b: b, who: who, key: p.seed(who, "porch-cam")[0].ID, device: p.pairing("porch-cam")}
	s.pairing = b.opens(s.device)
	if stranger {
		s.b = p.browser()
	}
	for _, call := range calls {
		answer := err
		if strings.Contains(call, "WebSession") || strings.HasSuffix(call, "Grant") || strings.HasSuffix(call, "Approval") {
			answer = errLost // which is from the store
		}
		lost[call] = func() error { return answer }
	}
	p.loses(lost)
	return s
}

// by checks what an answer says, on the page that it leads to if it does.
func (w told) by(t *testing.T, s scene, b *browser, a answer) {
	t.Helper()
	if w.status == 0 { // as an act is answered that was done
		w.status = http.StatusSeeOther
		if b.header.Get("HX-Request") != "" {
			w.status = http.StatusOK
		}
	}
	a.want(w.status)
	if a.status == http.StatusSeeOther && len(w.says) > 0 {
		a = b.get(a.header.Get("Location"))
	}
	text := squeeze(a.doc.Find("body").Text())
	for _, sentence := range w.says {
		if !strings.Contains(text, sentence) {
			t.Errorf("it does not say %q: %s", sentence, text)
		}
	}
	if w.text == "" {
		return
	}
	link := strings.NewReplacer("KEY", s.key, "PAIRING", s.pairing.path).Replace(w.link)
	for _, at := range a.doc.Find("a").EachIter() {
		if squeeze(at.Text()) == w.text && (link == "" || at.AttrOr("href", "") == link) {
			return
		}
	}
	t.Errorf("no link %q leads to %q: %s", w.text, link, text)
}

// savingRows save every web session and lose the answer once.
type savingRows struct{ *webRows }

func (r savingRows) CreateWebSession(ctx context.Context, row model.WebSession) error {
	if err := r.webRows.CreateWebSession(ctx, row); err != nil {
		return err
	}
	return errLost
}

func (r savingRows) UpdateWebSession(ctx context.Context, row model.WebSession) error {
	if err := r.webRows.UpdateWebSession(ctx, row); err != nil {
		return err
	}
	return errLost
}

func (r savingRows) DeleteWebSession(ctx context.Context, idHash [32]byte, happened ...model.Event) error {
	_, gone := r.webRows.WebSession(ctx, idHash)
	if err := r.webRows.DeleteWebSession(ctx, idHash, happened...); err != nil || gone != nil {
		return err
	}
	return errLost
}

func TestAWebSessionThatWasSavedIsFoundAlthoughTheAnswerGotLost(t *testing.T) {
	t.Parallel()
	p := newProgram(t, func(d *handlers.Deps) { d.StepUp = 10 * time.Minute })
	p.deps.WebSessions = savingRows{p.rows}
	p.handler = handlers.SecureHeaders(p.deps.PublicURL, handlers.New(p.deps))
	b, who := p.signedIn(email)
	p.clock.Advance(11 * time.Minute)
	b.post("/keys", alsoPassword(createForm(newFormID(t), "pump"), password)).want(http.StatusOK).says("#once", "pump")
	b.post("/keys", createForm(newFormID(t), "lamp")).want(http.StatusOK).says("#once", "lamp") // the proof was remembered
	b.post("/logout", nil).leadsTo("/login")
	if rows, err := p.own.WebSessions(t.Context(), who.id); err != nil || len(rows) != 0 {
		t.Errorf("left are %d sessions, %v", len(rows), err)
	}
	if got := p.happened(who, "session-ended"); got != "session-ended signed out" {
		t.Errorf("written down: %s", got)
	}
}

func TestAnotherServerThatDoesNotKnowIsToldOfInTheSameWords(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks("*", says(http.StatusInternalServerError, `{"error":"not known","error_code":"OutcomeUnknown"}`))
	b.post("/account/password", url.Values{"current": {password}, "new": {"another " + password}}).
		want(http.StatusInternalServerError).says("h1", "We don’t know whether your password was changed")
	b.post("/sessions/end-others", nil).want(http.StatusInternalServerError).says("h1", "We don’t know whether you were signed out everywhere else")
}

func TestWhatWasDoneBeforeSomethingFailedIsNotDenied(t *testing.T) {
	t.Parallel()
	away := func() error { return fmt.Errorf("secret-host is away") }
	down := func() error { return &model.Error{Kind: model.KindStorageDown, Err: away()} }
	for name, c := range map[string]struct {
		calls  losing
		path   string
		form   url.Values
		status int
		says   string
	}{
		"an account that cannot be signed in to": {losing{"SignIn": down}, "/register",
			url.Values{"email": {"new@example.com"}, "password": {password}}, http.StatusOK, "Your account was created. Sign in to continue."},
		"an account whose browser stays": {losing{"DeleteWebSession": away}, "/account/delete",
			url.Values{"password": {password}}, http.StatusInternalServerError, "Your account was deleted"},
		"sessions of which some are left": {losing{"EndOthers": func() error { return &model.Error{Kind: model.KindNotOffered} }, "DeleteWebSession": away},
			"/sessions/end-others", nil, http.StatusInternalServerError, "We don’t know whether you were signed out everywhere else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			b, who := p.signedIn(email)
			p.signIn(who)
			if c.path == "/register" {
				b = p.browser()
			}
			p.loses(c.calls)
			b.post(c.path, c.form).want(c.status).says("main", c.says).keepsQuiet("Nothing was changed", "secret-host")
		})
	}
}
