package authserver

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"latchkey/internal/model"
)

// maxDeviceText is how many characters of a text from a device are kept.
const maxDeviceText = 64

// recordedFrom is the address to remember with a log-in with a key of that user, unless none is to be remembered.
func (s *Server) recordedFrom(r *http.Request, userID string) (address string, ok bool) {
	o, _ := s.origin(r)
	return o.Address, o.TrialOf == "" || o.TrialOf != userID
}

// keyFacts tells what is known of every key in use. It is a call of our own: the protocol's key object has no room for more.
func (s *Server) keyFacts(r *http.Request, who principal) (answer, error) {
	keys, err := s.store.Keys(r.Context(), who.userID)
	if err != nil {
		return answer{}, unavailable("read key facts", err)
	}
	out := keyFactsAnswer{RecordingSince: wireTime(s.store.RecordingSince()), Keys: make([]wireKeyFacts, len(keys.List))}
	for i, key := range keys.List {
		out.Keys[i] = wireFactsOf(key.ID, key.Usage)
	}
	return answer{status: http.StatusOK, body: out}, nil
}

func wireFactsOf(id string, f model.KeyUsage) wireKeyFacts {
	out := wireKeyFacts{ID: id, Fingerprint: f.Fingerprint}
	if !f.FirstUsed.IsZero() {
		first := wireTime(f.FirstUsed)
		out.FirstUsedAt = &first
	}
	if u := f.LastUse; !u.At.IsZero() {
		out.LastUse = &wireKeyUse{
			wireTime(u.At), u.Address, u.DeviceName, u.Platform, u.PlatformVersion, u.SDK, u.SDKVersion,
		}
	}
	if r := f.LastRefusal; !r.At.IsZero() {
		out.LastRefusal = &wireKeyRefusal{wireTime(r.At), r.Address, r.Reason}
	}
	return out
}

// keyUse is what will be remembered of a log-in with a key of that user, or nil.
func (s *Server) keyUse(r *http.Request, userID string, d *device, now time.Time) *model.KeyUse {
	address, ok := s.recordedFrom(r, userID)
	if !ok {
		return nil
	}
	use := &model.KeyUse{At: now, Address: address}
	if d != nil {
		use.DeviceName, use.Platform, use.PlatformVersion = d.Name.tidy(), d.Platform.tidy(), d.PlatformVersion.tidy()
		use.SDK, use.SDKVersion = d.sdk(), d.SDKVersion.tidy()
	}
	return use
}

// recordRefusal remembers that a key was refused, and why. The answer does not wait for it: by the time that it takes one could
// tell a key that is off from one that never was.
func (s *Server) recordRefusal(r *http.Request, key model.Key, reason string) {
	address, ok := s.recordedFrom(r, key.UserID)
	if !ok {
		return
	}
	refusal := model.KeyRefusal{At: s.cfg.Now(), Address: address, Reason: reason}
	happened := s.event(r, model.EventKeyRefused, principal{userID: key.UserID, identity: identity{key.ID, model.ProviderAPIKey}})
	happened.ID, happened.KeyID, happened.Detail = model.NewID(happened.At), key.ID, reason
	s.later(r, "refusal of a key not written down", key.UserID, func(ctx context.Context) error {
		return s.store.RecordRefusal(ctx, key.UserID, key.ID, refusal, happened)
	})
}

// sdk is the name of the SDK. Those made before SDKs said it are told by their versions: realm-web never had another than 0, 1
// and 2, and the Stitch SDKs ended with 3 and 4. Realm's core counts from 0 too, but says which core it is.
func (d *device) sdk() string {
	if d.SDK != "" || d.CoreVersion != "" {
		return d.SDK.tidy()
	}
	major, _, _ := strings.Cut(string(d.SDKVersion), ".")
	switch n, err := strconv.ParseUint(major, 10, 8); {
	case err != nil:
		return ""
	case n <= 2:
		return "realm-web"
	case n <= 4:
		return "stitch"
	default:
		return ""
	}
}

// tidy makes the text fit to be shown: short, and without characters that act on what is around them.
func (d deviceText) tidy() string { return d.tidyTo(maxDeviceText) }

func (d deviceText) tidyTo(most int) string {
	text := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, string(d))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return strings.TrimSpace(text)
}
