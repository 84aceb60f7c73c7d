package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// keyForm is what a person wants a key to be, as they typed it.
type keyForm struct {
	model.NewKey
	made bool // the name, from the label
}

func wantedKey(c echo.Context) keyForm {
	return keyForm{NewKey: model.NewKey{
		Name: strings.TrimSpace(c.FormValue("name")), Label: strings.TrimSpace(c.FormValue("label")), Note: strings.TrimSpace(c.FormValue("note")),
	}}
}

// typedName is the name that was typed for a key, or without one what its label gives. An address can have that: it has no label, which is
// nobody else's business.
func typedName(name, label string) string {
	if model.HoldsValue(label) { // which no address may have, in whatever letters
		return ""
	}
	return cmp.Or(strings.TrimSpace(name), strings.ToLower(model.PlainName(label)))
}

// namesTried is how often a name is made from a label for one form.
const namesTried = 3

// nameFor makes a name from a label that no key of the person's has.
func (h *dashboard) nameFor(c echo.Context, label string) (string, error) {
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if e, ok := errors.AsType[*model.Error](err); ok {
		before := *e
		before.Outcome = model.NotDone // which was a look
		err = &before
	}
	if err != nil {
		return "", err
	}
	return freeNameFor(label, keys.List), nil
}

func freeNameFor(label string, keys []model.Key) string {
	return model.NameFor(model.CleanText(label), func(name string) bool {
		return nameIn(keys, func(key model.Key) bool { return key.Name == name }) != ""
	})
}

// nameOfLabel is the name of the newest key that is called so, or else the one given.
func nameOfLabel(keys []model.Key, label, otherwise string) string {
	if name := nameIn(keys, func(key model.Key) bool { return key.Card.Label == model.CleanText(label) }); name != "" {
		return name
	}
	return otherwise
}

func nameIn(keys []model.Key, is func(model.Key) bool) (name string) {
	for _, key := range keys {
		if is(key) {
			name = key.Name
		}
	}
	return name
}

// cardErrors says what is wrong with a label and with a note, "" of each that a key can have.
func cardErrors(ctx context.Context, label, note string) (ofLabel, ofNote string) {
	switch {
	case model.HoldsValue(label):
		ofLabel = lang.T(ctx, "card.label-value", "That looks like a value, and labels are shown on pages.")
	case model.CheckCard(model.CleanText(label), "") != nil:
		ofLabel = lang.T(ctx, "card.label-long", "At most 60 characters.")
	}
	switch {
	case model.HoldsValue(note):
		ofNote = lang.T(ctx, "card.note-value", "That has what looks like a value in it, and notes are shown on pages.")
	case model.CheckCard("", model.CleanText(note)) != nil:
		ofNote = lang.T(ctx, "card.note-long", "At most 500 characters.")
	}
	return ofLabel, ofNote
}

// withoutValue is what was typed, or nothing if there is a value in it: an answer must not have that.
func withoutValue(text string) string {
	if model.HoldsValue(text) {
		return ""
	}
	return text
}

// showCard is the form that changes the label of a key and the note on it.
func (h *dashboard) showCard(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	return h.answerCard(c, http.StatusOK, key, views.Card{Label: key.Card.Label, Note: key.Card.Note})
}

func (h *dashboard) answerCard(c echo.Context, status int, key model.Key, card views.Card) error {
	m := views.RenameKey{Page: h.page(c, t(c, "button.rename-named", "Rename {name}", "name", key.Title())), ID: key.ID, Name: key.Name, Card: card}
	return render(c, status, views.RenamePage(m), views.RenameDialog(m))
}

// labelKey saves what the form says.
func (h *dashboard) labelKey(c echo.Context) error {
	sent, id := wantedKey(c), c.Param("id")
	ctx, cancel := actContext(c)
	defer cancel()
	key, err := h.person(c).LabelKey(ctx, id, sent.Label, sent.Note)
	if model.Is(err, model.KindBadLabel) {
		if key, err = h.person(c).Key(ctx, id); err != nil {
			return err
		}
		card := views.Card{Label: sent.Label, Note: sent.Note}
		card.LabelError, card.NoteError = cardErrors(ctx, sent.Label, sent.Note)
		card.Label, card.Note = withoutValue(card.Label), withoutValue(card.Note)
		return h.answerCard(c, http.StatusUnprocessableEntity, key, card)
	}
	if err != nil {
		return labelling(id).in(err)
	}
	h.leaveFlash(c, "labelled", key.Name)
	return redirect(c, home+"/"+key.ID)
}

// labelling is about one key, whose page says what it is called.
func labelling(id string) doubt {
	return doubt{
		heading: lang.New("unclear.labelling.heading", "We don’t know whether the label was saved"),
		text:    lang.New("unclear.labelling.text", lostTouch+"Look at the key’s page. If it isn’t there, save it again."),
		link:    home + "/" + id, linkText: checkNow,
		undone: lang.New("unclear.labelling.undone", "The label was not saved"), again: home + "/" + id + "/card",
	}
}

// notLatin says whether a letter is of another alphabet than names are.
func notLatin(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }

// hintName says of a name that is being typed whether the person has a key of that name, or which one a label alone would give. A list that
// cannot be read says nothing: the form finds out.
func (h *dashboard) hintName(c echo.Context) error {
	if !wantsPart(c) {
		return redirect(c, newKeyPath)
	}
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx) // whatever is wrong, typing must not lead away from what was typed
	sent, hint := wantedKey(c), views.NameHint{}
	switch {
	case err != nil:
	case strings.ContainsFunc(sent.Name, notLatin): // the script leaves it alone: the form suggests another one
	case sent.Name != "" && !model.ValidName(sent.Name):
		hint.Made = suggestName(sent.Name)
	case sent.Name != "":
		hint.Taken = nameIn(keys.List, func(key model.Key) bool { return key.Name == sent.Name }) != ""
	case sent.Label != "":
		hint.Made = freeNameFor(sent.Label, keys.List)
	}
	part := views.NamePart(hint)
	return render(c, http.StatusOK, part, part)
}
