package handlers

import (
	"context"
	"errors"
	"net/http"

	"latchkey/internal/lang"
	"latchkey/internal/model"
)

// doubt is what a person is told of an act during which the database was lost. Acts that are told of on their own page, such
// as creating a key, have their words there.
type doubt struct {
	// heading and text are for when nobody knows what came of it: what is true all the same, and how to find out. That is at link.
	heading, text lang.Text
	link          string
	linkText      lang.Text
	// undone is the heading when it was found that nothing was saved, and again is where it can be done again: "" where a link in an
	// email led.
	undone lang.Text
	again  string
}

const (
	lostTouch = "The connection to the database broke. " // of this server, or of the key service
	// soon is when to come back then, in seconds.
	soon = "1"
)

// The acts.
var (
	signingIn = doubt{
		heading: lang.New("unclear.signing-in.heading", "You weren’t signed in"),
		text:    lang.New("unclear.signing-in.text", lostTouch+"Sign in again. If a session was opened anyway, Sessions lists it, and nobody has it."),
		link:    "/login", linkText: lang.New("button.sign-in", "Sign in"),
		undone: lang.New("unclear.signing-in.heading", "You weren’t signed in"), again: "/login",
	}
	openingKeys = doubt{
		heading: lang.New("unclear.opening-keys.heading", "You weren’t signed in"),
		text:    lang.New("unclear.opening-keys.text", lostTouch+"Go back to the app and try again. If a session was opened anyway, Sessions lists it, and nobody has it."),
		undone:  lang.New("unclear.opening-keys.heading", "You weren’t signed in"),
	}
	registering = doubt{
		heading: lang.New("unclear.registering.heading", "We don’t know whether your account was created"),
		text:    lang.New("unclear.registering.text", lostTouch+"Send the form again: if the account is there, it says so, and you can sign in with your password."),
		link:    "/register", linkText: tryAgain,
		undone: lang.New("unclear.registering.undone", "No account was created"), again: "/register",
	}
	signingOut = doubt{
		heading: lang.New("unclear.signing-out.heading", "You may still be signed in"),
		text:    lang.New("unclear.signing-out.text", lostTouch+"If you still see your keys, sign out again."),
		link:    home, linkText: checkNow,
		undone: lang.New("unclear.signing-out.undone", "You are still signed in"), again: home,
	}
	endingSession = doubt{
		heading: lang.New("unclear.ending-session.heading", "We don’t know whether the session was signed out"),
		text:    lang.New("unclear.ending-session.text", lostTouch+"If it’s still in the list, sign it out again."),
		link:    sessionsPath, linkText: lang.New("link.sessions", "See your sessions"),
		undone: lang.New("unclear.ending-session.undone", "The session was not signed out"), again: sessionsPath,
	}
	endingOthers = doubt{
		heading: lang.New("unclear.ending-others.heading", "We don’t know whether you were signed out everywhere else"),
		text:    lang.New("unclear.ending-others.text", lostTouch+"Sign out those that are still in the list."),
		link:    sessionsPath, linkText: lang.New("link.sessions", "See your sessions"),
		undone: lang.New("unclear.ending-others.undone", "You were not signed out everywhere else"), again: sessionsPath,
	}
	changingPassword = doubt{
		heading: lang.New("unclear.changing-password.heading", "We don’t know whether your password was changed"),
		text:    lang.New("unclear.changing-password.text", lostTouch+"If it was changed, your activity says so. If not, the old one still works."),
		link:    activityPath, linkText: lang.New("link.activity", "See your activity"),
		undone: lang.New("unclear.changing-password.undone", "Your password was not changed"), again: accountPath,
	}
	removingWay = doubt{
		heading: lang.New("unclear.removing-way.heading", "We don’t know whether that way to sign in was removed"),
		text:    lang.New("unclear.removing-way.text", lostTouch+"If it’s still in the list, remove it again."),
		link:    accountPath, linkText: lang.New("link.account", "See your account"),
		undone: lang.New("unclear.removing-way.undone", "That way to sign in was not removed"), again: accountPath,
	}
	connecting = doubt{
		heading: lang.New("unclear.connecting.heading", "We don’t know whether that way to sign in was connected"),
		text:    lang.New("unclear.connecting.text", lostTouch+"If it’s not in the list, connect it again."),
		link:    accountPath, linkText: lang.New("link.account", "See your account"),
		undone: lang.New("unclear.connecting.undone", "That way to sign in was not connected"), again: accountPath,
	}
	addingPasskey = doubt{
		heading: lang.New("unclear.adding-passkey.heading", "We don’t know whether your passkey was added"),
		text:    lang.New("unclear.adding-passkey.text", lostTouch+"If it’s not in the list, add it again. Your browser may say that it’s there already: remove it there first."),
		link:    accountPath, linkText: lang.New("link.account", "See your account"),
		undone: lang.New("unclear.adding-passkey.undone", "Your passkey was not added"), again: accountPath,
	}
	renamingPasskey = doubt{
		heading: lang.New("unclear.renaming-passkey.heading", "We don’t know whether the passkey was renamed"),
		text:    lang.New("unclear.renaming-passkey.text", lostTouch+"If it has its old name in the list, rename it again."),
		link:    accountPath, linkText: lang.New("link.account", "See your account"),
		undone: lang.New("unclear.renaming-passkey.undone", "The passkey was not renamed"), again: accountPath,
	}
	removingPasskey = doubt{
		heading: lang.New("unclear.removing-passkey.heading", "We don’t know whether the passkey was removed"),
		text:    lang.New("unclear.removing-passkey.text", lostTouch+"If it’s still in the list, remove it again."),
		link:    accountPath, linkText: lang.New("link.account", "See your account"),
		undone: lang.New("unclear.removing-passkey.undone", "The passkey was not removed"), again: accountPath,
	}
	stoppingPassword = doubt{
		heading: lang.New("unclear.stopping-password.heading", "We don’t know whether your password still works"),
		text:    lang.New("unclear.stopping-password.text", lostTouch+"Your account says so. Your passkeys work either way."),
		link:    accountPath, linkText: lang.New("link.account", "See your account"),
		undone: lang.New("unclear.stopping-password.undone", "Your password still works"), again: stopPasswordPath,
	}
	resettingPassword = doubt{
		heading: lang.New("unclear.resetting-password.heading", "We don’t know whether your new password is set"),
		text:    lang.New("unclear.resetting-password.text", lostTouch+"Sign in with it. If it is refused, open the link in the email again."),
		link:    "/login", linkText: lang.New("button.sign-in", "Sign in"),
		undone: lang.New("unclear.resetting-password.undone", "Your password was not changed"),
	}
	confirmingAddress = doubt{
		heading: lang.New("unclear.confirming-address.heading", "We don’t know whether your address is confirmed"),
		text:    lang.New("unclear.confirming-address.text", lostTouch+"Sign in. If that is refused, open the link in the email again."),
		link:    "/login", linkText: lang.New("button.sign-in", "Sign in"),
		undone: lang.New("unclear.confirming-address.undone", "Your address is not confirmed yet"),
	}
	deletingAccount = doubt{
		heading: lang.New("unclear.deleting-account.heading", "We don’t know whether your account was deleted"),
		text:    lang.New("unclear.deleting-account.text", lostTouch+"If you still see your keys, delete it again."),
		link:    home, linkText: checkNow,
		undone: lang.New("unclear.deleting-account.undone", "Your account was not deleted"), again: accountPath + "/delete",
	}
	// accountGone is for when the account is deleted, and what is left to do got lost.
	accountGone = doubt{
		heading: lang.New("unclear.account-gone.heading", "Your account was deleted"),
		text:    lang.New("unclear.account-gone.text", lostTouch+"A browser that was signed in may look so for half an hour, but nothing is left behind it."),
		link:    "/login", linkText: lang.New("button.sign-in", "Sign in"),
	}
	creatingKey = doubt{heading: lang.New("unclear.creating-key.heading", "We don’t know whether the key was created"), undone: lang.New("unclear.creating-key.undone", "The key was not created")}
	adoptingKey = doubt{
		heading: lang.New("unclear.adopting-key.heading", "We don’t know whether the key was adopted"),
		text:    lang.New("unclear.adopting-key.text", lostTouch+"If it is in your list, it was. If not, paste the value again."),
		link:    home, linkText: checkNow,
		undone: lang.New("unclear.adopting-key.undone", "The key was not adopted"), again: adoptPath,
	}
	tryingValue = doubt{
		heading: lang.New("unclear.trying-value.heading", "We don’t know whether this value works"),
		text:    lang.New("unclear.trying-value.text", lostTouch+"None of your keys was changed. Try the value again."),
		link:    home + "/which", linkText: tryAgain,
		undone: lang.New("unclear.trying-value.heading", "We don’t know whether this value works"), again: home + "/which",
	}
	openingPairing = doubt{
		heading: lang.New("unclear.opening-pairing.heading", "We couldn’t look up the code"),
		text:    lang.New("unclear.opening-pairing.text", lostTouch+"Nothing was decided. Enter the code again."),
		link:    devicePath, linkText: tryAgain,
		undone: lang.New("unclear.opening-pairing.heading", "We couldn’t look up the code"), again: devicePath,
	}
	lookingUpValue = doubt{
		heading: lang.New("unclear.looking-up-value.heading", "We couldn’t look up the value"),
		text:    lang.New("unclear.looking-up-value.text", lostTouch+"No key was changed. Paste the value again."),
		link:    runningPath, linkText: tryAgain,
		undone: lang.New("unclear.looking-up-value.heading", "We couldn’t look up the value"), again: runningPath,
	}
	creatingServerKey = doubt{
		heading: lang.New("unclear.creating-server-key.heading", "We don’t know whether the server key was created"),
		text:    lang.New("unclear.creating-server-key.text", lostTouch+"If it’s in the list, its value is lost: delete it on the command line and create another."),
		link:    runningServers, linkText: checkNow,
		undone: lang.New("unclear.creating-server-key.undone", "The server key was not created"), again: runningServers,
	}
	// anyAct is for what has no words of its own.
	anyAct = doubt{
		heading: lang.New("unclear.any-act.heading", "We don’t know whether that was saved"),
		text:    lang.New("unclear.any-act.text", lostTouch+"Look before you do it again."),
		link:    home, linkText: checkNow,
		undone: lang.New("unclear.any-act.undone", "That was not saved"), again: home,
	}
)

