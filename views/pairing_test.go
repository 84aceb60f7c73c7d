package views_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"latchkey/internal/lang"
	"latchkey/views"
)

const pairingID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// codes is the page on which a code is typed.
func codes(page views.Page, text string, again views.When) views.Device {
	return views.Device{
		Page: page, Code: text, Error: text, Again: again, Address: "/device", QRPath: "M4 4h7v1h-7z", QRSize: 33, PublicURL: text, AppID: text,
	}
}

// pairing is one pairing in a state, with text wherever there can be some.
func pairing(state string, page views.Page, text string) views.Pairing {
	return views.Pairing{
		Page: page, ID: pairingID, State: state, Code: "WDJB-MJHT", DeviceName: text, Asked: views.NewMoment(noon.Add(-40*time.Second), noon),
		Address: text, YourAddress: text, Near: true, Program: text, Ends: views.NewCountdown(noon.Add(9*time.Minute), noon), Name: text,
		Quota: views.Quota{Used: 8, Limit: 20}, KeyID: id(1), KeyName: text, Fetched: views.NewWhen(noon, noon), Fresh: state == views.PairingApproved,
	}
}

func refusedPairing(page views.Page, text string) views.Pairing {
	m := pairing(views.PairingAsked, page, text)
	holder := key(2, text)
	m.NameError, m.Suggestion, m.Holder, m.YourAddress, m.Near, m.Shown = text, text, &holder, "elsewhere", false, text
	return m
}

func fullPairing(page views.Page, text string) views.Pairing {
	m := pairing(views.PairingAsked, page, text)
	m.Quota.Used, m.MakeRoom = 21, candidates(text)[:3]
	return m
}

func TestAPairingsPartIsTheCardOfItsPage(t *testing.T) {
	t.Parallel()
	for _, state := range []string{
		views.PairingAsked, views.PairingApproving, views.PairingApproved, views.PairingFetched, views.PairingDenied, views.PairingExpired,
		views.PairingUnclear, views.PairingUnfetched,
	} {
		m := pairing(state, views.Page{Title: "x"}, "porch-cam")
		page, part := draw(t, views.PairingPage(m)), draw(t, views.PairingPart(m))
		if got, want := outer(t, part, "#pairing"), outer(t, page, "#pairing"); got != want || got == "" {
			t.Errorf("%s:\npart %s\npage %s", state, got, want)
		}
		if text(page, "h1") != m.Heading(context.Background()) || text(part, `hx-partial[hx-target="title"]`) != m.Heading(context.Background())+" · Latchkey" {
			t.Errorf("%s: heading %q, title %q", state, text(page, "h1"), text(part, `hx-partial[hx-target="title"]`))
		}
		if got := page.Find("[data-arrival]").Length() == 1; got != (m.Awaits() != "") {
			t.Errorf("%s: waits %v", state, got)
		}
		asks := state == views.PairingAsked
		if got := page.Find(`form[action^="/device/"]`).Length(); (got == 2) != asks || (got == 0) == asks {
			t.Errorf("%s: %d forms", state, got)
		}
		if page.Find("#pairing a, #pairing button").Length() == 0 {
			t.Errorf("%s leads nowhere", state)
		}
	}
	m := codes(views.Page{Title: "x"}, "hello", views.When{})
	if got, want := outer(t, draw(t, views.DevicePart(m)), "#pairing"), outer(t, draw(t, views.DevicePage(m)), "#pairing"); got != want || got == "" {
		t.Errorf("codes:\npart %s\npage %s", got, want)
	}
}

