package handlers

import (
	"cmp"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/views"
)

// showActs is what operators did and looked up, newest first.
func (h *dashboard) showActs(c echo.Context) error {
	before := c.QueryParam("before")
	if !model.IsID(before) {
		before = ""
	}
	ctx, cancel := readContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	acts, err := o.Acts(ctx, before)
	if err != nil {
		return err
	}
	m := views.RunningActs{Page: h.page(c, "Audit log"), More: acts.More, Later: before != ""}
	clock, now := clockOf(c), h.Now()
	var last time.Time
	for i, act := range acts.List {
		if i == 0 || !clock.SameDay(last, act.At) {
			m.Days = append(m.Days, views.RunningDay{Day: views.NewWhen(act.At, now)})
		}
		last = act.At
		day := &m.Days[len(m.Days)-1]
		day.List = append(day.List, actModel(act, now))
	}
	return render(c, http.StatusOK, views.RunningActsPage(m), views.RunningActsPage(m))
}

// actModel is an act in plain words. Of whom it was about there may be nothing left but their id.
func actModel(act model.OperatorAct, now time.Time) views.RunningAct {
	v := views.RunningAct{
		When: views.NewWhen(act.At, now), User: act.User, Who: cmp.Or(act.Operator, act.OperatorID), Drawing: actDrawings[act.Act], Thing: act.Detail,
		Program: knownProgram(act.Agent), Claim: claimOf(act.Agent), Address: act.Address,
	}
	if act.User != "" {
		v.UserID = act.UserID
	}
	v.User = cmp.Or(v.User, act.UserID)
	server := act.UserID == ""
	switch act.Act {
	case model.ActKeyOff:
		v.Before, v.Between = "Turned off ", " of "
	case model.ActSessionEnded:
		v.Thing, v.Before = "", "Signed out a session of "
	case model.ActSignedOut:
		v.Thing, v.Before, v.After = "", "Signed out ", " everywhere"
	case model.ActDisabled:
		v.Thing, v.Before = "", "Disabled "
	case model.ActEnabled:
		v.Thing, v.Before = "", "Enabled "
	case model.ActResetSent:
		v.Thing, v.Before, v.After = "", "Sent ", " a reset link"
	case model.ActValueLookedUp:
		switch {
		case act.KeyID == "":
			v.Thing, v.Before = "", "Looked up a value that no key has"
		case server:
			v.Before = "Looked up a value: the server key "
		default:
			v.Before, v.Between = "Looked up a value: ", " of "
		}
	case model.ActKnockAssigned:
		v.Before, v.Between, v.After = "Created ", " for ", ", for a refused device"
		if server {
			v.Before, v.Between, v.After = "Created the server key ", ", for a refused device", ""
		}
	case model.ActKnockIgnored:
		v.Before, v.Quoted = "Ignored a refused device", true
		if v.Thing != "" {
			v.Before += " that calls itself "
		}
	case model.ActServerKeyMade:
		v.Before = "Created the server key "
	case model.ActServerKeyOff:
		v.Before = "Turned off the server key "
	default: // of a newer version
		v.Before, v.Between = string(act.Act)+": ", " "
	}
	return v
}

// actDrawings are what stands beside the words.
var actDrawings = map[model.Act]string{
	model.ActKeyOff: "power", model.ActSessionEnded: "out", model.ActSignedOut: "out", model.ActDisabled: "ban", model.ActEnabled: "user",
	model.ActResetSent: "mail", model.ActValueLookedUp: "eye", model.ActKnockAssigned: "link", model.ActKnockIgnored: "ban",
	model.ActServerKeyMade: "plus", model.ActServerKeyOff: "power",
}
