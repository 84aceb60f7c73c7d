package onboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"latchkey/internal/limits"
	"latchkey/internal/model"
)

// What Start, Look, Claim, Open, Approve and Deny may answer, besides *LimitError and ErrNoGrant.
var (
	// ErrNoGrant means that there is no such grant, or none that this person has claimed in this session.
	ErrNoGrant = errors.New("no such device grant")
	// ErrUnknownClient means that the client is not the app of this server.
	ErrUnknownClient = errors.New("unknown client")
	// ErrMalformedCode means that the text cannot be a user code. It is not counted as a wrong one.
	ErrMalformedCode = errors.New("not a user code")
	// ErrWrongCode means that nothing waits under the code for this person: it was never given out, has expired, is decided
	// or belongs to somebody else. Which of these is not told.
	ErrWrongCode = errors.New("wrong user code")
	// ErrDecided means that the grant is not pending any more.
	ErrDecided = errors.New("the device grant is decided")
	// ErrNotKept means that the key was created but could not be kept for the device, and that undo was called.
	ErrNotKept = errors.New("the key could not be kept for the device")
	// ErrUnclear means that the key was created and that nobody knows whether it was kept for the device. It was not deleted.
	ErrUnclear = errors.New("not known whether the key was kept for the device")
)

// What Poll answers, besides a delivery (RFC 8628, section 3.5). The texts may be shown to the device.
var (
	ErrPending      = errors.New("nobody has approved this device yet")
	ErrSlowDown     = errors.New("asked too soon: wait for the whole interval")
	ErrDenied       = errors.New("the person refused")
	ErrInvalidGrant = errors.New("unknown device code, or one that was used")
	// ErrExpired is an answer of Approve and Deny too.
	ErrExpired = errors.New("the device grant has expired: start again")

	errJustDelivered error = justDelivered{}
)

// justDelivered is ErrPending to programs, and another text to people.
type justDelivered struct{}

func (justDelivered) Error() string {
	return "the key was handed out a moment ago: ask again at the usual interval"
}

func (justDelivered) Is(target error) bool { return target == ErrPending }

const (
	// DefaultLifetime is how long a person has unless told otherwise.
	DefaultLifetime = 10 * time.Minute
	defaultInterval = 5 * time.Second
	// redelivery is for how long after the first delivery a device that did not get the answer is given it again.
	redelivery = time.Minute
	// kept is for how long after its end a grant is remembered, so that a device that was away learns what happened.
	kept = time.Hour
	// grace is how long each step may take that must be done although the caller has gone.
	grace = 10 * time.Second

	maxDeviceName = 64  // characters; as many as a key's name
	maxAddress    = 64  // characters
	maxAgent      = 256 // characters
)

// Config is what a service works with.
type Config struct {
	// ClientID is the one client that may ask: the app id.
	ClientID string
	// Lifetime is how long a person has, Interval how far apart a device's polls are. Zero means ten minutes and five
	// seconds.
	Lifetime, Interval time.Duration
	Grants             Grants
	Now                func() time.Time // nil means time.Now
	// Shared is where several nodes count wrong codes together; nil means that there is one node.
	Shared *limits.Shared
}

// Service is the authorization server's part of RFC 8628, without its HTTP.
type Service struct {
	clientID           string
	lifetime, interval time.Duration
	grants             Grants
	now                func() time.Time
	limits             *pairingLimits
	polls              *polls
}

// New returns a service. Call its Sweep now and then.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	interval := cmp.Or(c.Interval, defaultInterval)
	return &Service{
		clientID: c.ClientID, lifetime: cmp.Or(c.Lifetime, DefaultLifetime), interval: interval,
		grants: c.Grants, now: c.Now, limits: newLimits(c.Now, c.Shared), polls: newPolls(c.Now, interval),
	}
}

// Request is what a device asks with. All but the client is for people to read: DeviceName as the device says it, Address and
// Agent as we saw them.
type Request struct{ ClientID, DeviceName, Address, Agent string }

// Started is the answer to the device.
type Started struct {
	// DeviceCode is for the device alone, and is kept nowhere here.
	DeviceCode model.Secret
	UserCode   string // as it is shown: WDJB-MJHT
	ExpiresIn  time.Duration
	Interval   time.Duration
}

