package looks

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
)

// statesOutside are those of people who are not signed in. No state rests on another.
func statesOutside(story.Guests) []story.State {
	return []story.State{
		{Name: "log-in", Path: "/login"},
		{Name: "log-in with a wrong password", Path: "/login", Status: http.StatusUnprocessableEntity, Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("Email", "few@example.com")
			p.Fill("Password", "wrong")
			p.Press(p.Button("Sign in"))
			p.Sees(p.GetByText("Wrong email or password."))
		}},
		{Name: "session ended", Path: "/login?ended=1&next=%2Fkeys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Sees(p.GetByText("Your session has ended. Sign in to continue."))
		}},
		{Name: "registration", Path: "/register"},
		{Name: "registration of nonsense", Path: "/register", Status: http.StatusUnprocessableEntity, Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("Email", "nonsense")
			p.Press(p.Button("Create account"))
			p.Sees(p.GetByText("Use at least 8 characters."))
		}},
		{Name: "no such page", Path: "/no-such-page", Status: http.StatusNotFound},
		{Name: "a reference to the log", Path: "/logs?co_id=6b00a2000000000000000000"},
	}
}

func statesOfTheList(g story.Guests) []story.State {
	create := func(p *story.Page, _ *story.Gateway) {
		p.TriesToCreate("attic")
		p.Sees(p.Locator("#once-title"))
	}
	return []story.State{
		{Name: "first visit", Who: g.None, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) { p.Sees(p.Heading(story.FirstVisit)) }},
		{Name: "two keys", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) { p.Sees(p.Row("garage")) }},
		{Name: "a search field", Who: g.Many, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) { p.Sees(p.Field("Search keys")) }},
		{Name: "a search without hits", Who: g.Many, Path: "/keys?q=attic", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Sees(p.GetByText("No key matches “attic”."))
		}},
		{Name: "every key in use", Who: g.Full, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Sees(p.Row("key-20"))
		}},
		{Name: "the dialog for a new key", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.NamesKey("Küche 2")
			p.Sees(p.Dialog())
		}},
		{Name: "the page for a new key", Who: g.Few, Path: "/keys/new"},
		{Name: "a label that is too long", Who: g.Few, Path: "/keys/new", Status: http.StatusUnprocessableEntity, Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("Label", strings.Repeat("客", 61))
			p.Press(p.Button("Create key"))
			p.Sees(p.GetByText("At most 60 characters."))
		}},
		{Name: "renaming a key", Who: g.Many, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Link("key-03"))
			p.Press(p.Link("Rename…"))
			p.Fill("Note", "behind the lamp")
		}},
		{Name: "a label beside a name", Who: g.Many, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Visit("/keys/" + p.KeyID("key-03") + "/card")
			p.Fill("Label", "كاميرا الباب")
			p.Press(p.Button("Save"))
			p.Sees(p.Heading("كاميرا الباب"))
			p.Visit("/keys")
			p.Sees(p.Row("كاميرا الباب"))
		}},
		{Name: "selecting keys", Who: g.Full, Path: "/keys?select=1", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Field("key-01"))
			p.Press(p.Field("key-02"))
			p.Sees(p.Button("Delete 2 keys…"))
		}},
		{Name: "the question before several are deleted", Who: g.Many, Path: "/keys?select=all", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Locator("#several-delete"))
			p.Sees(p.Dialog())
		}},
		{Name: "making room", Who: g.Full, Path: "/keys/room", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Field("key-01"))
			p.Sees(p.Button("Delete 1 key…"))
		}},
		{Name: "a new value, masked", Who: g.Few, Path: "/keys", Reach: create},
		{Name: "a new value, shown", Who: g.None, Path: "/keys", Reach: func(p *story.Page, g *story.Gateway) {
			create(p, g)
			p.Press(p.Button("Show"))
		}},
		{Name: "leaving without the value", Who: g.Many, Path: "/keys", Reach: func(p *story.Page, g *story.Gateway) {
			create(p, g)
			p.Press(p.Link("key-01"))
			p.Sees(p.Dialog())
		}},
		{Name: "an open menu", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) { p.Sees(p.Menu("porch-cam", "Delete…")) }},
		{Name: "the question how to replace a key", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Link("porch-cam"))
			p.Press(p.Link("Replace…"))
			p.Sees(p.Button("Create the replacement"))
		}},
		{Name: "a key that is being replaced", Who: g.Many, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Visit("/keys/" + p.KeyID("key-03") + "/replace")
			p.Press(p.Button("Create the replacement"))
			p.Sees(p.Locator("#once-title"))
			p.SaveKey()
			p.Press(p.Link("key-03"))
			p.Sees(p.Button("Keep both"))
		}},
		{Name: "the question before a deletion", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Menu("porch-cam", "Delete…"))
			p.Sees(p.Dialog())
		}},
		{Name: "the question as a page", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Visit("/keys/" + p.KeyID("porch-cam") + "/delete")
			p.Sees(p.Heading("Delete porch-cam?"))
		}},
		{Name: "the page of a key that is on", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Link("porch-cam"))
			p.Sees(p.Heading("Set up a device"))
		}},
		{Name: "the page of a key that is off", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Link("garage"))
			p.Sees(p.GetByText("Nothing can sign in with it."))
		}},
		{Name: "a key turned off a moment ago", Who: g.Many, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Press(p.Toggle("key-02"))
			p.Says("key-02 is off. It can’t sign in.")
		}},
	}
}

