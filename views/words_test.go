package views_test

import (
	"strings"
	"testing"

	"latchkey/views"
)

func TestWordsAreReadAloudDigitByDigit(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := views.Words{First: "amber", Second: "falcon", Digits: "17f3"}
	if err := w.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	const want = `<span class="words" role="img" lang="en" translate="no" aria-label="amber falcon, 1 7 f 3"><span>amber-falcon-17f3</span></span>`
	if b.String() != want {
		t.Error(b.String())
	}
}