// KeyMaker creates keys as the person who approves a device.
type KeyMaker interface {
	CreateKey(ctx context.Context, name string) (model.Created, error)
	// DeleteKey takes back a key that could not be kept for its device.
	DeleteKey(ctx context.Context, key model.Key)
}

// Key is a key that was created for a device.
type Key struct {
	ID, Name string
	Value    model.Secret
}

// Delivery is what a device is given at last.
type Delivery struct {
	Key
	UserID  string
	GrantID string
	At      time.Time // of the first time that it was handed out, of which the answer may have been lost
}

// Start begins a grant. It answers ErrUnknownClient or *LimitError.
func (s *Service) Start(ctx context.Context, r Request) (Started, error) {
	if r.ClientID != s.clientID {
		return Started{}, ErrUnknownClient
	}
	if err := s.limits.tryStart(r.Address); err != nil {
		return Started{}, err
	}
	code := newDeviceCode()
	pair, err := keyPair(code)
	if err != nil {
		return Started{}, fmt.Errorf("derive the sealing key: %w", err)
	}
	now := s.now()
	g := model.DeviceGrant{
		ID: rand.Text(), DeviceCodeHash: hashDeviceCode(code), ClientID: r.ClientID, SealingKey: pair.PublicKey().Bytes(),
		DeviceName: Legible(r.DeviceName, maxDeviceName), Address: Legible(r.Address, maxAddress),
		Agent: Legible(r.Agent, maxAgent), CreatedAt: now, ExpiresAt: now.Add(s.lifetime), State: model.Pending,
	}
	if err := s.create(ctx, &g); err != nil {
		return Started{}, err
	}
	return Started{DeviceCode: code, UserCode: ShowCode(g.UserCode), ExpiresIn: s.lifetime, Interval: s.interval}, nil
}

// create gives the grant a user code that no other has.
func (s *Service) create(ctx context.Context, g *model.DeviceGrant) error {
	var err error
	for range 5 { // a taken code is one in a million even when everything is full
		g.UserCode = newUserCode()
		if err = s.grants.CreateGrant(ctx, *g, maxPending); !errors.Is(err, model.ErrConflict) {
			break
		}
	}
	switch {
	case errors.Is(err, model.ErrLimit):
		s.limits.tableFull()
		return &LimitError{RetryAfter: whenFull}
	case err != nil:
		return fmt.Errorf("create a device grant: %w", err)
	}
	return nil
}

// Look shows the grant that waits under a code to a person who has the code, and writes nothing: a person who follows a link has
// decided nothing yet. The grant is anybody's to claim as before. One that this person has claimed in this session is shown in
// any state. It answers what Claim does, and a wrong code counts as a try as it does there.
func (s *Service) Look(ctx context.Context, code, userID string, session [32]byte, address string) (model.DeviceGrant, error) {
	return s.byCode(ctx, code, userID, session, address, s.grants.LookUpGrant)
}

// Claim gives the grant that waits under a code to the person who typed it, who from then on is the only one to decide, in
// this web session. It answers ErrMalformedCode, ErrWrongCode or *LimitError.
func (s *Service) Claim(ctx context.Context, code, userID string, session [32]byte, address string) (model.DeviceGrant, error) {
	return s.byCode(ctx, code, userID, session, address, s.grants.ClaimGrant)
}

// byCode finds a grant by what a person typed or scanned. The try is counted before anybody knows whether the code is right.
func (s *Service) byCode(ctx context.Context, code, userID string, session [32]byte, address string,
	find func(ctx context.Context, code, userID string, session [32]byte, now time.Time) (model.DeviceGrant, error),
) (model.DeviceGrant, error) {
	code, ok := NormalizeCode(code)
	if !ok {
		return model.DeviceGrant{}, ErrMalformedCode
	}
	if nobody(userID, session) {
		return model.DeviceGrant{}, ErrWrongCode
	}
	takeBack, err := s.limits.tryCode(ctx, userID, address)
	if err != nil {
		return model.DeviceGrant{}, err
	}
	ctx, cancel := graceful(ctx) // nobody takes a try back by hanging up
	defer cancel()
	g, err := find(ctx, code, userID, session, s.now())
	if errors.Is(err, model.ErrUnclear) { // the person who has claimed a grant may claim it again
		g, err = find(ctx, code, userID, session, s.now())
	}
	if errors.Is(err, model.ErrNotFound) {
		return model.DeviceGrant{}, ErrWrongCode
	}
	takeBack()
	if err != nil {
		return model.DeviceGrant{}, fmt.Errorf("find a device grant by its code: %w", err)
	}
	return g, nil
}

