package onboard

import (
	"strings"
	"testing"
)

func TestUserCodesAreUniform(t *testing.T) {
	const codes = 20_000
	counts := map[rune]int{}
	seen := map[string]bool{}
	for range codes {
		code := newUserCode()
		if len(code) != 8 || strings.Trim(code, "BCDFGHJKLMNPQRSTVWXZ") != "" {
			t.Fatalf("code %q", code)
		}
		seen[code] = true
		for _, letter := range code {
			counts[letter]++
		}
	}
	if len(seen) < codes-2 { // two are the same by chance once in 130 runs
		t.Errorf("only %d codes of %d differ", len(seen), codes)
	}
	// Each letter is expected 8,000 times with a standard deviation of 87. Bytes taken modulo 20 without care would give the
	// first sixteen letters 8,125 and the last four 7,500.
	for _, letter := range codeLetters {
		if n := counts[letter]; n < 7_560 || n > 8_440 {
			t.Errorf("%c came %d times, want about 8000", letter, n)
		}
	}
}

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for _, text := range []string{
		"WDJBMJHT", "WDJB-MJHT", "wdjb-mjht", "wDjB mJhT", "  WDJB - MJHT \r\n", "W-D-J-B-M-J-H-T", "\tWDJB\u00a0MJHT",
		"WDJB\u2010MJHT", "WDJB\u2011MJHT", "WDJB\u2012MJHT", "WDJB\u2013MJHT", "WDJB\u2014MJHT", "WDJB\u2212MJHT",
		"ＷＤＪＢ\uff0dＭＪＨＴ", "ｗｄｊｂｍｊｈｔ", "WDJBMJ\uff28T", "WDJB\u30fcMJHT", "WDJB\uff70MJHT", "WDJB\u3161MJHT", "WDJB\u2500MJHT", "WDJB\u2043MJHT",
		"WDJB\u00adMJHT", "WDJB\u200bMJHT", "\ufeffWDJBMJHT", "\u202aWDJB-MJHT\u202c", "WDJB\uff0dMJHT", "WDJB\u2009MJHT", "WDJB\u202fMJHT", "WDJB\u3000MJHT", "-WDJBMJHT-",
		"WDJB-MJHT.", "\u201cWDJB-MJHT\u201d,", "(wdjb-mjht)", "\u300cWDJB-MJHT\u300d\u3002",
	} {
		if code, ok := NormalizeCode(text); !ok || code != "WDJBMJHT" {
			t.Errorf("%q is read as %q, %v", text, code, ok)
		}
	}
}

func TestWhatCannotBeACodeIsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "-", "WDJB", "WDJBMJH", "WDJBMJHTT", "WDJB-MJHT WDJB-MJHT", "ADJBMJHT", "0DJBMJHT", "1DJBMJHT", "WDJB_MJHT",
		"WDJB.MJHT", "WDJB%4dJHT", "WDJBMJH\u0422" /* a Cyrillic T */, "WDJB\x00MJHT", "WDJBMJH\u22a4", "\uff21DJBMJHT",
		"WDJBMJH\xff", "WDJBMJH\u017f" /* its capital is S */, "WDJBMJH\u212a", /* its small letter is k */
		"key_abcd",
	} {
		if code, ok := NormalizeCode(text); ok {
			t.Errorf("%q is read as %q", text, code)
		}
	}
}

func TestACodeIsShownInTwoHalves(t *testing.T) {
	for code, shown := range map[string]string{"WDJBMJHT": "WDJB-MJHT", "": "", "WDJB": "WDJB"} {
		if got := ShowCode(code); got != shown {
			t.Errorf("%q is shown as %q", code, got)
		}
	}
}

func FuzzNormalizeCode(f *testing.F) {
	for _, seed := range []string{
		"WDJB-MJHT", "wdjbmjht", " w d j b\u00a0m j h t ", "WDJB\u2014MJHT", "\xff", "", "WDJBMJHTX", "AEIOUAEI", "WDJBMJH\u017f",
		"WDJBMJH\u212a", "\u0130", "\ufffd", "--------", "BBBBBBBB!",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, ok := NormalizeCode(text)
		if !ok {
			return
		}
		if len(code) != codeLength || strings.Trim(code, codeLetters) != "" {
			t.Fatalf("%q is read as %q", text, code)
		}
		for _, other := range []string{code, ShowCode(code), strings.ToLower(code), " " + text + "-"} {
			if again, ok := NormalizeCode(other); !ok || again != code {
				t.Fatalf("%q is read as %q, but %q as %q, %v", text, code, other, again, ok)
			}
		}
		letters := 0
		for _, r := range strings.TrimFunc(text, aroundIt) {
			if !ignorable(r) {
				letters++
			}
		}
		if letters != codeLength {
			t.Fatalf("%q has %d letters", text, letters)
		}
	})
}
