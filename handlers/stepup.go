package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/handlers/websession"
	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// The fields of a form with which a person shows that it is they. They are never drawn again.
const (
	passwordField  = "password"
	passkeyField   = "passkey"   // what the browser answered
	challengeField = "challenge" // to this
)

// badPasskey is for whatever is wrong with what a browser answered: that is in the log.
var (
	wrongPassword = lang.New("password.wrong", "Wrong password.")
	badPasskey    = lang.New("passkeys.bad", "That didn’t work. Try again.")
)

// proof is what a form has to show that it is the person.
type proof struct {
	password  model.Secret
	challenge string
	passkey   model.Secret // what the browser answered to it
}

// proofIn is what a form has, and says whether it is meant to be a proof: it is none while the question was not asked.
func proofIn(form url.Values) (given proof, asked bool) {
	given = proof{model.Secret(form.Get(passwordField)), form.Get(challengeField), model.Secret(form.Get(passkeyField))}
	return given, form.Has(passwordField) || form.Has(passkeyField)
}

// withPasskey says that it is a passkey that is to show it.
func (p proof) withPasskey() bool { return p.passkey != "" }

// notProved is what was wrong with a proof, in words that stand beside what it was tried with.
type notProved struct {
	said        string
	withPasskey bool
}

// stepUp is what a form is for that only goes through when the person confirmed lately that it is they.
type stepUp struct {
	act lang.Text // as the button says it
	// unnamed goes on from "Enter your password to", and named does with the {name} that the form has, where it has one.
	unnamed, named lang.Text
	// back is the page for people who change their minds.
	back func(c echo.Context, form url.Values) string
	// leaves is a field that is not carried along, and has to be filled in again; "" when all are.
	leaves string
}

// requireStepUp lets nobody give a device the means to sign in who has not confirmed lately that it is they: whoever finds a browser
// open must not be able to leave with a key. It asks after the form was filled in, and carries along what was typed. What takes away,
// such as turning a key off, goes without it; but for a way to sign in, which the owner may have no other way to get back.
//
// The question's dialog is answered with no content once the answer is right, and its script then sends the form once more, as the
// browser does: the act is done in that request alone, whose answer is a page as a whole and may show a value.
func (h *dashboard) requireStepUp(s stepUp) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			row := rowOf(c)
			form, err := sentValues(c)
			if err != nil {
				return err
			}
			given, asked := proofIn(form)
			fromDialog := wantsPart(c) && asked
			if websession.Proved(row, h.StepUp, h.Now()) {
				if fromDialog {
					return c.NoContent(http.StatusNoContent)
				}
				return next(c)
			}
			if !asked {
				return h.askForProof(c, s)
			}
			err = h.prove(c, given)
			if err == nil {
				err = sessionsDown(h.sessions.Confirmed(c.Request().Context(), row))
			}
			if err != nil {
				return h.answerNotProved(c, given, err, func(status int, wrong notProved) error {
					return h.askProof(c, s, status, form, wrong)
				})
			}
			if fromDialog {
				return c.NoContent(http.StatusNoContent)
			}
			c.Set(confirmedKey, true)
			return next(c)
		}
	}
}

// sentValues are those of a form, and none of the address, which is in logs and histories: a password in it proves nothing.
func sentValues(c echo.Context) (url.Values, error) {
	if err := c.Request().ParseForm(); err != nil {
		return nil, echo.ErrBadRequest
	}
	return c.Request().PostForm, nil
}

// prove checks what the person who is signed in shows.
func (h *dashboard) prove(c echo.Context, given proof) error {
	ctx, cancel := actContext(c)
	defer cancel()
	switch {
	case given.withPasskey():
		return h.person(c).CheckPasskey(ctx, given.challenge, []byte(given.passkey.Reveal()))
	case given.password == "":
		return &model.Error{Kind: model.KindWrongPassword}
	default:
		return h.person(c).CheckPassword(ctx, given.password)
	}
}

// answerNotProved asks once more when what was shown was wrong or came too soon. Other errors go their usual way.
func (h *dashboard) answerNotProved(c echo.Context, given proof, err error, ask func(status int, wrong notProved) error) error {
	ctx := c.Request().Context()
	answer := func(status int, problem string) error { return ask(status, notProved{problem, given.withPasskey()}) }
	switch {
	case model.Is(err, model.KindWrongPassword) && given.password == "":
		return answer(http.StatusUnprocessableEntity, lang.T(ctx, "password.enter", "Enter your password."))
	case model.Is(err, model.KindWrongPassword):
		return answer(http.StatusUnprocessableEntity, wrongPassword.In(ctx))
	case model.Is(err, model.KindBadPasskey):
		return answer(http.StatusUnprocessableEntity, badPasskey.In(ctx))
	case model.Is(err, model.KindTooManyTries):
		return answer(http.StatusTooManyRequests, h.tooManyTries(c, err))
	case lost(err): // whatever became of the proof: what it was for has not begun
		h.logFault(c, "proof that it is the person lost", err)
		return answer(http.StatusServiceUnavailable, given.lost(ctx))
	default:
		return err
	}
}

// lost says that nobody knows what became of it, and asks for the same once more.
func (p proof) lost(ctx context.Context) string {
	if p.withPasskey() {
		return lang.T(ctx, "proof.lost.passkey", "The connection to the database broke. Nothing was done. Use your passkey again.")
	}
	return lang.T(ctx, "proof.lost.password", "The connection to the database broke. Nothing was done. Enter your password again.")
}

// askForProof draws the question before an act, with what was sent.
func (h *dashboard) askForProof(c echo.Context, s stepUp) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	return h.askProof(c, s, http.StatusForbidden, form, notProved{})
}

