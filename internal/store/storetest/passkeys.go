package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

const (
	here      = "keys.example.org"
	elsewhere = "keys.old.example.org"
)

func passkeys() []contract {
	return []contract{
		{"a passkey comes back as it was added, and is found by what its authenticator calls it", provePasskeys},
		{"a passkey is added once, with one challenge, by a user who has room for it", provePasskeyAdded},
		{"a sign-in with a passkey uses its challenge up and opens one session", provePasskeyUsed},
		{"a challenge is good for its time, its purpose and its user", proveChallenge},
		{"challenges of strangers leave room for those who are signed in", proveRoomForChallenges},
		{"the last way to sign in stays, whichever it is", proveLastWay},
		{"a passkey that is removed takes along what it opened", provePasskeyRemoved},
		{"a password goes where enough passkeys are left", provePasswordRemoved},
		{"of a user who is deleted no passkey and no challenge is left", provePasskeysGone},
	}
}

// newPasskey returns a passkey of a user to add.
func newPasskey(userID string) model.Passkey {
	id := model.NewID(base)
	return model.Passkey{
		ID: id, UserID: userID, CredentialID: []byte("credential " + id), PublicKey: []byte("key " + id), RPID: here,
		UserHandle: []byte("handle of " + userID), SignCount: 7, Flags: 0x1d, AAGUID: bytes.Repeat([]byte{9}, 16), Transports: "usb,nfc",
		Name: "MacBook", CreatedAt: base,
	}
}

// newChallenge returns a challenge to create.
func newChallenge(userID, purpose string) model.Challenge {
	return model.Challenge{
		ID: "challenge " + model.NewID(base), UserID: userID, Purpose: purpose, Data: []byte("data"), ExpiresAt: base.Add(model.ChallengeLifetime),
	}
}

func addChallenge(t *testing.T, s *store.Store, userID, purpose string) model.Challenge {
	t.Helper()
	c := newChallenge(userID, purpose)
	want(t, s.CreateChallenge(t.Context(), c), nil)
	return c
}

func addPasskey(t *testing.T, s *store.Store, p model.Passkey) model.Passkey {
	t.Helper()
	want(t, s.AddPasskey(t.Context(), addChallenge(t, s, p.UserID, model.ChallengeAdd), p), nil)
	return p
}

func byPasskey(p model.Passkey) model.Session {
	a := newAuthSession(p.UserID, "")
	a.Provider, a.IdentityID, a.ProvedAt = model.ProviderPasskey, p.ID, base
	return a
}

func provePasskeys(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u := addUser(t, s)
	none, err := s.Passkeys(ctx, u.ID)
	if err != nil || len(none) != 0 {
		t.Errorf("nobody's passkeys are %v, %v", none, err)
	}
	first := addPasskey(t, s, newPasskey(u.ID))
	second := newPasskey(u.ID)
	second.RPID, second.AAGUID, second.Transports = elsewhere, []byte{}, ""
	addPasskey(t, s, second)
	addPasskey(t, s, newPasskey(addUser(t, s).ID))
	got, err := s.Passkeys(ctx, u.ID)
	want(t, err, nil)
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", []model.Passkey{first, second}) {
		t.Errorf("they are\n%#v", got)
	}
	found, disabled, err := s.PasskeyByCredential(ctx, first.CredentialID)
	if err != nil || disabled || fmt.Sprintf("%#v", found) != fmt.Sprintf("%#v", first) {
		t.Errorf("found %#v, %v, %v", found, disabled, err)
	}
	_, _, err = s.PasskeyByCredential(ctx, []byte("nobody's"))
	want(t, err, model.ErrNotFound)
	want(t, s.DisableUser(ctx, u.ID, base), nil)
	if _, disabled, err = s.PasskeyByCredential(ctx, first.CredentialID); err != nil || !disabled {
		t.Errorf("that of a disabled user: %v, %v", disabled, err)
	}
	for besides, others := range map[string][]string{here: {elsewhere}, "": {here, elsewhere}, "other": {here, elsewhere}} {
		if hosts, err := s.PasskeyHosts(ctx, besides); err != nil || !slices.Equal(hosts, others) {
			t.Errorf("besides %q there are %q, %v", besides, hosts, err)
		}
	}
	want(t, s.RenamePasskey(ctx, u.ID, first.ID, "Phone"), nil)
	want(t, s.RenamePasskey(ctx, addUser(t, s).ID, first.ID, "Stolen"), model.ErrNotFound)
	if got, err := s.Passkeys(ctx, u.ID); err != nil || got[0].Name != "Phone" || got[1].Name != "MacBook" {
		t.Errorf("they are called %v, %v", got, err)
	}
}

