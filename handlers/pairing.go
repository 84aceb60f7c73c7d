package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/limits"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/views"
)

// unnamedDevice is what the key of a device is called that gives no name we can use.
const unnamedDevice = "device"

func pairingPage(id string) string { return devicePath + "/" + id }

// pairingToReturnTo is the pairing's page that a form was opened from, "" when it was another.
func pairingToReturnTo(c echo.Context) string {
	if back := c.FormValue("return"); isDevicePage(back) && back != devicePath {
		return back
	}
	return ""
}

// showPairing is the question whether to connect a device, and later what came of it.
func (h *dashboard) showPairing(c echo.Context) error {
	g, err := h.shownPairing(c)
	if errors.Is(err, onboard.ErrNoGrant) && h.drewQuestion(c) { // which asks when its time is over
		a, _ := accountOf(c)
		if g, err = h.Pairings.Pending(c.Request().Context(), c.Param("id"), a.UserID); err != nil {
			err = errors.Join(errNotOpened, err)
		}
	}
	if err != nil {
		return h.answerNotShown(c, err)
	}
	m, status, err := h.wholePairing(c, g, "")
	if err != nil {
		return err
	}
	if wantsPart(c) {
		m.Status = pairingNews(c.Request().Context(), m)
	}
	return render(c, status, views.PairingPage(m), views.PairingPart(m))
}

// wholePairing is a pairing with all that the page of its state shows, whoever asks for the page. The name is the one that was
// typed for the key. The status is another than 200 when the keys cannot be read and nothing can be decided.
func (h *dashboard) wholePairing(c echo.Context, g model.DeviceGrant, name string) (m views.Pairing, status int, err error) {
	m, status = h.pairingModel(c, g), http.StatusOK
	m.Name = name
	switch m.State {
	case views.PairingAsked:
		if err = h.readRoom(c, &m); err != nil && !pageOfItsOwn(err) {
			p := explain(c.Request().Context(), err)
			p.askForPatience(c)
			status, err = p.status, nil
		}
	case views.PairingApproved, views.PairingFetched, views.PairingUnfetched:
		err = h.readPairedKey(c, &m)
	}
	m.Title = m.Heading(c.Request().Context())
	return m, status, err
}

// readPairedKey fills in what has become of the key. When that cannot be read the page does without; what is left is that the
// person may not read it at all.
func (h *dashboard) readPairedKey(c echo.Context, m *views.Pairing) error {
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, m.KeyID)
	switch {
	case pageOfItsOwn(err):
		return err
	case err != nil:
		m.KeyGone = model.Is(err, model.KindNotFound)
	case m.State == views.PairingFetched: // nobody has used a value that nobody has fetched
		m.Key = h.row(key)
	}
	return nil
}

// pairingNews is what a page says of a pairing that it has just looked at again.
func pairingNews(ctx context.Context, m views.Pairing) string {
	switch {
	case m.State != views.PairingFetched:
		return m.Heading(ctx) + "."
	case m.Key.Use.Stage == views.Waiting || m.Key.Use.Stage == "":
		return lang.T(ctx, "pairing.heading.fetched", "{name} has its key", "name", m.KeyName) + "."
	default:
		return news(ctx, m.Key)
	}
}

// openedPairing is the pairing for the person who decides on it: one that was claimed in this session, or is claimed now because its question
// was drawn in this session for this account. What is true of a page that was drawn for another session, or for nobody, is nothing.
func (h *dashboard) openedPairing(c echo.Context) (model.DeviceGrant, error) {
	if !h.drewQuestion(c) {
		return h.shownPairing(c)
	}
	a, _ := accountOf(c)
	g, err := h.Pairings.Open(context.WithoutCancel(c.Request().Context()), c.Param("id"), a.UserID, sessionHash(c))
	if err != nil {
		return g, errors.Join(errNotOpened, openingPairing.in(err))
	}
	h.recordAsked(c, g)
	return g, nil
}

// drewQuestion says whether the request comes from the question about its pairing as it was drawn in this session for this account.
func (h *dashboard) drewQuestion(c echo.Context) bool {
	a, _ := accountOf(c)
	return h.questions.drew(c.FormValue(shownField), a.UserID, sessionHash(c), c.Param("id"))
}

// errNotOpened is about a pairing whose question was drawn, and that is not there any more to be decided.
var errNotOpened = errors.New("the pairing cannot be opened any more")

