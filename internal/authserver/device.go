package authserver

import (
	"strconv"
	"strings"
	"unicode"

	"latchkey/internal/model"
)

// maxDeviceText is how many characters of a text from a device are kept.
const maxDeviceText = 64

// described is the device as it is kept, nil when the client said nothing of it.
func (d *device) described() *model.Device {
	if d == nil {
		return nil
	}
	return &model.Device{
		ID: string(d.ID), Name: d.Name.tidy(), Platform: d.Platform.tidy(), PlatformVersion: d.PlatformVersion.tidy(),
		SDK: d.sdk(), SDKVersion: d.SDKVersion.tidy(),
	}
}

// sdk is the name of the SDK. Older SDKs, which did not send it, are recognised by their versions: realm-web never had another than 0, 1
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
