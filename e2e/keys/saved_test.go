package keys

import (
	"testing"

	"latchkey/e2e/story"
)

// The page reports that a value was saved as it happens, or with the form that leaves it; a value that was left behind does not count as saved.
func TestWhetherAValueWasSavedIsRemembered(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct {
		option story.Option
		told   string
	}{
		"script":    {func(*story.Visit) {}, "Value of porch-cam downloaded"},
		"no script": {story.NoScript, "Value of porch-cam saved, as you said"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := story.StartProgram(t)
			page := program.Open(t, way.option, story.SignedIn(program.Person(t)))
			page.CreateKey("porch-cam")
			page.SaveKey()
			page.IsAt("/keys")
			page.Visit("/activity")
			page.Sees(page.GetByText(way.told))
			page.Visit("/keys")
			page.CreateKey("left-behind")
			page.Visit("/activity?kind=keys")
			page.Sees(page.GetByText("Created left-behind"))
			page.Lacks(page.GetByText("Value of left-behind downloaded").Or(page.GetByText("Value of left-behind saved")))
		})
	}
}