func (h *dashboard) shownPairing(c echo.Context) (model.DeviceGrant, error) {
	a, _ := accountOf(c)
	return h.Pairings.Shown(c.Request().Context(), c.Param("id"), a.UserID, sessionHash(c))
}

// answerNotShown sends everybody to the page for codes to whom this pairing is not shown: it is somebody else's, was opened in
// another browser since, is long over or never was. Which of these is not told.
//
// A person who was shown the question by a look learns what became of it.
func (h *dashboard) answerNotShown(c echo.Context, err error) error {
	switch {
	case errors.Is(err, errNotOpened) && errors.Is(err, onboard.ErrExpired):
		m := views.Pairing{Page: h.page(c, ""), ID: c.Param("id"), State: views.PairingExpired, Fresh: true}
		m.Title, m.Here = m.Heading(c.Request().Context()), devicePath
		return render(c, http.StatusConflict, views.PairingPage(m), views.PairingPart(m))
	case errors.Is(err, errNotOpened) && errors.Is(err, onboard.ErrNoGrant):
		m := h.deviceModel(c)
		m.Here, m.Error = devicePath, noDeviceWaits.In(c.Request().Context())
		return render(c, http.StatusConflict, views.DevicePage(m), views.DevicePart(m))
	case !errors.Is(err, onboard.ErrNoGrant):
		return err
	}
	h.leaveFlash(c, "reopen", "")
	return redirect(c, replacesIn(c).on(codeEntry(c.FormValue("code"))))
}

func (h *dashboard) pairingModel(c echo.Context, g model.DeviceGrant) views.Pairing {
	now := h.Now()
	m := views.Pairing{
		Page: h.page(c, ""), ID: g.ID, State: pairingState(g, now), Code: onboard.ShowCode(g.UserCode),
		DeviceName: g.DeviceName, Label: labelFor(g.DeviceName), Asked: views.NewMoment(g.CreatedAt, now), Ends: views.NewCountdown(g.ExpiresAt, now),
		Address: g.Address, YourAddress: h.addressToCompare(c, g.Address), Program: programOf(c.Request().Context(), g.Agent),
		KeyID: g.KeyID, KeyName: g.KeyName, Fetched: views.NewWhen(g.DeliveredAt, now),
	}
	m.Near = m.YourAddress != "" && limits.Network(m.YourAddress) == limits.Network(g.Address)
	m.Title, m.Here = m.Heading(c.Request().Context()), replacesIn(c).on(pairingPage(g.ID))
	if a, _ := accountOf(c); g.UserID != a.UserID || g.Session != sessionHash(c) { // it was only looked at
		m.Shown, m.Here = h.questions.proof(a.UserID, sessionHash(c), g.ID), replacesIn(c).on(codeEntry(g.UserCode))
	}
	return m
}

// labelFor is what the key of a device is called at first: as the device calls itself, as far as there is room for it.
func labelFor(device string) string {
	label := []rune(model.CleanText(device))
	return strings.TrimSpace(string(label[:min(len(label), model.MaxLabelLength)]))
}

// addressToCompare is the person's address if it can be compared with the device's, and "" when either may be that of a proxy
// which was not declared. Behind such a proxy everybody has the same one, and who was lured here would be reassured.
func (h *dashboard) addressToCompare(c echo.Context, device string) string {
	mine, header := c.RealIP(), c.Request().Header
	forwarded := header.Get(echo.HeaderXForwardedFor) != "" || header.Get("Forwarded") != ""
	if forwarded && mine == echo.ExtractIPDirect()(c.Request()) { // and not believed
		return ""
	}
	u, err := url.Parse(h.PublicURL)
	ours := loopback(h.PublicURL) || err == nil && inside(u.Hostname())
	if !ours && (inside(mine) || inside(device)) {
		return ""
	}
	return mine
}

// sharedNetwork is what providers and clusters use inside (RFC 6598).
var sharedNetwork = netip.MustParsePrefix("100.64.0.0/10")

// inside says that an address is of this machine or of a network of its own, as a proxy's often is and a visitor's of a public
// site is not.
func inside(address string) bool {
	a, err := netip.ParseAddr(address)
	a = a.Unmap()
	return err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || sharedNetwork.Contains(a))
}

