package accounts

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// search finds people in ranges, one behind the other: by an id, by a whole address in any capitals, and by how what each provider calls
// them begins. Nothing is sorted or counted: a range is read from where the page before has ended, and many people cost as much as few.
type search struct {
	store                *store.Store
	text, small, spelled string
}

func newSearch(st *store.Store, text string) *search {
	s := &search{store: st, text: text, small: strings.ToLower(text)}
	if !strings.ContainsFunc(text, unicode.IsControl) { // which no spelling has, and which is to be found as it is
		s.spelled = model.OneSpelling(text)
	}
	return s
}

// Ways to find people, in their order: the latter two for each provider.
const (
	byID       = 'i'
	bySpelling = 's'
	asTyped    = 't'
	inSmall    = 'l'
	noWay      = 0
)

// place is how far the pages have come: a range, and where in it.
type place struct {
	way      byte
	provider string
	after    string
}

// String is the place as pages have it in their addresses.
func (p place) String() string { return string(p.way) + p.provider + "\n" + p.after }

// placeOf is a place as it was written. What is none is the beginning.
func placeOf(written string) place {
	head, after, ok := strings.Cut(written, "\n")
	if !ok || head == "" || len(written) > 4*maxSearched || !utf8.ValidString(written) || strings.ContainsRune(written, 0) {
		return place{way: byID}
	}
	return place{way: head[0], provider: head[1:], after: after}
}

// page is the people from a place on.
func (s *search) page(ctx context.Context, from string) (page model.UserPage, err error) {
	for at := placeOf(from); ; {
		found, err := s.look(ctx, at, store.MaxPeople-len(page.List))
		if err != nil {
			return page, err
		}
		for _, p := range found.List {
			if !s.foundBefore(p, at) {
				page.List = append(page.List, factsOf(p))
			}
		}
		if at.after = found.More; at.after == "" {
			if at, err = s.next(ctx, at); err != nil || at.way == noWay {
				return page, err
			}
		}
		if found.More != "" || len(page.List) >= store.MaxPeople {
			page.More = at.String()
			return page, nil
		}
	}
}

// look is the people of a range behind a place in it.
func (s *search) look(ctx context.Context, at place, most int) (found store.PeopleFound, err error) {
	switch {
	case s.text == "":
		return s.store.People(ctx, store.Range{}, at.after, most)
	case at.way == bySpelling && s.spelled != "":
		return s.store.People(ctx, store.Range{Spelled: s.spelled}, "", most)
	case at.way == asTyped:
		return s.store.People(ctx, beginning(at.provider, s.text), at.after, most)
	case at.way == inSmall:
		return s.store.People(ctx, beginning(at.provider, s.small), at.after, most)
	case at.way == byID && model.IsID(s.small):
		one, err := s.store.Person(ctx, s.small)
		is, err := there(err)
		if is {
			found.List = []store.FoundPerson{one}
		}
		return found, err
	}
	return found, nil
}

// next is where the range behind one begins, noWay when there is none.
func (s *search) next(ctx context.Context, at place) (place, error) {
	switch {
	case s.text == "":
		return place{}, nil
	case at.way == byID:
		return place{way: bySpelling}, nil
	case at.way == asTyped && s.small != s.text:
		return place{way: inSmall, provider: at.provider}, nil
	}
	provider, err := s.store.ProviderAfter(ctx, at.provider)
	if err != nil || provider == "" {
		return place{}, err
	}
	return place{way: asTyped, provider: provider}, nil
}

// foundBefore says of a person in the range of a place whether they were found in one before it, or sooner in it.
func (s *search) foundBefore(p store.FoundPerson, at place) bool {
	if s.text == "" || at.way == byID {
		return false
	}
	if p.ID == s.small {
		return true
	}
	return slices.ContainsFunc(p.Identities, func(id model.Identity) bool {
		spelled := id.Provider == model.ProviderEmailPassword && s.spelled != "" && model.OneSpelling(id.Subject) == s.spelled
		typed, small := strings.HasPrefix(id.Subject, s.text), strings.HasPrefix(id.Subject, s.small)
		switch {
		case at.way == bySpelling:
			return false
		case spelled:
			return true
		case id.Provider != at.provider:
			return id.Provider < at.provider && (typed || small)
		case at.way == inSmall:
			return typed || small && id.Subject <= at.after
		default:
			return typed && id.Subject <= at.after
		}
	})
}

// beginning is the range of all that begin so.
func beginning(provider, text string) store.Range {
	return store.Range{Provider: provider, From: text, Before: behindAll(text)}
}

// behindAll is the first text behind all that begin so, in the order of their bytes.
func behindAll(text string) string {
	runes := []rune(text)
	for i := len(runes) - 1; i >= 0; i-- {
		switch next := runes[i] + 1; {
		case next > unicode.MaxRune:
			continue
		case utf8.ValidRune(next):
			return string(runes[:i]) + string(next)
		default: // the surrogates, which are no letters
			return string(runes[:i]) + "\ue000"
		}
	}
	return strings.Repeat("\U0010ffff", maxSearched) // nothing that anybody is called is behind this
}
