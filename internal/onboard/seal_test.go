package onboard

import (
	"bytes"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"latchkey/internal/model"
)

// asked returns a grant and the device code that it is for.
func asked(t *testing.T) (model.DeviceGrant, model.Secret) {
	t.Helper()
	code := newDeviceCode()
	pair, err := keyPair(code)
	if err != nil {
		t.Fatal(err)
	}
	return model.DeviceGrant{ID: rand.Text(), ClientID: "app 1", SealingKey: pair.PublicKey().Bytes()}, code
}

func testKey() Key {
	return Key{ID: "65f0c0ffee", Name: "porch-cam", Value: "value-\x00\u00e9-of-the-key"}
}

func TestTheDeviceCodeOpensWhatWasSealed(t *testing.T) {
	g, code := asked(t)
	var err error
	if g.Sealed, err = seal(g, testKey()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"value", "porch", "c0ffee"} {
		if bytes.Contains(g.Sealed, []byte(part)) {
			t.Errorf("%q can be read in what is sealed", part)
		}
	}
	key, err := open(g, code)
	if err != nil || key != testKey() {
		t.Errorf("opened %s %q, %v", key.ID, key.Value.Reveal(), err)
	}
	again, err := seal(g, testKey())
	if err != nil || bytes.Equal(again, g.Sealed) {
		t.Errorf("sealed twice it looks the same (%v)", err)
	}
}

func TestNothingElseOpensIt(t *testing.T) {
	g, code := asked(t)
	other, otherCode := asked(t)
	var err error
	if g.Sealed, err = seal(g, testKey()); err != nil {
		t.Fatal(err)
	}
	hash := hashDeviceCode(code)
	for name, try := range map[string]struct {
		change func(*model.DeviceGrant)
		code   model.Secret
	}{
		"another device code":           {func(*model.DeviceGrant) {}, otherCode},
		"no device code":                {func(*model.DeviceGrant) {}, ""},
		"the hash that is kept":         {func(*model.DeviceGrant) {}, model.Secret(hash[:])},
		"the public key":                {func(*model.DeviceGrant) {}, model.Secret(g.SealingKey)},
		"the code with a space":         {func(*model.DeviceGrant) {}, code + " "},
		"another grant":                 {func(g *model.DeviceGrant) { g.ID = other.ID }, code},
		"another client":                {func(g *model.DeviceGrant) { g.ClientID = "app-2" }, code},
		"the border moved":              {func(g *model.DeviceGrant) { g.ID, g.ClientID = g.ID+" app", "1" }, code},
		"nothing sealed":                {func(g *model.DeviceGrant) { g.Sealed = nil }, code},
		"only the encapsulated key":     {func(g *model.DeviceGrant) { g.Sealed = g.Sealed[:32] }, code},
		"the last byte is missing":      {func(g *model.DeviceGrant) { g.Sealed = g.Sealed[:len(g.Sealed)-1] }, code},
		"a byte more":                   {func(g *model.DeviceGrant) { g.Sealed = append(bytes.Clone(g.Sealed), 0) }, code},
		"an encapsulated key of zeroes": {func(g *model.DeviceGrant) { g.Sealed = append(make([]byte, 32), g.Sealed[32:]...) }, code},
	} {
		altered := g
		try.change(&altered)
		if key, err := open(altered, try.code); !errors.Is(err, errSealed) || key != (Key{}) {
			t.Errorf("%s: opened (%v)", name, err)
		}
	}
	for i := range g.Sealed {
		for _, flip := range []byte{1, 0x40} {
			altered := g
			altered.Sealed = bytes.Clone(g.Sealed)
			altered.Sealed[i] ^= flip
			if _, err := open(altered, code); !errors.Is(err, errSealed) {
				t.Errorf("byte %d of %d altered by %#x: %v", i, len(g.Sealed), flip, err)
			}
		}
	}
}

func TestWhatOpensButIsNoKeyIsRefusedWithoutBeingQuoted(t *testing.T) {
	g, code := asked(t)
	public, err := kem().NewPublicKey(g.SealingKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{"", "secret-text", `{"value":7}`, `["secret-text"]`} {
		g.Sealed, err = hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(g), []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(g, code); !errors.Is(err, errSealed) || strings.Contains(err.Error(), "secret-text") {
			t.Errorf("%q: %v", plain, err)
		}
	}
}

func TestAGrantWithoutAGoodSealingKeyIsNotSealedFor(t *testing.T) {
	for name, public := range map[string][]byte{
		"none": nil, "short": make([]byte, 31), "long": make([]byte, 33), "of low order": make([]byte, 32),
	} {
		if sealed, err := seal(model.DeviceGrant{ID: "g", SealingKey: public}, testKey()); err == nil {
			t.Errorf("a key %s: sealed to %x", name, sealed)
		}
	}
}

func TestTheKeyPairIsOfTheDeviceCodeAloneAndFarFromItsHash(t *testing.T) {
	code := newDeviceCode()
	first, err := keyPair(code)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keyPair(code)
	if err != nil || !bytes.Equal(first.PublicKey().Bytes(), again.PublicKey().Bytes()) {
		t.Errorf("the pair is another the second time (%v)", err)
	}
	hash := hashDeviceCode(code)
	if hash != sha256.Sum256([]byte(code.Reveal())) {
		t.Error("the hash of a device code is not its SHA-256")
	}
	for name, seed := range map[string][]byte{"hash": hash[:], "code": []byte(code.Reveal())} {
		pair, err := kem().DeriveKeyPair(seed)
		if err == nil && bytes.Equal(pair.PublicKey().Bytes(), first.PublicKey().Bytes()) {
			t.Errorf("the pair follows from the %s itself", name)
		}
	}
}

func TestADeviceCodeHas256Bits(t *testing.T) {
	const codes = 2000
	var ones [deviceCodeBytes * 8]int
	for range codes {
		code := newDeviceCode().Reveal()
		if len(code) != deviceCodeLength {
			t.Fatalf("%d characters", len(code))
		}
		random, err := base64.RawURLEncoding.DecodeString(code)
		if err != nil || len(random) != 32 {
			t.Fatalf("%d bytes, %v", len(random), err)
		}
		for i, b := range random {
			for bit := range 8 {
				ones[8*i+bit] += int(b >> bit & 1)
			}
		}
	}
	for i, n := range ones { // each is 1,000 with a standard deviation of 22
		if n < 840 || n > 1160 {
			t.Errorf("bit %d is set %d times of %d", i, n, codes)
		}
	}
}
