package accounts

import (
	"strings"
	"time"

	"latchkey/internal/model"
)

// ExpiringKey is a key that expires or has.
type ExpiringKey struct {
	ID, Name  string
	Words     model.Words
	ExpiresAt time.Time
}

// keyCalled is a key in a sentence, and in a subject without its words. What another server calls it is not repeated if it is no name.
func (l Letters) keyCalled(k ExpiringKey) (sentence, subject string) {
	if !model.ValidName(k.Name) {
		return k.Words.Beside(l.Language.T("email.expiry.of-yours", "of yours")), l.Language.T("email.expiry.one-of-yours", "one of yours")
	}
	return k.Words.Beside(k.Name), k.Name
}

// KeysExpire reminds the owner of keys that expire or have, by now. Elsewhere says that another server has them, which does not know of that.
func (l Letters) KeysExpire(to string, keys []ExpiringKey, now time.Time, elsewhere bool) Email {
	said := l.Language
	var subject string
	var paragraphs []string
	if len(keys) == 1 {
		var text string
		subject, text = l.aboutKey(keys[0], now, elsewhere)
		paragraphs = []string{text, said.T("email.expiry.open", "To extend or replace it, sign in and open its page:"), l.PublicURL + "/keys/" + keys[0].ID}
	} else {
		subject = l.aboutKeys(keys, now)
		paragraphs = append(l.listOfKeys(keys, now, elsewhere),
			said.T("email.expiry.open-keys", "To extend or replace them, sign in and open Keys:"), l.PublicURL+"/keys")
	}
	m := l.letter(to, subject, paragraphs...)
	m.Notice = true
	return m
}

func (l Letters) aboutKey(k ExpiringKey, now time.Time, elsewhere bool) (subject, text string) {
	said := l.Language
	key, called := l.keyCalled(k)
	when := l.when(k.ExpiresAt)
	switch expired := !k.ExpiresAt.After(now); {
	case expired && elsewhere:
		return said.T("email.expiry.unmet.subject", "A key should have expired: {key}", "key", called),
			said.T("email.expiry.unmet.text", "The key {key} was to expire on {when}.\n"+
				"The key service doesn't know of that date, and the key may still work. If you no longer need it, turn it off.", "key", key, "when", when)
	case expired:
		return said.T("email.expiry.expired.subject", "A key has expired: {key}", "key", called),
			said.T("email.expiry.expired.text", "The key {key} expired on {when}.\n"+
				"What used it can't sign in until you extend or replace it. Nothing was deleted.", "key", key, "when", when)
	case elsewhere:
		return l.expires(k.ExpiresAt.Sub(now), called),
			said.T("email.expiry.elsewhere.text", "The key {key} is to expire on {when}.\n"+
				"The key service doesn't know of that date: turn the key off yourself when the day has come.", "key", key, "when", when)
	default:
		return l.expires(k.ExpiresAt.Sub(now), called),
			said.T("email.expiry.text", "The key {key} expires on {when}.\nAfter that, nothing can sign in with it.", "key", key, "when", when)
	}
}

// expires says in how many days a key expires.
func (l Letters) expires(in time.Duration, key string) (subject string) {
	days := int(in / (24 * time.Hour))
	if days == 0 {
		return l.Language.T("email.expiry.within-a-day", "A key expires within a day: {key}", "key", key)
	}
	return l.Language.N("email.expiry.in-days", days, "A key expires in {n} day: {key}", "A key expires in {n} days: {key}", "key", key)
}

func (l Letters) aboutKeys(keys []ExpiringKey, now time.Time) (subject string) {
	said, n, expired := l.Language, len(keys), 0
	for _, k := range keys {
		if !k.ExpiresAt.After(now) {
			expired++
		}
	}
	switch expired {
	case 0:
		return said.N("email.expiry.many.soon", n, "{n} key expires soon", "{n} keys expire soon")
	case n:
		return said.N("email.expiry.many.expired", n, "{n} key has expired", "{n} keys have expired")
	default:
		return said.N("email.expiry.many.both", n, "{n} key has expired or expires soon", "{n} keys have expired or expire soon")
	}
}

func (l Letters) listOfKeys(keys []ExpiringKey, now time.Time, elsewhere bool) (paragraphs []string) {
	said := l.Language
	lines := make([]string, len(keys))
	for i, k := range keys {
		key, _ := l.keyCalled(k)
		line := said.T("email.expiry.line.expires", "{key} expires on {when}", "key", key, "when", l.when(k.ExpiresAt))
		if !k.ExpiresAt.After(now) {
			line = said.T("email.expiry.line.expired", "{key} expired on {when}", "key", key, "when", l.when(k.ExpiresAt))
		}
		lines[i] = "  " + line
	}
	last := said.T("email.expiry.nothing-deleted", "Nothing can sign in with a key that has expired. Nothing is deleted.")
	if elsewhere {
		last = said.T("email.expiry.dates-unknown", "The key service doesn't know of these dates. Turn off the keys that you no longer need.")
	}
	return []string{said.T("email.expiry.list", "These keys of your account have a date at which they expire:"), strings.Join(lines, "\n"), last}
}