func provePasskeyAdded(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, other := addUser(t, s), addUser(t, s)
	p := newPasskey(u.ID)
	e := newEvent(u.ID, model.EventPasskeyAdded)
	c := addChallenge(t, s, u.ID, model.ChallengeAdd)
	want(t, s.AddPasskey(ctx, c, p, e), nil)
	again := newPasskey(u.ID)
	want(t, s.AddPasskey(ctx, c, again), model.ErrNotFound)
	again.CredentialID = p.CredentialID
	want(t, s.AddPasskey(ctx, addChallenge(t, s, u.ID, model.ChallengeAdd), again), model.ErrConflict)
	stolen := newPasskey(other.ID)
	stolen.CredentialID = p.CredentialID
	want(t, s.AddPasskey(ctx, addChallenge(t, s, other.ID, model.ChallengeAdd), stolen), model.ErrConflict)
	unlike := newPasskey(u.ID)
	unlike.UserHandle = []byte("another handle")
	want(t, s.AddPasskey(ctx, addChallenge(t, s, u.ID, model.ChallengeAdd), unlike), model.ErrNotFound)
	if events, err := s.Events(ctx, u.ID, model.EventQuery{Kinds: []model.EventKind{e.Kind}, Limit: 9}); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	for range model.MaxPasskeys - 2 {
		addPasskey(t, s, newPasskey(u.ID))
	}
	left := []model.Challenge{addChallenge(t, s, u.ID, model.ChallengeAdd), addChallenge(t, s, u.ID, model.ChallengeAdd)}
	testkit.AtOnce(t, len(left), func(ctx context.Context, i int) error {
		return s.AddPasskey(ctx, left[i], newPasskey(u.ID))
	}, model.ErrLimit)
	got, err := s.Passkeys(ctx, u.ID)
	if err != nil || len(got) != model.MaxPasskeys {
		t.Errorf("%d passkeys, %v", len(got), err)
	}
	want(t, s.DisableUser(ctx, other.ID, base), nil)
	want(t, s.AddPasskey(ctx, addChallenge(t, s, other.ID, model.ChallengeAdd), newPasskey(other.ID)), model.ErrNotFound)
}

