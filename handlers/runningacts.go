package handlers

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
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
	m := views.RunningActs{Page: h.page(c, t(c, "running.acts", "Audit log")), More: acts.More, Later: before != ""}
	clock, now := clockOf(c), h.Now()
	var last time.Time
	for i, act := range acts.List {
		if i == 0 || !clock.SameDay(last, act.At) {
			m.Days = append(m.Days, views.RunningDay{Day: views.NewWhen(act.At, now)})
		}
		last = act.At
		day := &m.Days[len(m.Days)-1]
		day.List = append(day.List, actModel(c.Request().Context(), act, now))
	}
	return render(c, http.StatusOK, views.RunningActsPage(m), views.RunningActsPage(m))
}

// actModel is an act in plain words. Of whom it was about there may be nothing left but their id.
func actModel(ctx context.Context, act model.OperatorAct, now time.Time) views.RunningAct {
	v := views.RunningAct{
		When: views.NewWhen(act.At, now), Drawing: actDrawings[act.Act], Act: string(act.Act), Deed: deedOf(act), Thing: act.Detail,
		Quoted: act.Act == model.ActKnockIgnored, User: cmp.Or(act.User, act.UserID), Who: cmp.Or(act.Operator, act.OperatorID),
		Program: knownProgram(ctx, act.Agent), Claim: claimOf(ctx, act.Agent), Address: act.Address,
	}
	if act.User != "" {
		v.UserID = act.UserID
	}
	if v.Who == "" {
		v.Who = lang.T(ctx, "running.act.command-line", "Command line")
	}
	return v
}

// deedOf is the text that says an act, of a key or a device as {thing} and of a user as {user}.
func deedOf(act model.OperatorAct) lang.Text {
	server := act.UserID == ""
	switch act.Act {
	case model.ActKeyOff:
		return lang.New("running.act.key-off", "Turned off {thing} of {user}")
	case model.ActSessionEnded:
		return lang.New("running.act.session-ended", "Signed out a session of {user}")
	case model.ActSignedOut:
		return lang.New("running.act.signed-out", "Signed out {user} everywhere")
	case model.ActDisabled:
		return lang.New("running.act.disabled", "Disabled {user}")
	case model.ActEnabled:
		return lang.New("running.act.enabled", "Enabled {user}")
	case model.ActResetSent:
		return lang.New("running.act.reset-sent", "Sent {user} a reset link")
	case model.ActValueLookedUp:
		switch {
		case act.KeyID == "":
			return lang.New("running.act.value-of-none", "Looked up a value that no key has")
		case server:
			return lang.New("running.act.value-of-server-key", "Looked up a value: the server key {thing}")
		default:
			return lang.New("running.act.value-of-key", "Looked up a value: {thing} of {user}")
		}
	case model.ActKnockAssigned:
		if server {
			return lang.New("running.act.knock-server-key", "Created the server key {thing}, for a refused device")
		}
		return lang.New("running.act.knock-assigned", "Created {thing} for {user}, for a refused device")
	case model.ActKnockIgnored:
		if act.Detail == "" {
			return lang.New("running.act.knock-ignored", "Ignored a refused device")
		}
		return lang.New("running.act.knock-ignored-called", "Ignored a refused device that calls itself {thing}")
	case model.ActServerKeyMade:
		return lang.New("running.act.server-key-created", "Created the server key {thing}")
	case model.ActServerKeyOff:
		return lang.New("running.act.server-key-off", "Turned off the server key {thing}")
	case model.ActWebhookAdded:
		return lang.New("running.act.webhook-added", "Added the webhook to {thing}")
	case model.ActWebhookRotated:
		return lang.New("running.act.webhook-rotated", "Gave the webhook to {thing} a new secret")
	case model.ActWebhookDeleted:
		return lang.New("running.act.webhook-deleted", "Deleted the webhook to {thing}")
	case model.ActWebhookOn:
		return lang.New("running.act.webhook-on", "Turned on the webhook to {thing}")
	case model.ActWebhookOff:
		return lang.New("running.act.webhook-off", "Turned off the webhook to {thing}")
	}
	switch { // of a newer version
	case act.Detail == "":
		return lang.New("running.act.other-user", "{act}: {user}")
	case server:
		return lang.New("running.act.other-thing", "{act}: {thing}")
	default:
		return lang.New("running.act.other", "{act}: {thing} {user}")
	}
}

// actDrawings are what stands beside the words.
var actDrawings = map[model.Act]string{
	model.ActKeyOff: "power", model.ActSessionEnded: "out", model.ActSignedOut: "out", model.ActDisabled: "ban", model.ActEnabled: "user",
	model.ActResetSent: "mail", model.ActValueLookedUp: "eye", model.ActKnockAssigned: "link", model.ActKnockIgnored: "ban",
	model.ActServerKeyMade: "plus", model.ActServerKeyOff: "power",
	model.ActWebhookAdded: "plus", model.ActWebhookRotated: "link", model.ActWebhookDeleted: "ban", model.ActWebhookOn: "power", model.ActWebhookOff: "power",
}
