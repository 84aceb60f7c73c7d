package firefox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/e2e/story"
)

// Things are found by what they do, not by what they are called: the names are other stories'.
const (
	keys       = ".keys > li" // rows of the list
	value      = "#value"
	copyValue  = "#once [data-once=copy]"
	done       = "#once .done button"
	theSwitch  = "[role=switch]"
	menu       = ".keys .menu summary"
	remove     = ".keys .menu a[href$='/delete']"
	confirm    = "#dialog[open] form[action$='/delete'] .danger"
	typedName  = "#typed" // what confirms the deletion of a key that is in use
	code       = ".shown-code"
	approve    = "form[action$='/approve'] button"
	onward     = "#pairing .actions a[href='/keys']"
	statusLine = "#status"

	says = "document.querySelector(arguments[0])?.textContent.includes(arguments[1])"
)

// visitor is a person with a Firefox, who ends the test when something cannot be done, or is not seen in time.
type visitor struct {
	*browser
	t       *testing.T
	program *story.Program
	refused error // the last thing that could not be done yet
}

// visit starts a session of its own in the browser, with no cookies of any other, and opens the address.
func visit(t *testing.T, p *story.Program, address string) *visitor {
	t.Helper()
	b, err := shared()
	if errors.Is(err, errNoFirefox) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{browser: b, t: t, program: p}
	end, _ := story.Within(t).Deadline()
	v.must(b.conn.SetDeadline(end.Add(10 * time.Second)))
	v.does("WebDriver:NewSession", map[string]any{})
	t.Cleanup(v.leave)
	v.does("WebDriver:SetWindowRect", map[string]any{"width": 1100, "height": 850})
	v.does("WebDriver:Navigate", map[string]any{"url": address})
	return v
}

// leave ends the session, and has the test fail for errors in the console. Of a failed story it keeps what the page looked like.
func (v *visitor) leave() {
	v.t.Helper()
	v.must(v.conn.SetDeadline(time.Now().Add(20 * time.Second))) // the story's may be over
	if v.t.Failed() {
		v.t.Log("refused last:", v.refused)
		if picture, err := v.picture(true); err == nil {
			dir := story.Path("e2e", "failures", v.t.Name())
			file := filepath.Join(dir, "firefox.png")
			v.t.Log("what it looked like:", file, errors.Join(os.MkdirAll(dir, 0o750), os.WriteFile(file, picture, 0o600)))
		}
	}
	v.does("Marionette:SetContext", map[string]any{"value": "chrome"})
	var faults []string
	v.must(v.script(`return Services.console.getMessageArray()
		.filter(m => m instanceof Ci.nsIScriptError && m.sourceName.startsWith(arguments[0]))
		.map(m => m.sourceName + ":" + m.lineNumber + ": " + m.errorMessage)`, &faults, v.program.URL))
	for _, fault := range faults {
		v.t.Error("in the console:", fault)
	}
	v.does("Marionette:SetContext", map[string]any{"value": "content"})
	v.does("WebDriver:DeleteAllCookies", map[string]any{})
	v.does("WebDriver:DeleteSession", map[string]any{})
}

func (v *visitor) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) does(command string, parameters any) {
	v.t.Helper()
	_, err := v.do(command, parameters)
	v.must(err)
}

// came says whether something could be done. While a page goes and another comes, or something is in the way, it cannot yet.
func (v *visitor) came(err error) bool {
	v.t.Helper()
	if failed := (*failure)(nil); errors.As(err, &failed) {
		v.refused = err
	} else {
		v.must(err)
	}
	return err == nil
}

// until waits for a condition in the page.
func (v *visitor) until(condition string, args ...any) {
	v.t.Helper()
	story.Until(v.t, fmt.Sprint(condition, args), func() (so bool) {
		return v.came(v.script("return Boolean("+condition+")", &so, args...)) && so
	})
}

// sees waits until there is such a thing and it can be seen.
func (v *visitor) sees(selector string) {
	v.t.Helper()
	v.until("document.querySelector(arguments[0])?.checkVisibility()", selector)
}

