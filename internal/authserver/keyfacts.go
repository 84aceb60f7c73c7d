package authserver

import (
	"net/http"
	"time"

	"latchkey/internal/model"
)

// keyFacts tells what is known of every key in use. It is a call of our own: the protocol's key object has no room for more.
func (s *Server) keyFacts(r *http.Request, who principal) (answer, error) {
	keys, err := s.as(r, who).Keys(r.Context())
	if err != nil {
		return answer{}, err
	}
	out := keyFactsAnswer{RecordingSince: wireTime(s.accounts.RecordingSince()), Keys: make([]wireKeyFacts, len(keys.List))}
	for i, key := range keys.List {
		out.Keys[i] = wireFactsOf(key.ID, key.Usage)
		out.Keys[i].ExpiresAt = wireTimeIf(key.ExpiresAt)
		out.Keys[i].Replacement = wireReplacementOf(key.Replaced)
	}
	return answer{status: http.StatusOK, body: out}, nil
}

func wireFactsOf(id string, f model.KeyUsage) wireKeyFacts {
	out := wireKeyFacts{ID: id, Fingerprint: f.Fingerprint, Words: f.Words().String()}
	out.FirstUsedAt = wireTimeIf(f.FirstUsed)
	if u := f.LastUse; !u.At.IsZero() {
		out.LastUse = &wireKeyUse{
			wireTime(u.At), u.Address, u.DeviceName, u.Platform, u.PlatformVersion, u.SDK, u.SDKVersion,
		}
	}
	if r := f.LastRefusal; !r.At.IsZero() {
		out.LastRefusal = &wireKeyRefusal{wireTime(r.At), r.Address, r.Reason}
	}
	if off := f.Off; !off.At.IsZero() {
		out.Off = &wireKeyOff{wireTime(off.At), off.Sessions, wireTimeIf(off.AccessUntil), wireTimeIf(off.FirstRefused)}
	}
	return out
}

// wireTimeIf is nil for the zero time.
func wireTimeIf(at time.Time) *wireTime {
	if at.IsZero() {
		return nil
	}
	w := wireTime(at)
	return &w
}
