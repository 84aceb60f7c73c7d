package accounts

import (
	"strings"
	"testing"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

func TestWhoeverIsInvitedChoosesAPasswordAndIsIn(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, script story.Option) {
		dir := t.TempDir()
		program := story.StartProgram(t, func(cfg *config.Config) { cfg.Data, cfg.Database = dir, "" })
		_, link := commands(t, dir, "/users/add", map[string]any{"email": "ada@example.com"})
		p := program.Open(t, script)
		p.Visit(strings.TrimPrefix(link, program.URL))
		p.Sees(p.Heading("Welcome"))
		p.Sees(p.GetByText("Choose a password for ada@example.com."))
		if scripted, err := p.Locator("html.js").Count(); err != nil || scripted > 0 {
			p.IsAt("/reset") // the link is in no history
		}
		p.Fill("Password", story.Password)
		p.Press(p.Button("Set password and sign in"))
		p.IsAt("/keys")
		p.Sees(p.Heading(story.FirstVisit))
	})
}
