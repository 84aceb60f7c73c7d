package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"latchkey/internal/model"
)

// tellOfKey notifies the owner of a new key, by its name and the words of its value.
func (p *Person) tellOfKey(ctx context.Context, key string, value model.Secret) {
	a := p.accounts
	letter := Letters.KeyCreated
	if p.from.Pairing != "" {
		letter = Letters.Paired
	}
	words := model.WordsOf(model.FingerprintOf(value))
	a.tell(ctx, p.from, keyNotice, p.who.UserID, func(l Letters, to string, c Circumstances) Email { return letter(l, to, key, words, c) })
}

// What a notice is about. Each is counted separately: keys created in a loop do not suppress the notice of a new password.
const (
	keyNotice      = "key"
	passwordNotice = "password"
	identityNotice = "identity"
	parkedNotice   = "parked key"
	leakNotice     = "leak"
	keyOffNotice   = "key off"
	passkeyNotice  = "passkey"
)

// tell sends the owner of an account an email, which no answer waits for. Accounts without an address get none. A notice beyond
// those that a person can read in an hour is left out: the activity has all of them. It is in the language of the page on which its owner
// acted, and otherwise in the one that they used last.
func (a *Accounts) tell(ctx context.Context, from model.Origin, about, userID string, write func(l Letters, to string, c Circumstances) Email) {
	if a.cfg.Mailer == nil {
		return
	}
	leftOut := func() {
		a.cfg.Log.DebugContext(ctx, "notice email skipped: too many within the hour", "about", about, "user", userID)
	}
	counts, giveBack, wait := a.notices.takeHere(about + " " + userID)
	if wait > 0 {
		leftOut()
		return
	}
	c, language := a.circumstances(from), ""
	if from.Actor == model.ActorBrowser {
		language = from.Language
	}
	a.later(ctx, "notice email not sent", userID, func(ctx context.Context) error {
		switch wait, err := a.notices.takeShared(ctx, counts, giveBack); {
		case err != nil:
			return err
		case wait > 0:
			leftOut()
			return nil
		}
		_, err := a.send(ctx, userID, language, func(l Letters, to string) Email { return write(l, to, c) })
		return err
	})
}

// send sends the owner of an account an email in a language, "" for the one that they used last. It says whether they have an address.
func (a *Accounts) send(ctx context.Context, userID, language string, write func(l Letters, to string) Email) (has bool, err error) {
	identities, err := a.store.Identities(ctx, userID)
	l := a.letters().In(cmp.Or(language, languageOf(identities)))
	for _, to := range addressesOf(identities) {
		has, err = true, errors.Join(err, a.cfg.Mailer.Send(ctx, write(l, to)))
	}
	return has, err
}

// languageOf is in which language the user of these identities used the pages last; "" when that is not known.
func languageOf(identities []model.Identity) string {
	if len(identities) == 0 {
		return ""
	}
	return identities[0].Language
}

// addressesOf are where somebody reads of their account: at the address with which they sign in, and without one at those that are
// theirs as other providers say.
func addressesOf(identities []model.Identity) (to []string) {
	for _, id := range identities {
		if id.Provider == model.ProviderEmailPassword && mailable(id.Subject) {
			to = append(to, id.Subject)
		}
	}
	if len(to) > 0 {
		return to
	}
	for _, id := range identities {
		if mailable(id.Email) && !slices.Contains(to, id.Email) {
			to = append(to, id.Email)
		}
	}
	return to
}

func (a *Accounts) circumstances(from model.Origin) Circumstances {
	return Circumstances{At: a.cfg.Now(), Address: from.Address}
}

func (a *Accounts) letters() Letters {
	return Letters{PublicURL: a.cfg.PublicURL, Name: a.cfg.Name, Contact: a.cfg.Contact}.In(a.cfg.Language)
}

// mailable says whether an email can be sent to what somebody signs in as, which may be any text.
func mailable(email string) bool { return model.IsMailAddress(email) }