func (v *visitor) press(selector string) {
	v.t.Helper()
	v.acts("press "+selector, selector, "WebDriver:ElementClick", "")
}

func (v *visitor) fill(selector, text string) {
	v.t.Helper()
	v.acts("fill "+selector, selector, "WebDriver:ElementSendKeys", text)
}

func (v *visitor) acts(what, selector, command, text string) {
	v.t.Helper()
	story.Until(v.t, what, func() bool {
		id, err := v.element(selector)
		if err == nil {
			_, err = v.do(command, map[string]string{"id": id, "text": text})
		}
		return v.came(err)
	})
}

func (v *visitor) text(selector string) (text string) {
	v.t.Helper()
	v.sees(selector)
	v.must(v.script("const e = document.querySelector(arguments[0]); return e.value || e.textContent.trim()", &text, selector))
	return text
}

// has says whether there is such a thing.
func (v *visitor) has(selector string) (there bool) {
	v.t.Helper()
	v.must(v.script("return Boolean(document.querySelector(arguments[0]))", &there, selector))
	return there
}

// copied is what the browser would paste.
func (v *visitor) copied() (text string) {
	v.t.Helper()
	result, err := v.do("WebDriver:ExecuteAsyncScript", map[string]any{"script": "navigator.clipboard.readText().then(arguments[0])", "args": []any{}})
	v.must(err)
	v.must(json.Unmarshal(result, &text))
	return text
}

func TestAKeyIsCreatedTurnedOffAndOnAndDeletedInFirefox(t *testing.T) {
	program := story.StartProgram(t)
	v := visit(t, program, program.URL)
	v.press("a[href^='/register']")
	v.fill("#email", "ana@example.com")
	v.fill("#password", story.Password)
	v.press("form[action='/register'] button.primary")

	v.fill("form[action='/keys'] #name", "porch-cam")
	v.press("form[action='/keys'] button.primary")
	key := v.text(value)
	v.press(copyValue)
	story.Until(t, "the value can be pasted", func() bool { return v.copied() == key })
	v.press(done)
	v.until("!document.querySelector('#once')")
	ana := program.LogIn(t, client.EmailPassword("ana@example.com", story.Password))
	v.sees(keys)
	if device := program.LogIn(t, client.UserAPIKey(key)); device.UserID() != ana.UserID() {
		t.Error("the key is somebody else's")
	}
	v.until(says, statusLine, "porch-cam") // that it is connected

	turned := func(on string) {
		t.Helper()
		v.press(theSwitch)
		v.until("document.querySelector(arguments[0]).getAttribute('aria-checked') === arguments[1]", theSwitch, on)
	}
	turned("false")
	program.Refuses(t, key)
	turned("true")
	program.LogIn(t, client.UserAPIKey(key))

	v.press(menu)
	v.press(remove)
	v.sees(confirm)
	if v.has(typedName) {
		v.fill(typedName, "porch-cam")
	}
	v.press(confirm)
	v.until("!document.querySelector(arguments[0])", keys)
	program.Refuses(t, key)
}

func TestADeviceIsConnectedByACodeInFirefox(t *testing.T) {
	program := story.StartProgram(t)
	ana := program.Person(t)
	grant := program.Grant(t, "porch-cam")
	v := visit(t, program, grant.Address) // as a camera opens it
	v.fill("#email", ana.Email)
	v.fill("#password", story.Password)
	v.press("form[action='/login'] button.primary")
	if shown := v.text(code); shown != grant.UserCode {
		t.Errorf("the question is about %s, not about %s", shown, grant.UserCode)
	}
	v.press(approve)
	v.until("!document.querySelector(arguments[0])", approve)
	device, status := program.Poll(story.Within(t), grant)
	if status != http.StatusOK || device.KeyName != "porch-cam" {
		t.Fatalf("the device got %d %s and the key %q", status, device.Error, device.KeyName)
	}
	v.press(onward) // it is there once the device has its key
	v.until(says, keys, "porch-cam")
	if session := program.LogIn(t, client.UserAPIKey(device.AccessToken)); session.UserID() != ana.Session.UserID() {
		t.Error("the key is somebody else's")
	}
	v.until(says, statusLine, "porch-cam")
}
