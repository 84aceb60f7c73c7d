package handlers

import (
	"strconv"
	"strings"
	"time"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// eventWords are the sentences about events in which no more than the kind decides. {key} is the key that an event is about.
var eventWords = map[model.EventKind]lang.Text{
	model.EventAccountMade:      lang.New("activity.account-made", "Account created"),
	model.EventSignedIn:         lang.New("activity.signed-in", "Signed in"),
	model.EventHandedOver:       lang.New("activity.handed-over", "Signed in from an app"),
	model.EventSignInFailed:     lang.New("activity.sign-in-failed", "Sign-in refused"),
	model.EventSessionEnded:     lang.New("activity.session-ended", "Signed out"),
	model.EventKeyMade:          lang.New("activity.key-made", "Created {key}"),
	model.EventKeyShown:         lang.New("activity.key-shown", "Value of {key} shown"),
	model.EventKeyAdopted:       lang.New("activity.key-adopted", "Adopted {key}"),
	model.EventKeyTurnedOn:      lang.New("activity.key-turned-on", "Turned on {key}"),
	model.EventKeyTurnedOff:     lang.New("activity.key-turned-off", "Turned off {key}"),
	model.EventKeyDeleted:       lang.New("activity.key-deleted", "Deleted {key}"),
	model.EventKeyExpirySet:     lang.New("activity.key-expiry-set.never", "Set {key} never to expire"),
	model.EventKeyExpired:       lang.New("activity.key-expired", "{key} expired"),
	model.EventKeyFirstUsed:     lang.New("activity.key-first-used", "{key} signed in for the first time"),
	model.EventKeyRefused:       lang.New("activity.key-refused", "Refused {key}: the key is off"),
	model.EventKeySaved:         lang.New("activity.key-saved", "Value of {key} saved"),
	model.EventKeyLeaked:        lang.New("activity.key-leaked", "Turned off {key}: its value leaked"),
	model.EventKeyReplaced:      lang.New("activity.key-replaced", "Started replacing {key}"),
	model.EventKeyParked:        lang.New("activity.key-turned-off", "Turned off {key}"),
	model.EventKeyBroughtBack:   lang.New("activity.key-brought-back", "Brought back {key}"),
	model.EventReplacementEnded: lang.New("activity.replacement-ended", "Stopped replacing {key}"),
	model.EventPairingAsked:     lang.New("activity.pairing-asked", "A device asked to connect"),
	model.EventPairingApproved:  lang.New("activity.pairing-approved", "Approved a device"),
	model.EventPairingDenied:    lang.New("activity.pairing-denied", "Denied a device"),
	model.EventPasswordChanged:  lang.New("activity.password-changed", "Password changed"),
	model.EventPasswordReset:    lang.New("activity.password-reset", "Password reset"),
	model.EventPasswordProved:   lang.New("activity.password-confirmed", "Password confirmed"),
	model.EventPasswordRemoved:  lang.New("activity.password-removed", "Password removed"),
	model.EventResetAsked:       lang.New("activity.password-reset-asked", "Password reset requested"),
	model.EventEmailConfirmed:   lang.New("activity.email-confirmed", "Email address confirmed"),
	model.EventIdentityLinked:   lang.New("activity.identity-linked", "Added sign-in"),
	model.EventIdentityUnlinked: lang.New("activity.identity-unlinked", "Removed sign-in"),
	model.EventPasskeyAdded:     lang.New("activity.passkey-added", "Added a passkey"),
	model.EventPasskeyRemoved:   lang.New("activity.passkey-removed", "Removed a passkey"),
	model.EventPasskeyCount:     lang.New("activity.passkey-count", "A passkey may have been copied: it counted fewer uses than before"),
	model.EventAccountDisabled:  lang.New("activity.account-disabled", "Account disabled"),
	model.EventAccountEnabled:   lang.New("activity.account-enabled", "Account enabled"),
}

// kindAndDetail are an event, as far as its words depend on it.
type kindAndDetail struct {
	kind   model.EventKind
	detail string
}

// detailWords are the sentences about events with details that are known. Others are put into words by detailed.
var detailWords = map[kindAndDetail]lang.Text{
	{model.EventSignedIn, model.DetailToken}:                lang.New("activity.signed-in.token", "Signed in with a signed token"),
	{model.EventSignedIn, model.DetailPasskey}:              lang.New("activity.signed-in.passkey", "Signed in with a passkey"),
	{model.EventSignInFailed, model.ReasonWrongPassword}:    lang.New("activity.sign-in-failed.password", "Sign-in refused: wrong password"),
	{model.EventSignInFailed, model.ReasonDisabled}:         lang.New("activity.sign-in-failed.disabled", "Sign-in refused: the account is disabled"),
	{model.EventSignInFailed, model.ReasonPending}:          lang.New("activity.sign-in-failed.pending", "Sign-in refused: the email address is not confirmed"),
	{model.EventSessionEnded, model.EndedSignedOut}:         lang.New("activity.session-ended", "Signed out"),
	{model.EventSessionEnded, model.EndedSignedIn}:          lang.New("activity.session-ended.anew", "Signed out to sign in again"),
	{model.EventSessionEnded, model.EndedElsewhere}:         lang.New("activity.session-ended.another", "Signed out another session"),
	{model.EventSessionEnded, model.EndedOthers}:            lang.New("activity.session-ended.others", "Signed out everywhere else"),
	{model.EventPasswordProved, model.DetailPasskey}:        lang.New("activity.confirmed.passkey", "Confirmed with a passkey"),
	{model.EventIdentityLinked, model.DetailPassword}:       lang.New("activity.identity-linked.password", "Added sign-in with email and password"),
	{model.EventIdentityLinked, model.DetailToken}:          lang.New("activity.identity-linked.token", "Added sign-in with a signed token"),
	{model.EventIdentityUnlinked, model.DetailPassword}:     lang.New("activity.identity-unlinked.password", "Removed sign-in with email and password"),
	{model.EventIdentityUnlinked, model.DetailToken}:        lang.New("activity.identity-unlinked.token", "Removed sign-in with a signed token"),
	{model.EventKeyRefused, model.ReasonDisabled}:           lang.New("activity.key-refused.disabled", "Refused {key}: the account is disabled"),
	{model.EventKeyRefused, model.ReasonKeyExpired}:         lang.New("activity.key-refused.expired", "Refused {key}: the key has expired"),
	{model.EventKeyAdopted, "from a file"}:                  lang.New("activity.key-adopted.file", "Adopted {key} from a file"),
	{model.EventKeyAdopted, "from a refused sign-in"}:       lang.New("activity.key-adopted.knock", "Adopted {key} from a refused sign-in"),
	{model.EventKeyShown, model.DetailFetched}:              lang.New("activity.key-shown.device", "Value of {key} sent to its device"),
	{model.EventKeyLeaked, model.DetailWasOff}:              lang.New("activity.key-leaked.off", "Reported that the value of {key} leaked: it was off already"),
	{model.EventKeyTurnedOn, model.DetailLeaked}:            lang.New("activity.key-turned-on.leaked", "Turned on {key}, although its value leaked"),
	{model.EventKeySaved, string(model.SavedByCopying)}:     lang.New("activity.key-saved.copied", "Value of {key} copied"),
	{model.EventKeySaved, string(model.SavedByDownloading)}: lang.New("activity.key-saved.downloaded", "Value of {key} downloaded"),
	{model.EventKeySaved, string(model.SavedInManager)}:     lang.New("activity.key-saved.manager", "Value of {key} saved in a password manager"),
	// That it was ticked is what the person said, and nobody saw.
	{model.EventKeySaved, string(model.SavedBySaying)}: lang.New("activity.key-saved.said", "Value of {key} saved, as you said"),
}

// What is said of events that were folded, or to an administrator.
var (
	turnedOffAndOn  = lang.New("activity.turned-off-and-on", "Turned {key} off and on")
	turnedOnAndOff  = lang.New("activity.turned-on-and-off", "Turned {key} on and off")
	savedAsTheySaid = lang.New("activity.key-saved.they-said", "Value of {key} saved, as they said")
)

// asDevice says that the detail of an event is what a device called itself.
func asDevice(e model.Event) bool {
	return e.Kind == model.EventPairingAsked || e.Kind == model.EventPairingApproved || e.Kind == model.EventPairingDenied
}

// said is the sentence about an event, and what stands at those of its placeholders that are neither {key} nor {device}, as pairs.
func (t teller) said(e model.Event) (sentence lang.Text, values []string) {
	e.Detail = strings.TrimSuffix(strings.TrimSuffix(e.Detail, model.DetailByOperator), ", ") // who it was stands beside it
	if e.Kind == model.EventKeySaved && e.Detail == string(model.SavedBySaying) && !t.own {
		return savedAsTheySaid, nil
	}
	if words, ok := detailWords[kindAndDetail{e.Kind, e.Detail}]; ok {
		return words, nil
	}
	if asDevice(e) {
		return pairingWords(e), nil
	}
	if e.Detail != "" {
		if words, values := t.detailed(e); words.ID != "" {
			return words, values
		}
	}
	if words, ok := eventWords[e.Kind]; ok {
		return words, nil
	}
	unknown := string(e.Kind) // of a newer version
	if e.Detail != "" {
		unknown += ": " + e.Detail
	}
	return lang.New("activity.unknown", "{what}"), []string{"what", unknown}
}

// pairingWords are the sentence about a device that a person was asked about.
func pairingWords(e model.Event) lang.Text {
	switch named, withKey := e.Detail != "", e.KeyID != ""; {
	case e.Kind == model.EventPairingAsked && named:
		return lang.New("activity.pairing-asked.named", "A device that calls itself {device} asked to connect")
	case e.Kind == model.EventPairingDenied && named:
		return lang.New("activity.pairing-denied.named", "Denied a device that calls itself {device}")
	case e.Kind == model.EventPairingApproved && named && withKey:
		return lang.New("activity.pairing-approved.named-key", "Approved a device that calls itself {device}, with the key {key}")
	case e.Kind == model.EventPairingApproved && named:
		return lang.New("activity.pairing-approved.named", "Approved a device that calls itself {device}")
	case e.Kind == model.EventPairingApproved && withKey:
		return lang.New("activity.pairing-approved.key", "Approved a device, with the key {key}")
	default:
		return eventWords[e.Kind]
	}
}

// detailed is the sentence about an event whose detail is a name, a day or a reason.
func (t teller) detailed(e model.Event) (sentence lang.Text, values []string) {
	provider, with := strings.CutPrefix(e.Detail, "with ")
	switch e.Kind {
	case model.EventSignedIn:
		if with {
			return lang.New("activity.signed-in.provider", "Signed in with {provider}"), []string{"provider", provider}
		}
		return lang.New("activity.signed-in.how", "Signed in {how}"), []string{"how", e.Detail}
	case model.EventPasswordProved:
		if with {
			return lang.New("activity.confirmed.provider", "Confirmed with {provider}"), []string{"provider", provider}
		}
		return lang.New("activity.confirmed.how", "Confirmed {how}"), []string{"how", e.Detail}
	case model.EventIdentityLinked:
		if with {
			return lang.New("activity.identity-linked.provider", "Added sign-in with {provider}"), []string{"provider", provider}
		}
		return lang.New("activity.identity-linked.how", "Added sign-in {how}"), []string{"how", e.Detail}
	case model.EventIdentityUnlinked:
		if with {
			return lang.New("activity.identity-unlinked.provider", "Removed sign-in with {provider}"), []string{"provider", provider}
		}
		return lang.New("activity.identity-unlinked.how", "Removed sign-in {how}"), []string{"how", e.Detail}
	case model.EventHandedOver:
		return lang.New("activity.handed-over.app", "Signed in from {app}"), []string{"app", e.Detail}
	case model.EventSignInFailed:
		return lang.New("activity.sign-in-failed.reason", "Sign-in refused: {reason}"), []string{"reason", e.Detail}
	case model.EventSessionEnded:
		return lang.New("activity.session-ended.reason", "Signed out: {reason}"), []string{"reason", e.Detail}
	case model.EventPasskeyAdded:
		return lang.New("activity.passkey-added.named", "Added the passkey {passkey}"), []string{"passkey", e.Detail}
	case model.EventPasskeyRemoved:
		return lang.New("activity.passkey-removed.named", "Removed the passkey {passkey}"), []string{"passkey", e.Detail}
	case model.EventPasskeyCount:
		return lang.New("activity.passkey-count.named", "The passkey {passkey} may have been copied: it counted fewer uses than before"), []string{"passkey", e.Detail}
	case model.EventKeyMade:
		return lang.New("activity.key-made.device", "Created {key} for a connected device"), nil
	case model.EventKeyAdopted:
		return lang.New("activity.key-adopted.how", "Adopted {key} {how}"), []string{"how", e.Detail}
	case model.EventKeyExpirySet:
		if day, err := time.Parse(time.DateOnly, e.Detail); err == nil {
			return lang.New("activity.key-expiry-set", "Set {key} to expire on {date} (UTC)"), []string{"date", views.DayInUTC(t.ctx, day)}
		}
	case model.EventKeyReplaced, model.EventKeyParked, model.EventReplacementEnded:
		return t.replacing(e)
	}
	return lang.Text{}, nil
}

// replacing is the sentence about an event of a replacement. Its detail begins with the name of the new key, which has no space in it,
// and goes on with what was the matter with that.
func (t teller) replacing(e model.Event) (sentence lang.Text, values []string) {
	key, how, _ := strings.Cut(e.Detail, "; ")
	if e.Kind == model.EventKeyReplaced {
		quiet, waits := strings.CutPrefix(how, "the old key turns off after ")
		quiet = strings.TrimSuffix(quiet, " of quiet")
		switch {
		case how == "the old key was turned off at once":
			return lang.New("activity.key-replaced.at-once", "Started replacing {key} with {new}; the old key was turned off at once"), []string{"new", key}
		case how == "you turn the old key off":
			return lang.New("activity.key-replaced.by-you", "Started replacing {key} with {new}; you turn the old key off"), []string{"new", key}
		case waits:
			return lang.New("activity.key-replaced.quiet", "Started replacing {key} with {new}; the old key turns off after {time} of quiet"), []string{"new", key, "time", t.stretch(quiet)}
		default:
			return lang.New("activity.key-replaced.with", "Started replacing {key} with {new}"), []string{"new", e.Detail}
		}
	}
	key, how, _ = strings.Cut(e.Detail, " ")
	since, inUse := strings.CutPrefix(how, "was in use since ")
	switch {
	case e.Kind == model.EventKeyParked && inUse:
		return lang.New("activity.key-parked.in-use", "Turned off {key}: {new} was in use since {time}"), []string{"new", key, "time", t.moment(since)}
	case e.Kind == model.EventKeyParked && strings.HasPrefix(e.Detail, "replaced by "):
		return lang.New("activity.key-parked.replaced", "Turned off {key}: replaced by {new}"), []string{"new", strings.TrimPrefix(e.Detail, "replaced by ")}
	case e.Kind == model.EventKeyParked:
		return lang.New("activity.key-parked.reason", "Turned off {key}: {reason}"), []string{"reason", e.Detail}
	case how == "was deleted":
		return lang.New("activity.replacement-ended.deleted", "Stopped replacing {key}: {new} was deleted"), []string{"new", key}
	case how == "was turned off":
		return lang.New("activity.replacement-ended.off", "Stopped replacing {key}: {new} was turned off"), []string{"new", key}
	case how == "has expired":
		return lang.New("activity.replacement-ended.expired", "Stopped replacing {key}: {new} has expired"), []string{"new", key}
	default:
		return lang.New("activity.replacement-ended.reason", "Stopped replacing {key}: {reason}"), []string{"reason", e.Detail}
	}
}

// moment says a moment as events have it, "14:10 UTC" or "2 January 2006, 14:10 UTC", in the language of the person.
func (t teller) moment(text string) string {
	at, err := time.Parse("2 January 2006, 15:04 UTC", text)
	if lang.Of(t.ctx) == nil || err != nil {
		return text
	}
	return views.DayInUTC(t.ctx, at) + at.Format(" 15:04 UTC")
}

// stretch says a time as events have it, "a week" or "3 days", in the language of the person.
func (t teller) stretch(text string) string {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	switch {
	case text == "a week":
		return lang.T(t.ctx, "stretch.a-week", "a week")
	case text == "a day":
		return lang.T(t.ctx, "stretch.a-day", "a day")
	case text == "an hour":
		return lang.T(t.ctx, "stretch.an-hour", "an hour")
	case err != nil:
		return text
	case unit == "weeks":
		return lang.N(t.ctx, "stretch.weeks", n, "{n} week", "{n} weeks")
	case unit == "days":
		return lang.N(t.ctx, "stretch.days", n, "{n} day", "{n} days")
	case unit == "hours":
		return views.Stretch(t.ctx, time.Duration(n)*time.Hour)
	case unit == "minutes":
		return views.Stretch(t.ctx, time.Duration(n)*time.Minute)
	default:
		return text
	}
}
