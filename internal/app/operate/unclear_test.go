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
	testkit.WantSentence(t, aboutUser("ana", &model.Error{Kind: model.KindUnclear, Outcome: model.Unclear, Err: lost}),
		"it is not known whether this was done", "latchkey user list", "try again if it was not")
	testkit.WantSentence(t, aboutUser("ana", &model.Error{Kind: model.KindStorageDown, Outcome: model.FoundUndone, Err: lost}),
		"nothing was done", "try again")
}
