package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"latchkey/internal/model"
)

// receivers are what webhooks lead to in a test, and what they got.
type receivers struct {
	answer func(ctx context.Context, d Delivery) Answer // nil: all arrives

	mu       sync.Mutex
	got      []Delivery
	inFlight map[string]int
	most     int // at once, of one address
}

func (r *receivers) Check(string) error { return nil }

func (r *receivers) Post(ctx context.Context, d Delivery) Answer {
	r.mu.Lock()
	if r.inFlight == nil {
		r.inFlight = map[string]int{}
	}
	r.inFlight[d.URL]++
	r.most = max(r.most, r.inFlight[d.URL])
	r.got = append(r.got, d)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.inFlight[d.URL]--
		r.mu.Unlock()
	}()
	if r.answer == nil {
		return Answer{}
	}
	return r.answer(ctx, d)
}

// taken are the deliveries since the last time.
func (r *receivers) taken() []Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// hooked is accounts with receivers, and what sends to these.
type hooked struct {
	*fixture
	to      *receivers
	sender  *WebhookSender
	outcome map[string]int
	mails   []Email
}

// Send takes emails.
func (h *hooked) Send(_ context.Context, m Email) error {
	h.mails = append(h.mails, m)
	return nil
}

func newHooked(t testing.TB) *hooked {
	t.Helper()
	h := &hooked{to: &receivers{}, outcome: map[string]int{}}
	keys := [][]byte{model.RandomBytes(32)}
	h.fixture = newFixture(t, func(c *Config) {
		c.Receivers, c.WebhookKeys = h.to, func() ([][]byte, error) { return h.sender.Keys, nil }
	})
	h.sender = h.newSender(keys)
	return h
}

// newSender is what another node would have.
func (h *hooked) newSender(keys [][]byte) *WebhookSender {
	var mu sync.Mutex
	return &WebhookSender{
		Store: h.store, Keys: keys, Receivers: h.to, Letters: Letters{PublicURL: testURL}, Mailer: h, Now: h.clock.Now, Certain: h.clock.Now,
		Counted: func(outcome string) { mu.Lock(); defer mu.Unlock(); h.outcome[outcome]++ }, Log: h.logs.Logger(),
	}
}

func (h *hooked) add(address string, kinds ...model.EventKind) (model.Webhook, model.Secret) {
	h.t.Helper()
	w, secret, err := h.AddWebhook(h.t.Context(), address, kinds)
	if err != nil {
		h.t.Fatal(err)
	}
	return w, secret
}

