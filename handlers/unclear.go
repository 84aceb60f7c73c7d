package handlers

import (
	"errors"
	"net/http"

	"latchkey/internal/model"
)

// doubt is what a person is told of an act during which the database was lost. Acts that are told of on their own page, such
// as creating a key, have their words there.
type doubt struct {
	// heading and text are for when nobody knows what came of it: what is true all the same, and how to find out. That is at link.
	heading, text  string
	link, linkText string
	// undone is the heading when it was found that nothing was saved, and again is where it can be done again: "" where a link in an
	// email led.
	undone, again string
}

const (
	lostTouch = "The connection to the database broke. " // of this server, or of the key service
	checkNow  = "Check now"
	// soon is when to come back then, in seconds.
	soon = "1"
)

// The acts.
var (
	signingIn = doubt{
		heading: "You weren’t signed in",
		text:    lostTouch + "Sign in again. If a session was opened anyway, Sessions lists it, and nobody has it.",
		link:    "/login", linkText: "Sign in",
		undone: "You weren’t signed in", again: "/login",
	}
	openingKeys = doubt{
		heading: "You weren’t signed in",
		text:    lostTouch + "Go back to the app and try again. If a session was opened anyway, Sessions lists it, and nobody has it.",
		undone:  "You weren’t signed in",
	}
	registering = doubt{
		heading: "We don’t know whether your account was created",
		text:    lostTouch + "Send the form again: if the account is there, it says so, and you can sign in with your password.",
		link:    "/register", linkText: tryAgain,
		undone: "No account was created", again: "/register",
	}
	signingOut = doubt{
		heading: "You may still be signed in",
		text:    lostTouch + "If you still see your keys, sign out again.",
		link:    home, linkText: checkNow,
		undone: "You are still signed in", again: home,
	}
	endingSession = doubt{
		heading: "We don’t know whether the session was signed out",
		text:    lostTouch + "If it’s still in the list, sign it out again.",
		link:    sessionsPath, linkText: "See your sessions",
		undone: "The session was not signed out", again: sessionsPath,
	}
	endingOthers = doubt{
		heading: "We don’t know whether you were signed out everywhere else",
		text:    lostTouch + "Sign out those that are still in the list.",
		link:    sessionsPath, linkText: "See your sessions",
		undone: "You were not signed out everywhere else", again: sessionsPath,
	}
	changingPassword = doubt{
		heading: "We don’t know whether your password was changed",
		text:    lostTouch + "If it was changed, your activity says so. If not, the old one still works.",
		link:    activityPath, linkText: "See your activity",
		undone: "Your password was not changed", again: accountPath,
	}
	removingWay = doubt{
		heading: "We don’t know whether that way to sign in was removed",
		text:    lostTouch + "If it’s still in the list, remove it again.",
		link:    accountPath, linkText: "See your account",
		undone: "That way to sign in was not removed", again: accountPath,
	}
	connecting = doubt{
		heading: "We don’t know whether that way to sign in was connected",
		text:    lostTouch + "If it’s not in the list, connect it again.",
		link:    accountPath, linkText: "See your account",
		undone: "That way to sign in was not connected", again: accountPath,
	}
	addingPasskey = doubt{
		heading: "We don’t know whether your passkey was added",
		text:    lostTouch + "If it’s not in the list, add it again. Your browser may say that it’s there already: remove it there first.",
		link:    accountPath, linkText: "See your account",
		undone: "Your passkey was not added", again: accountPath,
	}
	renamingPasskey = doubt{
		heading: "We don’t know whether the passkey was renamed",
		text:    lostTouch + "If it has its old name in the list, rename it again.",
		link:    accountPath, linkText: "See your account",
		undone: "The passkey was not renamed", again: accountPath,
	}
	removingPasskey = doubt{
		heading: "We don’t know whether the passkey was removed",
		text:    lostTouch + "If it’s still in the list, remove it again.",
		link:    accountPath, linkText: "See your account",
		undone: "The passkey was not removed", again: accountPath,
	}
	stoppingPassword = doubt{
		heading: "We don’t know whether your password still works",
		text:    lostTouch + "Your account says so. Your passkeys work either way.",
		link:    accountPath, linkText: "See your account",
		undone: "Your password still works", again: stopPasswordPath,
	}
	resettingPassword = doubt{
		heading: "We don’t know whether your new password is set",
		text:    lostTouch + "Sign in with it. If it is refused, open the link in the email again.",
		link:    "/login", linkText: "Sign in",
		undone: "Your password was not changed",
	}
	confirmingAddress = doubt{
		heading: "We don’t know whether your address is confirmed",
		text:    lostTouch + "Sign in. If that is refused, open the link in the email again.",
		link:    "/login", linkText: "Sign in",
		undone: "Your address is not confirmed yet",
	}
	deletingAccount = doubt{
		heading: "We don’t know whether your account was deleted",
		text:    lostTouch + "If you still see your keys, delete it again.",
		link:    home, linkText: checkNow,
		undone: "Your account was not deleted", again: accountPath + "/delete",
	}
	// accountGone is for when the account is deleted, and what is left to do got lost.
	accountGone = doubt{
		heading: "Your account was deleted",
		text:    lostTouch + "A browser that was signed in may look so for half an hour, but nothing is left behind it.",
		link:    "/login", linkText: "Sign in",
	}
	creatingKey = doubt{heading: "We don’t know whether the key was created", undone: "The key was not created"}
	adoptingKey = doubt{
		heading: "We don’t know whether the key was adopted",
		text:    lostTouch + "If it is in your list, it was. If not, paste the value again.",
		link:    home, linkText: checkNow,
		undone: "The key was not adopted", again: adoptPath,
	}
	tryingValue = doubt{
		heading: "We don’t know whether this value works",
		text:    lostTouch + "None of your keys was changed. Try the value again.",
		link:    home + "/which", linkText: tryAgain,
		undone: "We don’t know whether this value works", again: home + "/which",
	}
	openingPairing = doubt{
		heading: "We couldn’t look up the code",
		text:    lostTouch + "Nothing was decided. Enter the code again.",
		link:    devicePath, linkText: tryAgain,
		undone: "We couldn’t look up the code", again: devicePath,
	}
	lookingUpValue = doubt{
		heading: "We couldn’t look up the value",
		text:    lostTouch + "No key was changed. Paste the value again.",
		link:    runningPath, linkText: tryAgain,
		undone: "We couldn’t look up the value", again: runningPath,
	}
	creatingServerKey = doubt{
		heading: "We don’t know whether the server key was created",
		text:    lostTouch + "If it’s in the list, its value is lost: delete it on the command line and create another.",
		link:    runningServers, linkText: checkNow,
		undone: "The server key was not created", again: runningServers,
	}
	// anyAct is for what has no words of its own.
	anyAct = doubt{
		heading: "We don’t know whether that was saved",
		text:    lostTouch + "Look before you do it again.",
		link:    home, linkText: checkNow,
		undone: "That was not saved", again: home,
	}
)