// askProof draws the question with all that was typed, in the page's dialog or as a page of its own. Its form is sent to where the
// first one was.
func (h *dashboard) askProof(c echo.Context, s stepUp, status int, form url.Values, wrong notProved) error {
	confirming, err := h.confirming(c, wrong)
	if err != nil {
		return err
	}
	if confirming.None() && rowOf(c).FromApp {
		return h.askApp(c, s)
	}
	ctx := c.Request().Context()
	m := views.Proof{
		Page: h.page(c, lang.T(ctx, "proof.title", "Confirm it’s you")), Confirming: confirming, Action: c.Request().URL.EscapedPath(),
		Within: views.Stretch(ctx, h.StepUp), Script: wantsPart(c) || form.Has(scriptField),
		Act: s.act.In(ctx), To: s.to(ctx, form), Back: s.back(c, form), PasteAgain: form.Get(s.leaves) != "",
	}
	kept := []string{passwordField, passkeyField, challengeField, scriptField, s.leaves, views.OwnerField} // the form has its own
	for name, values := range form {
		for _, value := range values {
			if !slices.Contains(kept, name) {
				m.Fields = append(m.Fields, views.Field{Name: name, Value: value})
			}
		}
	}
	slices.SortStableFunc(m.Fields, func(a, b views.Field) int { return strings.Compare(a.Name, b.Name) })
	if wantsPart(c) {
		c.Response().Header().Set("HX-Retarget", "#dialog")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
	}
	return render(c, status, views.ProofPage(m), views.ProofDialog(m))
}

// confirming is how the person can confirm that it is they. A browser that is to ask for a passkey is given a challenge each time.
func (h *dashboard) confirming(c echo.Context, wrong notProved) (views.Confirming, error) {
	ctx, cancel := readContext(c)
	defer cancel()
	person := h.person(c)
	proofs, err := person.Proofs(ctx)
	if err != nil {
		return views.Confirming{}, err
	}
	m := views.Confirming{Password: proofs.Password, Passkey: proofs.Passkey, Providers: providers(proofs.OpenID)}
	if wrong.withPasskey {
		m.PasskeyError = wrong.said
	} else {
		m.Error = wrong.said
	}
	if m.Passkey {
		options, challenge, err := person.ProofOptions(ctx)
		if err != nil {
			return m, err
		}
		m.Options, m.Challenge = string(options), challenge
	}
	return m, nil
}

// providers are other providers as pages draw them.
func providers(list []model.OpenID) []views.Provider {
	drawn := make([]views.Provider, len(list))
	for i, one := range list {
		drawn[i] = views.Provider{ID: one.ID, Name: one.Name}
	}
	return drawn
}

// to names the act as it goes on from "Enter your password to".
func (s stepUp) to(ctx context.Context, form url.Values) string {
	name := strings.TrimSpace(form.Get("name"))
	if s.named.ID == "" || !model.ValidName(name) {
		return s.unnamed.In(ctx)
	}
	return s.named.In(ctx, "name", name)
}

// scriptField is in a form that script has drawn: the page that answers it may hide what script can show.
const scriptField = "script"

// What is done with a step-up by several forms, or to what has a name.
var (
	createKey     = lang.New("stepup.create", "create a key")
	createNamed   = lang.New("stepup.create-named", "create {name}")
	turnOnKey     = lang.New("stepup.turn-on", "turn on this key")
	turnOnNamed   = lang.New("stepup.turn-on-named", "turn on {name}")
	connectDevice = lang.New("stepup.connect", "connect this device")
	connectNamed  = lang.New("stepup.connect-named", "connect {name}")
	extendKey     = lang.New("stepup.extend", "extend this key")
	extendNamed   = lang.New("stepup.extend-named", "extend {name}")
)

// The forms that need a step-up.
var (
	toCreate = stepUp{lang.New("keys.create-key", "Create key"), createKey, createNamed, func(_ echo.Context, form url.Values) string {
		return newKeyWith(typedName(form.Get("name"), form.Get("label")))
	}, ""}
	toTurnOn = stepUp{lang.New("button.turn-on", "Turn on"), turnOnKey, turnOnNamed, func(c echo.Context, form url.Values) string {
		if id := c.Param("id"); form.Get("place") == views.PlacePage && model.IsID(id) {
			return home + "/" + id
		}
		return home
	}, ""}
	toApprove = stepUp{lang.New("button.approve", "Approve"), connectDevice, connectNamed, func(c echo.Context, form url.Values) string {
		if form.Has(shownField) { // nobody has claimed it yet
			return replacesIn(c).on(codeEntry(form.Get("code")))
		}
		return replacesIn(c).on(pairingPage(c.Param("id")))
	}, ""}
	toExtend = stepUp{lang.New("button.save", "Save"), extendKey, extendNamed, func(c echo.Context, form url.Values) string {
		if id := c.Param("id"); form.Get("place") != views.PlaceRow && model.IsID(id) {
			return home + "/" + id
		}
		return home
	}, ""}
	toRemoveWay = stepUp{act: lang.New("button.remove", "Remove"), unnamed: lang.New("stepup.remove-way", "remove this way to sign in"), back: backToAccount}
	toConnect   = stepUp{act: lang.New("stepup.add-way.button", "Connect"), unnamed: lang.New("stepup.add-way", "add another way to sign in"), back: backToAccount}
	toAdopt     = stepUp{
		lang.New("button.continue", "Continue"), lang.New("stepup.adopt", "adopt a key"), lang.New("stepup.adopt-named", "adopt {name}"),
		func(echo.Context, url.Values) string { return home }, valueField,
	}
)
