package accounts

import (
	"fmt"
	"time"

	"latchkey/internal/model"
)

// ExpiringKey is a key that expires or has.
type ExpiringKey struct {
	ID, Name  string
	Words     model.Words
	ExpiresAt time.Time
}

// called is the key in a sentence, and in a subject without its words.
func (k ExpiringKey) called() (sentence, subject string) {
	if !model.ValidName(k.Name) { // as another server calls it
		return k.Words.Beside("of yours"), "one of yours"
	}
	return k.Words.Beside(k.Name), k.Name
}

func (k ExpiringKey) when() string { return k.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC") }

// KeysExpire reminds the owner of keys that expire or have, by now. Elsewhere says that another server has them, which does not know of that.
func (l Letters) KeysExpire(to string, keys []ExpiringKey, now time.Time, elsewhere bool) Email {
	subject, text, page := aboutKeys(keys, now), "", l.PublicURL+"/keys"
	if len(keys) == 1 {
		subject, text = aboutKey(keys[0], now, elsewhere)
		text += "\n\nTo extend or replace it, sign in and open its page:\n\n"
		page += "/" + keys[0].ID
	} else {
		text = listOfKeys(keys, now, elsewhere) + "\n\nTo extend or replace them, sign in and open Keys:\n\n"
	}
	m := l.letter(to, subject, text+page+"\n")
	m.Notice = true
	return m
}

func aboutKey(k ExpiringKey, now time.Time, elsewhere bool) (subject, text string) {
	key, called := k.called()
	switch expired := !k.ExpiresAt.After(now); {
	case expired && elsewhere:
		return "A key should have expired: " + called, "The key " + key + " was to expire on " + k.when() + `.
The key service doesn't know of that date, and the key may still work. If you no longer need it, turn it off.`
	case expired:
		return "A key has expired: " + called, "The key " + key + " expired on " + k.when() + `.
What used it can't sign in until you extend or replace it. Nothing was deleted.`
	case elsewhere:
		return "A key expires " + within(k.ExpiresAt.Sub(now)) + ": " + called, "The key " + key + " is to expire on " + k.when() + `.
The key service doesn't know of that date: turn the key off yourself when the day has come.`
	default:
		return "A key expires " + within(k.ExpiresAt.Sub(now)) + ": " + called, "The key " + key + " expires on " + k.when() + `.
After that, nothing can sign in with it.`
	}
}

func aboutKeys(keys []ExpiringKey, now time.Time) (subject string) {
	expired := 0
	for _, k := range keys {
		if !k.ExpiresAt.After(now) {
			expired++
		}
	}
	switch expired {
	case 0:
		return fmt.Sprintf("%d keys expire soon", len(keys))
	case len(keys):
		return fmt.Sprintf("%d keys have expired", len(keys))
	default:
		return fmt.Sprintf("%d keys have expired or expire soon", len(keys))
	}
}

func listOfKeys(keys []ExpiringKey, now time.Time, elsewhere bool) string {
	text := "These keys of your account have a date at which they expire:\n\n"
	for _, k := range keys {
		key, _ := k.called()
		expire := " expires on "
		if !k.ExpiresAt.After(now) {
			expire = " expired on "
		}
		text += "  " + key + expire + k.when() + "\n"
	}
	if elsewhere {
		return text + "\nThe key service doesn't know of these dates. Turn off the keys that you no longer need."
	}
	return text + "\nNothing can sign in with a key that has expired. Nothing is deleted."
}

// within says in how many days something is that is still to come.
func within(d time.Duration) string {
	switch days := int(d / (24 * time.Hour)); days {
	case 0:
		return "within a day"
	case 1:
		return "in 1 day"
	default:
		return fmt.Sprintf("in %d days", days)
	}
}
