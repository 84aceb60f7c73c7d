package upstream

import (
	"context"

	"latchkey/client"
	"latchkey/internal/model"
)

// Proofs is the password alone: that is how people sign in to another server from here.
func (p *Person) Proofs(context.Context) (model.Proofs, error) {
	return model.Proofs{Password: true}, nil
}

// CheckPassword asks the other server whether the password is the person's. One that has no call for it is asked to sign them in.
func (p *Person) CheckPassword(ctx context.Context, password model.Secret) error {
	err := p.session.Prove(ctx, password.Reveal())
	switch {
	case client.IsWrongPassword(err):
		err = refused(model.KindWrongPassword, err)
	case client.IsLimited(err):
		err = refused(model.KindTooManyTries, err)
	case client.IsNotReported(err), client.IsForbidden(err), client.IsUnauthorized(err):
		err = p.checkBySigningIn(ctx, password)
	default:
		err = failed(err)
	}
	p.recordPassword(ctx, model.EventPasswordProved, err)
	return err
}

// recordPassword records what came of something that took the person's password: it happened, or somebody does not know it.
func (p *Person) recordPassword(ctx context.Context, kind model.EventKind, err error) {
	e := p.event(kind, model.Key{})
	switch {
	case model.Is(err, model.KindWrongPassword):
		e.Kind, e.Actor, e.Detail = model.EventSignInFailed, model.ActorUnknown, model.ReasonWrongPassword
	case err != nil:
		return
	}
	p.record(ctx, e)
}

// checkBySigningIn opens a session for this alone, and ends it.
func (p *Person) checkBySigningIn(ctx context.Context, password model.Secret) error {
	session, err := p.s.signIn(ctx, p.from, p.account.Email, password)
	if model.Is(err, model.KindUnconfirmed) || model.Is(err, model.KindDisabled) {
		return &model.Error{Kind: model.KindWrongPassword, Err: err}
	}
	if err != nil {
		return err
	}
	if err := session.Logout(ctx); err != nil {
		p.s.log.WarnContext(ctx, "session of a password check not signed out", "user", p.account.UserID, "cause", err)
	}
	if session.UserID() != p.account.UserID { // the address has another owner by now
		return &model.Error{Kind: model.KindWrongPassword}
	}
	return nil
}

// ChangePassword changes it there, if the other server has a call for it.
func (p *Person) ChangePassword(ctx context.Context, current, replacement model.Secret) error {
	err := p.session.ChangePassword(ctx, current.Reveal(), replacement.Reveal())
	switch {
	case client.IsWrongPassword(err):
		err = refused(model.KindWrongPassword, err)
	case client.IsRefusedPassword(err):
		err = refused(model.KindBadPassword, err)
	case client.IsLimited(err):
		err = refused(model.KindTooManyTries, err)
	case client.IsNotReported(err):
		err = refused(model.KindNotOffered, err)
	default:
		err = failed(err)
	}
	p.recordPassword(ctx, model.EventPasswordChanged, err)
	return err
}

// Ways are not told: what a profile has of them is neither what a person knows them by, nor worth two requests.
func (p *Person) Ways(context.Context) ([]model.Way, error) {
	return nil, &model.Error{Kind: model.KindNotOffered}
}

// RemoveWay removes nothing: see Ways.
func (p *Person) RemoveWay(context.Context, string) (model.Way, error) {
	return model.Way{}, &model.Error{Kind: model.KindNotOffered}
}

// DeleteAccount deletes the account there, and then what is kept of its keys here.
func (p *Person) DeleteAccount(ctx context.Context) error {
	if err := p.session.DeleteUser(ctx); err != nil {
		return failed(err)
	}
	if err := p.s.cards.Forget(context.WithoutCancel(ctx), p.account.UserID); err != nil {
		p.s.log.WarnContext(ctx, "cards of deleted keys are left", "user", p.account.UserID, "cause", err)
	}
	return nil
}

// TryValue signs in with a value and out again. The other server may not say which key it is of; its profile says what that is
// called.
func (p *Person) TryValue(ctx context.Context, value model.Secret) (model.Key, error) {
	if value == "" { // the client leaves out what is empty
		return model.Key{}, &model.Error{Kind: model.KindWrongValue, Doing: "try no value"}
	}
	session, err := p.s.client.Login(ctx, client.UserAPIKey(value.Reveal()))
	switch {
	case client.IsUnauthorized(err):
		return model.Key{}, refused(model.KindWrongValue, err)
	case client.IsForbidden(err), client.IsNotFound(err):
		return model.Key{}, refused(model.KindRefuses, err)
	case err != nil:
		return model.Key{}, failed(err)
	}
	defer p.endTrial(ctx, session)
	key := model.Key{UserID: session.UserID()}
	if key.UserID != p.account.UserID {
		return key, nil
	}
	profile, err := session.Profile(ctx)
	if err != nil {
		p.s.log.WarnContext(ctx, "profile of a session opened with a key", "user", p.account.UserID, "cause", err)
		return key, nil
	}
	key.Name, _ = profile.Data["name"].(string)
	key.ID = p.recognise(ctx, key.Name, value)
	return key, nil
}

// endTrial signs out whatever became of the request: a session that nobody knows of is not left behind.
func (p *Person) endTrial(ctx context.Context, session *client.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	if err := session.Logout(ctx); err != nil && !client.IsUnauthorized(err) {
		p.s.log.WarnContext(ctx, "session of an identified key is left open", "user", p.account.UserID, "cause", err)
	}
}