func provePasskeyUsed(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u := addUser(t, s)
	p := addPasskey(t, s, newPasskey(u.ID))
	c := addChallenge(t, s, "", model.ChallengeSignIn)
	use := p
	use.SignCount, use.Flags, use.LastUsedAt = 8, 0x05, base.Add(time.Minute)
	sessions := []model.Session{byPasskey(p), byPasskey(p)}
	testkit.AtOnce(t, len(sessions), func(ctx context.Context, i int) error {
		return s.SignInWithPasskey(ctx, c, use, sessions[i], newEvent(u.ID, model.EventSignedIn))
	}, model.ErrNotFound)
	opened := 0
	for _, a := range sessions {
		if got, err := s.AuthSession(ctx, a.ID); err == nil {
			opened++
			if got.Provider != model.ProviderPasskey || got.IdentityID != p.ID || !got.ProvedAt.Equal(base) {
				t.Errorf("the session is %+v", got)
			}
		}
	}
	events, err := s.Events(ctx, u.ID, model.EventQuery{Kinds: []model.EventKind{model.EventSignedIn}, Limit: 9})
	if err != nil || opened != 1 || len(events) != 1 {
		t.Errorf("%d sessions, %d events, %v", opened, len(events), err)
	}
	if got, err := s.Passkeys(ctx, u.ID); err != nil || got[0].SignCount != 8 || got[0].Flags != 0x05 || !got[0].LastUsedAt.Equal(use.LastUsedAt) {
		t.Errorf("it is %#v, %v", got, err)
	}

	own := addAuthSession(t, s, u.ID, "")
	c = addChallenge(t, s, u.ID, model.ChallengeProve)
	want(t, s.ConfirmWithPasskey(ctx, c, use, own.ID, newEvent(u.ID, model.EventPasswordProved)), nil)
	want(t, s.ConfirmWithPasskey(ctx, c, use, own.ID), model.ErrNotFound)
	if got, err := s.AuthSession(ctx, own.ID); err != nil || !got.ProvedAt.Equal(use.LastUsedAt) {
		t.Errorf("proved at %v, %v", got.ProvedAt, err)
	}

	// What is refused uses nothing up.
	c = addChallenge(t, s, "", model.ChallengeSignIn)
	want(t, s.DisableUser(ctx, u.ID, base), nil)
	want(t, s.SignInWithPasskey(ctx, c, use, byPasskey(p)), model.ErrNotFound)
	want(t, s.EnableUser(ctx, u.ID, base), nil)
	want(t, s.SignInWithPasskey(ctx, c, use, byPasskey(p)), nil)

	// A passkey that is removed meanwhile opens nothing, whichever way the session is opened.
	want(t, s.RemovePasskey(ctx, u.ID, p.ID, here), nil)
	want(t, s.SignInWithPasskey(ctx, addChallenge(t, s, "", model.ChallengeSignIn), use, byPasskey(p)), model.ErrNotFound)
	want(t, s.CreateAuthSession(ctx, byPasskey(p), nil), model.ErrNotFound)
}

func proveChallenge(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, other := addUser(t, s), addUser(t, s)
	c := addChallenge(t, s, u.ID, model.ChallengeProve)
	good := base.Add(time.Minute)
	for name, wrong := range map[string]struct {
		model.Challenge
		at time.Time
	}{
		"in its last moment":   {c, c.ExpiresAt},
		"when it has expired":  {c, c.ExpiresAt.Add(time.Hour)},
		"while it is not good": {c, base.Add(-model.MaxAhead - time.Millisecond)},
		"for something else":   {model.Challenge{ID: c.ID, UserID: u.ID, Purpose: model.ChallengeAdd}, good},
		"for somebody else":    {model.Challenge{ID: c.ID, UserID: other.ID, Purpose: c.Purpose}, good},
		"for nobody":           {model.Challenge{ID: c.ID, Purpose: c.Purpose}, good},
		"for a sign-in":        {model.Challenge{ID: c.ID, Purpose: model.ChallengeSignIn}, good},
		"that there never was": {model.Challenge{ID: "other", UserID: u.ID, Purpose: c.Purpose}, good},
	} {
		if data, err := s.Challenge(ctx, wrong.Challenge, wrong.at); data != nil || err == nil {
			t.Errorf("%s it is %q, %v", name, data, err)
		}
	}
	for _, when := range []time.Time{base.Add(-model.MaxAhead), base, good, c.ExpiresAt.Add(-time.Millisecond)} {
		if data, err := s.Challenge(ctx, c, when); err != nil || string(data) != "data" {
			t.Errorf("at %v it is %q, %v", when, data, err)
		}
	}
	want(t, s.DropChallenge(ctx, c.ID), nil)
	want(t, s.DropChallenge(ctx, c.ID), nil)
	_, err := s.Challenge(ctx, c, good)
	want(t, err, model.ErrNotFound)

	// One that a clock dated that was ahead takes no room for longer than any other.
	ahead := newChallenge("", model.ChallengeSignIn)
	ahead.ExpiresAt = base.AddDate(1, 0, 0)
	want(t, s.CreateChallenge(ctx, ahead), nil)
	want(t, s.Bound(ctx, base, store.Longest{}), nil)
	_, err = s.Challenge(ctx, ahead, base)
	want(t, err, nil)
	want(t, s.Sweep(ctx, base.Add(model.ChallengeLifetime), time.Hour), nil)
	_, err = s.Challenge(ctx, ahead, base)
	want(t, err, model.ErrNotFound)
}

