package model_test

import (
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestATextIsCleanedForACard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "",
		"  Kamera an der Haustür\t":   "Kamera an der Haustür",
		"u\u0308ber":                  "über",
		"كاميرا الباب":                "كاميرا الباب",
		"one\r\ntwo\u2028three":       "one  two three",
		"a\u202eb\u2066c\u2069d\x00e": "abcde",
		"\xed\xa0\x80half\ufffd\xff":  "half",
		"می\u200cخواهم 👩\u200d🔧 \u200f":    "می\u200cخواهم 👩\u200d🔧 \u200f",
		"\u200b \u200f\ufeff":              "",
		"\u3164 \u2800\ufe0f\u115f\u034f":  "", // a heading that nobody sees
		"\u2764\ufe0f":                     "\u2764\ufe0f",
		"<script>alert(1)</script>":        "<script>alert(1)</script>",
		"a" + strings.Repeat("\u0301", 20): "á" + strings.Repeat("\u0301", 19),
	} {
		got := model.CleanText(text)
		if got != want {
			t.Errorf("%q is kept as %q, want %q", text, got, want)
		}
		if again := model.CleanText(got); again != got {
			t.Errorf("%q is cleaned again to %q", got, again)
		}
	}
}

func FuzzCleanText(f *testing.F) {
	for _, text := range []string{"", "Küche", "a\u202eb", "\xed\xa0\x80", " \u0301 ", "\u1100\u1161\u11a8"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := model.CleanText(text)
		if twice := model.CleanText(once); twice != once {
			t.Errorf("%q becomes %q, and that %q", text, once, twice)
		}
		if name := model.NameFor(once, func(string) bool { return false }); !model.ValidName(name) {
			t.Errorf("%q is called %q", once, name)
		}
	})
}

func TestAKeyIsNamedAfterItsLabel(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{"porch": true, "porch-2": true, "key": true, strings.Repeat("x", 64): true}
	for label, want := range map[string]string{
		"Kamera an der Haustür": "kamera-an-der-haustuer", "客厅": "ke-ting", "Küche Pi": "kueche-pi", "Ku\u0308che": "kueche", "Straße 5": "strasse-5",
		"Камера у двери": "kamera-u-dveri", "كاميرا الباب": "kmyr-lbb", "キッチン": "kitsuchin", "거실": "geosil", "Łódź ﬁsh １": "lodz-fish-1",
		"🏠": "key-2", "…": "key-2", "Porch!": "porch-3", "🏠 Pi": "pi", "../../etc": "etc", "-a-": "a",
		strings.Repeat("x", 64): strings.Repeat("x", 62) + "-2", strings.Repeat("客", 60): strings.TrimRight(strings.Repeat("ke-", 22)[:64], "-"),
	} {
		if got := model.NameFor(label, func(name string) bool { return taken[name] }); got != want || !model.ValidName(got) {
			t.Errorf("%q gives %q, want %q", label, got, want)
		}
	}
}
