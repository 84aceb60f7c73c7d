package authserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestEveryKindOfErrorHasAnAnswer(t *testing.T) {
	// The codes that Realm's core knows; it reports any other as an unknown server error.
	known := map[string]bool{
		"": true, "InvalidSession": true, "InvalidPassword": true, "AuthError": true, "AccountNameInUse": true, "BadRequest": true,
		"InvalidParameter": true, "MissingParameter": true, "APIKeyNotFound": true, "APIKeyAlreadyExists": true,
		"AuthProviderNotFound": true, "InternalServerError": true, "UserDisabled": true, "UserpassTokenInvalid": true, "FunctionNotFound": true, "UserAlreadyConfirmed": true,
	}
	// Of calls that no SDK makes, and two that mean to them what an unknown error means.
	ours := map[string]bool{"SessionNotFound": true, "StorageUnavailable": true, "OutcomeUnknown": true, "ReplacementNotFound": true, "PasskeyNotFound": true, "ProofRequired": true, "UserNotFound": true, "KnockNotFound": true}
	for k, wire := range wireErrors {
		if wire.status < 400 || wire.text == "" || !known[wire.code] && !ours[wire.code] {
			t.Errorf("kind %d: %+v", k, wire)
		}
	}
	if len(wireErrors) != int(kinds) {
		t.Errorf("%d kinds in the table", len(wireErrors))
	}
}

// What only a service elsewhere can refuse has no words here.
func TestEveryRefusalOfTheRulesHasAnAnswer(t *testing.T) {
	for k := model.KindInternal; k < model.KindUnreachable; k++ {
		as, ok := wireKinds[k]
		if !ok || as == kindInternal && k != model.KindInternal {
			t.Errorf("kind %d goes out as %d", k, as)
		}
	}
}

func TestAProgramIsToldWhenNobodyKnowsWhetherSomethingWasSaved(t *testing.T) {
	for outcome, want := range map[model.Outcome]wireError{
		model.Unclear: {status: 500, code: "OutcomeUnknown"}, model.FoundUndone: {status: 503, code: "StorageUnavailable"},
	} {
		kind := model.KindStorageDown
		if outcome == model.Unclear {
			kind = model.KindUnclear
		}
		if got := wireErrors[failureOf(&model.Error{Kind: kind, Outcome: outcome}).kind]; got.status != want.status || got.code != want.code {
			t.Errorf("outcome %d goes out as %d %s", outcome, got.status, got.code)
		}
	}
}

// refusedLogins are refusals of what somebody wants to sign in with.
var refusedLogins = map[kind]bool{
	kindWrongPassword: true, kindWrongKey: true, kindWrongToken: true, kindNotOffered: true, kindUserDisabled: true, kindNotConfirmed: true,
	kindBadPasskey: true,
}

// SDKs log a user out on any 401, so the list of reasons is closed.
func TestOnlyTokensAndLoginsAre401(t *testing.T) {
	noToken := map[kind]bool{kindNoToken: true, kindNoBearer: true}
	tokens := map[kind]bool{
		kindBadToken: true, kindExpiredToken: true, kindNotRefreshToken: true, kindNotAccessToken: true,
		kindSessionGone: true, kindUserGone: true,
	}
	for i, wire := range wireErrors {
		k := kind(i)
		switch {
		case tokens[k] && (wire.status != 401 || wire.code != "InvalidSession"):
			t.Errorf("%q: %d %q, and realm-web renews only on InvalidSession", wire.text, wire.status, wire.code)
		case (wire.status == 401) != (tokens[k] || refusedLogins[k] || noToken[k]):
			t.Errorf("%q is %d", wire.text, wire.status)
		}
	}
}

// realm-web renews and repeats a call with an access token for as long as it is answered so, and only that token may be why.
func TestNothingThatSomebodyWantsToLinkIs401(t *testing.T) {
	for k := range refusedLogins {
		f := failureOf(notUnauthorized(refuse(k), model.ProviderEmailPassword))
		if got := wireErrors[f.kind]; k != kindWrongKey && k != kindBadPasskey && (got.status != 400 || got.code == "InvalidSession" || got.code == "") {
			t.Errorf("%q %s goes out as %d %s", wireErrors[k].text, wireErrors[k].code, got.status, got.code)
		}
	}
}

func TestAFailureTellsTheClientItsTextAndTheLogItsCause(t *testing.T) {
	cause := errors.New("disk on fire")
	f := failureOf(&model.Error{Kind: model.KindStorageDown, Doing: "create key", Err: cause})
	if strings.Contains(f.text(), "fire") {
		t.Errorf("the client reads %q", f.text())
	}
	if !errors.Is(f, cause) || f.Error() != f.text()+": create key: disk on fire" {
		t.Errorf("the log reads %q", f.Error())
	}
	if bare := refuse(kindNoName); bare.Error() != bare.text() {
		t.Errorf("without a cause: %q", bare.Error())
	}
}

func TestAWrappedFailureKeepsItsAnswer(t *testing.T) {
	f := newFixture(t)
	rt := route{method: "GET", path: "/wrapped", rule: anybody}
	rt.answer = f.wrapped
	f.mux.HandleFunc(rt.method+" "+rt.path, f.serve(rt))
	f.do("GET", rt.path, "", "").want(409).says("name already in use", "AccountNameInUse")
}

func TestFailuresShareNothing(t *testing.T) {
	first := refuse(kindUnknownApp, "one").because(errors.New("first"))
	second := refuse(kindUnknownApp, "two")
	if second.cause != nil || strings.Contains(second.text(), "one") || first == second {
		t.Error("a detail of one request reached another")
	}
	if got := fmt.Sprint(first.text()); !strings.Contains(got, "'one'") {
		t.Errorf("text %q", got)
	}
}

func (f *fixture) wrapped(*http.Request, principal) (answer, error) {
	return answer{}, fmt.Errorf("register: %w", refuse(kindEmailTaken))
}
