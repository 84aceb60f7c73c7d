package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/views"
)

func (h *dashboard) turnKeyOn(c echo.Context) error { return h.turnKey(c, true) }

func (h *dashboard) turnKeyOff(c echo.Context) error { return h.turnKey(c, false) }

// turnKey turns a key on or off and shows what the key service says of it afterwards, not what was hoped for.
func (h *dashboard) turnKey(c echo.Context, on bool) error {
	ctx, cancel := actContext(c)
	defer cancel()
	keys, id := h.keys(c), c.Param("id")
	turn, act := keys.Disable, "off"
	if on {
		turn, act = keys.Enable, "on"
	}
	failed := turn(ctx, id)
	if failed != nil && !unclear(failed) {
		return h.answerGone(c, id, failed)
	}
	key, err := keys.Fetch(ctx, id)
	switch {
	case client.IsNotFound(err):
		return h.answerGone(c, id, err)
	case err != nil:
		return h.answerUnknown(c, id, act, err)
	case key.Disabled == on && failed != nil: // the answer got lost, and so did the request
		act = map[bool]string{true: "still-off", false: "still-on"}[key.Disabled]
	case key.Disabled == on: // somebody was quicker to turn it back
		act = map[bool]string{true: "off", false: "on"}[key.Disabled]
	}
	if failed == nil || key.Disabled != on {
		h.recordTurned(c, key, on)
	}
	return h.answerTurned(c, key, act)
}

// sameAct is for how long one act more of the same kind on the same key is taken for a repetition: a double click, two tabs.
const sameAct = 10 * time.Second

// recordTurned writes down what became of a key at an upstream, which does not tell whether it changed anything: once, however
// often it was asked for at the same time.
func (h *dashboard) recordTurned(c echo.Context, key client.APIKey, on bool) {
	if h.embedded {
		return
	}
	kind := map[bool]model.EventKind{true: model.EventKeyTurnedOn, false: model.EventKeyTurnedOff}[on]
	h.turning.Lock()
	defer h.turning.Unlock()
	e := h.event(c, kind)
	e.KeyID, e.KeyName = key.ID, key.Name
	last, err := h.readEvents(c, model.EventQuery{Kinds: []model.EventKind{model.EventKeyTurnedOn, model.EventKeyTurnedOff}, KeyID: key.ID, Limit: 1})
	if err == nil && len(last) == 1 && last[0].Kind == kind && e.At.Sub(last[0].At) < sameAct {
		return
	}
	h.recordElsewhere(c, e)
}

func (h *dashboard) answerTurned(c echo.Context, key client.APIKey, act string) error {
	place := c.FormValue("place")
	if !wantsPart(c) {
		h.leaveFlash(c, act, key.Name)
		if place == views.PlacePage {
			return redirect(c, home+"/"+key.ID)
		}
		return redirect(c, home)
	}
	m := h.card(key, h.askFacts(c)())
	part := views.RowPart(m, say(act, key.Name))
	if place == views.PlacePage {
		part = views.KeyPart(m, say(act, key.Name))
	}
	return render(c, http.StatusOK, part, part)
}

// answerGone takes the row of a key that was deleted in another place out of use. Every other error goes its usual way.
func (h *dashboard) answerGone(c echo.Context, id string, err error) error {
	if client.IsNotFound(err) && wantsPart(c) && c.FormValue("place") == views.PlaceRow && model.IsID(id) {
		return render(c, http.StatusNotFound, views.GoneRowPart(id), views.GoneRowPart(id))
	}
	return err
}

// answerUnknown draws a key whose state nobody knows: neither the act's answer nor a look at the key came through. The name
// is the one the form says, since there is no other.
func (h *dashboard) answerUnknown(c echo.Context, id, act string, err error) error {
	name := c.FormValue("name")
	if pageOfItsOwn(err) || !model.IsID(id) || client.ValidName(name) != nil {
		return err
	}
	h.logFault(c, "outcome of an act unknown", err, "act", act)
	key := h.keyModel(client.APIKey{ID: id, Name: name, Disabled: act == "on"})
	key.Unknown = "We asked to turn " + name + " " + act + " and got no answer. It may be on or off."
	p := explain(err)
	p.askForPatience(c)
	p.heading, p.text, p.link, p.linkText = "It may be on or off", key.Unknown, home+"/"+id, "Check now"
	part := views.RowPart(key, key.Unknown)
	if c.FormValue("place") == views.PlacePage {
		part = views.KeyPart(key, key.Unknown)
	}
	return render(c, p.status, views.ErrorPage(p.model(h, c, err)), part)
}

// confirmDelete asks once before a key is deleted: in a dialog, or on a page of its own.
func (h *dashboard) confirmDelete(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.keys(c).Fetch(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	m := views.Delete{Page: h.page(c, "Delete "+key.Name), Key: h.keyModel(key), Return: pairingToReturnTo(c)}
	if wantsPart(c) {
		m.Place = c.QueryParam("place")
	}
	return render(c, http.StatusOK, views.DeletePage(m), views.DeleteDialog(m))
}

// deleteKey deletes a key for good. A key that is gone already is what was asked for.
func (h *dashboard) deleteKey(c echo.Context) error {
	ctx, cancel := actContext(c)
	defer cancel()
	keys, id := h.keys(c), c.Param("id")
	key, err := keys.Fetch(ctx, id)
	if client.IsNotFound(err) {
		return h.answerDeleted(c, "gone", "")
	}
	if err != nil {
		return err
	}
	err = keys.Delete(ctx, id)
	if err != nil && !client.IsNotFound(err) {
		if !unclear(err) {
			return err
		}
		if _, look := keys.Fetch(ctx, id); !client.IsNotFound(look) {
			return h.answerNotDeleted(c, key, err, look == nil)
		}
	}
	if !client.IsNotFound(err) { // else somebody was quicker
		gone := h.event(c, model.EventKeyDeleted)
		gone.KeyID, gone.KeyName = id, key.Name
		h.recordElsewhere(c, gone)
	}
	return h.answerDeleted(c, "deleted", key.Name)
}

// answerNotDeleted says what is true after a deletion whose answer got lost: the key was seen to be there, or nobody knows.
func (h *dashboard) answerNotDeleted(c echo.Context, key client.APIKey, err error, there bool) error {
	h.logFault(c, "key not deleted", err, "seen", there)
	p := explain(err)
	p.heading, p.link, p.linkText = key.Name+" was not deleted", home+"/"+key.ID, "Open "+key.Name
	p.text = "The key service did not answer properly, and the key is still there. You can try again."
	if !there {
		p.heading, p.linkText = key.Name+" may or may not be deleted", "Check now"
		p.text = "We asked to delete it and got no answer."
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
	if err := h.readKeys(c, &m); err != nil && pageOfItsOwn(err) {
		return err
	}
	m.Status = say(act, name)
	return render(c, http.StatusOK, views.KeysPage(m), views.DeletedPart(m, c.Param("id")))
}
