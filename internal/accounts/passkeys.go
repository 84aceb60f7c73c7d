package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"latchkey/internal/model"
	"latchkey/internal/passkeys"
)

// passkeyHost is the host whose passkeys work here; "" where none do.
func (a *Accounts) passkeyHost() string {
	if a.passkeys == nil {
		return ""
	}
	return a.passkeys.Host()
}

// PasskeysElsewhere are other hosts for which passkeys of people here were created, and at which alone they work: the server had them once.
func (a *Accounts) PasskeysElsewhere(ctx context.Context) ([]string, error) {
	return a.store.PasskeyHosts(ctx, a.passkeyHost())
}

// PasskeyOptions are what a browser is given to sign somebody in with a passkey, and their challenge.
func (a *Accounts) PasskeyOptions(ctx context.Context, from model.Origin) (options []byte, challenge string, err error) {
	if a.passkeys == nil {
		return nil, "", refuse(model.KindNotOffered)
	}
	wait, err := a.challenges.take(ctx, from.Address)
	if err != nil {
		return nil, "", notCounted(err)
	}
	if err := tooMany(model.KindTooManyTries, wait); err != nil {
		return nil, "", err
	}
	options, challenge, err = a.passkeys.ToSignIn()
	if err != nil {
		return nil, "", err
	}
	return options, challenge, a.challenge(ctx, model.Challenge{ID: challenge, Purpose: model.ChallengeSignIn})
}

// challenge keeps a challenge. One of which nobody knows whether it was kept is never given to anybody.
func (a *Accounts) challenge(ctx context.Context, c model.Challenge) error {
	c.ExpiresAt = a.cfg.Now().Add(model.ChallengeLifetime)
	if err := a.store.CreateChallenge(ctx, c); err != nil {
		return &model.Error{Kind: model.KindStorageDown, Doing: "create challenge", UserID: c.UserID, Err: err}
	}
	return nil
}

// SignInWithPasskey opens a session with what a browser answered to PasskeyOptions.
func (a *Accounts) SignInWithPasskey(ctx context.Context, from model.Origin, challenge string, answer []byte) (model.Account, error) {
	session, err := a.OpenWithPasskey(ctx, from, challenge, answer, nil)
	if err != nil {
		return model.Account{}, err
	}
	who := model.Account{UserID: session.UserID, SessionID: session.ID, IdentityID: session.IdentityID, Provider: session.Provider}
	// The session is there, and later requests read with it what its owner is called.
	if identities, err := a.store.Identities(ctx, session.UserID); err == nil {
		who.Email, who.Name = calledBy(identities)
	}
	return who, nil
}

// OpenWithPasskey is SignInWithPasskey for a program, which may have said what it is.
func (a *Accounts) OpenWithPasskey(
	ctx context.Context, from model.Origin, challenge string, answer []byte, d *model.Device,
) (model.Session, error) {
	succeeded, wait, err := a.cfg.Limits.takeFrom(ctx, from.Address)
	if err != nil {
		return model.Session{}, notCounted(err)
	}
	if err := tooMany(model.KindTooManyTries, wait); err != nil {
		return model.Session{}, err
	}
	c := model.Challenge{ID: challenge, Purpose: model.ChallengeSignIn}
	use, disabled, err := a.used(ctx, c, answer)
	if !model.Is(err, model.KindBadPasskey) {
		succeeded() // or nobody looked at it
	}
	switch {
	case err != nil:
		return model.Session{}, err
	case disabled:
		a.drop(ctx, challenge)
		a.recordFailure(ctx, from, use.UserID, model.ReasonDisabled)
		return model.Session{}, refused(model.KindDisabled, model.ReasonDisabled, use.UserID)
	}
	who := authenticated{
		userID: use.UserID, identityID: use.ID, provider: model.ProviderPasskey, refusal: model.KindBadPasskey, how: model.DetailPasskey, proved: true,
	}
	row := a.newSession(from, who, d)
	signedIn := a.event(from, model.EventSignedIn, use.UserID)
	signedIn.Detail = who.how
	err = a.store.SignInWithPasskey(ctx, c, use.Passkey, row, a.withCount(ctx, from, use, signedIn)...)
	if row, err = a.settleSession(ctx, from, who, row, "sign in with a passkey", err); err != nil {
		return model.Session{}, err
	}
	return a.withCustomData(ctx, row)
}

