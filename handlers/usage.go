package handlers

import (
	"strings"
	"time"

	"latchkey/internal/model"
	"latchkey/views"
)

const (
	// waitsFor is how long after it was made a key is waited for, lateAfter from when on the page says what may be wrong.
	waitsFor  = 15 * time.Minute
	lateAfter = 2 * time.Minute
	// maxAhead is how far the clock by which the key service made a key may be ahead of ours.
	maxAhead = 24 * time.Hour
)

// knowledge is what the pages call what is known of usage.
func knowledge(k model.Knowledge) views.Knowledge {
	switch k {
	case model.UsageKnown:
		return views.Known
	case model.UsageNotReported:
		return views.NotReported
	default:
		return views.NotKnown
	}
}

// rowUse is what a row shows of a key's use. Moments that it does not show are left out: writing them takes longer than the rest
// of the row.
func rowUse(key model.Key, now time.Time) views.Use {
	usage := key.Usage
	if usage.Known != model.UsageKnown {
		return views.Use{Known: knowledge(usage.Known), Fingerprint: usage.Fingerprint, Words: views.Words(usage.Words())}
	}
	u := views.Use{Known: views.Known, Stage: stage(key, now), Fingerprint: usage.Fingerprint, Words: views.Words(usage.Words())}
	if use := usage.LastUse; !use.At.IsZero() {
		u.Last, u.From = views.NewWhen(use.At, now), use.Address
		u.By = views.UsedBy{
			Name: use.DeviceName, Platform: use.Platform, PlatformVersion: use.PlatformVersion,
			SDK: use.SDK, SDKVersion: use.SDKVersion,
		}
		u.Kind, u.Lately = kindOfDevice(use), now.Sub(use.At) < newUse
		u.Summary = summaryOf(use)
	} else if blind(key) {
		u.Since = views.NewWhen(usage.RecordingSince, now)
	}
	if !usage.Off.At.IsZero() {
		u.Off = whatEnded(usage, now)
	}
	if u.Stage != "" {
		u.First, u.Refused = views.NewWhen(usage.FirstUsed, now), views.NewWhen(usage.LastRefusal.At, now)
	}
	u.Expired = usage.LastRefusal.Reason == model.ReasonKeyExpired
	return u
}

// whatEnded is what a page says of turning a key off. A refusal that is dated before has its time from a clock that was set back since.
func whatEnded(usage model.KeyUsage, now time.Time) *views.Off {
	off := usage.Off
	o := &views.Off{At: views.NewWhen(off.At, now), Sessions: off.Sessions, Refused: !off.FirstRefused.IsZero()}
	if !off.FirstRefused.Before(off.At) {
		o.FirstRefused = views.NewWhen(off.FirstRefused, now)
	}
	switch {
	case off.AccessUntil.IsZero():
	case off.AccessUntil.After(now):
		o.Access = views.AccessGoesOn
		if !now.Before(off.At) {
			o.Left = views.NewCountdown(off.AccessUntil, now)
		}
		o.AccessUntil = views.NewWhen(off.AccessUntil.Add(time.Minute-1).Truncate(time.Minute), now) // the page shows no seconds
	default:
		o.Access = views.AccessIsOver
	}
	return o
}

// platformNames and sdkNames are how we call what devices say of themselves. Whatever else they say is nobody's words but theirs, and is
// not in a row.
var (
	platformNames = map[string]string{
		"linux": "Linux", "freebsd": "FreeBSD", "openwrt": "OpenWrt", "android": "Android", "ios": "iOS", "ipados": "iPadOS", "watchos": "watchOS",
		"tvos": "tvOS", "windows": "Windows", "win32": "Windows", "macos": "macOS", "darwin": "macOS", "mac os": "macOS", "node": "Node.js",
		"chrome": "Chrome", "firefox": "Firefox", "safari": "Safari", "edge": "Edge", "edge-chromium": "Edge", "opera": "Opera",
	}
	sdkNames = map[string]string{
		"realm-web": "realm-web", "js": "JavaScript SDK", "nodejs": "Node.js SDK", "realm-js": "JavaScript SDK", ".net": ".NET SDK", "dotnet": ".NET SDK",
		"java": "Java SDK", "kotlin": "Kotlin SDK", "swift": "Swift SDK", "objectivec": "Swift SDK", "dart": "Flutter SDK", "flutter": "Flutter SDK",
		"c++": "C++ SDK", "cpp": "C++ SDK", "latchkey-go": "Go", "stitch": "Stitch SDK",
	}
)