// pairingState is a grant's state as a person is told of it, where running out of time is one.
func pairingState(g model.DeviceGrant, now time.Time) string {
	expired := g.Expired(now)
	switch {
	case g.State == model.Denied:
		return views.PairingDenied
	case g.State == model.Delivered:
		return views.PairingFetched
	case g.State == model.Approved && expired:
		return views.PairingUnfetched
	case g.State == model.Approved:
		return views.PairingApproved
	case g.State == model.Approving && expired:
		return views.PairingUnclear
	case g.State == model.Approving:
		return views.PairingApproving
	case expired:
		return views.PairingExpired
	default:
		return views.PairingAsked
	}
}

// awaitPairing tells the pairing's page when there is something new to show. A pairing that is not shown here any more is
// something new too: the page is then sent away.
func (h *dashboard) awaitPairing(c echo.Context) error {
	seen := h.changes() // when g was read
	g, err := h.shownPairing(c)
	if err != nil {
		return h.answerNotShown(c, err)
	}
	a, _ := accountOf(c)
	id, session := c.Param("id"), sessionHash(c)
	return h.stream(c, func(ctx context.Context, keys keysNow) (string, bool, error) {
		if now := h.changes(); now == 0 || now != seen {
			read, err := h.Pairings.Shown(ctx, id, a.UserID, session)
			if errors.Is(err, onboard.ErrNoGrant) {
				return "closed", true, nil
			}
			if err != nil {
				return "", false, err
			}
			g, seen = read, now
		}
		m := views.Pairing{State: pairingState(g, h.Now())}
		if m.State == views.PairingApproved || m.State == views.PairingFetched {
			key, there, err := keys.find(g.KeyID)
			switch {
			case pageOfItsOwn(err), err != nil && m.State == views.PairingFetched:
				return "", false, err
			case err != nil: // a key service that is down keeps nobody from hearing of the device
			case !there && m.State == views.PairingApproved:
				return "deleted", true, nil
			case there && m.State == views.PairingFetched: // otherwise deleted: nobody waits for it any more
				m.Key = h.row(key)
			}
		}
		state := m.Awaits()
		return cmp.Or(state, m.State), state == "", nil
	})
}

// readRoom fills in what approving would mean for the person's keys: how many there will be, a free name, and what to delete
// when there are too many. When the keys cannot be read it says so in the model and returns the cause.
func (h *dashboard) readRoom(c echo.Context, m *views.Pairing) error {
	ctx, cancel := readContext(c)
	defer cancel()
	all, err := h.person(c).Keys(ctx)
	keys := all.List
	if err != nil {
		m.Failure = h.failure(c, err)
		m.Failure.Link = m.Here
		return err
	}
	m.Quota = views.Quota{Used: len(keys) + 1, Limit: model.MaxKeys}
	if len(keys) >= model.MaxKeys {
		m.MakeRoom = h.propose(c, keys)
		m.MakeRoom = m.MakeRoom[:min(len(m.MakeRoom), pairingProposals)]
		m.Uses = knowledge(all.Usage)
	}
	for _, key := range keys {
		if key.Name == m.Name {
			holder := h.keyModel(key)
			m.Holder = &holder
		}
	}
	old, t := h.askedToReplace(c, keys)
	if m.Takes = t; m.Name == "" && t.ID != "" {
		m.Name = model.Successor(old, keys)
	}
	if m.Name == "" {
		m.Name = freeName(suggestName(m.DeviceName), keys)
	}
	return nil
}

// freeName gives the name, or the first of name-2, name-3 and so on that no key has. One without letters, of which others were left
// nothing, says too little by itself.
func freeName(name string, keys []model.Key) string {
	if number := strings.Trim(name, "-_"); strings.Trim(number, "-_0123456789") == "" {
		name = strings.TrimSuffix(unnamedDevice+"-"+number, "-")
	}
	taken := make(map[string]bool, len(keys))
	for _, key := range keys {
		taken[key.Name] = true
	}
	free := name
	for n := 2; taken[free]; n++ {
		suffix := "-" + strconv.Itoa(n)
		free = name[:min(len(name), model.MaxNameLength-len(suffix))] + suffix
	}
	return free
}

