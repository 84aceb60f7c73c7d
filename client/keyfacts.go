package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// opKeyFacts is the Op of errors of [APIKeys.Facts].
const opKeyFacts = "load key usage"

// ownRoot is where Latchkey's own calls live, beside those of the protocol.
const ownRoot = "/api/latchkey/v1"

// KeyFacts is what a server knows of a user's keys in use.
type KeyFacts struct {
	// RecordingSince is when the server began to take note. A key older than
	// that, without a use, may have been used before.
	RecordingSince time.Time
	// Keys has every key of the user by its id.
	Keys map[string]KeyFact
}

// KeyFact is what a server knows of one key. A zero At means that there is none
// on record.
type KeyFact struct {
	// Fingerprint is the first 16 hexadecimal digits of the SHA-256 of the
	// value, or nothing.
	Fingerprint string
	// Words is the fingerprint as people say it, such as amber-falcon-17f3: the
	// server's pages and emails call the key so. It is empty when the server
	// gives none.
	Words       string
	FirstUsed   time.Time
	LastUse     KeyUse
	LastRefusal KeyRefusal
	Off         KeyOff
	// ExpiresAt is from when on the key signs nothing in; zero when it does not
	// expire, or the server does not tell.
	ExpiresAt time.Time
	// Replaced is by which key, if by one. Its StartedAt is zero when by none,
	// and when the server does not tell.
	Replaced Replacement
}

// KeyUse is a sign-in with a key. The address is as the server saw it; the rest
// is what the device said and nobody verified.
type KeyUse struct {
	At                                                              time.Time
	Address, DeviceName, Platform, PlatformVersion, SDK, SDKVersion string
}

// KeyRefusal is a sign-in with a key that the server refused.
type KeyRefusal struct {
	At      time.Time
	Address string
	Reason  string // "off": the key was turned off; "expired": it had expired
}

// KeyOff is what turning a key off ended. A zero At means that the key is on,
// or that the server does not tell.
type KeyOff struct {
	At time.Time
	// Sessions is how many the key had, all of which ended then.
	Sessions int
	// AccessUntil is by when access ends that was handed out before. It is zero
	// when none of the sessions was in use.
	AccessUntil time.Time
	// FirstRefused is the first sign-in since that the server refused.
	FirstRefused time.Time
}

// Facts tells when the user's keys were used, and from where. The call is
// Latchkey's own and not part of the protocol: for a server that does not have
// it, [IsNotReported] is true of the error.
//
// A server that does not have it may also answer 401 or 403, as some do to
// every path they do not know. So an error for which [IsUnauthorized] is true
// does not mean here that the session is over; another call can tell.
func (a *APIKeys) Facts(ctx context.Context) (KeyFacts, error) {
	var w wireFacts
	r := request{op: opKeyFacts, method: http.MethodGet, root: ownRoot, path: path("key_facts")}
	if err := a.session.withRefresh(ctx, r, &w); err != nil {
		return KeyFacts{}, err
	}
	facts := KeyFacts{RecordingSince: w.Since, Keys: make(map[string]KeyFact, len(w.Keys))}
	for i := range w.Keys {
		facts.Keys[string(w.Keys[i].ID)] = w.Keys[i].fact()
	}
	return facts, nil
}

// IsNotReported reports whether the server answered to [APIKeys.Facts], or to
// another of Latchkey's own calls, that it knows no such call, or with something
// else than was asked for: status 404, 405 or 501, a redirect, or a success that
// makes no sense. To [Session.TokenFor] it may also answer that it has no such
// grant. It is false when the server could not be asked, failed, or
// refused the session, and when what is not there is the session to be ended, or
// the key.
func IsNotReported(err error) bool {
	e, ok := about(err)
	own := ok && (strings.HasPrefix(e.Path, ownRoot+"/") || e.Op == opTokenFor)
	if !own || e.Code == codeSessionNotFound || e.Code == codeKeyNotFound || e.Code == codeNotReplaced || errors.Is(err, errBrokeOff) {
		return false
	}
	if e.Op == opTokenFor && e.Code == codeNoGrant {
		return true
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return e.Status/100 == 2 || e.Status/100 == 3
}

// wireFacts is the answer to Facts.
type wireFacts struct {
	Since time.Time  `json:"recording_since"`
	Keys  []wireFact `json:"keys"`
}

func (w *wireFacts) check() error {
	if w.Since.IsZero() {
		return errors.New("recording_since is missing")
	}
	if w.Keys == nil {
		return errors.New("keys is missing")
	}
	for i := range w.Keys {
		if !validID(string(w.Keys[i].ID)) {
			return fmt.Errorf("key %d: _id is missing or not 24 hexadecimal digits", i)
		}
	}
	return nil
}

// wireFact is what the answer has about one key.
type wireFact struct {
	ID          wireID    `json:"_id"`
	Fingerprint string    `json:"fingerprint"`
	Words       string    `json:"words"`
	FirstUsed   time.Time `json:"first_used_at"`
	LastUse     struct {
		At              time.Time `json:"at"`
		Address         string    `json:"address"`
		DeviceName      string    `json:"device_name"`
		Platform        string    `json:"platform"`
		PlatformVersion string    `json:"platform_version"`
		SDK             string    `json:"sdk"`
		SDKVersion      string    `json:"sdk_version"`
	} `json:"last_use"`
	LastRefusal struct {
		At      time.Time `json:"at"`
		Address string    `json:"address"`
		Reason  string    `json:"reason"`
	} `json:"last_refusal"`
	Off struct {
		At           time.Time `json:"at"`
		Sessions     int       `json:"sessions"`
		AccessUntil  time.Time `json:"access_until"`
		FirstRefused time.Time `json:"first_refused_at"`
	} `json:"off"`
	ExpiresAt time.Time        `json:"expires_at"`
	Replaced  *wireReplacement `json:"replacement"`
}

// fact makes the texts, which came from a device, fit to print.
func (w *wireFact) fact() KeyFact {
	use, refusal := &w.LastUse, &w.LastRefusal
	f := KeyFact{
		Words:     tidy(w.Words, maxCode),
		FirstUsed: w.FirstUsed,
		LastUse: KeyUse{
			use.At, tidy(use.Address, maxCode), tidy(use.DeviceName, maxCode), tidy(use.Platform, maxCode),
			tidy(use.PlatformVersion, maxCode), tidy(use.SDK, maxCode), tidy(use.SDKVersion, maxCode),
		},
		LastRefusal: KeyRefusal{refusal.At, tidy(refusal.Address, maxCode), tidy(refusal.Reason, maxCode)},
		Off:         KeyOff(w.Off),
		ExpiresAt:   w.ExpiresAt,
	}
	if w.Replaced != nil && w.Replaced.check() == nil {
		f.Replaced = w.Replaced.replacement()
	}
	if sum, err := hex.DecodeString(w.Fingerprint); err == nil && len(sum) == 8 {
		f.Fingerprint = hex.EncodeToString(sum)
	}
	return f
}