// Pending gives the pending grant that nobody but this user has claimed, whether or not it has expired, to a person to whom Look has
// shown it in this session, which the caller knows for certain: it counts no try. It answers ErrNoGrant when there is none any more.
func (s *Service) Pending(ctx context.Context, id, userID string) (model.DeviceGrant, error) {
	g, err := s.grants.Grant(ctx, id)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return model.DeviceGrant{}, ErrNoGrant
	case err != nil:
		return model.DeviceGrant{}, fmt.Errorf("find the device grant: %w", err)
	case userID == "" || g.State != model.Pending || g.UserID != "" && g.UserID != userID:
		return model.DeviceGrant{}, ErrNoGrant
	}
	return g, nil
}

// Open claims the grant for a person to whom Look has shown it in this session, which again the caller knows. A grant that this
// session has claimed stays as it is, whatever its state. ErrExpired is the answer when it has expired unclaimed, and ErrNoGrant when
// another session has decided it or another person has claimed it since.
func (s *Service) Open(ctx context.Context, id, userID string, session [32]byte) (model.DeviceGrant, error) {
	claimed, err := s.Shown(ctx, id, userID, session)
	if !errors.Is(err, ErrNoGrant) || nobody(userID, session) {
		return claimed, err
	}
	g, err := s.Pending(ctx, id, userID)
	switch {
	case errors.Is(err, ErrNoGrant): // unless this very session was faster
		return s.Shown(ctx, id, userID, session)
	case err != nil:
		return model.DeviceGrant{}, err
	case g.Expired(s.now()):
		return model.DeviceGrant{}, ErrExpired
	}
	claimed, err = s.grants.ClaimGrant(ctx, g.UserCode, userID, session, s.now())
	if errors.Is(err, model.ErrUnclear) { // it may be claimed again
		claimed, err = s.grants.ClaimGrant(ctx, g.UserCode, userID, session, s.now())
	}
	switch {
	case errors.Is(err, model.ErrNotFound): // the same
		return s.Shown(ctx, id, userID, session)
	case err != nil:
		return model.DeviceGrant{}, fmt.Errorf("claim a device grant: %w", err)
	}
	return claimed, nil
}

// Shown gives a grant in any state to the person who has claimed it in this session, and ErrNoGrant to everybody else.
func (s *Service) Shown(ctx context.Context, id, userID string, session [32]byte) (model.DeviceGrant, error) {
	if nobody(userID, session) {
		return model.DeviceGrant{}, ErrNoGrant
	}
	g, err := s.grants.Grant(ctx, id)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return model.DeviceGrant{}, ErrNoGrant
	case err != nil:
		return model.DeviceGrant{}, fmt.Errorf("find the device grant: %w", err)
	case g.UserID != userID || g.Session != session:
		return model.DeviceGrant{}, ErrNoGrant
	}
	return g, nil
}

// nobody is whom a grant is shown to that nobody has claimed.
func nobody(userID string, session [32]byte) bool { return userID == "" || session == [32]byte{} }

// Deny refuses the device. It answers ErrDecided, ErrExpired, or ErrNoGrant as Shown does.
func (s *Service) Deny(ctx context.Context, id, userID string, session [32]byte) error {
	_, err := s.decide(ctx, id, userID, session, model.Denied, s.grants.DenyGrant)
	return err
}