// operatingOn is about a user, a device or a key that an operator did something about, whose page says how it is.
func operatingOn(page string) doubt {
	return doubt{
		heading: lang.New("unclear.operating-on.heading", "We don’t know whether that was done"),
		text:    lang.New("unclear.operating-on.text", lostTouch+"The page says how it is now. If it wasn’t done, do it again."),
		link:    page, linkText: checkNow,
		undone: lang.New("unclear.operating-on.undone", "That was not done"), again: page,
	}
}

// settingExpiry is about one key, whose page says when it expires.
func settingExpiry(id string) doubt {
	return doubt{
		heading: lang.New("unclear.setting-expiry.heading", "We don’t know whether the new day was saved"),
		text:    lang.New("unclear.setting-expiry.text", lostTouch+"The key’s page says when it expires. If that is not the day you chose, choose it again."),
		link:    home + "/" + id, linkText: checkNow,
		undone: lang.New("unclear.setting-expiry.undone", "The new day was not saved"), again: home + "/" + id + "/expiry",
	}
}

// reportingLeak is about one key, whose page says whether it is off.
func reportingLeak(id string) doubt {
	return doubt{
		heading: lang.New("unclear.reporting-leak.heading", "The key may be on or off"),
		text:    lang.New("unclear.reporting-leak.text", lostTouch+"Look at its page. If it’s on, report it again."),
		link:    home + "/" + id, linkText: checkNow,
		undone: lang.New("unclear.reporting-leak.undone", "The key is still on"), again: home + "/" + id,
	}
}