func proveRoomForChallenges(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u := addUser(t, s)
	own := addChallenge(t, s, u.ID, model.ChallengeProve)
	// Bounds are of thousands: it is enough to see here that one user's are bounded, and by whom.
	var last model.Challenge
	for i := range store.MaxChallengesOfOneUser {
		last = newChallenge(u.ID, model.ChallengeProve)
		last.ExpiresAt = last.ExpiresAt.Add(time.Duration(i+1) * time.Millisecond)
		want(t, s.CreateChallenge(ctx, last), nil)
	}
	_, err := s.Challenge(ctx, own, base)
	want(t, err, model.ErrNotFound)
	_, err = s.Challenge(ctx, last, base)
	want(t, err, nil)
	for range 2 * store.MaxChallengesOfOneUser {
		addChallenge(t, s, "", model.ChallengeSignIn)
	}
	_, err = s.Challenge(ctx, last, base)
	want(t, err, nil)
}

func proveLastWay(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, email := newUser("last-way")
	want(t, s.CreateUser(ctx, u, email), nil)
	own := addAuthSession(t, s, u.ID, "")
	p := addPasskey(t, s, newPasskey(u.ID))
	want(t, s.RemovePassword(ctx, email, here, true, own.ID), nil)
	want(t, s.RemovePasskey(ctx, u.ID, p.ID, here), model.ErrConflict)
	google := addLinked(t, s, own, model.ProviderGoogle)
	want(t, s.UnlinkIdentity(ctx, u.ID, google.ID, elsewhere), model.ErrConflict) // where the passkey does not work
	want(t, s.UnlinkIdentity(ctx, u.ID, google.ID, here), nil)
	want(t, s.RemovePasskey(ctx, u.ID, p.ID, here), model.ErrConflict)

	// Of two at once one goes.
	for range 10 {
		google, p := addLinked(t, s, own, model.ProviderGoogle), p
		testkit.AtOnce(t, 2, func(ctx context.Context, i int) error {
			if i == 0 {
				return s.UnlinkIdentity(ctx, u.ID, google.ID, here)
			}
			return s.RemovePasskey(ctx, u.ID, p.ID, here)
		}, model.ErrConflict)
		left, err := s.Passkeys(ctx, u.ID)
		want(t, err, nil)
		if len(left) == 1 {
			continue
		}
		_, err = s.IdentityBySubject(ctx, google.Provider, google.Subject)
		want(t, err, nil)
		addPasskey(t, s, p)
		want(t, s.UnlinkIdentity(ctx, u.ID, google.ID, here), nil)
	}

	// One that works elsewhere alone is no way in, and goes when there is another.
	away := newPasskey(u.ID)
	away.RPID = elsewhere
	addPasskey(t, s, away)
	want(t, s.RemovePasskey(ctx, u.ID, p.ID, here), model.ErrConflict)
	want(t, s.RemovePasskey(ctx, u.ID, away.ID, here), nil)
	want(t, s.RemovePasskey(ctx, u.ID, away.ID, here), model.ErrNotFound)
}