func statesOfDevices(g story.Guests) []story.State {
	question := func(p *story.Page, _ *story.Gateway) story.Grant {
		grant := p.Program.Grant(p.T, "Greenhouse Pi")
		p.EnterCode(grant.UserCode)
		return grant
	}
	decide := func(answer, heading string) func(*story.Page, *story.Gateway) {
		return func(p *story.Page, upstream *story.Gateway) {
			question(p, upstream)
			p.Press(p.Button(answer))
			p.Sees(p.Heading(heading))
		}
	}
	return []story.State{
		{Name: "the page for codes", Who: g.Few, Path: "/device", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Must(p.Locator("label", playwright.PageLocatorOptions{HasText: "shell script"}).Click())
		}},
		{Name: "a wrong code", Who: g.Few, Path: "/device", Status: http.StatusUnprocessableEntity, Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("Code on the device", "BBBB-BBBB")
			p.Press(p.Button("Continue"))
			p.Sees(p.GetByText("No device is waiting with that code."))
		}},
		{Name: "the question", Who: g.Few, Path: "/device", Reach: func(p *story.Page, upstream *story.Gateway) { question(p, upstream) }},
		{Name: "the question with a bad name", Who: g.Few, Path: "/device", Status: http.StatusUnprocessableEntity, Reach: func(p *story.Page, upstream *story.Gateway) {
			question(p, upstream)
			p.Fill("Key name", "porch cam")
			p.Press(p.Button("Approve"))
			p.Sees(p.GetByText("Names can have letters, digits, - and _ only."))
		}},
		{Name: "the question when every key is in use", Who: g.Full, Path: "/device", Reach: func(p *story.Page, upstream *story.Gateway) {
			question(p, upstream)
			p.Sees(p.Heading("You have 20 of 20 keys"))
		}},
		{Name: "denied", Who: g.Few, Path: "/device", Reach: decide("Deny", "Denied")},
		{Name: "approved", Who: g.None, Path: "/device", Reach: decide("Approve", "Approved")},
		{Name: "fetched", Who: g.Many, Path: "/device", Reach: func(p *story.Page, upstream *story.Gateway) {
			grant := question(p, upstream)
			p.Press(p.Button("Approve"))
			p.Sees(p.Heading("Approved"))
			if got, _ := p.Program.Poll(p.T.Context(), grant); got.AccessToken == "" {
				p.T.Fatal("no key:", got.Error)
			}
			p.Sees(p.Heading("Greenhouse-Pi has its key"))
		}},
		{Name: "which key is this", Who: g.Few, Path: "/keys/which"},
		{Name: "a value of nobody's", Who: g.Few, Path: "/keys/which", Reach: func(p *story.Page, _ *story.Gateway) {
			p.Fill("Value", "nobody's")
			p.Sees(p.GetByText("None of your keys has this value."))
		}},
		{Name: "lines to paste beside a new value", Who: g.Few, Path: "/keys", Reach: func(p *story.Page, _ *story.Gateway) {
			p.CreateKey("attic")
			p.Must(p.GetByRole("radio", playwright.PageGetByRoleOptions{Name: "Kotlin", Exact: playwright.Bool(true)}).Check())
		}},
	}
}

