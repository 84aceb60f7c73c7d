package operate

import (
	"fmt"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func TestAnOperatorIsToldWhetherSomethingWasDoneOrThatNobodyKnows(t *testing.T) {
	t.Parallel()
	lost := fmt.Errorf("disable user: %w", model.ErrUnclear)
	key := ownedKey{User: "ana", Name: "porch-cam"}
	for _, c := range []struct {
		words func(error) error
		look  string
		then  string
	}{
		{func(err error) error { return aboutUser("ana", err) }, "user list", "try again if it was not"},
		{func(err error) error { return aboutKey(key, err) }, "key list", "try again if it was not"},
		{func(err error) error { return aboutServerKey("gateway", err) }, "server-key list", "try again if it was not"},
		{func(err error) error { return aboutNewServerKey("gateway", err) }, "server-key list", "delete it, because nobody has its value"},
		{func(err error) error { return aboutKnock("5f3a", err) }, "knock list --ignored", "try again if it was not"},
	} {
		testkit.WantSentence(t, c.words(&model.Error{Kind: model.KindUnclear, Outcome: model.Unclear, Err: lost}),
			"it is not known whether this was done", "check with latchkey "+c.look, c.then)
		testkit.WantSentence(t, c.words(&model.Error{Kind: model.KindStorageDown, Outcome: model.FoundUndone, Err: lost}),
			"nothing was done", "try again")
	}
}
