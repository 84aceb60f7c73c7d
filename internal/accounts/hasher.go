package accounts

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"

	"latchkey/internal/model"
)

const (
	saltSize = 16
	hashSize = 32
	// waitingPerCore bounds the queue for a core: at about 25 ms a hash, the last one in it waits well under a second.
	waitingPerCore = 16
)

// passwordCost is the first recommendation of OWASP. Passwords stored at another cost get this one at their next sign-in.
var passwordCost = model.PasswordCost{Memory: 19456, Passes: 2, Threads: 1}

// verdict is what checking a password found.
type verdict int

const (
	passwordWrong verdict = iota
	passwordRight
	passwordOutdated // right, and stored at a cost that is not today's, or in another form of Unicode
)

// hasher hashes as many passwords at once as there are cores. Each takes 19 MiB, so a flood of sign-ins would otherwise eat the
// memory of the machine; what the queue cannot hold is refused with a time to come back.
type hasher struct {
	cost   model.PasswordCost
	derive func(password, salt []byte, cost model.PasswordCost) []byte
	absent string // stands in for the hash of an account that does not exist; no password fits
	queue  *hashQueue
}

func newHasher(cost model.PasswordCost, cores int) *hasher {
	h := &hasher{cost: cost, derive: argon2id, queue: newHashQueue(cores)}
	// Random bytes in place of a hash: computing one would delay the start.
	h.absent = encodePHC(cost, model.RandomBytes(saltSize), model.RandomBytes(hashSize))
	return h
}

func argon2id(password, salt []byte, c model.PasswordCost) []byte {
	return argon2.IDKey(password, salt, c.Passes, c.Memory, c.Threads, hashSize)
}

// hash returns the PHC string to store for a password.
func (h *hasher) hash(ctx context.Context, of claim, password model.Secret) (string, error) {
	salt := model.RandomBytes(saltSize)
	keys, err := h.run(ctx, of, salt, h.cost, password.OneForm())
	if err != nil {
		return "", err
	}
	return encodePHC(h.cost, salt, keys[0]), nil
}

// check compares a password with a stored hash. No hash, for an account that does not exist or has no password, costs the same
// and is always wrong.
//
// Passwords are hashed in one form of Unicode; older hashes are of the form that was typed. A password that is typed in another form is
// therefore tried in both, whether or not the account exists and whichever form fits: one try that takes two hashes.
func (h *hasher) check(ctx context.Context, of claim, stored string, password model.Secret) (verdict, error) {
	if stored == "" {
		stored = h.absent
	}
	cost, salt, want, err := decodePHC(stored)
	if err != nil {
		return passwordWrong, fmt.Errorf("stored password: %w", err)
	}
	forms := []model.Secret{password.OneForm()}
	if forms[0] != password {
		forms = append(forms, password)
	}
	keys, err := h.run(ctx, of, salt, cost, forms...)
	if err != nil {
		return passwordWrong, err
	}
	fits := func(key []byte) bool { return subtle.ConstantTimeCompare(key, want) == 1 }
	switch {
	case fits(keys[0]) && cost == h.cost:
		return passwordRight, nil
	case slices.ContainsFunc(keys, fits):
		return passwordOutdated, nil
	}
	return passwordWrong, nil
}

// run waits for a core, unless too many wait already, and hashes each of the passwords there.
func (h *hasher) run(
	ctx context.Context, of claim, salt []byte, cost model.PasswordCost, passwords ...model.Secret,
) (keys [][]byte, err error) {
	leave, err := h.queue.enter(ctx, of)
	if err != nil {
		return nil, err
	}
	defer leave()
	for _, password := range passwords {
		keys = append(keys, h.derive([]byte(password), salt, cost))
	}
	return keys, nil
}

// Hashing says how many passwords are being hashed, and how many wait for a core.
func (a *Accounts) Hashing() (running, waiting int) { return a.passwords.queue.held() }

// encodePHC writes the string format of the Password Hashing Competition, in which a hash carries its own parameters.
func encodePHC(c model.PasswordCost, salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// decodePHC reads it back. Costs far beyond ours are refused: they would let one row of a restored database stall the server.
func decodePHC(phc string) (c model.PasswordCost, salt, key []byte, err error) {
	malformed := errors.New("not an argon2id PHC string") // never quotes it
	parts := strings.Split(phc, "$")
	if len(parts) != 6 {
		return model.PasswordCost{}, nil, nil, malformed
	}
	_, costErr := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &c.Threads)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	// Writing it again catches all that reading it lets pass: another algorithm or version, and leftovers.
	if errors.Join(costErr, saltErr, keyErr) != nil || encodePHC(c, salt, key) != phc {
		return model.PasswordCost{}, nil, nil, malformed
	}
	sane := len(salt) >= 8 && len(key) == hashSize && c.Memory <= 256<<10 &&
		c.Passes >= 1 && c.Passes <= 16 && c.Threads >= 1 && c.Threads <= 16
	if !sane {
		return model.PasswordCost{}, nil, nil, malformed
	}
	return c, salt, key, nil
}