func (h *hooked) pass() {
	h.t.Helper()
	if _, err := h.sender.Pass(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.sender.Wait()
}

func (h *hooked) webhook(id string) model.Webhook {
	h.t.Helper()
	all, err := h.Webhooks(h.t.Context())
	at := slices.IndexFunc(all, func(w model.Webhook) bool { return w.ID == id })
	if err != nil || at < 0 {
		h.t.Fatal(all, err)
	}
	return all[at]
}

// happens records events about a user, one a kind.
func (h *hooked) happens(userID string, kinds ...model.EventKind) (ids []string) {
	h.t.Helper()
	for _, kind := range kinds {
		e := h.event(here, kind, userID)
		e.Elsewhere = true
		if err := h.store.RecordEvent(h.t.Context(), e); err != nil {
			h.t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

// verifies says whether another implementation of Standard Webhooks takes a delivery with a secret.
func verifies(t *testing.T, d Delivery, secret model.Secret) bool {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	header.Set(standardwebhooks.HeaderWebhookID, d.ID)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(d.At.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, d.Signature)
	return hook.VerifyIgnoringTimestamp(d.Body, header) == nil
}

func TestAWebhookTellsWhatHappenedAndAnotherImplementationVerifiesIt(t *testing.T) {
	h := newHooked(t)
	w, secret := h.add("https://ops.example.org/latchkey?token=geheim")
	who := h.signUp("ada@example.org")
	key, _ := h.newKey(who, "porch-cam")
	if _, err := h.As(who, here).TurnKey(t.Context(), key.ID, false); err != nil {
		t.Fatal(err)
	}
	h.Drain()
	h.pass()
	got := h.to.taken()
	if len(got) != 2 {
		t.Fatalf("%d deliveries", len(got))
	}
	for i, kind := range []string{"key.made", "key.turned_off"} {
		d := got[i]
		if !verifies(t, d, secret) || verifies(t, d, writtenSecret(newWebhookSecret())) || d.URL != w.URL {
			t.Errorf("the signature of %s", d.Body)
		}
		altered := d
		altered.Body = append(slices.Clone(d.Body), ' ')
		if verifies(t, altered, secret) {
			t.Error("other bytes are verified too")
		}
		var body map[string]any
		if err := json.Unmarshal(d.Body, &body); err != nil {
			t.Fatal(err)
		}
		data, _ := body["data"].(map[string]any)
		if len(body) != 3 || len(data) != 4 || body["type"] != kind || body["timestamp"] == "" || data["user_id"] != who.UserID ||
			data["key_id"] != key.ID || data["key_name"] != "porch-cam" || data["actor"] == "" {
			t.Errorf("%s", d.Body)
		}
		if events := h.written(who.UserID); !slices.ContainsFunc(events, func(e model.Event) bool { return e.ID == d.ID }) {
			t.Errorf("%s is no event", d.ID)
		}
	}
	if now := h.webhook(w.ID); now.DeliveredAt.IsZero() || now.Waiting != 0 || h.outcome[WebhookArrived] != 2 {
		t.Errorf("delivered %v, %d wait, %v", now.DeliveredAt, now.Waiting, h.outcome)
	}
	if text := fmt.Sprintf("%v %+v %#v %+v %s", w, w, w, got[0], h.logs.String()); strings.Contains(text, "geheim") || strings.Contains(text, "whsec") {
		t.Error("a secret is printed")
	}
	if w.Place() != "https://ops.example.org/latchkey?…" {
		t.Error(w.Place())
	}
}

func TestNamesAreBoundedInWhatIsSent(t *testing.T) {
	body := bodyOf(model.Event{Kind: model.EventKeyMade, KeyName: strings.Repeat("ü", 5000)})
	if strings.Count(string(body), "ü") != 200 {
		t.Errorf("%d bytes", len(body))
	}
}

func TestEveryKindOfEventHasATypeOfItsOwn(t *testing.T) {
	types := map[string]bool{}
	for _, kind := range model.WebhookKinds() {
		what := model.WebhookType(kind)
		noun, verb, _ := strings.Cut(what, ".")
		if types[what] || noun == "" || verb == "" || strings.ContainsAny(what, "- ") {
			t.Errorf("%s is %q", kind, what)
		}
		types[what] = true
	}
	for _, kind := range model.UsualWebhookKinds() {
		if model.WebhookType(kind) == "" {
			t.Error(kind)
		}
	}
}

func TestAReceiverThatIsDownForADayGetsWhatHappenedMeanwhile(t *testing.T) {
	h := newHooked(t)
	w, _ := h.add("https://ops.example.org", model.EventKeyMade)
	began := h.clock.Now()
	up := began.Add(24 * time.Hour)
	h.to.answer = func(context.Context, Delivery) Answer {
		if h.clock.Now().Before(up) {
			return Answer{Problem: "timed out"}
		}
		return Answer{}
	}
	ids := h.happens(model.NewID(began), model.EventKeyMade, model.EventKeyMade)
	other := h.happens(model.NewID(began), model.EventKeyMade)[0]
	tried := map[string][]time.Duration{}
	for h.clock.Now().Sub(began) < 40*time.Hour {
		for range 3 { // a try that fails ends a pass
			h.pass()
		}
		for _, d := range h.to.taken() {
			tried[d.ID] = append(tried[d.ID], d.At.Sub(began))
		}
		step := time.Minute
		if h.clock.Now().Sub(began) < 10*time.Minute {
			step = 5 * time.Second
		}
		h.clock.Advance(step)
	}
	want := []time.Duration{0, 5 * time.Second, 305 * time.Second}
	for _, pause := range []time.Duration{30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour} {
		want = append(want, want[len(want)-1]+pause)
	}
	for _, id := range []string{ids[0], other} {
		for i, at := range tried[id] {
			if late := at - want[i]; late < 0 || late > 2*time.Minute {
				t.Errorf("try %d came after %v, want %v", i, at, want[i])
			}
		}
		if len(tried[id]) != len(want) {
			t.Errorf("%d tries, want %d", len(tried[id]), len(want))
		}
	}
	if second := tried[ids[1]]; len(second) != 1 || second[0] < tried[ids[0]][7] {
		t.Errorf("what happened second was sent at %v, and what happened first at %v", second, tried[ids[0]])
	}
	if now := h.webhook(w.ID); now.Waiting != 0 || now.Failed != 0 || !now.FailingSince.IsZero() {
		t.Errorf("%d wait, %d given up, failing since %v", now.Waiting, now.Failed, now.FailingSince)
	}
}

func TestAnEventIsGivenUpAfterTheLastTry(t *testing.T) {
	h := newHooked(t)
	w, _ := h.add("https://ops.example.org", model.EventKeyMade)
	h.to.answer = func(context.Context, Delivery) Answer { return Answer{Problem: "answered 500"} }
	h.happens(model.NewID(h.clock.Now()), model.EventKeyMade)
	for range 8 {
		h.pass()
		h.clock.Advance(14 * time.Hour)
	}
	h.pass()
	now := h.webhook(w.ID)
	if len(h.to.taken()) != 8 || now.Failed != 1 || now.Waiting != 0 || now.Problem != "answered 500" || h.outcome[WebhookGivenUp] != 1 || h.outcome[WebhookFailed] != 7 {
		t.Errorf("%d given up, %d wait, %q, %v", now.Failed, now.Waiting, now.Problem, h.outcome)
	}
}

func TestWhatWasSentAndNotNotedIsSentAgainWithTheSameID(t *testing.T) {
	h := newHooked(t)
	_, secret := h.add("https://ops.example.org", model.EventKeyMade)
	h.happens(model.NewID(h.clock.Now()), model.EventKeyMade)
	ctx, kill := context.WithCancel(t.Context())
	h.to.answer = func(context.Context, Delivery) Answer { kill(); return Answer{} }
	if _, err := h.sender.Pass(ctx); err != nil {
		t.Fatal(err)
	}
	h.sender.Wait()
	h.to.answer = nil
	h.clock.Advance(10 * time.Second)
	h.pass()
	h.pass()
	got := h.to.taken()
	if len(got) != 2 || got[0].ID != got[1].ID || string(got[0].Body) != string(got[1].Body) || got[0].At.Equal(got[1].At) || !verifies(t, got[1], secret) {
		t.Errorf("%v", got)
	}
}

func TestASlowReceiverKeepsNoOtherWaiting(t *testing.T) {
	h := newHooked(t)
	slow, _ := h.add("https://slow.example.org", model.EventKeyMade)
	quick, _ := h.add("https://quick.example.org", model.EventKeyMade)
	until, sent := make(chan struct{}), make(chan struct{}, 10)
	h.to.answer = func(_ context.Context, d Delivery) Answer {
		if d.URL == slow.URL {
			<-until
		} else {
			sent <- struct{}{}
		}
		return Answer{}
	}
	h.happens(model.NewID(h.clock.Now()), model.EventKeyMade, model.EventKeyMade)
	for range 3 {
		if _, err := h.sender.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	<-sent
	<-sent
	close(until)
	h.sender.Wait()
	h.pass()
	if h.to.most != 1 || h.webhook(slow.ID).Waiting != 0 || h.webhook(quick.ID).Waiting != 0 {
		t.Errorf("%d were in flight at once", h.to.most)
	}
}

func TestTenThousandEventsAreSentInTheOrderOfEachUserByWhicheverNode(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	many := 10_000
	if testing.Short() {
		many = 500
	}
	w, _ := h.add("https://ops.example.org", model.EventKeyMade)
	var all sync.WaitGroup
	for range 50 {
		user := model.NewID(h.clock.Now())
		all.Go(func() {
			for range many / 50 {
				e := h.event(here, model.EventKeyMade, user)
				e.Elsewhere = true
				if err := h.store.RecordEvent(context.Background(), e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	last, sent := map[string]string{}, 0
	var mu sync.Mutex // one is in flight at a time, if all is well
	h.to.answer = func(_ context.Context, d Delivery) Answer {
		mu.Lock()
		defer mu.Unlock()
		var body webhookBody
		if err := json.Unmarshal(d.Body, &body); err != nil || last[body.Data.UserID] >= d.ID {
			t.Errorf("%s came after %s, %v", d.ID, last[body.Data.UserID], err)
		}
		last[body.Data.UserID] = d.ID
		sent++
		h.to.mu.Lock()
		h.to.got = nil // they are many
		h.to.mu.Unlock()
		return Answer{}
	}
	other := h.newSender(h.sender.Keys)
	for sent < many {
		for _, node := range []*WebhookSender{h.sender, other} {
			if _, err := node.Pass(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h.sender.Wait()
		other.Wait()
	}
	if sent != many || h.to.most != 1 || h.webhook(w.ID).Waiting != 0 {
		t.Errorf("%d were sent of %d, %d at once", sent, many, h.to.most)
	}
}

func TestAWebhookWhoseReceiverIsGoneIsOffAndOperatorsAreTold(t *testing.T) {
	h := newHooked(t)
	for i, email := range []string{"ada@example.org", "bob@example.org"} {
		h.register(email)
		if _, _, err := h.MakeOperator(t.Context(), email, true); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if _, _, err := h.Disable(t.Context(), email); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone, _ := h.add("https://gone.example.org/path?token=geheim", model.EventKeyMade)
	down, _ := h.add("https://down.example.org", model.EventKeyMade)
	h.to.answer = func(_ context.Context, d Delivery) Answer {
		if d.URL == gone.URL {
			return Answer{Problem: "answered 410", Gone: true}
		}
		return Answer{Problem: "timed out"}
	}
	user := model.NewID(h.clock.Now())
	h.happens(user, model.EventKeyMade, model.EventKeyMade)
	h.pass()
	if w := h.webhook(gone.ID); w.OffReason != model.WebhookOffGone || len(h.mails) != 1 || h.mails[0].To != "ada@example.org" || strings.Contains(h.mails[0].Text, "geheim") ||
		!strings.Contains(h.mails[0].Text, "https://gone.example.org/path?…") {
		t.Fatalf("%q, %d emails", w.OffReason, len(h.mails))
	}
	for range 5*24/6 + 1 {
		h.happens(user, model.EventKeyMade)
		for range 3 {
			h.pass()
		}
		h.clock.Advance(6 * time.Hour)
	}
	if w := h.webhook(down.ID); w.OffReason != model.WebhookOffFailing || len(h.mails) != 2 {
		t.Fatalf("%q, %d emails", w.OffReason, len(h.mails))
	}
	h.to.taken()
	h.happens(user, model.EventKeyMade)
	h.pass()
	if got := h.to.taken(); len(got) > 0 {
		t.Errorf("%d were sent while both are off", len(got))
	}
	h.to.answer = nil
	if _, changed, err := h.TurnWebhook(t.Context(), down.ID, true); err != nil || !changed {
		t.Fatal(changed, err)
	}
	ids := h.happens(user, model.EventKeyMade)
	h.pass()
	if got := h.to.taken(); len(got) != 1 || got[0].ID != ids[0] {
		t.Errorf("%v was sent once it is on again", got)
	}
}

func TestARotatedSecretSignsBesideTheNewOneForADay(t *testing.T) {
	h := newHooked(t)
	w, first := h.add("https://ops.example.org", model.EventKeyMade)
	user := model.NewID(h.clock.Now())
	_, second, err := h.RotateWebhook(t.Context(), w.ID)
	if err != nil || first == second {
		t.Fatal(err)
	}
	wantSigned := func(of ...bool) {
		t.Helper()
		h.happens(user, model.EventKeyMade)
		h.pass()
		got := h.to.taken()
		if len(got) != 1 || verifies(t, got[0], first) != of[0] || verifies(t, got[0], second) != of[1] {
			t.Errorf("%v %s", got, got[0].Signature)
		}
	}
	wantSigned(true, true)
	h.clock.Advance(model.WebhookOverlap - time.Second)
	wantSigned(true, true)
	h.clock.Advance(time.Second)
	wantSigned(false, true)
	// Session keys are rotated: what was sealed with the one before is sealed anew, which then may go.
	oldKey := h.sender.Keys[0]
	h.sender.Keys = [][]byte{model.RandomBytes(32), oldKey}
	wantSigned(false, true)
	if err := h.sender.Reseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.sender.Keys = h.sender.Keys[:1]
	wantSigned(false, true)
	h.sender.Keys = [][]byte{oldKey}
	h.happens(user, model.EventKeyMade)
	h.pass()
	if now := h.webhook(w.ID); len(h.to.taken()) != 0 || now.Problem != errNoSecret.Error() {
		t.Errorf("%q", now.Problem)
	}
	if _, second, err = h.RotateWebhook(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(5 * time.Second)
	h.pass()
	if got := h.to.taken(); len(got) != 1 || !verifies(t, got[0], second) {
		t.Errorf("%v", got)
	}
}

func TestASecretThatIsMovedToAnotherWebhookOpensNothing(t *testing.T) {
	seal, err := newWebhookSeal([][]byte{model.RandomBytes(32)})
	if err != nil {
		t.Fatal(err)
	}
	secret := newWebhookSecret()
	sealed := seal.seal(secret, "0a1b2c3d")
	if got, _, err := seal.open(sealed, "0a1b2c3d"); err != nil || !slices.Equal(got, secret) || strings.Contains(string(sealed), string(secret)) {
		t.Error(err)
	}
	if _, _, err := seal.open(sealed, "0a1b2c3e"); err == nil {
		t.Error("it opens")
	}
}

func TestWhatIsNoWebhookIsRefused(t *testing.T) {
	h := newHooked(t)
	for range 2 {
		_, _, err := h.AddWebhook(t.Context(), "https://ops.example.org", []model.EventKind{"key-made", "key-gone"})
		if is(t, err, model.KindBadValue); !strings.Contains(err.Error(), "key-turned-off") {
			t.Error(err)
		}
	}
	w, _ := h.add("https://ops.example.org", model.EventKeyMade, model.EventKeyMade)
	if !slices.Equal(w.Kinds, []model.EventKind{model.EventKeyMade}) {
		t.Error(w.Kinds)
	}
	_, _, err := h.AddWebhook(t.Context(), "https://ops.example.org", nil)
	is(t, err, model.KindBadValue)
	for i := range model.MaxWebhooks {
		_, _, err = h.AddWebhook(t.Context(), fmt.Sprintf("https://ops.example.org/%d", i), nil)
	}
	is(t, err, model.KindBadValue)
	for _, id := range []string{"", "0a1b2c3", "0a1b2c3d", "%", strings.Repeat("a", 100)} {
		_, err := h.DeleteWebhook(t.Context(), id)
		is(t, err, model.KindNotFound)
	}
}

func TestATestTellsWhatBecameOfIt(t *testing.T) {
	h := newHooked(t)
	w, secret := h.add("https://ops.example.org")
	_, answer, err := h.TestWebhook(t.Context(), w.ID)
	got := h.to.taken()
	if err != nil || answer.Problem != "" || len(got) != 1 || !verifies(t, got[0], secret) || !strings.Contains(string(got[0].Body), `"type":"webhook.test"`) {
		t.Error(answer, err)
	}
	h.to.answer = func(context.Context, Delivery) Answer { return Answer{Problem: "answered 500"} }
	if _, answer, err = h.TestWebhook(t.Context(), w.ID); err != nil || answer.Problem != "answered 500" {
		t.Error(answer, err)
	}
	if acts, err := h.store.Acts(t.Context(), "", 10); err != nil || len(acts) != 1 || acts[0].Act != model.ActWebhookAdded || acts[0].OperatorID != "" {
		t.Errorf("%+v, %v", acts, err)
	}
}
