package handlers

import (
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/views"
)

// handoff is what a person needs beside the value of the key of that name and with these words.
func (h *dashboard) handoff(keyName string, words model.Words) views.Handoff {
	needs := onboard.Handoff{AppID: h.AppID, BaseURL: h.BaseURL, KeyName: keyName, Words: words}
	m := views.Handoff{EnvFile: needs.EnvFile(), Local: h.local}
	for _, s := range onboard.Snippets(needs) {
		m.Snippets = append(m.Snippets, views.Snippet(s))
	}
	return m
}

// drawing is a QR code as pages draw it.
type drawing struct {
	path string
	size int
}

// drawQR is empty when the address is too long for a QR code: it then stands there as text alone.
func drawQR(address string) drawing {
	qr, err := onboard.NewQR(address)
	if err != nil {
		return drawing{}
	}
	return drawing{qr.Path(), qr.Size()}
}
