package handlers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"latchkey/handlers/websession"
)

// shownField is in the forms of a question that was drawn by a look at a code.
const shownField = "shown"

// questions proves that the question about a pairing was drawn for an account in a web session. Looking at a code claims nothing, so
// nothing that is kept says who has looked; the forms of the question do, by a code of ours that nobody else can write.
type questions struct {
	keys [][]byte // the first makes proofs, any checks them
}

func newQuestions(secrets [][]byte) *questions {
	return &questions{websession.Derived(secrets, "latchkey question about a pairing")}
}

// proof is for the forms of the question about the pairing of that id, as it is drawn for the account in the session.
func (q *questions) proof(userID string, session [32]byte, id string) string {
	return base64.RawURLEncoding.EncodeToString(proofBy(q.keys[0], userID, session, id))
}

// drew says whether a proof is that of a question that was drawn for the account in the session about the pairing.
func (q *questions) drew(proof, userID string, session [32]byte, id string) bool {
	sent, err := base64.RawURLEncoding.Strict().DecodeString(proof)
	if err != nil || userID == "" || len(proof) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return false
	}
	for _, key := range q.keys {
		if hmac.Equal(sent, proofBy(key, userID, session, id)) {
			return true
		}
	}
	return false
}

func proofBy(key []byte, userID string, session [32]byte, id string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(session[:]) // which has one length, and ids have no zero byte: no two questions are written alike
	mac.Write([]byte(userID + "\x00" + id))
	return mac.Sum(nil)
}

// fromElsewhere says that a page of another site led here. Browsers say nothing of the kind of an address that was scanned, typed,
// or opened from another program.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	default:
		return true
	}
}