// kindOfDevice is what sort of device a use was by, as far as its platform or SDK tells.
func kindOfDevice(use model.KeyUse) views.Kind {
	switch platformNames[strings.ToLower(use.Platform)] {
	case "Android", "iOS", "iPadOS", "watchOS":
		return views.KindPhone
	case "Windows", "macOS", "tvOS":
		return views.KindDesktop
	case "Chrome", "Firefox", "Safari", "Edge", "Opera":
		return views.KindBrowser
	case "Node.js":
		return views.KindProgram
	case "Linux", "FreeBSD", "OpenWrt":
		return views.KindBoard
	}
	if use.Platform == "" && use.SDK == "" && use.Address != "" { // nobody but a script says nothing of itself
		return views.KindProgram
	}
	return ""
}

// summaryOf is what a row says of a use: the words of ours that fit, and the address, which nobody chose.
func summaryOf(use model.KeyUse) string {
	parts := make([]string, 0, 3)
	for _, word := range []string{platformNames[strings.ToLower(use.Platform)], sdkNames[strings.ToLower(use.SDK)], use.Address} {
		if word != "" {
			parts = append(parts, word)
		}
	}
	return strings.Join(parts, " · ")
}

// cardUse is what a key's own page shows of its use: all of it.
func cardUse(key model.Key, now time.Time) views.Use {
	u := rowUse(key, now)
	if u.Known == views.Known {
		u.First, u.Refused = views.NewWhen(key.Usage.FirstUsed, now), views.NewWhen(key.Usage.LastRefusal.At, now)
	}
	return u
}

// blind says that the key may have been used before uses were recorded. Its age is known to the second.
func blind(key model.Key) bool {
	return !createdAt(key).Add(time.Second).After(key.Usage.RecordingSince)
}

// createdAt is to the second, as everywhere else where the id alone tells it.
func createdAt(key model.Key) time.Time { return key.CreatedAt.Truncate(time.Second) }

// young says that the key was created so short a time ago that somebody may be waiting for it.
func young(key model.Key, now time.Time) bool {
	age := now.Sub(createdAt(key))
	return age < waitsFor && age > -maxAhead
}

// stage is how far a new key is on its way to its first use.
func stage(key model.Key, now time.Time) views.Stage {
	firstUsed := key.Usage.FirstUsed
	switch age := now.Sub(createdAt(key)); {
	case !firstUsed.IsZero():
		if key.Disabled || expired(key, now) || now.Sub(firstUsed).Abs() >= waitsFor {
			return ""
		}
		return views.Connected
	case !young(key, now) || blind(key) || expired(key, now):
		return ""
	case key.Disabled:
		return views.WaitsOff
	case age >= lateAfter:
		return views.Late
	default:
		return views.Waiting
	}
}

// awaited names the keys that are waited for and how far each is, for the page to notice when that changes.
func (h *dashboard) awaited(keys model.Keys, now time.Time) string {
	var all strings.Builder
	for _, key := range keys.List {
		if keys.Usage != model.UsageKnown || !young(key, now) && !key.Replaced.Open() {
			continue
		}
		if state := h.row(key).Awaits(); state != "" {
			if all.Len() > 0 {
				all.WriteByte(',')
			}
			all.WriteString(key.ID + "=" + state)
		}
	}
	return all.String()
}
