package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"latchkey/internal/model"
)

// AccessLifetime is how long an access token lasts. It is not asked about the session that it is of.
const AccessLifetime = 30 * time.Minute

// SessionLifetime is how long a session lasts, whatever is done with it.
const SessionLifetime = 60 * 24 * time.Hour

// noDevice is the device id of a sign-in that said nothing about its device.
const noDevice = "000000000000000000000000"

// authenticated is who a sign-in turned out to be.
type authenticated struct {
	userID, identityID, provider string

	refusal    model.Kind    // when user, password or key go away before the session is there
	generation int64         // of the password that was checked
	how        string        // what the event says of it
	customData string        // of the user
	ends       time.Time     // the key; zero when it does not
	lasts      time.Duration // the session; zero: as long as any
	proved     bool          // they have just shown that it is they
	provedAt   time.Time     // or did so when somebody else asked them; zero when that is not known
}

// SignIn opens a session with the email and the password of an account.
func (a *Accounts) SignIn(ctx context.Context, from model.Origin, email string, password model.Secret) (model.Account, error) {
	session, err := a.SignInWithPassword(ctx, from, email, password, nil)
	if err != nil {
		return model.Account{}, err
	}
	return model.Account{UserID: session.UserID, Email: email, SessionID: session.ID, IdentityID: session.IdentityID, Provider: session.Provider}, nil
}

// SignInWithPassword is SignIn for a program, which may have said what it is.
func (a *Accounts) SignInWithPassword(
	ctx context.Context, from model.Origin, email string, password model.Secret, d *model.Device,
) (model.Session, error) {
	if a.cfg.PasswordsOff {
		return model.Session{}, refuse(model.KindNotOffered)
	}
	who, err := a.verifyPassword(ctx, from, email, password)
	if err != nil {
		return model.Session{}, err
	}
	return a.openSession(ctx, from, who, d)
}

// SignInWithKey opens a session with the value of a key.
func (a *Accounts) SignInWithKey(ctx context.Context, from model.Origin, value model.Secret, d *model.Device) (model.Session, error) {
	key, err := a.keyOf(ctx, value)
	if err != nil {
		if errors.Is(err, errNobodys) {
			a.knocked(ctx, from, value, d)
		}
		return model.Session{}, err
	}
	return a.signInWith(ctx, from, key, d)
}

// SignInAnonymously opens a session for nobody in particular.
func (a *Accounts) SignInAnonymously(ctx context.Context, from model.Origin, d *model.Device) (model.Session, error) {
	if !a.cfg.Anonymous {
		return model.Session{}, refuse(model.KindNoAnonymous)
	}
	// Each creates an account, under the same count as those that people register.
	if err := tooMany(model.KindTooManyAccounts, a.registrations.take(from.Address)); err != nil {
		return model.Session{}, err
	}
	who, err := a.createAnonymous(ctx)
	if err != nil {
		return model.Session{}, err
	}
	return a.openSession(ctx, from, who, d)
}

// verifyPassword answers an unknown email as it answers a wrong password, after the same work, so that nobody learns who has
// an account here. That an account is off, or waits for its address to be confirmed, is for those who know its password.
func (a *Accounts) verifyPassword(ctx context.Context, from model.Origin, email string, password model.Secret) (authenticated, error) {
	// No account can have such a password or email: no need to hash 64 KB, to ask the store or to count.
	if tooLong(password) || !validEmail(email) {
		return authenticated{}, refused(model.KindWrongPassword, "email or password that no account can have", "")
	}
	succeeded, err := a.guessing(ctx, Attempt{Account: email, Address: from.Address, KnownBrowser: from.KnownBrowser})
	if model.Is(err, model.KindTooManyTries) {
		err = a.aboutOwner(ctx, err, email)
	}
	if err != nil {
		return authenticated{}, err
	}
	id, err := a.store.IdentityBySubject(ctx, model.ProviderEmailPassword, email)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return authenticated{}, unavailable("read identity", err)
	}
	verdict, err := a.passwords.check(ctx, claim{email, from}, id.PasswordHash, password)
	if err != nil || verdict != passwordWrong {
		succeeded() // or nobody looked at it
	}
	if err == nil {
		err = a.judge(ctx, from, id, verdict)
	}
	if err != nil {
		return authenticated{}, about(err, id.UserID)
	}
	if verdict == passwordOutdated {
		a.rehash(ctx, from, id, password)
	}
	return authenticated{
		userID: id.UserID, identityID: id.ID, provider: id.Provider, refusal: model.KindWrongPassword, generation: id.Generation,
		customData: id.CustomData, proved: true,
	}, nil
}

