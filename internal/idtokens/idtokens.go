// Package idtokens verifies the tokens with which people sign in whom somebody else has authenticated: an issuer of the operator's own,
// Google or Apple. It knows neither accounts nor HTTP beyond fetching an issuer's public keys.
//
// The addresses of these keys are settings of the operator. Nothing that a request holds, such as the jku or x5u of a token, is ever
// fetched.
package idtokens

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/model"
)

const (
	maxToken   = 4 << 10
	maxSubject = 255 // characters
	maxData    = 2 << 10

	leeway    = time.Minute     // for clocks that differ a little
	maxIssued = 5 * time.Minute // ahead of this server
)

// Provider is what an operator decides about tokens of one provider. They are signed by one kind of keys: HS256 with any of Secrets, or
// RS256 with one of PublicKeys or of those at KeySet. The header of a token has no say in it.
type Provider struct {
	Name       string
	Secrets    []model.Secret
	PublicKeys []*rsa.PublicKey
	KeySet     string // an https URL, or an http URL of this machine

	Issuers      []string // one of them must have issued the token; none: that is not looked at
	Audience     []string // the token must be for one of them
	AllAudiences bool     // for each of them
	// Party says that the program that asked for the token, where the token names it, must be in Audience too.
	Party bool
	Data  []Claim // what is taken from a token beside its subject
}

// Claim is something that a token says, and what it is called in the profile.
type Claim struct {
	Path     []string // from the outermost object inwards
	Field    string
	Required bool // a token without it is refused
}

// Tokens verifies the tokens of some providers.
type Tokens struct {
	now       func() time.Time
	providers map[string]verifier
	sets      []*keySet
}

type verifier struct {
	Provider
	algorithms []jose.SignatureAlgorithm
	most       int // bytes of a token
	verify     func(context.Context, *jose.JSONWebSignature) ([]byte, error)
}

// New returns Tokens of these providers, by a clock.
func New(now func() time.Time, providers ...Provider) *Tokens {
	t := &Tokens{now: now, providers: map[string]verifier{}}
	for _, p := range providers {
		v := verifier{Provider: p, algorithms: []jose.SignatureAlgorithm{jose.RS256}, most: maxToken}
		switch {
		case len(p.Secrets) > 0:
			v.algorithms = []jose.SignatureAlgorithm{jose.HS256}
			v.verify = func(_ context.Context, token *jose.JSONWebSignature) ([]byte, error) {
				return byAny(token, secretKeys(p.Secrets))
			}
		case p.KeySet != "":
			set := newKeySet(p.Name, p.KeySet, false, now)
			t.sets = append(t.sets, set)
			v.verify = set.verify
		default:
			v.verify = func(_ context.Context, token *jose.JSONWebSignature) ([]byte, error) {
				return byAny(token, p.PublicKeys)
			}
		}
		t.providers[p.Name] = v
	}
	return t
}

// Offers says whether tokens of a provider can be verified.
func (t *Tokens) Offers(provider string) bool {
	if t == nil {
		return false
	}
	_, ok := t.providers[provider]
	return ok
}

// Verify says whom a token of a provider is about. It refuses with KindWrongToken, whose cause says why and never quotes the token or
// what signs it, and with KindNoIssuer when it cannot know, because the keys of the issuer are not to be had.
func (t *Tokens) Verify(ctx context.Context, provider string, token model.Secret) (model.Proved, error) {
	if !t.Offers(provider) {
		return model.Proved{}, wrong("no such provider here")
	}
	v := t.providers[provider]
	claims, err := v.open(ctx, token.Reveal())
	if err != nil {
		return model.Proved{}, err
	}
	proved, err := v.judge(claims, t.now())
	if err != nil {
		return model.Proved{}, wrong(provider + ": " + err.Error())
	}
	return proved, nil
}

func wrong(why string) error { return &model.Error{Kind: model.KindWrongToken, Err: errors.New(why)} }

// open gives what a token says, if it is signed as it must be.
func (v verifier) open(ctx context.Context, raw string) (claims, error) {
	if len(raw) > v.most {
		return nil, wrong(fmt.Sprintf("%s: the token has %d bytes, more than %d", v.Name, len(raw), v.most))
	}
	signed, err := jose.ParseSignedCompact(raw, v.algorithms)
	switch {
	case isOtherAlgorithm(err):
		return nil, wrong(fmt.Sprintf("%s: the token is not signed by %s", v.Name, anyOf(v.algorithms)))
	case err != nil: // not its text: it may quote the token
		return nil, wrong(v.Name + ": not a signed token")
	}
	payload, err := v.verify(ctx, signed)
	switch {
	case errors.Is(err, errNoKey):
		return nil, wrong(v.Name + ": signed by no key of the issuer")
	case err != nil:
		return nil, &model.Error{Kind: model.KindNoIssuer, Wait: firstPause, Doing: "fetch the keys of " + v.Name, Err: err}
	}
	says, err := claimsOf(payload)
	if err != nil {
		return nil, wrong(v.Name + ": " + err.Error())
	}
	return says, nil
}

