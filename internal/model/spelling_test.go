package model

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

func TestSpellingsThatLookAlikeAreOne(t *testing.T) {
	t.Parallel()
	for want, spellings := range map[string][]string{
		"ada@example.com": {
			"ada@example.com", "Ada@Example.com", "ADA@EXAMPLE.COM", " ada@example.com", "ada@example.com \r\n", "\u00a0ada@example.com\u3000",
			"ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example。com", "ada@example｡com", "ada@example.com.", "\ufeffada@example.com", "ada\u200b@example.com",
			"\u200eada@example.com\u200f", "\u202aada@example.com\u202c", "a\u00adda@example.com", "ada@exa\u00admple.com", "ada\x00@example.com",
			"ada@example.com\ufe0f", " \u200b ada@example.com",
		},
		"josé@xn--mnchen-3ya.de": {
			"josé@münchen.de", "jose\u0301@mu\u0308nchen.de", "JOSÉ@MÜNCHEN.DE", "JOSE\u0301@XN--MNCHEN-3YA.DE", "josé@xn--mnchen-3ya.de",
			"José@München.de.",
		},
		"νίκοσ@xn--jxalpdlp": {"Νίκος@δοκιμή", "ΝΊΚΟΣ@ΔΟΚΙΜΉ", "νίκοσ@xn--jxalpdlp"},
		"kay@example.com":    {"\u212aay@example.com", "Kay@example.com"},
		"strasse@xn--strae-oqa.de": {
			"strasse@straße.de", "STRASSE@STRAẞE.DE",
		},
		"office@example.com": {"oﬃce@example.com"},
		"ada":                {"Ada", " ADA "},
		"a b@example.com":    {"A B@example.com", "a\u00a0b@example.com"},
		"":                   {"", " ", "\u200b"},
		"ada@[192.0.2.1]":    {"Ada@[192.0.2.1]"},
	} {
		for _, spelling := range spellings {
			if got := OneSpelling(spelling); got != want {
				t.Errorf("%+q is %+q, want %+q", spelling, got, want)
			}
		}
	}
}

func TestSpellingsThatAPersonTellsApartAreNotOne(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, spelling := range []string{
		"ada@example.com", "ad@example.com", "a.da@example.com", "ada+keys@example.com", "ada@example.org", "ada@mail.example.com", "adá@example.com",
		"ada@example,com", "a da@example.com", "strasse@example.com", "straße@example.com", "ada@strasse.de", "ada@straße.de", "adı@example.com",
		"adi@example.com", "аda@example.com" /* its first letter is Cyrillic */, "ada.example.com", "ada@example@example.com",
	} {
		one := OneSpelling(spelling)
		if other, taken := seen[one]; taken {
			t.Errorf("%+q and %+q are one", spelling, other)
		}
		seen[one] = spelling
	}
}

// A sign-in may contain anything.
func TestASpellingOfAnyLengthTakesNoTime(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	for _, piece := range []string{"\u0301", "é", "xn--", "ada@", "\u200b", "한", "ﷺ", "a."} {
		for _, text := range []string{strings.Repeat(piece, 64<<10/len(piece)), "a@" + strings.Repeat(piece, maxSpelled/len(piece)-1)} {
			OneSpelling(text)
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestAnAddressIsTidiedOfWhatNobodySees(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		" Ada@Example.com ":         "Ada@Example.com",
		"ada＠example．com":           "ada@example.com",
		"\u200eada@example.com\x7f": "ada@example.com",
		"jose\u0301@example.com":    "josé@example.com",
		"a b@example.com":           "a b@example.com",
		"\ufeff \u200b":             "",
	} {
		if got := TidyEmail(typed); got != want {
			t.Errorf("%+q is tidied to %+q, want %+q", typed, got, want)
		}
	}
}

func TestMailsGoToWhatAPersonCanRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"ada@example.com": true, "Ada+keys@Example.com": true, "josé@münchen.de": true, "客@例え.jp": true, "ada@[192.0.2.1]": true,
		"": false, "ada": false, "ada@": false, " ada@example.com": false, "ada＠example.com": false, "a b@example.com": false, `"a b"@example.com`: false,
		"Ada <ada@example.com>": false, "ada@example.com\u200f": false, "\u202eada@example.com": false, "a\u200bda@example.com": false,
		"ada@example.com\r\nBcc: eve@example.com": false, "a\u0085da@example.com": false, "a\u2028da@example.com": false, "a\x00da@example.com": false,
		"a\u3000da@example.com": false, "ada@example.com, eve@example.com": false,
	} {
		if got := IsMailAddress(text); got != want {
			t.Errorf("%+q: %t", text, got)
		}
	}
}

func TestAPasswordHasOneFormAndNothingElseIsChanged(t *testing.T) {
	t.Parallel()
	composed, parted := Secret("Mar\u00eda und Zo\u00eb"), Secret("Mari\u0301a und Zoe\u0308")
	if composed.OneForm() != parted.OneForm() || composed.Length() != 13 || parted.Length() != 13 {
		t.Errorf("%+q and %+q, of %d and %d characters", composed.OneForm().Reveal(), parted.OneForm().Reveal(), composed.Length(), parted.Length())
	}
	for _, password := range []Secret{" a b ", "ABC", "ｐａｓｓ", "ﬁnn", "a\u200bb", "\t\r\n", "\xff", "½²"} {
		if got := password.OneForm(); got != password {
			t.Errorf("%+q became %+q", password.Reveal(), got.Reveal())
		}
	}
}

// What Unicode composes and what it folds can each make something of the other, so every text is tried that a few odd letters make.
func TestTheOneSpellingOfASpellingIsItself(t *testing.T) {
	t.Parallel()
	letters := []rune("aAeé\u0301\u0308\u0345\u0327ßẞΣςᾳιİıǅĲﬁﷺ\u212a\u1e9b\u0323\u1100\u1161\u11a8각ｱﾞ。.@@xn--ü \u200b\u00a0\u200f\ufe0fⅣ½")
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same texts each time
	for range 5_000 {
		var b strings.Builder
		for range 1 + random.IntN(12) {
			b.WriteRune(letters[random.IntN(len(letters))])
		}
		text := b.String()
		one := OneSpelling(text)
		for _, other := range []string{one, norm.NFC.String(text), norm.NFD.String(text), norm.NFKC.String(text), " " + text + "\u200b"} {
			if got := OneSpelling(other); got != one {
				t.Fatalf("%+q is %+q, but %+q is %+q", text, one, other, got)
			}
		}
	}
}
