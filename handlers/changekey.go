package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

func (h *dashboard) turnKeyOn(c echo.Context) error { return h.turnKey(c, true) }

func (h *dashboard) turnKeyOff(c echo.Context) error { return h.turnKey(c, false) }

// turnKey turns a key on or off and shows what the key service says of it afterwards, not what was hoped for.
func (h *dashboard) turnKey(c echo.Context, on bool) error {
	ctx, cancel := actContext(c)
	defer cancel()
	id, act := c.Param("id"), map[bool]string{true: "on", false: "off"}
	key, err := h.turner(c).TurnKey(ctx, id, on)
	switch outcome := model.OutcomeOf(err); {
	case model.Is(err, model.KindLeaked):
		return h.turnLeakedOn(c)
	case err != nil && outcome == model.NotDone:
		return h.answerGone(c, id, err)
	case outcome == model.Unclear:
		return h.answerUnknown(c, id, act[on], err)
	case outcome == model.FoundUndone:
		return h.answerTurned(c, key, "still-"+act[!key.Disabled])
	default: // also when somebody was quicker to turn it back
		return h.answerTurned(c, key, act[!key.Disabled])
	}
}

func (h *dashboard) answerTurned(c echo.Context, key model.Key, act string) error {
	place := c.FormValue("place")
	if (act == "on" || act == "back") && expired(key, h.Now()) { // by a page that was drawn before, or in place of the one that replaced it
		act = "on-expired"
	}
	if !wantsPart(c) {
		h.leaveFlashFor(c, act, key.Name, key.ID)
		if place == views.PlacePage {
			return redirect(c, home+"/"+key.ID)
		}
		return redirect(c, home)
	}
	if place == views.PlacePage {
		part := views.KeyPart(h.card(c, key), flashOf(c.Request().Context(), act, key.Name), wayBack(act, key, place))
		return render(c, http.StatusOK, part, part)
	}
	part := views.RowPart(h.row(key), flashOf(c.Request().Context(), act, key.Name), wayBack(act, key, place))
	return render(c, http.StatusOK, part, part)
}

// answerGone takes the row of a key that was deleted in another place out of use. Every other error goes its usual way.
func (h *dashboard) answerGone(c echo.Context, id string, err error) error {
	if model.Is(err, model.KindNotFound) && wantsPart(c) && c.FormValue("place") == views.PlaceRow && model.IsID(id) {
		return render(c, http.StatusNotFound, views.GoneRowPart(id), views.GoneRowPart(id))
	}
	return err
}

// answerUnknown draws a key whose state nobody knows: neither the act's answer nor a look at the key came through. The name
// is the one the form says, since there is no other.
func (h *dashboard) answerUnknown(c echo.Context, id, act string, err error) error {
	name := c.FormValue("name")
	if pageOfItsOwn(err) || !model.IsID(id) || !model.ValidName(name) {
		return err
	}
	h.logFault(c, "outcome of an act unknown", err, "act", act)
	key := h.keyModel(model.Key{ID: id, Name: name, Disabled: act == "on"})
	key.Unknown = t(c, "keys.turn.on-unclear", "We asked to turn {name} on and got no answer. It may be on or off.", "name", name)
	if act == "off" {
		key.Unknown = t(c, "keys.turn.off-unclear", "We asked to turn {name} off and got no answer. It may be on or off.", "name", name)
	}
	p := explain(c.Request().Context(), err)
	p.askForPatience(c)
	p.heading, p.text, p.link, p.linkText = t(c, "keys.turn.unclear", "It may be on or off"), key.Unknown, home+"/"+id, checkNow.In(c.Request().Context())
	part := views.RowPart(key, key.Unknown, nil)
	if c.FormValue("place") == views.PlacePage {
		part = views.KeyPart(views.KeyCard{Key: key, Unread: true}, key.Unknown, nil)
	}
	return render(c, p.status, views.ErrorPage(p.model(h, c, err)), part)
}

