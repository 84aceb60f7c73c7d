package websession

import (
	"bytes"
	"errors"
	"testing"
)

func testRing(keys ...byte) *keyRing {
	var secrets [][]byte
	for _, key := range keys {
		secrets = append(secrets, bytes.Repeat([]byte{key}, 32))
	}
	return newKeyRing(secrets)
}

func TestWhatWasSealedOpensUnchanged(t *testing.T) {
	t.Parallel()
	ring := testRing(1)
	for _, plain := range []string{"", "x", "a refresh token", string(make([]byte, 4096))} {
		got, old, err := ring.open(ring.seal([]byte(plain), []byte("row")), []byte("row"))
		if err != nil || old || string(got) != plain {
			t.Errorf("%.20q opens as %.20q, old %v: %v", plain, got, old, err)
		}
	}
}

func TestNoTwoSealsAreTheSame(t *testing.T) {
	t.Parallel()
	ring := testRing(1)
	if bytes.Equal(ring.seal([]byte("token"), []byte("row")), ring.seal([]byte("token"), []byte("row"))) {
		t.Error("the same text is sealed alike twice")
	}
}

func TestASealHidesItsText(t *testing.T) {
	t.Parallel()
	if sealed := testRing(1).seal([]byte("refresh token"), []byte("row")); bytes.Contains(sealed, []byte("token")) {
		t.Errorf("sealed as %q", sealed)
	}
}

func TestASealWithAnyBitAlteredDoesNotOpen(t *testing.T) {
	t.Parallel()
	ring, row := testRing(1, 2), []byte("row")
	sealed := ring.seal([]byte("refresh token"), row)
	for i := range sealed {
		for bit := range 8 {
			altered := bytes.Clone(sealed)
			altered[i] ^= 1 << bit
			if plain, _, err := ring.open(altered, row); !errors.Is(err, errSealed) || plain != nil {
				t.Errorf("byte %d, bit %d altered: opens as %q: %v", i, bit, plain, err)
			}
		}
	}
	for n := range sealed {
		if _, _, err := ring.open(sealed[:n], row); !errors.Is(err, errSealed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, _, err := ring.open(append(bytes.Clone(sealed), 0), row); !errors.Is(err, errSealed) {
		t.Errorf("a byte longer: %v", err)
	}
}

func TestASealBelongsToItsRow(t *testing.T) {
	t.Parallel()
	ring := testRing(1)
	sealed := ring.seal([]byte("token"), []byte("row"))
	for _, row := range []string{"", "ro", "rows", "Row"} {
		if _, _, err := ring.open(sealed, []byte(row)); !errors.Is(err, errSealed) {
			t.Errorf("opens for %q: %v", row, err)
		}
	}
}

func TestTheNewestKeySealsAndEveryKeyOpens(t *testing.T) {
	t.Parallel()
	row := []byte("row")
	sealed := testRing(1).seal([]byte("token"), row)
	for name, c := range map[string]struct {
		ring *keyRing
		old  bool
		err  error
	}{
		"the same":       {testRing(1), false, nil},
		"a newer first":  {testRing(2, 1), true, nil},
		"two newer":      {testRing(3, 2, 1), true, nil},
		"an older after": {testRing(1, 2), false, nil},
		"another":        {testRing(2), false, errSealed},
	} {
		plain, old, err := c.ring.open(sealed, row)
		if old != c.old || !errors.Is(err, c.err) || err == nil && string(plain) != "token" {
			t.Errorf("%s: %q, old %v, %v", name, plain, old, err)
		}
	}
	if _, _, err := testRing(1).open(testRing(2, 1).seal([]byte("token"), row), row); !errors.Is(err, errSealed) {
		t.Errorf("the older key seals: %v", err)
	}
}