func provePasskeyRemoved(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u := addUser(t, s)
	own := addAuthSession(t, s, u.ID, "")
	p, other := addPasskey(t, s, newPasskey(u.ID)), addPasskey(t, s, newPasskey(u.ID))
	opened, byOther := byPasskey(p), byPasskey(other)
	for _, a := range []model.Session{opened, byOther} {
		want(t, s.CreateAuthSession(ctx, a, nil), nil)
	}
	w := newWebSession()
	w.UserID, w.AuthSessionID = u.ID, opened.ID
	want(t, s.CreateWebSession(ctx, w), nil)
	if got, err := s.WebSession(ctx, w.IDHash); err != nil || got.Provider != model.ProviderPasskey || got.Email == "" {
		t.Errorf("the browser is %+v, %v", got, err)
	}
	want(t, s.RemovePasskey(ctx, addUser(t, s).ID, p.ID, here), model.ErrNotFound)
	e := newEvent(u.ID, model.EventPasskeyRemoved)
	want(t, s.RemovePasskey(ctx, u.ID, p.ID, here, e), nil)
	want(t, s.RemovePasskey(ctx, u.ID, p.ID, here, newEvent(u.ID, model.EventPasskeyRemoved)), model.ErrNotFound)
	for id, left := range map[string]error{own.ID: nil, byOther.ID: nil, opened.ID: model.ErrNotFound} {
		_, err := s.AuthSession(ctx, id)
		want(t, err, left)
	}
	_, err := s.WebSession(ctx, w.IDHash)
	want(t, err, model.ErrNotFound)
	if events, err := s.Events(ctx, u.ID, model.EventQuery{Kinds: []model.EventKind{e.Kind}, Limit: 9}); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func provePasswordRemoved(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u, email := newUser("no-password")
	want(t, s.CreateUser(ctx, u, email), nil)
	own, other := addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, u.ID, "")
	e := newEvent(u.ID, model.EventPasswordRemoved)
	want(t, s.RemovePassword(ctx, email, here, true, own.ID, e), model.ErrConflict)
	away := newPasskey(u.ID)
	away.RPID = elsewhere
	addPasskey(t, s, away)
	want(t, s.RemovePassword(ctx, email, here, true, own.ID, e), model.ErrConflict)
	addPasskey(t, s, newPasskey(u.ID))
	want(t, s.RemovePassword(ctx, email, here, false, own.ID, e), model.ErrConflict)
	addPasskey(t, s, newPasskey(u.ID))
	link := newLink(email, model.LinkReset)
	want(t, s.CreateLink(ctx, link), nil)
	want(t, s.RemovePassword(ctx, email, here, false, own.ID, e), nil)
	want(t, s.RemovePassword(ctx, email, here, true, own.ID, e), model.ErrNotFound)
	got, err := s.IdentityBySubject(ctx, email.Provider, email.Subject)
	if err != nil || got.PasswordHash != "" || got.Generation != email.Generation+1 {
		t.Errorf("the identity is %+v, %v", got, err)
	}
	_, err = s.LinkedIdentity(ctx, link, base)
	want(t, err, model.ErrNotFound)
	for id, left := range map[string]error{own.ID: nil, other.ID: model.ErrNotFound} {
		_, err := s.AuthSession(ctx, id)
		want(t, err, left)
	}
	late := newAuthSession(u.ID, "") // whose password was checked before
	late.IdentityID, late.Generation = email.ID, email.Generation
	want(t, s.CreateAuthSession(ctx, late, nil), model.ErrNotFound)
}

func provePasskeysGone(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u := addUser(t, s)
	p := addPasskey(t, s, newPasskey(u.ID))
	c := addChallenge(t, s, u.ID, model.ChallengeProve)
	want(t, s.DeleteUser(ctx, u.ID), nil)
	_, _, err := s.PasskeyByCredential(ctx, p.CredentialID)
	want(t, err, model.ErrNotFound)
	_, err = s.Challenge(ctx, c, base)
	want(t, err, model.ErrNotFound)
}