// withCustomData is a session with the custom data of its user, which its tokens have.
func (a *Accounts) withCustomData(ctx context.Context, row model.Session) (model.Session, error) {
	read, err := a.store.AuthSession(ctx, row.ID)
	if err != nil {
		return model.Session{}, missing(model.KindBadPasskey, "read session", err)
	}
	row.CustomData = read.CustomData
	return row, nil
}

// used is the passkey that gave an answer to a challenge, as it is afterwards, and whether its owner is disabled. The challenge of an answer
// that does not fit is good no more.
func (a *Accounts) used(ctx context.Context, c model.Challenge, answer []byte) (use passkeys.Use, disabled bool, err error) {
	if a.passkeys == nil {
		return use, false, refuse(model.KindNotOffered)
	}
	if _, err := a.good(ctx, c); err != nil {
		return use, false, err
	}
	use, err = a.passkeys.Used(c.ID, answer, func(credentialID []byte) (found model.Passkey, err error) {
		found, disabled, err = a.store.PasskeyByCredential(ctx, credentialID)
		switch {
		case errors.Is(err, model.ErrNotFound):
			err = passkeys.ErrUnknown
		case err != nil:
			err = unavailable("find passkey", err)
		case c.UserID != "" && found.UserID != c.UserID:
			err = errors.New("the passkey of somebody else")
		}
		return found, err
	})
	var down *model.Error
	switch {
	case errors.As(err, &down):
		return use, false, down
	case err != nil:
		a.drop(ctx, c.ID)
		return use, false, a.badPasskey(ctx, err.Error(), cmp.Or(c.UserID, use.UserID))
	}
	use.LastUsedAt = a.cfg.Now()
	if use.EligibleChanged {
		a.cfg.Log.WarnContext(ctx, "a passkey says something else of whether it can be copied than it said before, and is accepted",
			"user", use.UserID, "passkey", use.ID)
	}
	return use, disabled, nil
}

// good is what a challenge was kept with.
func (a *Accounts) good(ctx context.Context, c model.Challenge) ([]byte, error) {
	if !passkeys.IsChallenge(c.ID) {
		return nil, a.badPasskey(ctx, "no challenge can be that", c.UserID)
	}
	data, err := a.store.Challenge(ctx, c, a.cfg.Now())
	switch {
	case errors.Is(err, model.ErrNotFound):
		return nil, a.badPasskey(ctx, "the challenge was used, has expired, or is for something else", c.UserID)
	case err != nil:
		return nil, unavailable("find challenge", err)
	}
	return data, nil
}

// badPasskey refuses an answer, and says why to the log alone.
func (a *Accounts) badPasskey(ctx context.Context, why, userID string) *model.Error {
	a.cfg.Log.InfoContext(ctx, "passkey refused", "reason", why, "user", userID)
	return refused(model.KindBadPasskey, why, userID)
}

// drop has a challenge be good no more. Without it, it expires.
func (a *Accounts) drop(ctx context.Context, id string) {
	if err := a.store.DropChallenge(ctx, id); err != nil {
		a.cfg.Log.WarnContext(ctx, "a challenge was not dropped", "cause", err)
	}
}

// withCount adds to the event of a use that the count of the passkey went back.
func (a *Accounts) withCount(ctx context.Context, from model.Origin, use passkeys.Use, e model.Event) []model.Event {
	if !use.CountBack {
		return []model.Event{e}
	}
	a.cfg.Log.WarnContext(ctx, "a passkey counted no more uses than before, and is accepted: there may be two of it",
		"user", use.UserID, "passkey", use.ID)
	back := a.event(from, model.EventPasskeyCount, use.UserID)
	back.Detail = use.Name
	return []model.Event{e, back}
}