func TestTheSentencesOfAPairingReadAsSentences(t *testing.T) {
	t.Parallel()
	p := views.Page{Email: "ada@example.com"}
	elsewhere := pairing(views.PairingAsked, p, "porch-cam")
	elsewhere.Address, elsewhere.YourAddress, elsewhere.Near = "192.0.2.7", "192.0.2.1", false
	gone := pairing(views.PairingUnfetched, p, "porch-cam")
	gone.KeyGone = true
	deleted := pairing(views.PairingApproved, p, "porch-cam")
	deleted.KeyGone = true
	unknown := pairing(views.PairingAsked, p, "porch-cam")
	unknown.YourAddress, unknown.Near, unknown.DeviceName, unknown.Program = "", false, "", ""
	for name, m := range map[string]views.Pairing{
		"asked": pairing(views.PairingAsked, p, "porch-cam"), "asked elsewhere": elsewhere, "refused": refusedPairing(p, "porch-cam"), "full": fullPairing(p, "porch-cam"),
		"approving": pairing(views.PairingApproving, p, "porch-cam"), "approved": pairing(views.PairingApproved, p, "porch-cam"), "fetched": pairing(views.PairingFetched, p, "porch-cam"),
		"denied": pairing(views.PairingDenied, p, "porch-cam"), "expired": pairing(views.PairingExpired, p, "porch-cam"), "unclear": pairing(views.PairingUnclear, p, "porch-cam"),
		"unfetched": pairing(views.PairingUnfetched, p, "porch-cam"), "gone": gone, "deleted": deleted, "asked from nobody knows where": unknown,
	} {
		draw(t, views.PairingPage(m)).Find("#pairing p, #pairing dd").Each(func(_ int, s *goquery.Selection) {
			if text := squeeze(s.Text()); strings.Contains(text, " .") || strings.Contains(text, " ,") || strings.Contains(text, "..") {
				t.Errorf("%s: %q", name, text)
			}
		})
	}
	for name, c := range map[string]struct {
		m    views.Pairing
		want []string
	}{
		"near": {pairing(views.PairingAsked, p, "porch-cam"), []string{
			"porch-cam (not verified)", "40 seconds ago from porch-cam, your network", "porch-cam (not verified)",
			"its own key, to sign in as ada@example.com until you turn it off", "", "",
		}},
		"elsewhere": {elsewhere, []string{
			"porch-cam (not verified)", "40 seconds ago from 192.0.2.7; you’re at 192.0.2.1", "porch-cam (not verified)",
			"its own key, to sign in as ada@example.com until you turn it off", "", "",
		}},
		"unknown": {unknown, []string{
			"It gave no name.", "40 seconds ago from porch-cam", "its own key, to sign in as ada@example.com until you turn it off", "", "",
		}},
	} {
		if diff := cmp.Diff(c.want, texts(draw(t, views.PairingPage(c.m)), "#pairing dd")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if deleted.Awaits() != "" || deleted.Heading(context.Background()) == pairing(views.PairingApproved, p, "").Heading(context.Background()) {
		t.Errorf("a key that was deleted is waited for: %q, %q", deleted.Awaits(), deleted.Heading(context.Background()))
	}
	too := draw(t, views.DevicePage(codes(p, "Too many.", views.NewWhen(noon.Add(10*time.Minute), noon))))
	if got := text(too, "#code-error"); got != "Too many. Try again at 12:10 UTC." {
		t.Errorf("too many codes: %q", got)
	}
}

func TestWhatADeviceSaysIsKeptApartFromWhatWeSay(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.PairingPage(pairing(views.PairingAsked, views.Page{}, "ضع")))
	kept := 0
	doc.Find("#pairing dd").Find("*").Each(func(_ int, s *goquery.Selection) {
		if s.Text() == "ضع" && s.Is("bdi") {
			kept++
		}
	})
	if kept != 3 {
		t.Errorf("%d of 3 texts of others are kept to themselves", kept)
	}
	if n := doc.Find("#pairing dd bdi + .unsure").Length(); n != 2 {
		t.Errorf("%d of 2 texts of the device are marked", n)
	}
}

func TestACodeKeepsItsOrderWhereAPageRunsFromRightToLeft(t *testing.T) {
	t.Parallel()
	arabic, _ := lang.Named("ar")
	ctx := lang.With(t.Context(), arabic)
	for name, page := range map[string]struct {
		drawn    templ.Component
		selector string
	}{
		"the code of a device":  {views.PairingPage(pairing(views.PairingAsked, views.Page{}, "porch-cam")), ".shown-code"},
		"the name of its key":   {views.PairingPage(pairing(views.PairingAsked, views.Page{}, "porch-cam")), "#name"},
		"a code that is typed":  {views.DevicePage(codes(views.Page{}, "WDJB-MJHT", views.When{})), "#code"},
		"a code as an example":  {views.DevicePage(codes(views.Page{}, "", views.When{})), "#code-hint code"},
		"what runs on a device": {views.DevicePage(codes(views.Page{}, "", views.When{})), ".way pre"},
		"the way with a camera": {views.DevicePage(codes(views.Page{}, "", views.When{})), ".qr a"},
	} {
		var b strings.Builder
		if err := page.drawn.Render(ctx, &b); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if of := doc.Find(page.selector); of.AttrOr("dir", "") != "ltr" || of.AttrOr("translate", "") != "no" {
			t.Errorf("%s: %d elements, dir %q", name, of.Length(), of.AttrOr("dir", ""))
		}
		if doc.Find("html").AttrOr("dir", "") != "rtl" {
			t.Error("the page runs from left to right")
		}
	}
}