// operatingOn is about a user, a device or a key that an operator did something about, whose page says how it is.
func operatingOn(page string) doubt {
	return doubt{
		heading: "We don’t know whether that was done",
		text:    lostTouch + "The page says how it is now. If it wasn’t done, do it again.",
		link:    page, linkText: checkNow,
		undone: "That was not done", again: page,
	}
}

// settingExpiry is about one key, whose page says when it expires.
func settingExpiry(id string) doubt {
	return doubt{
		heading: "We don’t know whether the new day was saved",
		text:    lostTouch + "The key’s page says when it expires. If that is not the day you chose, choose it again.",
		link:    home + "/" + id, linkText: checkNow,
		undone: "The new day was not saved", again: home + "/" + id + "/expiry",
	}
}

// reportingLeak is about one key, whose page says whether it is off.
func reportingLeak(id string) doubt {
	return doubt{
		heading: "The key may be on or off",
		text:    lostTouch + "Look at its page. If it’s on, report it again.",
		link:    home + "/" + id, linkText: checkNow,
		undone: "The key is still on", again: home + "/" + id,
	}
}

// endingReplacement is about one key, whose page says whether another one still replaces it.
func endingReplacement(id string) doubt {
	return doubt{
		heading: "We don’t know whether the replacement was ended",
		text:    lostTouch + "The page of the key says so. Neither key was deleted.",
		link:    home + "/" + id, linkText: checkNow,
		undone: "The replacement was not ended", again: home + "/" + id,
	}
}

// denying is about one pairing, whose page says what came of it.
func denying(id string) doubt {
	return doubt{
		heading: "We don’t know whether the device was refused",
		text:    lostTouch + "Look at its page. If it’s still asking, deny it again.",
		link:    pairingPage(id), linkText: checkNow,
		undone: "The device was not refused", again: pairingPage(id),
	}
}

// approving is that when the page cannot be drawn.
func approving(id string) doubt {
	return doubt{
		heading: "We don’t know whether the device was connected",
		text:    lostTouch + "Look at its page. If it’s still asking, approve it again.",
		link:    pairingPage(id), linkText: checkNow,
		undone: "The device was not connected", again: pairingPage(id),
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
func (d doubt) problem(err error) problem {
	switch {
	case !foundUndone(err):
		return problem{status: http.StatusInternalServerError, heading: d.heading, text: d.text, link: d.link, linkText: d.linkText}
	case d.again == "":
		return problem{status: http.StatusServiceUnavailable, heading: d.undone, retryAfter: soon,
			text: lostTouch + "Nothing was saved. Open the link in the email again."}
	default:
		return problem{status: http.StatusServiceUnavailable, heading: d.undone, retryAfter: soon,
			text: lostTouch + "Nothing was saved. You can try again.", link: d.again, linkText: tryAgain}
	}
}
