package views_test

import (
	"testing"

	"github.com/a-h/templ"

	"latchkey/views"
)

func TestAPartIsTheComponentThatThePageUses(t *testing.T) {
	t.Parallel()
	unknown := key(2, "porch-cam")
	unknown.Unknown = "It may be on or off."
	made, refused, failed, first := keysPage(7, "porch-cam"), keysPage(7, "porch-cam"), keysPage(0, ""), keysPage(0, "")
	made.Once = &views.Once{ID: id(7), Name: "porch-cam-7", Value: "S3cretValue", Handoff: handoffOf("plain"), Masked: true}
	refused.Form.Name, refused.Form.Error, refused.Form.Suggestion = "a b", "That cannot be.", "a-b"
	first.Form = refused.Form
	refused.Notice = &views.Notice{Bad: true, Title: "No key was created."}
	failed.Failure = &views.Notice{Bad: true, Title: "We couldn’t read your keys.", Reference: "0123"}
	onPage := func(k views.Key) templ.Component { return views.OneKeyPage(ownPage(views.Page{}, k, "plain")) }
	rowOf := func(k views.Key) templ.Component {
		return views.KeysPage(views.Keys{Quota: views.Quota{Used: 1, Limit: 20}, List: []views.Key{k}})
	}
	problem := views.Error{Heading: "The key service is busy", Text: "Wait a little.", Link: "/keys", LinkText: "Try again", Reference: "0123"}
	deleting := views.Delete{Key: key(1, "porch-cam"), Place: views.PlaceRow}
	for name, c := range map[string]struct {
		page, part templ.Component
		places     []string
	}{
		"the list":         {views.KeysPage(made), views.KeysPart(made), []string{"#keys", "#quota"}},
		"a failed list":    {views.KeysPage(failed), views.KeysPart(failed), []string{"#keys"}},
		"a new key":        {views.KeysPage(made), views.CreatedPart(made), []string{"#once", "#keys", "#quota", "#ways"}},
		"a lost create":    {views.KeysPage(refused), views.CreatedPart(refused), []string{"#keys", "#quota", ".notice"}},
		"a first form":     {views.KeysPage(first), views.CreateAgainPart(first), []string{"#keys", "form.create", "#quota", "#ways"}},
		"a refused form":   {views.NewKeyPage(refused), views.CreateAgainPart(inDialog(refused)), []string{"form.create .field"}},
		"a form":           {views.NewKeyPage(refused), views.NewKeyDialog(inDialog(refused)), []string{"form.create .field"}},
		"room":             {views.RoomPage(room(views.Page{}, "x")), views.RoomPart(room(views.Page{}, "x")), []string{"#room"}},
		"after a delete":   {views.KeysPage(refused), views.DeletedPart(refused, id(1)), []string{"#keys", "#quota"}},
		"a row, on":        {rowOf(key(1, "porch-cam")), views.RowPart(key(1, "porch-cam"), "", nil), []string{"li"}},
		"a row, off":       {rowOf(key(3, "porch-cam")), views.RowPart(key(3, "porch-cam"), "", nil), []string{"li"}},
		"a row, unknown":   {rowOf(unknown), views.RowPart(unknown, "", nil), []string{"li"}},
		"a card, on":       {onPage(key(1, "porch-cam")), views.KeyPart(card(key(1, "porch-cam"), "plain"), "", nil), []string{"#key", "#recent"}},
		"a card, unknown":  {onPage(unknown), views.KeyPart(card(unknown, "plain"), "", nil), []string{"#key", "#recent"}},
		"the confirmation": {views.DeletePage(deleting), views.DeleteDialog(deleting), []string{"p:has(strong)", "form:has(.danger)"}},
		"an error":         {views.KeysPage(views.Keys{Page: views.Page{Notice: notice(problem)}}), views.ErrorPart(problem), []string{".notice"}},
	} {
		page, part := draw(t, c.page), draw(t, c.part)
		for _, place := range c.places {
			selector := place
			if place == "p:has(strong)" || place == "form:has(.danger)" {
				selector = "section " + place
			}
			want, got := outer(t, page, selector), outer(t, part, place)
			if got != want || got == "" {
				t.Errorf("%s, %s:\npart %s\npage %s", name, place, got, want)
			}
		}
	}
}

func notice(e views.Error) *views.Notice {
	return &views.Notice{Bad: true, Title: e.Heading, Text: e.Text, Link: e.Link, LinkText: e.LinkText, Reference: e.Reference}
}

func inDialog(k views.Keys) views.Keys {
	k.Form.Place = views.PlaceDialog
	return k
}

func TestAPartChangesTheTextOfTheStatusRegionAndNotTheRegion(t *testing.T) {
	t.Parallel()
	made := keysPage(1, "porch-cam")
	made.Status = "Key created."
	for name, c := range map[string]templ.Component{
		"a create": views.CreatedPart(made), "a refused create": views.CreateAgainPart(inDialog(made)), "a delete": views.DeletedPart(made, id(1)), "a switch": views.RowPart(key(1, "x"), "Key created.", nil),
		"a switch on a key's page": views.KeyPart(card(key(1, "x"), "plain"), "Key created.", nil),
	} {
		doc := draw(t, c)
		region := doc.Find(`hx-partial[hx-target="#status"]`)
		if region.Length() != 1 || region.Text() != "Key created." || region.AttrOr("hx-swap", "") != "textContent" || doc.Find("#status").Length() != 0 {
			t.Errorf("%s: %s", name, outer(t, doc, `hx-partial[hx-target="#status"]`))
		}
	}
}

func TestAPartThatHasNoQuotaLeavesTheMeterAlone(t *testing.T) {
	t.Parallel()
	m := keysPage(0, "")
	m.Failure = &views.Notice{Bad: true, Title: "We couldn’t read your keys."}
	for name, c := range map[string]templ.Component{"list": views.KeysPart(m), "create": views.CreatedPart(m), "delete": views.DeletedPart(m, id(1))} {
		if doc := draw(t, c); doc.Find("#quota").Length() != 0 || text(doc, ".notice strong") != "We couldn’t read your keys." {
			t.Errorf("%s: %s", name, render(t, c))
		}
	}
}

func TestADialogAnswersIntoTheListOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	for place, want := range map[string]bool{views.PlaceRow: true, views.PlacePage: false, "": false, "elsewhere": false} {
		doc := draw(t, views.DeleteDialog(views.Delete{Key: key(1, "porch-cam"), Place: place}))
		if got := doc.Find("form[hx-post]").Length() == 1; got != want {
			t.Errorf("%q: into the list %v", place, got)
		}
	}
}
