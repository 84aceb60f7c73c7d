package servicetest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"latchkey/internal/model"
)

func everyAnswer() []contract {
	return []contract{
		{"the value of a key is in the answer that made it and nowhere else", valueOnce},
		{"no password is in a refusal", noPassword},
		{"what is signed in and what was created print no secret", printsNoSecret},
		{"to somebody who has gone is an error, and nothing was done", goneCaller},
	}
}

func valueOnce(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	created := p.create(t, "pump")
	value := created.Value.Reveal()
	works(t, s, created.Value)
	created.Value = ""
	answers := map[string]any{"the rest of the answer": created}
	keep := func(name string, answer any, err error) { answers[name], answers["error of "+name] = answer, err }
	keys, err := p.Keys(t.Context())
	keep("Keys", keys, err)
	key, err := p.Key(t.Context(), created.Key.ID)
	keep("Key", key, err)
	again, err := p.CreateKey(t.Context(), model.CalledKey("pump"))
	keep("a name that is taken", again, err)
	lamp, err := p.CreateKey(t.Context(), model.CalledKey("lamp"))
	keep("another create", lamp, err)
	tried, err := p.TryValue(t.Context(), model.Secret(value))
	keep("TryValue", tried, err)
	tried, err = newPerson(t, s).TryValue(t.Context(), model.Secret(value))
	keep("a stranger's TryValue", tried, err)
	all, err := p.Sessions(t.Context())
	keep("Sessions", all, err)
	key, err = p.TurnKey(t.Context(), created.Key.ID, false)
	keep("TurnKey", key, err)
	tried, err = p.TryValue(t.Context(), model.Secret(value))
	keep("TryValue of a key that is off", tried, err)
	key, err = p.DeleteKey(t.Context(), created.Key.ID)
	keep("DeleteKey", key, err)
	_, err = p.Key(t.Context(), value)
	keep("Key with the value for an id", nil, err)
	keep("what is written down", s.Events(t, p.id()), nil)
	for name, answer := range answers {
		err, isErr := answer.(error)
		if holds(answer, value) || isErr && strings.Contains(err.Error(), value) {
			t.Errorf("%s has the value", name)
		}
	}
}

func noPassword(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	_, noLink := s.Service.UseLink(t.Context(), here, model.GivenLink{Purpose: model.LinkReset}, wrongPassword)
	refusals := map[string]error{
		"Register":      s.Service.Register(t.Context(), here, p.account.Email, wrongPassword),
		"CheckPassword": p.CheckPassword(t.Context(), wrongPassword),
		"of the wrong":  p.ChangePassword(t.Context(), wrongPassword, replacement),
		"of the new":    p.ChangePassword(t.Context(), p.password, "password1"),
		"UseLink":       noLink,
		"SignIn":        guess(t, s, p.account.Email)(),
	}
	for name, err := range refusals {
		if err == nil {
			t.Errorf("%s is not refused", name)
			continue
		}
		for _, password := range []model.Secret{p.password, wrongPassword, replacement, "password1"} {
			if holds(err, password.Reveal()) || strings.Contains(err.Error(), password.Reveal()) {
				t.Errorf("%s has the password", name)
			}
		}
	}
}

func printsNoSecret(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	created := p.create(t, "pump")
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("", "account", p.account, "created", created, "of", p.account.Token, "value", created.Value)
	printed := log.String()
	for _, what := range []any{p.account, &p.account, created, &created, []any{p.account, created}, struct {
		A model.Account
		C *model.Created
	}{p.account, &created}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			printed += fmt.Sprintf(verb, what) + "\n"
		}
	}
	for _, secret := range []string{p.account.Token.Reveal(), p.account.Email, p.password.Reveal(), created.Value.Reveal()} {
		if secret != "" && (strings.Contains(printed, secret) || strings.Contains(strings.ToLower(printed), hex.EncodeToString([]byte(secret)))) {
			t.Error("a secret is printed")
		}
	}
}

func goneCaller(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	other, created := p.again(t), p.create(t, "pump")
	email, id, value := newEmail(), created.Key.ID, created.Value
	give := func(answer any, err error) (any, error) { return answer, err }
	calls := map[string]func(ctx context.Context) (any, error){
		"Register": func(ctx context.Context) (any, error) {
			return nil, s.Service.Register(ctx, here, email, goodPassword)
		},
		"SignIn": func(ctx context.Context) (any, error) {
			return give(s.Service.SignIn(ctx, here, p.account.Email, p.password))
		},
		"UseLink": func(ctx context.Context) (any, error) {
			return give(s.Service.UseLink(ctx, here, model.GivenLink{Purpose: model.LinkConfirm, ID: id, Token: "0123"}, ""))
		},
		"Keys": func(ctx context.Context) (any, error) { return give(p.Keys(ctx)) },
		"Key":  func(ctx context.Context) (any, error) { return give(p.Key(ctx, id)) },
		"CreateKey": func(ctx context.Context) (any, error) {
			created, err := p.CreateKey(ctx, model.CalledKey("lamp"))
			created.Unread = nil
			return created, err
		},
		"turn on":        func(ctx context.Context) (any, error) { return give(p.TurnKey(ctx, id, true)) },
		"turn off":       func(ctx context.Context) (any, error) { return give(p.TurnKey(ctx, id, false)) },
		"DeleteKey":      func(ctx context.Context) (any, error) { return give(p.DeleteKey(ctx, id)) },
		"Sessions":       func(ctx context.Context) (any, error) { return give(p.Sessions(ctx)) },
		"EndSession":     func(ctx context.Context) (any, error) { return nil, p.EndSession(ctx, other.account.SessionID) },
		"EndOthers":      func(ctx context.Context) (any, error) { return nil, p.EndOthers(ctx) },
		"SignOut":        func(ctx context.Context) (any, error) { return nil, p.SignOut(ctx) },
		"CheckPassword":  func(ctx context.Context) (any, error) { return nil, p.CheckPassword(ctx, p.password) },
		"ChangePassword": func(ctx context.Context) (any, error) { return nil, p.ChangePassword(ctx, p.password, replacement) },
		"Ways":           func(ctx context.Context) (any, error) { return give(p.Ways(ctx)) },
		"DeleteAccount":  func(ctx context.Context) (any, error) { return nil, p.DeleteAccount(ctx) },
		"TryValue":       func(ctx context.Context) (any, error) { return give(p.TryValue(ctx, value)) },
	}
	p.writes(t, func() {
		for name, call := range calls {
			answer, err := call(ended(t))
			if err == nil {
				t.Errorf("%s is answered %v", name, answer)
			} else if _, ok := err.(*model.Error); !ok { //nolint:errorlint // Service promises the type itself
				t.Errorf("%s: the error is a %T", name, err)
			}
			if answer != nil && !reflect.ValueOf(answer).IsZero() {
				t.Errorf("%s is answered %v beside %v", name, answer, err)
			}
		}
	})
	p.goesOn(t, true)
	other.goesOn(t, true)
	p.has(t, "pump")
	p.again(t)
	_, err := s.Service.SignIn(t.Context(), here, email, goodPassword)
	is(t, err, model.KindWrongPassword)
}