// ProofOptions are what a browser is given for the person to show that it is they, and their challenge.
func (p *Person) ProofOptions(ctx context.Context) (options []byte, challenge string, err error) {
	have, err := p.usesPasskeys(ctx)
	if err != nil {
		return nil, "", err
	}
	options, challenge, err = p.accounts.passkeys.ToProve(have)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return nil, "", refuse(model.KindNotFound)
	case err != nil:
		return nil, "", err
	}
	return options, challenge, p.accounts.challenge(ctx, model.Challenge{ID: challenge, UserID: p.who.UserID, Purpose: model.ChallengeProve})
}

// usesPasskeys are the passkeys of a person who is about to be given a challenge.
func (p *Person) usesPasskeys(ctx context.Context) ([]model.Passkey, error) {
	switch err := p.manages(); {
	case err != nil:
		return nil, err
	case p.accounts.passkeys == nil:
		return nil, refuse(model.KindNotOffered)
	}
	if err := p.acting(); err != nil {
		return nil, err
	}
	have, err := p.accounts.store.Passkeys(ctx, p.who.UserID)
	if err != nil {
		return nil, unavailable("list passkeys", err)
	}
	return have, nil
}

// CheckPasskey checks what a browser answered to ProofOptions, before something for which a session that was left open should not be enough.
func (p *Person) CheckPasskey(ctx context.Context, challenge string, answer []byte) error {
	if err := p.manages(); err != nil {
		return err
	}
	a := p.accounts
	c := model.Challenge{ID: challenge, UserID: p.who.UserID, Purpose: model.ChallengeProve}
	use, disabled, err := a.used(ctx, c, answer)
	switch {
	case err != nil:
		return err
	case disabled:
		return refused(model.KindSessionOver, model.ReasonDisabled, p.who.UserID)
	}
	proved := p.event(model.EventPasswordProved)
	proved.Detail = model.DetailPasskey
	err = a.store.ConfirmWithPasskey(ctx, c, use.Passkey, p.who.SessionID, a.withCount(ctx, p.from, use, proved)...)
	err = p.settle(ctx, "record step-up", err, func(ctx context.Context) (bool, error) { return a.wrote(ctx, proved) })
	if errors.Is(err, model.ErrNotFound) { // another was quicker, or the session has ended
		return a.badPasskey(ctx, "the challenge, the passkey or the session is gone", p.who.UserID)
	}
	if err != nil {
		return unavailable("record step-up", err)
	}
	return nil
}

// Passkeys are those of the person, in the order in which they were added.
func (p *Person) Passkeys(ctx context.Context) ([]model.Passkey, error) {
	if err := p.manages(); err != nil {
		return nil, err
	}
	identities, err := p.accounts.store.Identities(ctx, p.who.UserID)
	if err != nil {
		return nil, missing(model.KindSessionOver, "read identities", err)
	}
	all, err := p.accounts.store.Passkeys(ctx, p.who.UserID)
	if err != nil {
		return nil, unavailable("list passkeys", err)
	}
	other := slices.ContainsFunc(identities, p.accounts.signsIn)
	for i := range all {
		all[i].Elsewhere = all[i].RPID != p.accounts.passkeyHost()
		all[i].Removable = other || p.accounts.anyWorks(all, all[i].ID)
	}
	return all, nil
}

// anyWorks says whether one of the passkeys works here, apart from one.
func (a *Accounts) anyWorks(all []model.Passkey, besides string) bool {
	return slices.ContainsFunc(all, func(one model.Passkey) bool { return one.ID != besides && one.RPID == a.passkeyHost() })
}

// signsIn says whether the owner of an identity can sign in with it: see wayIn in package store.
func (a *Accounts) signsIn(id model.Identity) bool {
	if !a.isWay(id) || id.Pending {
		return false
	}
	if id.Provider == model.ProviderEmailPassword {
		return id.PasswordHash != ""
	}
	_, inBrowser := a.openIDOf(id.Provider)
	return inBrowser || a.cfg.TakesTokens == nil || a.cfg.TakesTokens(id.Provider)
}

