package accounts

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// errLost is what the store answers to a commit whose answer got lost.
var errLost = fmt.Errorf("create key: %w", model.ErrUnclear)

func TestWhatCameOfAnActIsLookedForWhenItsAnswerGotLost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	broken := errors.New("the database is away")
	for name, c := range map[string]struct {
		done    bool
		look    error
		kind    model.Kind // of no error when the outcome is NotDone and nothing was refused
		outcome model.Outcome
	}{
		"it is so":            {done: true},
		"it is not so":        {kind: model.KindStorageDown, outcome: model.FoundUndone},
		"nobody can look":     {look: broken, kind: model.KindUnclear, outcome: model.Unclear},
		"what is left is new": {look: refuse(model.KindNotFound), kind: model.KindNotFound},
	} {
		err := f.settle(t.Context(), "u", "create key", errLost, func(context.Context) (bool, error) { return c.done, c.look })
		if c.done {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		is(t, err, c.kind)
		if model.OutcomeOf(err) != c.outcome || errors.Is(err, model.ErrUnclear) != (c.outcome == model.Unclear) {
			t.Errorf("%s: %v has the outcome %d", name, err, model.OutcomeOf(err))
		}
	}
}

// An account that has very many events in a day has the next of a kind counted with an earlier one.
func TestAnEventThatWasCountedWithAnEarlierOneIsFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	who := f.signUp("ana@example.org")
	prove := func(save bool) model.Event {
		f.clock.Advance(time.Second)
		e := f.event(here, model.EventPasswordProved, who.UserID)
		if save {
			if err := f.store.RecordEvent(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		return e
	}
	for i := range 520 {
		if wrote, err := f.wrote(t.Context(), prove(true)); err != nil || !wrote {
			t.Fatalf("number %d is not found: %v", i, err)
		}
	}
	if last, err := f.store.Events(t.Context(), who.UserID, model.EventQuery{Limit: 1}); err != nil || last[0].Again == 0 {
		t.Fatalf("none was counted with another: %+v, %v", last, err)
	}
	if wrote, err := f.wrote(t.Context(), prove(false)); err != nil || wrote {
		t.Errorf("one that was never saved is found: %v", err)
	}
}

func TestWhatIsKnownOfAnActIsNotLookedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, known := range []error{nil, model.ErrConflict, errors.New("disk full")} {
		got := f.settle(t.Context(), "u", "create key", known, func(context.Context) (bool, error) {
			t.Errorf("%v is looked for", known)
			return true, nil
		})
		if !errors.Is(got, known) {
			t.Errorf("%v became %v", known, got)
		}
	}
}

func TestWhoeverHasGoneIsLookedForToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.settle(gone, "u", "create key", errLost, func(ctx context.Context) (bool, error) { return true, ctx.Err() })
	if err != nil {
		t.Error(err)
	}
}

func TestNobodyIsToldThatNothingWasSavedWhoCannotKnow(t *testing.T) {
	t.Parallel()
	for _, err := range []error{unavailable("create key", errLost), missing(model.KindNotFound, "create key", errLost)} {
		is(t, err, model.KindUnclear)
		if model.OutcomeOf(err) != model.Unclear {
			t.Errorf("%v has the outcome %d", err, model.OutcomeOf(err))
		}
	}
}

func TestAnEventSaysWhetherItsActWasSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	who := f.signUp("ana@example.org")
	saved, lost := f.event(here, model.EventKeyMade, who.UserID), f.event(here, model.EventKeyMade, who.UserID)
	if err := f.store.RecordEvent(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	f.newKey(who, "pump") // which is later
	for e, want := range map[*model.Event]bool{&saved: true, &lost: false} {
		if got, err := f.wrote(t.Context(), *e); err != nil || got != want {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

// unsettled are the functions that write and do not find out what came of it, and why.
var unsettled = map[string]string{
	"recordFailure": "what is written down beside a refusal is for the log alone when it fails",
	"recordRefusal": "so is this",
	"knocked":       "and the device tries again",
	"SawSession":    "and this",
	"KeepLanguage":  "the next sign-in keeps it",
	"rehash":        "the next sign-in stores the password anew",
	"keepData":      "the next sign-in stores it",
	"TryValue":      "nobody has a token for the session that it ends",
	"RecordExpired": "the next pass finds out",
	"challenge":     "one of which nobody knows whether it was kept is given to nobody",
	"drop":          "it is good for a few minutes, and an answer that fits is needed still",
	"disable":       "change does",
	"enable":        "change does",
}

// reads are the calls of the store that write nothing.
var reads = []string{
	"Acts", "APIKey", "APIKeyByValueHash", "APIKeys", "AuthSession", "AuthSessions", "Believed", "Challenge", "CountKnocks", "CustomData", "Doubts", "DueReplacements", "Events", "ExpiredKeys", "FirstEvent", "Handover", "HasRole", "Identities",
	"IdentitiesBySpelling", "IdentitiesMeant", "IdentityBySubject", "Keys", "KeysNotBack", "Knocks", "KnocksFrom", "LinkedIdentity", "Operates", "PasskeyByCredential", "PasskeyHosts", "Passkeys", "People", "Person", "ProviderAfter", "RecordingSince", "ServerKey", "ServerKeyUser", "ServerKeys",
	"Settled", "Ticket", "User", "Users", "Webhook", "Webhooks",
}

// TestEveryWriteIsSettled reads the code: what calls the store to write must find out what came of it.
func TestEveryWriteIsSettled(t *testing.T) {
	t.Parallel()
	parsed, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0) //nolint:staticcheck // one folder, without build tags
	if err != nil {
		t.Fatal(err)
	}
	writes := 0
	for name, file := range parsed["accounts"].Files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			written, settled := "", false
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				of, _ := call.X.(*ast.SelectorExpr)
				if of != nil && of.Sel.Name == "store" && !slices.Contains(reads, call.Sel.Name) {
					written, writes = call.Sel.Name, writes+1
				}
				settled = settled || strings.HasPrefix(call.Sel.Name, "settle")
				return true
			})
			if written != "" && settled == (unsettled[f.Name.Name] != "") {
				t.Errorf("%s of %s calls %s, and settles: %v", f.Name.Name, name, written, settled)
			}
		}
	}
	if writes < 15 {
		t.Errorf("only %d calls that write were found", writes)
	}
}