// judge says whether a sign-in may go on after its password was checked. What it tells the owner of the account is recorded
// afterwards: by the time that it takes one could tell an account from none.
func (a *Accounts) judge(ctx context.Context, from model.Origin, id model.Identity, v verdict) error {
	var kind model.Kind
	var reason string
	switch {
	case id.ID == "":
		return refused(model.KindWrongPassword, "no such account", "")
	case v == passwordWrong:
		kind, reason = model.KindWrongPassword, model.ReasonWrongPassword
	case id.UserDisabled:
		kind, reason = model.KindDisabled, model.ReasonDisabled
	case id.Pending:
		kind, reason = model.KindUnconfirmed, model.ReasonPending
	default:
		return nil
	}
	a.recordFailure(ctx, from, id.UserID, reason)
	return refused(kind, reason, id.UserID)
}

// rehash stores the password at today's cost. The sign-in succeeds without it: the next one tries again.
func (a *Accounts) rehash(ctx context.Context, from model.Origin, id model.Identity, password model.Secret) {
	hash, err := a.passwords.hash(ctx, claim{id.Subject, from}, password)
	if err == nil {
		err = a.store.ReplacePasswordHash(ctx, id.ID, id.PasswordHash, hash)
	}
	if err != nil {
		a.cfg.Log.WarnContext(ctx, "password kept at its old cost", "user", id.UserID, "reason", err)
	}
}

// keyOf finds the key that has the value, on or off.
func (a *Accounts) keyOf(ctx context.Context, value model.Secret) (model.Key, error) {
	if !isValue(string(value)) {
		return model.Key{}, refused(model.KindWrongValue, "not shaped like a key", "")
	}
	key, err := a.store.APIKeyByValueHash(ctx, hashValue(string(value)))
	switch {
	case errors.Is(err, model.ErrNotFound):
		return model.Key{}, &model.Error{Kind: model.KindWrongValue, Err: errNobodys}
	case err != nil:
		return model.Key{}, unavailable("read key", err)
	}
	return key, nil
}

// signInWith answers alike for a value that never was, one turned off and one deleted; only the log knows which, and the owner
// of one turned off.
func (a *Accounts) signInWith(ctx context.Context, from model.Origin, key model.Key, d *model.Device) (model.Session, error) {
	switch {
	case key.Disabled:
		a.recordRefusal(ctx, from, key, model.ReasonKeyOff)
		return model.Session{}, keyIsOff(key)
	case a.expired(key):
		a.recordRefusal(ctx, from, key, model.ReasonKeyExpired)
		return model.Session{}, keyIsOff(key)
	}
	who := authenticated{
		userID: key.UserID, identityID: key.ID, provider: model.ProviderAPIKey, refusal: model.KindWrongValue, customData: key.CustomData,
		ends: key.ExpiresAt,
	}
	return a.openSession(ctx, from, who, d)
}

// keyIsOff is about a key that is off or has expired.
func keyIsOff(key model.Key) error {
	why := "key is turned off"
	if !key.Disabled {
		why = "key has expired"
	}
	off := refused(model.KindWrongValue, why, key.UserID)
	off.KeyID = key.ID
	return off
}

// createAnonymous creates the user that an anonymous session will belong to.
func (a *Accounts) createAnonymous(ctx context.Context) (authenticated, error) {
	now := a.cfg.Now()
	user := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{
		ID: anonymousID(model.NewID(now)), UserID: user.ID, Provider: model.ProviderAnonymous, CreatedAt: now,
	}
	id.Subject = id.ID
	if err := a.settleUser(ctx, "create anonymous user", a.store.CreateUser(ctx, user, id), user.ID); err != nil {
		return authenticated{}, unavailable("create anonymous user", err)
	}
	return authenticated{userID: user.ID, identityID: id.ID, provider: id.Provider, refusal: model.KindStorageDown}, nil
}

// anonymousID gives an anonymous identity the id shape of App Services: an ordinary id, a hyphen, 24 lower-case letters.
func anonymousID(id string) string {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails: the program ends first
	for i, b := range random {
		random[i] = 'a' + b%26 // a little uneven, which does not matter: this is a name, not a secret
	}
	return id + "-" + string(random[:])
}