// approvePairing makes a key as this person and leaves it for the device alone. It asks the key service once and never again:
// a second request would make a second key. The page that answers has no value to show: the device is given it by fetchKey.
func (h *dashboard) approvePairing(c echo.Context) error {
	a, _ := accountOf(c)
	asked, err := h.openedPairing(c)
	if err != nil {
		return h.answerNotShown(c, err)
	}
	wanted := wantedKey(c)
	if wanted.Name == "" && wanted.Label != "" {
		if wanted.Name, err = h.nameFor(c, wanted.Label); err != nil {
			return h.answerNotApproved(c, wanted, &pairedKeys{}, err)
		}
	}
	from := originOf(c.Request().Context())
	from.Pairing = cmp.Or(asked.DeviceName, unnamedDevice)
	keys := &pairedKeys{person: h.as(c, a, from), label: wanted.Label, replaces: replacesIn(c)}
	keys.how = h.offered(keys.replaces)
	g, err := h.Pairings.Approve(context.WithoutCancel(c.Request().Context()), c.Param("id"), a.UserID, sessionHash(c), wanted.Name, keys)
	if errors.Is(err, onboard.ErrUnclear) { // its page knows, unless it cannot be read either
		if seen, lookErr := h.shownPairing(c); lookErr == nil && seen.KeyID == keys.created.ID {
			g, err = seen, nil
		}
	}
	if keys.notDeleted != nil {
		h.Log.Error("key of a failed pairing not deleted", "key", keys.orphan.ID, "request", requestIDOf(c), "cause", keys.notDeleted)
	}
	if err != nil {
		return h.answerNotApproved(c, wanted, keys, approving(c.Param("id")).in(err))
	}
	approved := h.event(c, model.EventPairingApproved)
	approved.KeyID, approved.KeyName, approved.Detail = g.KeyID, g.KeyName, g.DeviceName
	h.record(c, approved)
	if keys.notKept {
		h.leaveFlash(c, "unlabelled", g.KeyName)
		return redirect(c, pairingPage(g.ID))
	}
	return h.answerDecided(c, g, t(c, "pairing.heading.approved", "Approved")+".")
}

// pairedKeys creates the key of a device as the person who approved it.
type pairedKeys struct {
	person     Person
	label      string
	replaces   replaces
	how        model.Replacing
	created    model.Key
	notKept    bool       // what is on its card
	orphan     *model.Key // created, not kept, and not deleted again either
	notDeleted error
}

// CreateKey is bounded: the person waits.
func (k *pairedKeys) CreateKey(ctx context.Context, name string) (model.Created, error) {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	k.how.NewKey = model.NewKey{Name: name, Label: k.label}
	create := func() (model.Created, error) { return k.person.CreateKey(ctx, k.how.NewKey) }
	if k.replaces.id != "" {
		create = func() (model.Created, error) { return k.person.ReplaceKey(ctx, k.replaces.id, k.how) }
	}
	created, err := create()
	k.created, k.notKept = created.Key, created.NotKept
	return created, err
}

// DeleteKey takes back a key that could not be kept for its device.
func (k *pairedKeys) DeleteKey(ctx context.Context, key model.Key) {
	if _, err := k.person.DeleteKey(ctx, key.ID); err != nil && !model.Is(err, model.KindNotFound) {
		k.orphan, k.notDeleted = &key, err
	}
}

// denyPairing refuses the device. No key was or will be made.
func (h *dashboard) denyPairing(c echo.Context) error {
	a, _ := accountOf(c)
	id := c.Param("id")
	if _, err := h.openedPairing(c); err != nil {
		return h.answerNotShown(c, err)
	}
	err := h.Pairings.Deny(context.WithoutCancel(c.Request().Context()), id, a.UserID, sessionHash(c))
	if err == nil {
		var g model.DeviceGrant
		if g, err = h.shownPairing(c); err == nil {
			denied := h.event(c, model.EventPairingDenied)
			denied.Detail = g.DeviceName
			h.record(c, denied)
			return h.answerDecided(c, g, t(c, "pairing.heading.denied", "Denied")+".")
		}
	}
	if errors.Is(err, onboard.ErrDecided) || errors.Is(err, onboard.ErrExpired) {
		return h.answerTooLate(c, "", approvedBefore)
	}
	return h.answerNotShown(c, denying(id).in(err))
}

// approvedBefore is what a denial is told that comes after an approval.
func approvedBefore(ctx context.Context, m *views.Pairing) *views.Notice {
	switch {
	case m.State == views.PairingApproving:
		return &views.Notice{
			Bad: true, Title: lang.T(ctx, "pairing.before.creating", "It was approved a moment ago."),
			Text: lang.T(ctx, "pairing.before.creating.text", "To take that back, turn its key off or delete it once it’s created."),
		}
	case m.KeyID == "":
		return nil
	case m.KeyGone:
		return &views.Notice{
			Title: lang.T(ctx, "pairing.already.approved", "Already approved."),
			Text:  lang.T(ctx, "pairing.already.deleted", "Its key has been deleted since."),
		}
	default:
		return &views.Notice{
			Bad: true, Title: lang.T(ctx, "pairing.already.approved", "Already approved."),
			Text: lang.T(ctx, "pairing.already.takeback", "To take that back, turn {name} off or delete it.", "name", m.KeyName),
			Link: home + "/" + m.KeyID, LinkText: openKey(ctx, m.KeyName),
		}
	}
}