func anyOf(algorithms []jose.SignatureAlgorithm) string {
	names := make([]string, len(algorithms))
	for i, one := range algorithms {
		names[i] = string(one)
	}
	return strings.Join(names, " or ")
}

func isOtherAlgorithm(err error) bool {
	_, ok := errors.AsType[*jose.ErrUnexpectedSignatureAlgorithm](err)
	return ok
}

// errNoKey says that none of the keys has signed a token.
var errNoKey = errors.New("signed by no key that is known")

func secretKeys(secrets []model.Secret) [][]byte {
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		keys[i] = []byte(secret.Reveal())
	}
	return keys
}

func byAny[K any](token *jose.JSONWebSignature, keys []K) ([]byte, error) {
	for _, key := range keys {
		if payload, err := token.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, errNoKey
}

// judge looks at the claims of a token that was signed as it should be.
func (v verifier) judge(claims claims, now time.Time) (model.Proved, error) {
	if err := claims.timely(now); err != nil {
		return model.Proved{}, err
	}
	if err := v.meantFor(claims); err != nil {
		return model.Proved{}, err
	}
	subject, ok := claims["sub"].(string)
	if n := utf8.RuneCountInString(subject); !ok || n < 1 || n > maxSubject || strings.ContainsAny(subject, "\x00\ufffd") {
		return model.Proved{}, fmt.Errorf("sub must be a text of 1 to %d characters", maxSubject)
	}
	data, err := v.dataOf(claims)
	if err != nil {
		return model.Proved{}, err
	}
	return model.Proved{Provider: v.Name, Subject: subject, Data: data, SignedInAt: claims.shown()}, nil
}

// meantFor says whether a token was issued by whom it should be, and for this app.
func (v verifier) meantFor(claims claims) error {
	audience, err := claims.audience()
	if err != nil {
		return err
	}
	isFor := func(one string) bool { return slices.Contains(audience, one) }
	switch {
	case !v.AllAudiences && !slices.ContainsFunc(v.Audience, isFor):
		return fmt.Errorf("aud is %s, which is not for this app", legible(audience))
	case v.AllAudiences && slices.ContainsFunc(v.Audience, func(one string) bool { return !isFor(one) }):
		return fmt.Errorf("aud is %s, which lacks some that are asked for", legible(audience))
	}
	if party, there := claims["azp"]; there && v.Party {
		if text, ok := party.(string); !ok || !slices.Contains(v.Audience, text) {
			return fmt.Errorf("azp is %s, which is not in client_ids: add it, if that is an app of yours", legible(party))
		}
	}
	if issuer, _ := claims["iss"].(string); len(v.Issuers) > 0 && !slices.Contains(v.Issuers, issuer) {
		return fmt.Errorf("iss is %s, which is another issuer", legible(claims["iss"]))
	}
	return nil
}

// legible is what a token says in a few letters, for the log.
func legible(claim any) string {
	const most = 100
	text := fmt.Sprintf("%+q", fmt.Sprint(claim))
	if claim == nil {
		text = "not there"
	}
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

// dataOf is what the provider is asked for, as a JSON object; "" when the token has nothing of it.
func (v verifier) dataOf(claims claims) (string, error) {
	data := map[string]any{}
	for _, c := range v.Data {
		switch value, there := claims.at(c.Path); {
		case there:
			data[c.Field] = value
		case c.Required:
			return "", fmt.Errorf("the required claim %s is missing", legible(strings.Join(c.Path, ".")))
		}
	}
	if len(data) == 0 {
		return "", nil
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return "", errors.New("its data cannot be kept")
	}
	if len(encoded) > maxData {
		return "", fmt.Errorf("its data has %d bytes of JSON, more than %d", len(encoded), maxData)
	}
	return string(encoded), nil
}

// Look fetches the key sets that were never fetched, or not lately, and says of each that cannot be why.
func (t *Tokens) Look(ctx context.Context) []Trouble {
	if t == nil {
		return nil
	}
	for _, set := range t.sets {
		set.refresh()
	}
	for _, set := range t.sets {
		set.wait(ctx)
	}
	return t.Troubles()
}

// Troubles are the key sets that could not be fetched when it was last tried.
func (t *Tokens) Troubles() []Trouble {
	if t == nil {
		return nil
	}
	var all []Trouble
	for _, set := range t.sets {
		if trouble, there := set.trouble(); there {
			all = append(all, trouble)
		}
	}
	return all
}

// Trouble is a key set that could not be fetched.
type Trouble struct {
	Provider string
	Address  string // without the query
	NoKeys   bool   // there are none from before either
	Err      error
}

// String is a sentence without a full stop.
func (t Trouble) String() string {
	then := "keys from before are still used"
	if t.NoKeys {
		then = "nobody can sign in with " + t.Provider + " until they are"
	}
	return fmt.Sprintf("%s: the keys at %s cannot be fetched (%v); %s", t.Provider, t.Address, t.Err, then)
}