// openSession saves the session before it tells anybody of it. The store refuses when the key was turned off, the password
// changed or the user disabled or deleted a moment ago, so that no session outlives the decision.
func (a *Accounts) openSession(ctx context.Context, from model.Origin, who authenticated, d *model.Device) (model.Session, error) {
	row := a.newSession(from, who, d)
	var use *model.KeyUse
	e := a.event(from, model.EventSignedIn, who.userID)
	e.Detail = who.how
	if row.KeyID != "" {
		use = useOf(from, d, row.CreatedAt)
		e.Kind, e.KeyID = model.EventKeyFirstUsed, row.KeyID // the store writes it down of the first use alone
	}
	return a.settleSession(ctx, from, who, row, "create session", a.store.CreateAuthSession(ctx, row, use, e))
}

// settleSession gives a session that the store was to save, once it is known what came of that.
func (a *Accounts) settleSession(
	ctx context.Context, from model.Origin, who authenticated, row model.Session, doing string, err error,
) (model.Session, error) {
	err = a.settle(ctx, row.UserID, doing, err, func(ctx context.Context) (bool, error) {
		_, err := a.store.AuthSession(ctx, row.ID)
		return there(err)
	})
	switch {
	case errors.Is(err, model.ErrNotFound):
		return model.Session{}, a.noSession(ctx, from, who)
	case err != nil:
		return model.Session{}, unavailable(doing, err)
	}
	return row, nil
}

// newSession is the session of an authenticated account.
func (a *Accounts) newSession(from model.Origin, who authenticated, d *model.Device) model.Session {
	now := a.sessionTime()
	row := model.Session{
		ID:         model.NewID(now),
		UserID:     who.userID,
		DeviceID:   deviceID(d, model.NewID(now)),
		Provider:   who.provider,
		IdentityID: who.identityID,
		CreatedAt:  now,
		LastSeenAt: now,
		ExpiresAt:  now.Add(SessionLifetime),
		Address:    from.Address,
		Agent:      from.Agent,
		Generation: who.generation,
		CustomData: who.customData,
		Language:   from.Language,
	}
	switch at := a.cfg.Now(); {
	case who.proved, who.provedAt.After(at): // by a clock that is a little ahead
		row.ProvedAt = at
	default:
		row.ProvedAt = who.provedAt
	}
	if who.lasts > 0 {
		row.ExpiresAt = now.Add(min(who.lasts, SessionLifetime))
	}
	if d != nil {
		row.DeviceName, row.Platform, row.SDK = d.Name, d.Platform, d.SDK
	}
	if row.Provider == model.ProviderAPIKey {
		row.KeyID = who.identityID
		if !who.ends.IsZero() && who.ends.Before(row.ExpiresAt) {
			row.ExpiresAt = who.ends
		}
	}
	return row
}

// sessionTime is what a session is dated by. By a clock that is behind, as that of a board without a battery is until it has asked the
// network, it would be over as soon as the clock is right, and a device that keeps only the session would be signed out.
func (a *Accounts) sessionTime() time.Time {
	now := a.cfg.Now()
	if believed := a.store.Believed(); believed.After(now) {
		return believed
	}
	return now
}

// useOf is what will be remembered of a sign-in with a key.
func useOf(from model.Origin, d *model.Device, now time.Time) *model.KeyUse {
	use := &model.KeyUse{At: now, Address: from.Address}
	if d != nil {
		use.DeviceName, use.Platform, use.PlatformVersion = d.Name, d.Platform, d.PlatformVersion
		use.SDK, use.SDKVersion = d.SDK, d.SDKVersion
	}
	return use
}

// noSession explains a sign-in that the store refused. With a right key, it says that the account is disabled.
func (a *Accounts) noSession(ctx context.Context, from model.Origin, who authenticated) error {
	user, err := a.store.User(ctx, who.userID)
	if err == nil && !user.DisabledAt.IsZero() {
		if who.provider == model.ProviderAPIKey {
			a.recordRefusal(ctx, from, model.Key{ID: who.identityID, UserID: who.userID}, model.ReasonDisabled)
		}
		return refused(model.KindDisabled, model.ReasonDisabled, who.userID)
	}
	return refused(who.refusal, "user, password or key was removed during the sign-in", who.userID)
}

// deviceID gives back the id a client had before. One that describes its device gets a fresh id, one that does not gets zeros,
// which Realm's core takes for "no device".
func deviceID(d *model.Device, fresh string) string {
	switch {
	case d == nil:
		return noDevice
	case model.IsID(d.ID) && d.ID != noDevice:
		return d.ID
	default:
		return fresh
	}
}