func openKey(ctx context.Context, name string) string {
	return lang.T(ctx, "keys.open", "Open {name}", "name", name)
}

// answerDecided shows what became of the pairing. Without script that is its page, so that a reload decides nothing again.
func (h *dashboard) answerDecided(c echo.Context, g model.DeviceGrant, status string) error {
	if !wantsPart(c) {
		return redirect(c, pairingPage(g.ID))
	}
	m := h.pairingModel(c, g)
	m.Status, m.Fresh = status, true
	return render(c, http.StatusOK, views.PairingPage(m), views.PairingPart(m))
}

// answerTooLate shows a pairing that was decided before: by a double click, in another tab, or by the clock.
func (h *dashboard) answerTooLate(c echo.Context, name string, tell func(context.Context, *views.Pairing) *views.Notice) error {
	g, err := h.shownPairing(c)
	if err != nil {
		return h.answerNotShown(c, err)
	}
	m, _, err := h.wholePairing(c, g, name)
	if err != nil {
		return err
	}
	m.Notice, m.Fresh = tell(c.Request().Context(), &m), true
	return render(c, http.StatusConflict, views.PairingPage(m), views.PairingPart(m))
}

// alreadyDecided is what a second approval is told. No second key is created.
func alreadyDecided(ctx context.Context, m *views.Pairing) *views.Notice {
	switch m.State {
	case views.PairingApproving, views.PairingApproved, views.PairingFetched:
		return &views.Notice{
			Title: lang.T(ctx, "pairing.already.approved", "Already approved."),
			Text:  lang.T(ctx, "pairing.already.approved.text", "You approved it with another click or in another tab. No second key was created."),
		}
	case views.PairingDenied:
		return &views.Notice{
			Title: lang.T(ctx, "pairing.already.denied", "Already denied."),
			Text:  lang.T(ctx, "keys.create.none", "No key was created."),
		}
	default:
		return nil
	}
}

// answerNotApproved says why the device was not connected, or that this is not known. The question is there again below.
func (h *dashboard) answerNotApproved(c echo.Context, wanted keyForm, keys *pairedKeys, err error) error {
	switch {
	case errors.Is(err, onboard.ErrNotKept): // whatever else it is: a key was made, and the page below says what became of it
	case errors.Is(err, onboard.ErrNoGrant):
		return h.answerNotShown(c, err)
	case errors.Is(err, onboard.ErrDecided), errors.Is(err, onboard.ErrExpired):
		return h.answerTooLate(c, wanted.Name, alreadyDecided)
	case pageOfItsOwn(err):
		return err
	}
	g, lookErr := h.shownPairing(c)
	if lookErr != nil {
		return h.answerNotShown(c, errors.Join(lookErr, err))
	}
	m := h.pairingModel(c, g)
	m.Name, m.Label = wanted.Name, wanted.Label
	if err := h.readRoom(c, &m); err != nil && pageOfItsOwn(err) {
		return err
	}
	status := h.explainNotApproved(c, &m, wanted, keys, err)
	m.Fresh = m.NameError == "" && m.LabelError == ""
	return render(c, status, views.PairingPage(m), views.PairingPart(m))
}

