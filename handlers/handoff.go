package handlers

import (
	"latchkey/onboard"
	"latchkey/views"
)

// handoff is what a person needs beside the value of the key of that name.
func (h *dashboard) handoff(keyName string) views.Handoff {
	m := views.Handoff{Device: h.publicURL + devicePath}
	for _, s := range onboard.Snippets(onboard.Handoff{AppID: h.appID, BaseURL: h.baseURL, KeyName: keyName}) {
		m.Snippets = append(m.Snippets, views.Snippet(s))
	}
	qr, err := onboard.NewQR(m.Device)
	if err != nil { // the address is too long for one, and stands there as text
		return m
	}
	m.QRPath, m.QRSize = qr.Path(), qr.Size()
	return m
}