// Approve creates a key of that name and keeps it, sealed, for the device. It answers ErrDecided, ErrExpired, or ErrNoGrant as
// Shown does, all before a key is created. When none could be created, the grant is pending again and the error is that of keys.
// When the key was created but cannot be kept, for instance because the grant expired over it, it is deleted again and the error is
// ErrNotKept along with the cause; unless it has expired, the grant is pending again then, too. ErrUnclear is the answer when nobody can
// find out whether the key was kept.
//
// Once it has begun to create the key, Approve goes on to the end although ctx may have ended. If the program dies on the way, the
// grant stays as it is until it expires.
func (s *Service) Approve(ctx context.Context, id, userID string, session [32]byte, name string, keys KeyMaker) (model.DeviceGrant, error) {
	g, err := s.decide(ctx, id, userID, session, model.Approving, s.grants.BeginApproval)
	if err != nil {
		return model.DeviceGrant{}, err
	}
	created, err := keys.CreateKey(ctx, name)
	key := Key{created.Key.ID, created.Key.Name, created.Value}
	if err != nil {
		err = fmt.Errorf("create the key: %w", err)
		if backErr := s.cancelApproval(ctx, id); backErr != nil {
			err = errors.Join(err, fmt.Errorf("make the grant pending again: %w", backErr))
		}
		return model.DeviceGrant{}, err
	}
	at := s.now()
	err = s.finishApproval(ctx, g, key, at)
	kept, known := true, true
	if err != nil {
		kept, known = s.keptAfterAll(ctx, id, key.ID)
	}
	switch {
	case !known && errors.Is(err, model.ErrUnclear):
		return model.DeviceGrant{}, errors.Join(ErrUnclear, err)
	case !kept:
		ctx, cancel := graceful(ctx)
		defer cancel()
		keys.DeleteKey(ctx, created.Key)
		if errors.Is(err, model.ErrNotFound) && g.Expired(at) {
			err = ErrExpired
		}
		return model.DeviceGrant{}, errors.Join(ErrNotKept, err)
	}
	g.State, g.KeyID, g.KeyName, g.ApprovedAt = model.Approved, key.ID, key.Name, at
	return g, nil
}

// decide takes the step to a state that only one can take, and finds out why not when somebody else was first. When the answer of a
// step got lost it is asked for once more: it cannot be taken twice, and by the state one can tell that it was taken.
func (s *Service) decide(ctx context.Context, id, userID string, session [32]byte, to model.GrantState,
	step func(ctx context.Context, id, userID string, session [32]byte, now time.Time) error,
) (model.DeviceGrant, error) {
	var lost error
	for range 3 { // a step that was in the way may have been taken back since
		g, err := s.Shown(ctx, id, userID, session)
		now := s.now()
		switch {
		case err != nil:
			return model.DeviceGrant{}, errors.Join(lost, err)
		case lost != nil && g.State == to:
			return g, nil
		case g.State != model.Pending:
			return model.DeviceGrant{}, ErrDecided
		case g.Expired(now):
			return model.DeviceGrant{}, ErrExpired
		}
		err = step(ctx, id, userID, session, now)
		switch {
		case err == nil:
			return g, nil
		case errors.Is(err, model.ErrUnclear):
			lost = fmt.Errorf("decide on the device grant: %w", err)
		case !errors.Is(err, model.ErrNotFound):
			return model.DeviceGrant{}, errors.Join(lost, fmt.Errorf("decide on the device grant: %w", err))
		}
	}
	if lost != nil {
		return model.DeviceGrant{}, lost
	}
	return model.DeviceGrant{}, ErrDecided
}

func (s *Service) finishApproval(ctx context.Context, g model.DeviceGrant, key Key, now time.Time) error {
	ctx, cancel := graceful(ctx)
	defer cancel()
	sealed, err := seal(g, key)
	if err != nil {
		return fmt.Errorf("seal the key: %w", err)
	}
	if err := s.grants.FinishApproval(ctx, g.ID, key.ID, key.Name, sealed, now); err != nil {
		return fmt.Errorf("keep the sealed key: %w", err)
	}
	return nil
}

// keptAfterAll finds out what came of an approval that failed to finish. A failure may have happened after the deed: so it is
// first made certain that the deed cannot happen any more, and what cannot be taken back has been done. When that fails as well, the
// state of the grant tells, unless the deed may still be on its way.
func (s *Service) keptAfterAll(ctx context.Context, id, keyID string) (kept, known bool) {
	cancelled := s.cancelApproval(ctx, id)
	if errors.Is(cancelled, model.ErrUnclear) { // it may be asked for again: what is cancelled stays so
		cancelled = s.cancelApproval(ctx, id)
	}
	if cancelled == nil {
		return false, true
	}
	ctx, cancel := graceful(ctx)
	defer cancel()
	g, err := s.grants.Grant(ctx, id)
	if err != nil {
		return false, errors.Is(err, model.ErrNotFound)
	}
	kept = g.KeyID == keyID && (g.State == model.Approved || g.State == model.Delivered)
	return kept, g.State != model.Approving || errors.Is(cancelled, model.ErrNotFound)
}

