package idtokens

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/model"
)

const (
	maxIDToken = 16 << 10 // groups and roles are in some
	maxCalled  = 256      // characters of a name or an address
)

// Client verifies the ID tokens of OpenID Connect that an issuer signs for one client of it, who asks for each by itself. They are signed
// by RS256 or ES256, with a key of those at the issuer's address.
type Client struct {
	verifier

	now func() time.Time
	set *keySet
}

// NewClient returns a Client. What its tokens say is kept under the provider of that name. An issuer may call itself in several ways.
func NewClient(provider string, issuers []string, clientID, keySet string, now func() time.Time) *Client {
	set := newKeySet(provider, keySet, true, now)
	return &Client{verifier{
		Provider:   Provider{Name: provider, KeySet: keySet, Issuers: issuers, Audience: []string{clientID}, Party: true},
		algorithms: []jose.SignatureAlgorithm{jose.RS256, jose.ES256}, most: maxIDToken, verify: set.verify,
	}, now, set}
}

// Verify says whom a token is about, in which the nonce of this sign-in must be. It refuses as that of Tokens does.
func (c *Client) Verify(ctx context.Context, token model.Secret, nonce string) (model.Proved, error) {
	claims, err := c.open(ctx, token.Reveal())
	if err != nil {
		return model.Proved{}, err
	}
	proved, err := c.judge(claims, c.now())
	if err == nil {
		err = c.answers(claims, nonce)
	}
	if err == nil {
		proved.Data, err = called(claims)
	}
	if err == nil {
		proved.SignedInAt, err = claims.signedInAt()
	}
	if err != nil {
		return model.Proved{}, wrong(c.Name + ": " + err.Error())
	}
	proved.Email = claims.address()
	return proved, nil
}

// answers says whether a token is the answer to what was asked for: by this client, and in this sign-in. That the client is in azp, where
// that is, has been seen to; of a token for several somebody must say which of them asked.
func (c *Client) answers(claims claims, nonce string) error {
	audience, err := claims.audience()
	if err != nil {
		return err
	}
	if _, there := claims["azp"]; !there && len(audience) > 1 {
		return errors.New("aud has several clients, and azp is missing")
	}
	if _, there := claims["iat"]; !there {
		return errors.New("iat is missing")
	}
	if said, _ := claims["nonce"].(string); nonce == "" || subtle.ConstantTimeCompare([]byte(said), []byte(nonce)) != 1 {
		return errors.New("the nonce is another, or missing")
	}
	return nil
}

// signedInAt is when the person signed in at the issuer, zero when the token does not say.
func (c claims) signedInAt() (time.Time, error) {
	seconds, there, err := c.date("auth_time")
	const most = 1 << 40 // seconds; far more than anybody means
	switch {
	case err != nil || !there:
		return time.Time{}, err
	case seconds < 1 || seconds > most:
		return time.Time{}, errors.New("auth_time is no time")
	default:
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
}

// address is the address that the issuer has seen to be the person's, "" when there is none. A text that says "true" is nothing that
// anybody promised.
func (c claims) address() string {
	email, _ := c["email"].(string)
	if verified, _ := c["email_verified"].(bool); !verified || utf8.RuneCountInString(email) > maxCalled || !model.IsMailAddress(email) {
		return ""
	}
	return email
}

// called is what a token calls the person, as JSON. A name that is too long is none.
func called(c claims) (string, error) {
	said := map[string]string{}
	for _, name := range []string{"name", "preferred_username"} {
		if text, _ := c[name].(string); text != "" && utf8.RuneCountInString(text) <= maxCalled {
			said["name"] = text
			break
		}
	}
	if email, _ := c["email"].(string); email != "" && c.address() == "" && utf8.RuneCountInString(email) <= maxCalled {
		said["email"] = email // to be shown: nobody is written to there
	}
	if len(said) == 0 {
		return "", nil
	}
	encoded, err := json.Marshal(said)
	if err != nil {
		return "", fmt.Errorf("its name cannot be kept: %w", err)
	}
	return string(encoded), nil
}

// Refresh fetches the keys when it is time.
func (c *Client) Refresh(ctx context.Context) {
	c.set.refresh()
	c.set.wait(ctx)
}

// Trouble is why the keys could not be fetched when it was last tried.
func (c *Client) Trouble() (Trouble, bool) { return c.set.trouble() }
