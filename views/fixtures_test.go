package views_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"latchkey/views"
)

var noon = time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)

// id is the i-th id of a key.
func id(i int) string { return fmt.Sprintf("69cc8d00%016x", i) }

func key(i int, name string) views.Key {
	return views.Key{ID: id(i), Name: name, On: i%3 != 0, Created: views.NewWhen(noon.Add(-time.Duration(i)*time.Hour), noon)}
}

// keysPage is a page with n keys of this name, numbered from the second on.
func keysPage(n int, name string) views.Keys {
	m := views.Keys{
		Page:  views.Page{Title: "Devices and keys", Email: "ana@example.com", Here: "/keys"},
		Quota: views.Quota{Used: n, Limit: 20},
		Form:  views.CreateForm{ID: "AAAAAAAAAAAAAAAAAAAAAA"},
	}
	for i := range n {
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprintf("-%d", i+1)
		}
		m.List = append(m.List, key(i+1, name+suffix))
	}
	return m
}

// every gives every page in every state, with text wherever text of people or servers can stand.
func every(text string) map[string]templ.Component {
	page := views.Page{Title: text, Email: text, Theme: text, Here: text, Status: text,
		Notice: &views.Notice{Bad: true, Title: text, Text: text, Link: "/keys", LinkText: text, Reference: text}}
	holder := key(1, text)
	unknown := key(2, text)
	unknown.Unknown = text
	newest := key(7, text)
	newest.New = true

	empty, one, full := keysPage(0, text), keysPage(1, text), keysPage(20, text)
	one.Page, full.Page, empty.Page = page, page, page
	withError := one
	withError.Form.Name, withError.Form.Error, withError.Form.Suggestion, withError.Form.Holder = text, text, text, &holder
	made := keysPage(7, text)
	made.Page, made.List[6] = page, newest
	made.Once = &views.Once{ID: id(7), Name: text, Value: text, Handoff: handoffOf(text), Masked: true, Key: withUse(7, text, used(text))}
	madePlain := made
	plain := *made.Once
	plain.Masked, plain.Key = false, withUse(7, text, at(views.WaitsOff, true, text))
	madePlain.Once = &plain
	searched := keysPage(7, text)
	searched.Page, searched.Query, searched.List = page, text, nil
	failed := views.Keys{Page: page, Quota: views.Quota{Limit: 20}, Failure: page.Notice}
	lost := one
	lost.List = []views.Key{unknown}

	busy, which, unlisted := inUse(text), whichKey(text), views.WhichKey{Page: page, Uses: views.NotReported}
	busy.Page, which.Page = page, page
	turnedOff := withUse(3, text, at(views.WaitsOff, true, text))

	return map[string]templ.Component{
		"log-in":            views.SignInPage(views.SignIn{Page: page, Email: text, Next: text, Reason: text, Registration: true}),
		"log-in refused":    views.SignInPage(views.SignIn{Page: page, Email: text, Next: text, Error: text, Passkeys: true, PasskeyError: text, Elsewhere: []string{text}}),
		"log-in elsewhere":  views.SignInPage(views.SignIn{Page: page, Next: text, Trouble: text, Providers: acme(text)}),
		"no passwords":      views.SignInPage(views.SignIn{Page: page, Next: text, NoPassword: true, Registration: true, Mail: true, Providers: acme(text)}),
		"leaving":           views.LeavingPage(views.Leaving{Page: page, Provider: text, Address: "https://id.acme.example/authorize?state=x"}),
		"same address":      views.SameAddressPage(views.SameAddress{Page: page, Provider: text, Address: text, Action: "/login/with/acme/connect", Next: text, Error: text}),
		"connected":         views.AccountPage(connectedAccount(page, text)),
		"decided elsewhere": views.AccountPage(views.Account{Page: page, Decides: text}),
		"register":          views.RegisterPage(views.Register{Page: page, Next: text, MinPassword: 8}),
		"register refused":  views.RegisterPage(views.Register{Page: page, Email: text, EmailError: text, PasswordError: text, MinPassword: 8}),
		"help":              views.HelpPage(views.Help{Page: page, PublicURL: text, Script: text, StepUp: text, Here: true, MaxKeys: 20, MinPassword: 8}),
		"forgot":            views.ForgotPage(views.Forgot{Page: page, Email: text, Error: text, Mail: true}),
		"welcome":           views.ResetPage(views.Reset{Page: page, Link: views.Link{Token: text, TokenID: text}, For: text, First: true}),
		"account":           views.AccountPage(views.Account{Page: page, Embedded: true, CurrentError: text, NewError: text}),
		"delete account":    views.DeleteAccountPage(views.DeleteAccount{Page: page, Keys: []string{text}, Confirming: confirming(text)}),
		"delete, none":      views.DeleteAccountPage(views.DeleteAccount{Page: page, Keys: []string{text}, Within: text}),
		"delete, shown":     views.DeleteAccountPage(views.DeleteAccount{Page: page, Keys: []string{text}, Shown: true}),
		"proof, none":       views.ProofPage(views.Proof{Page: page, To: text, Within: text, Back: "/keys"}),
		"proof, passkey":    views.ProofPage(views.Proof{Page: page, Confirming: views.Confirming{Passkey: true, Options: text}, To: text, Action: "/keys", Back: "/keys"}),
		"passkeys":          views.AccountPage(views.Account{Page: page, Embedded: true, Passkeys: passkeys(text)}),
		"no passkeys":       views.AccountPage(views.Account{Page: page, Embedded: true, Passkeys: &views.Passkeys{Unusable: text, Instead: text}, NoPassword: true, Again: true, Mail: true}),
		"add a passkey":     views.NewPasskeyPage(views.NewPasskey{Page: page, Name: text, NameError: text, Options: text, Challenge: text, Error: text}),
		"rename a passkey":  views.PasskeyNamePage(views.PasskeyName{Page: page, Passkey: passkeys(text).List[0], Name: text, Error: text}),
		"stop a password":   views.StopPasswordPage(views.StopPassword{Page: page, Error: text}),
		"first visit":       views.KeysPage(empty),
		"one key":           views.KeysPage(one),
		"a full account":    views.KeysPage(full),
		"a form":            views.NewKeyPage(one),
		"a refused name":    views.NewKeyPage(withError),
		"room":              views.RoomPage(room(page, text)),
		"no room":           views.RoomPage(views.Room{Page: page, Quota: views.Quota{Used: 20, Limit: 20}}),
		"selecting":         views.KeysPage(selecting(page, text)),
		"a room asked":      views.SeveralPage(several(page, text)),
		"a new key":         views.KeysPage(made),
		"a new key, plain":  views.KeysPage(madePlain),
		"nothing found":     views.KeysPage(searched),
		"an unread list":    views.KeysPage(failed),
		"an unknown state":  views.KeysPage(lost),
		"a key":             views.OneKeyPage(ownPage(page, key(1, text), text)),
		"a key that is off": views.OneKeyPage(ownPage(page, key(3, text), text)),
		"an unknown key":    views.OneKeyPage(ownPage(page, unknown, text)),
		"keys in use":       views.KeysPage(busy),
		"a key in use":      views.OneKeyPage(ownPage(page, withUse(1, text, used(text)), text)),
		"a late key":        views.OneKeyPage(ownPage(page, withUse(1, text, at(views.Late, false, text)), text)),
		"a refused key":     views.OneKeyPage(ownPage(page, turnedOff, text)),
		"adopting":          views.AdoptPage(views.Adopt{Page: page, Quota: one.Quota, Name: text, ValueError: text, NameError: text, Suggestion: text, Holder: &holder, Again: true}),
		"an adopted value":  views.AdoptPage(views.Adopt{Page: page, Quota: one.Quota, Name: text, ValueError: text, Holder: &holder}),
		"an adopted key":    views.OneKeyPage(adoptedPage(page, key(1, text), text)),
		"replacing":         views.ReplacePage(replace(page, text)),
		"replacing, full":   views.ReplacePage(views.Replace{Page: page, Key: key(1, text), Quota: full.Quota}),
		"replaced already":  views.ReplacePage(views.Replace{Page: page, Key: key(1, text), By: text}),
		"replaced keys":     views.KeysPage(replacedKeys(page, text)),
		"a key, replaced":   views.OneKeyPage(ownPage(page, replaced(1, text, views.ReplacingWaits), text)),
		"both in use":       views.OneKeyPage(ownPage(page, replaced(1, text, views.ReplacingBoth), text)),
		"a parked key":      views.OneKeyPage(ownPage(page, replaced(3, text, views.ReplacingDone), text)),
		"which key":         views.WhichKeyPage(which),
		"which key, blind":  views.WhichKeyPage(unlisted),
		"codes":             views.DevicePage(codes(page, "", views.When{})),
		"a given code":      views.DevicePage(views.Device{Page: page, Code: text, Given: true, PublicURL: text, AppID: text}),
		"a wrong code":      views.DevicePage(codes(page, text, views.When{})),
		"too many codes":    views.DevicePage(codes(page, text, views.NewWhen(noon.Add(time.Hour), noon))),
		"a question":        views.PairingPage(pairing(views.PairingAsked, page, text)),
		"a question, full":  views.PairingPage(fullPairing(page, text)),
		"a question, blind": views.PairingPage(views.Pairing{Page: page, ID: pairingID, State: views.PairingAsked, Failure: page.Notice}),
		"a wrong answer":    views.PairingPage(refusedPairing(page, text)),
		"approving":         views.PairingPage(pairing(views.PairingApproving, page, text)),
		"approved":          views.PairingPage(pairing(views.PairingApproved, page, text)),
		"fetched":           views.PairingPage(pairing(views.PairingFetched, page, text)),
		"denied":            views.PairingPage(pairing(views.PairingDenied, page, text)),
		"expired":           views.PairingPage(pairing(views.PairingExpired, page, text)),
		"unclear":           views.PairingPage(pairing(views.PairingUnclear, page, text)),
		"unfetched":         views.PairingPage(pairing(views.PairingUnfetched, page, text)),
		"delete and return": views.DeletePage(views.Delete{Page: page, Key: key(1, text), Return: "/device/" + pairingID}),
		"delete":            views.DeletePage(views.Delete{Page: page, Key: withUse(1, text, used(text)), InUse: true, Error: text}),
		"what happened":     views.ActivityPage(activity(page, text)),
		"nothing happened":  views.ActivityPage(views.Activity{Page: page, Filter: views.ActivityFilter{Group: text, KeyID: text, KeyName: text}, Later: true, Older: text}),
		"sessions":          views.SessionsPage(sessions(page, text)),
		"a proof":           views.ProofPage(proof(page, text)),
		"error":             views.ErrorPage(views.Error{Page: page, Heading: text, Text: text, Link: "/keys", LinkText: text, Reference: text}),
	}
}

