package handlers

import (
	"net/http"
	"slices"

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
	for _, key := range m.All() {
		if slices.Contains(query["key"], key.ID) {
			m.Chosen = append(m.Chosen, key)
		}
	}
	if query.Has("delete") && len(m.Chosen) == 0 {
		m.Error = "Choose at least one key."
	}
	if len(m.Chosen) > 0 {
		return render(c, http.StatusOK, views.RoomQuestionPage(m), views.RoomQuestionDialog(m))
	}
	if wantsPart(c) { // the dialog stays closed
		c.Response().Header().Set("HX-Retarget", "#room")
		c.Response().Header().Set("HX-Reswap", "outerHTML")
	}
	return render(c, http.StatusOK, views.RoomPage(m), views.RoomPart(m))
}

func (h *dashboard) roomModel(c echo.Context) views.Room {
	return views.Room{Page: h.page(c, "Make room"), Quota: views.Quota{Limit: model.MaxKeys}, Return: pairingToReturnTo(c)}
}

func (h *dashboard) fillRoom(c echo.Context, m *views.Room, keys model.Keys) {
	m.Quota.Used, m.Uses, m.Proposed = len(keys.List), knowledge(keys.Usage), h.propose(c, keys.List)
	m.Others = h.others(keys.List, m.Proposed)
}

// makeRoom deletes the chosen keys and says of each what became of it.
func (h *dashboard) makeRoom(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	m := h.roomModel(c)
	ctx, cancel := actContext(c)
	defer cancel()
	ids, names := form["key"], form["name"]
	for i, id := range ids[:min(len(ids), model.MaxKeys)] {
		if !model.IsID(id) || slices.Contains(ids[:i], id) {
			continue
		}
		name := "A key"
		if i < len(names) && model.ValidName(names[i]) {
			name = names[i]
		}
		key, err := h.person(c).DeleteKey(ctx, id)
		nothingDone := model.OutcomeOf(err) == model.NotDone && !model.Is(err, model.KindNotFound)
		if err != nil && nothingDone && len(m.Results) == 0 { // and none of the others would fare better
			return err
		}
		if key.Name != "" {
			name = key.Name
		}
		m.Results = append(m.Results, h.cameOf(c, id, name, err))
	}
	if len(m.Results) == 0 {
		m.Error = "Choose at least one key."
	}
	reading, cancel := readContext(c)
	defer cancel()
	keys, err := h.person(c).Keys(reading)
	if err != nil {
		m.Failure = h.failure(c, err)
	} else {
		h.fillRoom(c, &m, keys)
	}
	return render(c, http.StatusOK, views.RoomPage(m), views.RoomPart(m))
}

// cameOf says what became of one key.
func (h *dashboard) cameOf(c echo.Context, id, name string, err error) views.RoomResult {
	r := views.RoomResult{ID: id, Name: name}
	switch outcome := model.OutcomeOf(err); {
	case err == nil:
		r.Text = "Deleted"
	case model.Is(err, model.KindNotFound):
		r.Text = "Was deleted already, in another place"
	case outcome == model.Unclear:
		h.logFault(c, "outcome of a deletion unknown", err)
		r.Text, r.There = "May or may not be deleted", true
	case lost(err): // and it was found that nothing was saved
		h.logFault(c, "key not deleted", err)
		r.Text, r.There = "Not deleted: the connection to the database broke. You can try again.", true
	default:
		h.logFault(c, "key not deleted", err)
		r.Text, r.There = "Not deleted: "+explain(err).heading, true
	}
	return r
}
