package accounts

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/model"
)

// Secrets of webhooks are kept sealed with keys that are not in the database, so that what reads that alone can sign nothing.

// webhookSecretLength is that of HMAC-SHA256; Standard Webhooks has 24 to 64 bytes.
const webhookSecretLength = 32

// maxWebhookName bounds, in characters, names of keys as they are sent: those of another server are as long as that allows.
const maxWebhookName = 200

// errNoSecret is that a secret was sealed with keys that are not here.
var errNoSecret = errors.New("its secret was sealed with session keys that are not here: rotate it")

// webhookSeal seals with its first key and opens with any.
type webhookSeal []cipher.AEAD

func newWebhookSeal(keys [][]byte) (seal webhookSeal, err error) {
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		seal = append(seal, aead)
	}
	if len(seal) == 0 {
		return nil, errors.New("there are no session keys")
	}
	return seal, nil
}

func (a *Accounts) webhookSeal() (webhookSeal, error) {
	if a.cfg.WebhookKeys == nil {
		return nil, badWebhook("the session keys are not here")
	}
	keys, err := a.cfg.WebhookKeys()
	if err != nil {
		return nil, badWebhook(err.Error())
	}
	seal, err := newWebhookSeal(keys)
	if err != nil {
		return nil, badWebhook(err.Error())
	}
	return seal, nil
}

// seal binds a secret to the webhook that it is of.
func (s webhookSeal) seal(secret []byte, id string) []byte {
	return s[0].Seal([]byte{}, nil, secret, []byte(id)) //nolint:gosec // this AEAD makes its own nonce
}

// open is the opposite of seal. Old says that it was sealed by a key that has been replaced.
func (s webhookSeal) open(sealed []byte, id string) (secret []byte, old bool, err error) {
	for i, key := range s {
		if secret, err := key.Open(nil, nil, sealed, []byte(id)); err == nil {
			return secret, i > 0, nil
		}
	}
	return nil, false, errNoSecret
}

func newWebhookSecret() []byte { return model.RandomBytes(webhookSecretLength) }

// writtenSecret is a secret as receivers take it.
func writtenSecret(secret []byte) model.Secret {
	return model.Secret("whsec_" + base64.StdEncoding.EncodeToString(secret))
}

// signature signs a delivery with every secret that receivers may know.
func signature(id string, at time.Time, body []byte, secrets ...[]byte) string {
	var all []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		_, _ = fmt.Fprintf(mac, "%s.%s.", id, strconv.FormatInt(at.Unix(), 10))
		_, _ = mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// webhookBody is what a receiver gets: who and what it is about, and nothing that anybody could sign in with or be found by.
type webhookBody struct {
	Type      string      `json:"type"`
	Timestamp string      `json:"timestamp"`
	Data      webhookData `json:"data"`
}

type webhookData struct {
	UserID  string      `json:"user_id"`
	KeyID   string      `json:"key_id"`   // "": it is about no key
	KeyName string      `json:"key_name"` // the owner's own words
	Actor   model.Actor `json:"actor"`
}

// bodyOf is what is sent of an event: the same bytes whenever it is.
func bodyOf(e model.Event) []byte {
	return newBody(model.WebhookType(e.Kind), e.At, webhookData{e.UserID, e.KeyID, firstOf(e.KeyName, maxWebhookName), e.Actor})
}

func testBody(now time.Time) []byte {
	return newBody(model.WebhookTest, now, webhookData{Actor: model.ActorOperator})
}

func newBody(what string, at time.Time, data webhookData) []byte {
	body, _ := json.Marshal(webhookBody{what, at.UTC().Format("2006-01-02T15:04:05.000Z07:00"), data}) // these types never fail
	return body
}

// firstOf are the first characters of a text.
func firstOf(text string, most int) string {
	n := 0
	for i := range text {
		if n++; n > most {
			return text[:i]
		}
	}
	return text
}

// newDelivery is what is sent of a body now. The secret from before the last change signs too, until it has certainly ended.
func newDelivery(w model.Webhook, id string, at, certain, now time.Time, body []byte, seal webhookSeal) (Delivery, error) {
	secret, _, err := seal.open(w.Sealed, w.ID)
	if err != nil {
		return Delivery{}, err
	}
	secrets := [][]byte{secret}
	if len(w.OldSealed) > 0 && w.OldUntil.After(certain) && !model.FromFuture(w.OldUntil, now.Add(model.WebhookOverlap)) {
		if old, _, err := seal.open(w.OldSealed, w.ID); err == nil {
			secrets = append(secrets, old)
		}
	}
	return Delivery{URL: w.URL, ID: id, At: at, Signature: signature(id, at, body, secrets...), Body: body}, nil
}