// candidates are keys with every reason for deleting one.
func candidates(text string) (list []views.Candidate) {
	for why := views.Replaced; why <= views.LastUsed; why++ {
		list = append(list, views.Candidate{Key: withUse(int(why)+10, text, used(text)), Why: why, At: views.NewWhen(noon, noon), By: text})
	}
	return list
}

// replace is the question how to replace a key, after something was wrong with what was sent.
func replace(page views.Page, text string) views.Replace {
	return views.Replace{
		Page: page, Key: key(1, text), Name: text, Quota: views.Quota{Used: 7, Limit: 20}, FormID: text, Place: views.PlaceDialog, Evidence: true,
		Finish: views.FinishEvidence, Quiet: "day", Error: text,
	}
}

// replaced is a key, off when its number divides by three, that another one takes the place of.
func replaced(n int, text string, state views.Replacing) views.Key {
	k, when := key(n, text), views.NewWhen(noon, noon)
	k.Replaced = &views.Replacement{
		ByID: id(9), By: text, State: state, Evidence: true, Quiet: time.Hour, Created: when, Used: when, OffAt: when, Seen: when, Device: text,
	}
	return k
}

// replacedKeys are in every state in which a replacement can be.
func replacedKeys(page views.Page, text string) views.Keys {
	m := keysPage(7, text)
	m.Page = page
	m.List[0], m.List[1], m.List[2] = replaced(1, text, views.ReplacingWaits), replaced(2, text, views.ReplacingBoth), replaced(3, text, views.ReplacingDone)
	m.Once = &views.Once{ID: id(7), Name: text, Value: text, Handoff: handoffOf(text), Takes: views.Takes{ID: id(1), Name: text, Then: text}}
	return m
}

