package lang

import (
	"context"
	"testing"
)

func TestTheLanguageIsTheFirstThatTheBrowserAsksForAndThatIsHere(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"de": "de", "de-AT,de;q=0.9,en;q=0.8": "de", "en-GB,de;q=0.9": "en", "fr,ar;q=0.5,de;q=0.3": "ar", "ar-EG": "ar", "de;q=0,ar;q=0.1": "ar",
		"fr": "", "*": "", "": "", "en": "en", "de;q=x": "", "xx-XA": "", "en-XA": "en",
		"en-US,en;q=0.9,de;q=0.8": "en", "en;q=0.1, de": "de", "en;q=0, ar;q=0.2": "ar", "enm, de": "de",
	} {
		l, ok := Accepted(header)
		if got, _ := l.HTML(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v", header, got, ok)
		}
	}
}

func TestATextIsSaidInTheLanguageOfItsContext(t *testing.T) {
	t.Parallel()
	german, _ := Named("de")
	arabic, _ := Named("ar")
	ctx := context.Background()
	for _, c := range []struct {
		l    *Language
		want string
	}{{nil, "Skip to content"}, {german, "Zum Inhalt springen"}, {arabic, "انتقل إلى المحتوى"}} {
		if got := T(With(ctx, c.l), "layout.skip", "Skip to content"); got != c.want {
			t.Errorf("%q", got)
		}
	}
	if got := german.T("no.such.id", "Delete {name}?", "name", "{name}"); got != "Delete {name}?" {
		t.Errorf("%q", got)
	}
	if got := arabic.Fill("{name}؟", "name", "porch-cam"); got != "\u2068porch-cam\u2069؟" {
		t.Errorf("a name keeps its direction: %q", got)
	}
}

func TestTheFormOfANumberIsThatOfTheLanguage(t *testing.T) {
	t.Parallel()
	m := message{Zero: "zero", One: "one", Two: "two", Few: "few", Many: "many", Other: "other"}
	arabic, _ := Named("ar")
	for n, want := range map[int]string{0: "zero", 1: "one", 2: "two", 3: "few", 10: "few", 11: "many", 99: "many", 100: "other", 103: "few"} {
		if got := m.of(arabic.tag, n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if one, many := N(context.Background(), "x.y", 1, "{n} key", "{n} keys"), N(context.Background(), "x.y", 20, "{n} key", "{n} keys"); one != "1 key" || many != "20 keys" {
		t.Error(one, many)
	}
}

func TestThePseudoLanguageIsLongerByTwoFifthsAndKeepsWhatIsNoText(t *testing.T) {
	t.Parallel()
	l, _ := Named(Pseudo)
	got := l.T("x.y", "Delete {name} at <a>once</a>?", "name", "porch-cam")
	if want := "⟦Délété porch-cam át <a>óncé</a>? ~~~ ~⟧"; got != want {
		t.Errorf("%q", got)
	}
	for _, l := range All() {
		if l.Tag == Pseudo {
			t.Error("it is offered")
		}
	}
}

func BenchmarkT(b *testing.B) {
	german, _ := Named("de")
	for name, l := range map[string]*Language{"en": nil, "de": german} {
		b.Run(name, func(b *testing.B) {
			ctx := context.WithValue(With(context.WithValue(context.Background(), b, 1), l), b, 2)
			b.ReportAllocs()
			for b.Loop() {
				T(ctx, "layout.skip", "Skip to content")
			}
		})
	}
}
