package handlers

import (
	"latchkey/onboard"
	"latchkey/views"
)

// handoff is what a person needs beside the value of the key of that name.
func (h *dashboard) handoff(keyName string) views.Handoff {
	needs := onboard.Handoff{AppID: h.appID, BaseURL: h.baseURL, KeyName: keyName}
	m := views.Handoff{EnvFile: needs.EnvFile(), Device: h.publicURL + devicePath}
	for _, s := range onboard.Snippets(needs) {
		m.Snippets = append(m.Snippets, views.Snippet(s))
	}
	qr, err := onboard.NewQR(m.Device)
	if err != nil { // the address is too long for one, and stands there as text
		return m
	}
	m.QRPath, m.QRSize = qr.Path(), qr.Size()
	return m
}