// room is the page on which room is made, after some keys were deleted and while others are asked about.
func room(page views.Page, text string) views.Room {
	return views.Room{
		Page: page, Quota: views.Quota{Used: 20, Limit: 20}, Error: text,
		Proposed: candidates(text), Others: []views.Key{key(1, text), withUse(2, text, used(text))}, Return: "/device/x",
		Results: []views.Result{{ID: id(3), Name: text, Text: text}, {ID: id(4), Name: text, Text: text, There: true}},
	}
}

// several is the question before keys are deleted, one of which is in use.
func several(page views.Page, text string) views.Several {
	return views.Several{
		Page: page, List: []views.Key{key(1, text), withUse(2, text, used(text))}, Action: "/keys/bulk", Target: "#keys", Back: "/keys?select=1",
		Fields: []views.Field{{Name: "q", Value: text}}, Typed: text, Error: text, Instead: true,
	}
}

// selecting is the list in which keys are selected, after something was done with some of them.
func selecting(page views.Page, text string) views.Keys {
	k := keysPage(7, text)
	k.Page, k.Sort = page, views.SortByName
	k.Bulk = &views.Bulk{
		Selected: []string{id(2)}, Error: text,
		Results: []views.Result{{ID: id(2), Name: text, Text: text, There: true, Link: text}, {Name: text, Text: text}},
	}
	return k
}