func (s *Service) cancelApproval(ctx context.Context, id string) error {
	ctx, cancel := graceful(ctx)
	defer cancel()
	return s.grants.CancelApproval(ctx, id)
}

// graceful is for what must be done although ctx may have ended.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), grace)
}

// Poll answers a device that asks for its key. The key is handed out once, and again for a minute to a device that asks again
// at its interval, because the answer may have been lost: always the same key, and never to two who ask at once. The errors are
// ErrPending, ErrSlowDown, ErrDenied, ErrExpired, ErrInvalidGrant and ErrUnknownClient.
func (s *Service) Poll(ctx context.Context, clientID string, deviceCode model.Secret) (Delivery, error) {
	if clientID != s.clientID {
		return Delivery{}, ErrUnknownClient
	}
	if len(deviceCode) != deviceCodeLength {
		return Delivery{}, ErrInvalidGrant
	}
	hash := hashDeviceCode(deviceCode)
	g, err := s.grants.GrantByDeviceCode(ctx, hash)
	switch {
	case errors.Is(err, model.ErrNotFound) || err == nil && g.ClientID != clientID:
		return Delivery{}, ErrInvalidGrant
	case err != nil:
		return Delivery{}, fmt.Errorf("find the device grant: %w", err)
	}
	now := s.now()
	if err := s.undeliverable(g, now); err != nil {
		return Delivery{}, err
	}
	delivered, err := s.grants.DeliverGrant(ctx, hash, now, now.Add(-redelivery), now.Add(-s.polls.gap))
	switch {
	case err == nil:
		return unseal(delivered, deviceCode)
	case !errors.Is(err, model.ErrNotFound):
		return Delivery{}, fmt.Errorf("deliver the key: %w", err)
	default: // another poll has been quicker
		return Delivery{}, errJustDelivered
	}
}

// undeliverable says what stands in the way of a delivery, if anything can be said before it is tried, which costs the store a
// write. Only those who wait are told to wait longer: what is decided is answered at once.
func (s *Service) undeliverable(g model.DeviceGrant, now time.Time) error {
	switch {
	case g.State == model.Delivered &&
		(now.Sub(g.DeliveredAt) >= redelivery || model.FromFuture(g.DeliveredAt, now) || len(g.Sealed) == 0):
		return ErrInvalidGrant
	case g.State == model.Delivered && (now.Sub(g.DeliveredAt) < s.polls.gap || !s.polls.accept(g.DeviceCodeHash)):
		return errJustDelivered
	case g.State == model.Delivered:
		return nil
	case g.State == model.Denied:
		return ErrDenied
	case g.Expired(now):
		return ErrExpired
	case g.State == model.Approved:
		return nil
	case s.polls.accept(g.DeviceCodeHash):
		return ErrPending
	default:
		return ErrSlowDown
	}
}

func unseal(g model.DeviceGrant, deviceCode model.Secret) (Delivery, error) {
	key, err := open(g, deviceCode)
	if err != nil {
		return Delivery{}, fmt.Errorf("open the sealed key: %w", err)
	}
	return Delivery{Key: key, UserID: g.UserID, GrantID: g.ID, At: g.DeliveredAt}, nil
}

// Sweep forgets what is over: sealed values that were fetched a minute ago or whose grant has expired, and grants an hour after
// that.
func (s *Service) Sweep(ctx context.Context) error { return s.SweepBy(ctx, s.now()) }

// SweepBy is Sweep with a time that has certainly come, when the clock may be wrong.
func (s *Service) SweepBy(ctx context.Context, now time.Time) error {
	s.limits.sweep()
	s.polls.sweep()
	if err := s.grants.SweepGrants(ctx, now, now.Add(-redelivery), now.Add(-kept)); err != nil {
		return fmt.Errorf("sweep device grants: %w", err)
	}
	return nil
}

// Legible makes one short line of a text that a stranger chose: without the characters that move, hide or reverse others.
func Legible(text string, most int) string {
	var line []rune
	for _, r := range strings.TrimSpace(text) {
		switch {
		case len(line) == most:
			return strings.TrimSpace(string(line))
		case unicode.IsSpace(r):
			line = append(line, ' ')
		case r != unicode.ReplacementChar && !unicode.In(r, unicode.C):
			line = append(line, r)
		}
	}
	return strings.TrimSpace(string(line))
}