func statesOfTrouble(g story.Guests) []story.State {
	name := func(typed, complaint string) func(*story.Page, *story.Gateway) {
		return func(p *story.Page, _ *story.Gateway) {
			p.TriesToCreate(typed)
			p.Sees(p.GetByText(complaint))
		}
	}
	return []story.State{
		{Name: "a bad name", Who: g.Few, Path: "/keys", Status: http.StatusUnprocessableEntity,
			Reach: name("!!!", "Names can have letters, digits, - and _ only.")},
		{Name: "a name in use", Who: g.Few, Path: "/keys", Status: http.StatusUnprocessableEntity,
			Reach: name("garage", "You already have a key with this name.")},
		{Name: "no such key", Who: g.Few, Path: "/keys/6b00a2000000000000000000", Status: http.StatusNotFound},
		{Name: "keys that cannot be read", Who: g.Few, Path: "/login", Status: http.StatusBadGateway, Reach: func(p *story.Page, upstream *story.Gateway) {
			upstream.Breaks(story.LosesRequest)
			p.Visit("/keys")
			p.Sees(p.GetByText("We couldn’t read your keys."))
		}},
		{Name: "a person who may not manage keys", Who: g.Few, Path: "/login", Status: http.StatusForbidden, Reach: func(p *story.Page, upstream *story.Gateway) {
			upstream.Breaks(story.Says(403, ""))
			p.Visit("/keys")
			p.Sees(p.Heading("Keys can’t be managed from here"))
		}},
		{Name: "a creation whose answer got lost", Who: g.Few, Path: "/keys", Status: http.StatusBadGateway, Reach: func(p *story.Page, upstream *story.Gateway) {
			upstream.Breaks(story.Only(story.LosesAnswer, http.MethodPost))
			name("lost", "lost was created, but its value was lost.")(p, upstream)
		}},
		{Name: "a switch of which nothing is known", Who: g.Few, Path: "/keys", Status: http.StatusBadGateway, Reach: func(p *story.Page, upstream *story.Gateway) {
			upstream.Breaks(story.LosesRequest)
			p.Press(p.Toggle("porch-cam"))
			p.Sees(p.Link("Check now"))
		}},
		{Name: "several of which little is known", Who: g.Many, Path: "/keys?select=all", Reach: func(p *story.Page, upstream *story.Gateway) {
			upstream.Breaks(story.Only(story.LosesRequest, http.MethodPut))
			p.Press(p.Button("Turn off"))
			p.Sees(p.Locator("[aria-label=Results]"))
		}},
		{Name: "a key that was deleted in another place", Who: g.Many, Path: "/keys", Status: http.StatusNotFound, Reach: func(p *story.Page, _ *story.Gateway) {
			if err := g.Many.Session.APIKeys().Delete(p.T.Context(), p.KeyID("key-07")); err != nil {
				p.T.Fatal(err)
			}
			p.Press(p.Toggle("key-07"))
			p.Sees(p.GetByText("This key was deleted in another place. It can no longer sign anything in."))
		}},
	}
}

// Animations are off, since axe would measure colours on their way to others.
func TestEveryStateOfEveryPageIsAccessibleInEveryLook(t *testing.T) {
	t.Parallel()
	for name, some := range map[string]func(story.Guests) []story.State{
		"outside": statesOutside, "the list": statesOfTheList, "devices": statesOfDevices, "trouble": statesOfTrouble,
		"the account": statesOfTheAccount,
	} {
		for first := 0; first < len(some(story.Guests{})); first += statesOfAStory {
			t.Run(fmt.Sprintf("%s from %d", name, first+1), func(t *testing.T) {
				t.Parallel()
				program, upstream := story.StartWithUpstream(t)
				states := some(program.Guests(t, upstream))
				browsers := map[*story.Person]*story.Page{nil: program.Open(t)}
				for _, s := range states[first:min(first+statesOfAStory, len(states))] {
					if browsers[s.Who] == nil {
						browsers[s.Who] = program.Open(t, story.SignedIn(s.Who))
					}
					t.Run(s.Name, func(t *testing.T) { inState(browsers[s.Who].On(t), s, upstream).IsAccessibleInEveryLook(s.Name) })
				}
			})
		}
	}
}

// statesOfAStory are as many as a loaded machine looks at within a story's time.
const statesOfAStory = 6

// inState opens a tab that shows the state.
func inState(p *story.Page, s story.State, upstream *story.Gateway) *story.Page {
	p.T.Helper()
	if s.Status != 0 {
		p.Expects(s.Status)
	}
	tab := p.NewTab(s.Path)
	if s.Reach != nil {
		s.Reach(tab, upstream)
	}
	upstream.Recovers()
	return tab
}