// calledBy is the address with which somebody signs in by password, and what they are called beside it.
func calledBy(identities []model.Identity) (email, name string) {
	for _, id := range identities {
		if id.Provider == model.ProviderEmailPassword {
			return id.Subject, id.Subject
		}
		name = cmp.Or(name, id.Email, nameOf(id))
	}
	return "", name
}

// passkey is one of the person's.
func (p *Person) passkey(ctx context.Context, id string) (model.Passkey, error) {
	all, err := p.Passkeys(ctx)
	if err != nil {
		return model.Passkey{}, err
	}
	i := slices.IndexFunc(all, func(one model.Passkey) bool { return one.ID == id })
	if i < 0 {
		return model.Passkey{}, refuse(model.KindNotFound)
	}
	return all[i], nil
}

// NewPasskeyOptions are what a browser is given to create a passkey, and their challenge.
func (p *Person) NewPasskeyOptions(ctx context.Context) (options []byte, challenge string, err error) {
	have, err := p.usesPasskeys(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(have) >= model.MaxPasskeys {
		return nil, "", tooManyPasskeys()
	}
	a := p.accounts
	identities, err := a.store.Identities(ctx, p.who.UserID)
	if err != nil {
		return nil, "", missing(model.KindSessionOver, "read identities", err)
	}
	_, name := calledBy(identities)
	handle := passkeys.NewHandle()
	if len(have) > 0 {
		handle = have[0].UserHandle
	}
	options, challenge, err = a.passkeys.ToAdd(name, handle, have)
	if err != nil {
		return nil, "", err
	}
	return options, challenge, a.challenge(ctx, model.Challenge{ID: challenge, UserID: p.who.UserID, Purpose: model.ChallengeAdd, Data: handle})
}

func tooManyPasskeys() error {
	return &model.Error{Kind: model.KindPasskeyLimit, Reason: "an account has at most 10 passkeys"}
}

// AddPasskey keeps what a browser answered to NewPasskeyOptions.
func (p *Person) AddPasskey(ctx context.Context, challenge, name string, answer []byte) (model.Passkey, error) {
	a := p.accounts
	switch err := p.manages(); {
	case err != nil:
		return model.Passkey{}, err
	case a.passkeys == nil:
		return model.Passkey{}, refuse(model.KindNotOffered)
	}
	name = model.CleanText(name)
	if err := model.CheckPasskeyName(name); err != nil { // the challenge is still good
		return model.Passkey{}, err
	}
	c := model.Challenge{ID: challenge, UserID: p.who.UserID, Purpose: model.ChallengeAdd}
	handle, err := a.good(ctx, c)
	if err != nil {
		return model.Passkey{}, err
	}
	added, err := a.passkeys.Added(challenge, handle, answer)
	if err != nil {
		a.drop(ctx, challenge)
		return model.Passkey{}, a.badPasskey(ctx, err.Error(), p.who.UserID)
	}
	now := a.cfg.Now()
	added.ID, added.UserID, added.Name, added.CreatedAt = model.NewID(now), p.who.UserID, name, now
	e := p.event(model.EventPasskeyAdded)
	e.Detail = name
	err = p.settle(ctx, "add passkey", a.store.AddPasskey(ctx, c, added, e), func(ctx context.Context) (bool, error) {
		found, _, err := a.store.PasskeyByCredential(ctx, added.CredentialID)
		is, err := there(err)
		return is && found.ID == added.ID, err
	})
	switch {
	case errors.Is(err, model.ErrNotFound):
		return model.Passkey{}, a.badPasskey(ctx, "the challenge or the account is gone, or another passkey was added meanwhile", p.who.UserID)
	case errors.Is(err, model.ErrConflict):
		a.drop(ctx, challenge)
		return model.Passkey{}, refuse(model.KindPasskeyTaken)
	case errors.Is(err, model.ErrLimit):
		return model.Passkey{}, tooManyPasskeys()
	case err != nil:
		return model.Passkey{}, unavailable("add passkey", err)
	}
	a.tell(ctx, p.from, passkeyNotice, p.who.UserID, func(l Letters, to string, c Circumstances) Email { return l.PasskeyAdded(to, name, c) })
	return added, nil
}

// RenamePasskey calls a passkey of the person something else, and gives it as it is afterwards. It is no event.
func (p *Person) RenamePasskey(ctx context.Context, id, name string) (model.Passkey, error) {
	one, err := p.passkey(ctx, id)
	if err != nil {
		return model.Passkey{}, err
	}
	name = model.CleanText(name)
	if err := model.CheckPasskeyName(name); err != nil {
		return model.Passkey{}, err
	}
	a := p.accounts
	err = p.settle(ctx, "rename passkey", a.store.RenamePasskey(ctx, p.who.UserID, id, name), func(ctx context.Context) (bool, error) {
		now, err := p.passkey(ctx, id)
		return err == nil && now.Name == name, err
	})
	if err != nil {
		return model.Passkey{}, missing(model.KindNotFound, "rename passkey", err)
	}
	one.Name = name
	return one, nil
}

// RemovePasskey removes a passkey of the person, ends the sessions that it opened, and gives it as it was.
func (p *Person) RemovePasskey(ctx context.Context, id string) (model.Passkey, error) {
	one, err := p.passkey(ctx, id)
	if err != nil {
		return model.Passkey{}, err
	}
	lastWay := &model.Error{Kind: model.KindLastWay, Reason: "this is the only way in that is left"}
	if !one.Removable { // the store counts a way that nobody gets in by as things are set up here, such as a password where they are off
		return one, lastWay
	}
	a := p.accounts
	e := p.event(model.EventPasskeyRemoved)
	e.Detail = one.Name
	err = p.settle(ctx, "remove passkey", a.store.RemovePasskey(ctx, p.who.UserID, id, a.passkeyHost(), e), func(ctx context.Context) (bool, error) {
		left, err := a.store.Passkeys(ctx, p.who.UserID)
		return err == nil && !slices.ContainsFunc(left, func(other model.Passkey) bool { return other.ID == id }), err
	})
	switch {
	case errors.Is(err, model.ErrConflict):
		return one, lastWay
	case err != nil:
		return one, missing(model.KindNotFound, "remove passkey", err)
	}
	a.tell(ctx, p.from, passkeyNotice, p.who.UserID, func(l Letters, to string, c Circumstances) Email { return l.PasskeyRemoved(to, one.Name, c) })
	return one, nil
}

// RemovePassword has the password of the person sign nobody in any more, and ends all other sessions: somebody who knew it may have opened
// them. A link that is sent to their address sets another one, as ever.
func (p *Person) RemovePassword(ctx context.Context) error {
	if err := p.manages(); err != nil {
		return err
	}
	a := p.accounts
	identities, err := a.store.Identities(ctx, p.who.UserID)
	if err != nil {
		return missing(model.KindSessionOver, "read identities", err)
	}
	i := slices.IndexFunc(identities, func(id model.Identity) bool {
		return id.Provider == model.ProviderEmailPassword && id.PasswordHash != ""
	})
	if i < 0 {
		return refuse(model.KindNotFound)
	}
	id := identities[i]
	reachable := a.cfg.Mailer != nil && !a.cfg.PasswordsOff && !id.Pending && mailable(id.Subject)
	err = a.store.RemovePassword(ctx, id, a.passkeyHost(), reachable, p.who.SessionID, p.event(model.EventPasswordRemoved))
	err = a.settleIdentity(ctx, "remove password", err, id, func(now model.Identity) bool { return now.PasswordHash == "" })
	switch {
	case errors.Is(err, model.ErrConflict):
		return &model.Error{Kind: model.KindFewPasskeys, Reason: "it takes two passkeys, or one and a confirmed address"}
	case err != nil:
		return missing(model.KindNotFound, "remove password", err)
	}
	a.tell(ctx, p.from, passwordNotice, p.who.UserID, Letters.PasswordRemoved)
	return nil
}
