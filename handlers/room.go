package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

// roomPath is where keys are deleted that nothing needs any more, several at once.
const roomPath = home + "/room"

// showRoom proposes the keys that are least likely to be missed, with the others below them, and asks once more about those that were chosen.
func (h *dashboard) showRoom(c echo.Context) error {
	m := h.roomModel(c)
	ctx, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(ctx)
	if err != nil {
		return err
	}
	h.fillRoom(c, &m, keys)
	query := c.QueryParams()
	if chosen := chosenOf(query, keys.List); len(chosen.keys) > 0 {
		return h.askSeveral(c, http.StatusOK, questionInRoom(m.Return), chosen, "")
	}
	if query.Has("delete") {
		m.Error = t(c, "room.choose", "Choose at least one key.")
	}
	if wantsPart(c) { // the dialog stays closed
		c.Response().Header().Set("HX-Retarget", "#room")
		c.Response().Header().Set("HX-Reswap", "outerHTML")
	}
	return render(c, http.StatusOK, views.RoomPage(m), views.RoomPart(m))
}

func (h *dashboard) roomModel(c echo.Context) views.Room {
	return views.Room{Page: h.page(c, t(c, "room.title", "Make room")), Quota: views.Quota{Limit: model.MaxKeys}, Return: pairingToReturnTo(c)}
}

func (h *dashboard) fillRoom(c echo.Context, m *views.Room, keys model.Keys) {
	m.Quota.Used, m.Uses, m.Proposed = len(keys.List), knowledge(keys.Usage), h.propose(c, keys.List)
	m.Others = h.others(keys.List, m.Proposed)
}

// questionInRoom is the question there, with the page of a pairing that needs the room. A key that is turned off instead makes none.
func questionInRoom(back string) question {
	return question{action: roomPath, target: "#room", back: string(views.Onward(roomPath, back)), form: url.Values{"return": {back}}}
}

// makeRoom deletes the chosen keys and says of each what became of it.
func (h *dashboard) makeRoom(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	m := h.roomModel(c)
	ctx, cancel := severalContext(c)
	defer cancel()
	chosen, err := h.readChosen(ctx, c, form)
	if err != nil {
		return err
	}
	if problem := h.typedWrong(ctx, form, chosen); problem != "" {
		return h.askSeveral(c, http.StatusUnprocessableEntity, questionInRoom(m.Return), chosen, problem)
	}
	results, err := h.oneByOne(ctx, c, actDelete, chosen)
	if err != nil {
		return err
	}
	for _, r := range results {
		m.Results = append(m.Results, r.told(c.Request().Context(), actDelete, !h.Here))
	}
	if len(results) == 0 {
		m.Error = t(c, "room.choose", "Choose at least one key.")
	}
	reading, cancel := severalRead(c)
	defer cancel()
	keys, err := h.person(c).Keys(reading)
	if err != nil {
		m.Failure = h.failure(c, err)
	} else {
		h.fillRoom(c, &m, keys)
	}
	return render(c, http.StatusOK, views.RoomPage(m), views.RoomPart(m))
}