// endingReplacement is about one key, whose page says whether another one still replaces it.
func endingReplacement(id string) doubt {
	return doubt{
		heading: lang.New("unclear.ending-replacement.heading", "We don’t know whether the replacement was ended"),
		text:    lang.New("unclear.ending-replacement.text", lostTouch+"The page of the key says so. Neither key was deleted."),
		link:    home + "/" + id, linkText: checkNow,
		undone: lang.New("unclear.ending-replacement.undone", "The replacement was not ended"), again: home + "/" + id,
	}
}

// denying is about one pairing, whose page says what came of it.
func denying(id string) doubt {
	return doubt{
		heading: lang.New("unclear.denying.heading", "We don’t know whether the device was refused"),
		text:    lang.New("unclear.denying.text", lostTouch+"Look at its page. If it’s still asking, deny it again."),
		link:    pairingPage(id), linkText: checkNow,
		undone: lang.New("unclear.denying.undone", "The device was not refused"), again: pairingPage(id),
	}
}

// approving is that when the page cannot be drawn.
func approving(id string) doubt {
	return doubt{
		heading: lang.New("unclear.approving.heading", "We don’t know whether the device was connected"),
		text:    lang.New("unclear.approving.text", lostTouch+"Look at its page. If it’s still asking, approve it again."),
		link:    pairingPage(id), linkText: checkNow,
		undone: lang.New("unclear.approving.undone", "The device was not connected"), again: pairingPage(id),
	}
}

// lost says that the answer to an act was lost on its way from where things are saved, also when it was found out since that nothing was saved.
func lost(err error) bool {
	return model.Is(err, model.KindUnclear) || errors.Is(err, model.ErrUnclear) || foundUndone(err)
}

func foundUndone(err error) bool {
	return model.OutcomeOf(err) == model.FoundUndone && (model.Is(err, model.KindStorageDown) || model.Is(err, model.KindUnclear))
}

// doubtful is an error with the words of the act that it is about.
type doubtful struct {
	doubt
	error
}

// Unwrap gives the error.
func (d *doubtful) Unwrap() error { return d.error }

// in gives an error the words of the act, if its answer got lost. Every other stays as it is.
func (d doubt) in(err error) error {
	if !lost(err) {
		return err
	}
	return d.about(err)
}

// about gives an error the words of the act, whatever it is: something was done before it came.
func (d doubt) about(err error) error { return &doubtful{d, err} }

// problem is what a person is told of it.
func (d doubt) problem(ctx context.Context, err error) problem {
	switch {
	case !foundUndone(err):
		return problem{status: http.StatusInternalServerError, heading: d.heading.In(ctx), text: d.text.In(ctx), link: d.link, linkText: d.linkText.In(ctx)}
	case d.again == "":
		return problem{status: http.StatusServiceUnavailable, heading: d.undone.In(ctx), retryAfter: soon,
			text: lang.T(ctx, "unclear.open-again", lostTouch+"Nothing was saved. Open the link in the email again.")}
	default:
		return problem{status: http.StatusServiceUnavailable, heading: d.undone.In(ctx), retryAfter: soon,
			text: lang.T(ctx, "unclear.undone", lostTouch+"Nothing was saved. You can try again."), link: d.again, linkText: tryAgain.In(ctx)}
	}
}