// everyPart gives every part that htmx asks for.
func everyPart(text string) map[string]templ.Component {
	full := keysPage(20, text)
	withError := keysPage(1, text)
	withError.Form.Name, withError.Form.Error, withError.Form.Suggestion = text, text, text
	withError.Notice = &views.Notice{Title: text, Text: text, Link: "/keys", LinkText: text, Reference: text}
	inDialog := withError
	inDialog.Form.Place = views.PlaceDialog
	made := keysPage(7, text)
	made.Status, made.Once = text, &views.Once{ID: id(7), Name: text, Value: text, Handoff: handoffOf(text), Masked: true}
	unknown := key(2, text)
	unknown.Unknown = text
	return map[string]templ.Component{
		"the list":        views.KeysPart(full),
		"a refused form":  views.CreateAgainPart(withError),
		"a refused name":  views.CreateAgainPart(inDialog),
		"a form":          views.NewKeyDialog(inDialog),
		"a new key":       views.CreatedPart(made),
		"a lost create":   views.CreatedPart(withError),
		"room":            views.RoomPart(room(views.Page{}, text)),
		"selecting":       views.BulkPart(selecting(views.Page{Status: text}, text)),
		"a room asked":    views.SeveralDialog(several(views.Page{}, text)),
		"after a delete":  views.DeletedPart(keysPage(19, text), id(1)),
		"a row":           views.RowPart(key(1, text), text, nil),
		"an unknown row":  views.RowPart(unknown, text, nil),
		"a row that went": views.GoneRowPart(id(1)),
		"sessions":        views.SessionsPart(sessions(views.Page{Status: text}, text)),
		"a proof":         views.ProofDialog(proof(views.Page{Email: text}, text)),
		"a new row":       views.ArrivedRowPart(withUse(3, text, at(views.WaitsOff, true, text)), text),
		"a row gone":      views.ArrivedGonePart(id(1)),
		"a new card":      views.ArrivedCardPart(card(withUse(1, text, used(text)), text), text),
		"replacing":       views.ReplaceDialog(replace(views.Page{}, text)),
		"a parked card":   views.KeyPart(card(replaced(3, text, views.ReplacingDone), text), text, nil),
		"a verdict":       views.VerdictPart(whichKey(text)),
		"a key's card":    views.KeyPart(card(key(1, text), text), text, nil),
		"a wrong code":    views.DevicePart(codes(views.Page{}, text, views.NewWhen(noon.Add(time.Hour), noon))),
		"a question":      views.PairingPart(refusedPairing(views.Page{Status: text, Notice: withError.Notice}, text)),
		"approved":        views.PairingPart(pairing(views.PairingApproved, views.Page{Status: text}, text)),
		"for room":        views.DeleteDialog(views.Delete{Key: key(1, text), Return: "/device/" + pairingID}),
		"a dialog":        views.DeleteDialog(views.Delete{Key: withUse(1, text, used(text)), InUse: true, Place: views.PlaceRow}),
		"an error":        views.ErrorPart(views.Error{Heading: text, Text: text, Link: "/keys", LinkText: text, Reference: text}),
	}
}

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func draw(t testing.TB, c templ.Component) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(render(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// text is what stands in the first element found.
func text(doc *goquery.Document, selector string) string {
	return squeeze(doc.Find(selector).First().Text())
}

func texts(doc *goquery.Document, selector string) []string {
	return doc.Find(selector).Map(func(_ int, s *goquery.Selection) string { return squeeze(s.Text()) })
}

// outer is the HTML of the one element found, "" when there is none.
func outer(t testing.TB, doc *goquery.Document, selector string) string {
	t.Helper()
	found := doc.Find(selector)
	if found.Length() == 0 {
		return ""
	}
	var b bytes.Buffer
	if err := html.Render(&b, found.Nodes[0]); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// skeleton is a page's elements with the names of their attributes, in order: all that text must not be able to change.
func skeleton(doc *goquery.Document) string {
	var b strings.Builder
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		node := s.Nodes[0]
		fmt.Fprintf(&b, "%*s<%s", s.Parents().Length(), "", node.Data)
		for _, attr := range node.Attr {
			b.WriteString(" " + attr.Key)
		}
		b.WriteString(">\n")
	})
	return b.String()
}

// adoptedPage is that of a key whose value was created elsewhere.
func adoptedPage(page views.Page, k views.Key, text string) views.KeyPage {
	m := ownPage(page, k, text)
	m.Key.Adopted = true
	return m
}

// acme is the one other provider.
func acme(text string) []views.Provider { return []views.Provider{{ID: "acme", Name: text}} }

// connectedAccount is of a person without a password, who may connect one more provider.
func connectedAccount(page views.Page, text string) views.Account {
	return views.Account{
		Page: page, Embedded: true, NoPassword: true, Connectable: acme(text),
		Ways: []views.Way{
			{ID: id(1), Kind: text, Name: text, Removable: true, OpenID: true, Since: views.NewWhen(noon, noon)},
			{ID: id(2), Kind: text, Name: text, Removable: true},
		},
	}
}

// passkeys are one that works here and one that does not.
func passkeys(text string) *views.Passkeys {
	return &views.Passkeys{Limit: 10, Password: true, List: []views.Passkey{
		{ID: id(1), Name: text, Created: views.NewWhen(noon, noon), Used: views.NewWhen(noon, noon), Synced: true, Removable: true},
		{ID: id(2), Name: text, Created: views.NewWhen(noon, noon), Elsewhere: text},
	}}
}

// confirming are all ways to confirm that it is the person, each with what is wrong.
func confirming(text string) views.Confirming {
	return views.Confirming{
		Password: true, Passkey: true, Providers: []views.Provider{{ID: "acme", Name: text}}, Options: text, Challenge: text, Error: text, PasskeyError: text,
	}
}