// explainNotApproved writes into the model why no key reached the device, and gives the status.
func (h *dashboard) explainNotApproved(c echo.Context, m *views.Pairing, wanted keyForm, keys *pairedKeys, err error) int {
	name, holder := wanted.Name, m.Holder
	m.Holder = nil
	ctx := c.Request().Context()
	switch {
	case model.Is(err, model.KindBadLabel):
		m.LabelError, _ = cardErrors(c.Request().Context(), wanted.Label, "")
		return http.StatusUnprocessableEntity
	case model.Is(err, model.KindBadName):
		m.NameError, m.Suggestion = nameError(c.Request().Context(), name), suggestName(name)
		return http.StatusUnprocessableEntity
	case model.Is(err, model.KindNameTaken):
		m.NameError, m.Holder = lang.T(ctx, "keys.create.taken.sentence", "You already have a key with this name."), holder
		return http.StatusUnprocessableEntity
	case model.Is(err, model.KindKeyLimit):
		m.Notice = &views.Notice{
			Bad: true, Title: lang.T(ctx, "pairing.not", "Not approved."),
			Text: lang.T(ctx, "pairing.not.room", "There is no room for another key."),
		}
		return http.StatusUnprocessableEntity
	case model.Is(err, model.KindNotFound), model.Is(err, model.KindReplacing), model.Is(err, model.KindNoReplacement):
		m.Notice = &views.Notice{
			Bad: true, Title: lang.T(ctx, "pairing.not", "Not approved."),
			Text: lang.T(ctx, "pairing.not.replace", "The key to replace has changed meanwhile, so no key was created. Look again below."),
		}
		return http.StatusConflict
	}
	h.logFault(c, "approve pairing failed", err)
	p := explain(c.Request().Context(), err)
	p.askForPatience(c)
	m.Notice = notApproved(ctx, m, holder, keys, p, err, clockOf(c))
	return p.status
}

// notApproved compares the list with what was asked for when it is not known whether a key was made, and says what it found.
func notApproved(
	ctx context.Context, m *views.Pairing, holder *views.Key, keys *pairedKeys, p problem, err error, clock *views.Clock,
) *views.Notice {
	n := &views.Notice{Bad: true, Title: p.heading + "."}
	notConnected := lang.T(ctx, "pairing.notconnected", "The device was not connected.")
	if lost(err) {
		n.Title = notConnected
	}
	deleteKey := func(id, name string) {
		n.Link, n.LinkText = home+"/"+id+"/delete?return="+pairingPage(m.ID), lang.T(ctx, "button.delete-named", "Delete {name}…", "name", name)
	}
	switch orphan := keys.orphan; {
	case errors.Is(err, onboard.ErrUnclear):
		n.Title = lang.T(ctx, "pairing.unknown", "We don’t know whether the device was connected.")
		n.Text = lang.T(ctx, "pairing.unknown.text",
			"The key {name} was created for it. If the device does not get it, delete the key before you approve again.", "name", keys.created.Name)
		deleteKey(keys.created.ID, keys.created.Name)
	case orphan != nil:
		n.Title = notConnected
		n.Text = lang.T(ctx, "pairing.orphan",
			"The key {name} was created but couldn’t be kept for the device, and nobody has its value. Delete it before you approve again.",
			"name", orphan.Name)
		deleteKey(orphan.ID, orphan.Name)
	case errors.Is(err, onboard.ErrNotKept):
		n.Title = notConnected
		n.Text = lang.T(ctx, "pairing.notkept", "Its key couldn’t be kept for it, so it was deleted again.")
		if t := m.Takes; t.ID != "" && t.Off { // which was to be now, and nobody takes back
			n.Text += " " + lang.T(ctx, "pairing.notkept.old", "{name}, which it was to replace, is off.", "name", t.Name)
			n.Link, n.LinkText = home+"/"+t.ID, openKey(ctx, t.Name)
		}
	case model.OutcomeOf(err) != model.Unclear && lost(err):
		n.Text = lang.T(ctx, "pairing.lost", lostTouch+"No key was created.")
	case model.OutcomeOf(err) != model.Unclear:
		n.Text = strings.TrimSpace(lang.T(ctx, "pairing.notconnected.nokey", "The device was not connected, and no key was created.") + " " + p.again)
	case m.Failure != nil:
		n.Text = lang.T(ctx, "pairing.unread",
			"We asked for a key named {name} and don’t know whether it was created. The device didn’t get it.",
			"name", m.Name)
		n.Link, n.LinkText = home, lang.T(ctx, "keys.create.look", "Look at your keys")
	case holder != nil:
		n.Text = lang.T(ctx, "pairing.holder",
			"There is a key named {name}, created {when}. If it is the one for this device, its value is lost: delete it and approve again.",
			"name", m.Name, "when", holder.Created.Words(clock))
		deleteKey(holder.ID, holder.Name)
	case lost(err): // and may still be on its way
		n.Text = lang.T(ctx, "pairing.notyet", "Your list has no key named {name} so far. Check again before you approve again.", "name", m.Name)
		n.Link, n.LinkText = home, lang.T(ctx, "keys.create.look", "Look at your keys")
	default:
		n.Text = lang.T(ctx, "pairing.notlisted", "Your list has no key named {name}: it wasn’t created. You can approve again.", "name", m.Name)
	}
	return n
}