// confirmDelete asks once before a key is deleted: in a dialog, or on a page of its own.
func (h *dashboard) confirmDelete(c echo.Context) error {
	return h.askBeforeDelete(c, http.StatusOK, "")
}

// askBeforeDelete draws the question. A problem is with what was typed when it was asked before.
func (h *dashboard) askBeforeDelete(c echo.Context, status int, problem string) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	m := views.Delete{
		Page: h.page(c, t(c, "delete.it", "Delete {name}", "name", key.Title())), Key: h.row(key), Error: problem, Return: pairingToReturnTo(c),
		InUse: !key.Disabled && h.Now().Sub(key.Usage.LastUse.At) < inUse,
	}
	if wantsPart(c) {
		m.Place = c.FormValue("place")
		if problem != "" {
			c.Response().Header().Set("HX-Retarget", "#dialog")
			c.Response().Header().Set("HX-Reswap", "innerHTML")
		}
	}
	return render(c, status, views.DeletePage(m), views.DeleteDialog(m))
}

// deleteKey deletes a key for good. A key that is gone already is what was asked for. Where the question asked for the name of a key
// that is in use, it has to be that name: this keeps a person from a slip, and nobody else from anything.
func (h *dashboard) deleteKey(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	if form.Has("typed") && strings.TrimSpace(form.Get("typed")) != form.Get("name") {
		return h.askBeforeDelete(c, http.StatusUnprocessableEntity, t(c, "delete.wrong-name", "That isn’t the name of this key. Nothing was deleted."))
	}
	ctx, cancel := actContext(c)
	defer cancel()
	key, err := h.person(c).DeleteKey(ctx, c.Param("id"))
	switch outcome := model.OutcomeOf(err); {
	case model.Is(err, model.KindNotFound):
		return h.answerDeleted(c, "gone", "")
	case outcome != model.NotDone:
		return h.answerNotDeleted(c, key, err, outcome == model.FoundUndone)
	case err != nil:
		return err
	default:
		return h.answerDeleted(c, "deleted", key.Name)
	}
}

// answerNotDeleted says what is true after a deletion whose answer got lost: the key was seen to be there, or nobody knows.
func (h *dashboard) answerNotDeleted(c echo.Context, key model.Key, err error, there bool) error {
	h.logFault(c, "key not deleted", err, "seen", there)
	p := explain(c.Request().Context(), err)
	p.heading, p.link = t(c, "delete.not", "{name} was not deleted", "name", key.Name), home+"/"+key.ID
	p.linkText = t(c, "keys.open", "Open {name}", "name", key.Name)
	p.text = t(c, "delete.still-there", "The key service didn’t answer properly, and the key is still there. You can try again.")
	if lost(err) {
		p.text = t(c, "delete.lost-touch", lostTouch+"The key is still there. You can try again.")
	}
	if !there {
		p.heading, p.linkText = t(c, "delete.unclear", "{name} may or may not be deleted", "name", key.Name), checkNow.In(c.Request().Context())
		p.text = t(c, "delete.no-answer", "We asked to delete it and got no answer.")
	}
	return h.renderProblem(c, p, err)
}

func (h *dashboard) answerDeleted(c echo.Context, act, name string) error {
	if back := pairingToReturnTo(c); back != "" {
		h.leaveFlash(c, act, name)
		return redirect(c, back)
	}
	if !wantsPart(c) || c.FormValue("place") != views.PlaceRow {
		h.leaveFlash(c, act, name)
		return redirect(c, home)
	}
	m := h.keysModel(c)
	if _, err := h.readKeys(c, &m); err != nil && pageOfItsOwn(err) {
		return err
	}
	m.Status = flashOf(c.Request().Context(), act, name)
	return render(c, http.StatusOK, views.KeysPage(m), views.DeletedPart(m, c.Param("id")))
}
