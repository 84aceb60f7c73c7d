package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// audiencesOf is what a file of that content means.
func audiencesOf(t *testing.T, content string) ([]model.Audience, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "audiences.json")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(nil, []string{"LATCHKEY_AUDIENCES=" + file})
	if err != nil {
		return nil, err
	}
	settings, err := c.Parse()
	return settings.Audiences, err
}

func TestAudiencesAreServicesWithTheirTokens(t *testing.T) {
	t.Parallel()
	got, err := audiencesOf(t, "\ufeff"+`{
		"powersync": {"audience": "https://x.powersync.example", "lifetime": "10m", "claims": {"role": "authenticated", "ünï": [1, {"a": true}] }},
		"any.Go_service-2": {"lifetime": "1h", "audience": "orders", "claims": {}},
		"least": {"lifetime": "1m", "audience": "x"}
	}`)
	want := []model.Audience{
		{Name: "powersync", Audience: "https://x.powersync.example", Lifetime: 10 * time.Minute, Claims: `"role":"authenticated","ünï":[1,{"a":true}]`},
		{Name: "any.Go_service-2", Audience: "orders", Lifetime: time.Hour},
		{Name: "least", Audience: "x", Lifetime: time.Minute},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := load(nil, nil); err != nil || got.Audiences != "" {
		t.Errorf("without a file: %q, %v", got.Audiences, err)
	}
}

func TestAudiencesThatCannotBeEndTheProgramWithOneSentence(t *testing.T) {
	t.Parallel()
	with := func(fields string) string { return `{"a": {"audience": "x", "lifetime": "1m"` + fields + `}}` }
	var many strings.Builder
	for n := range 33 {
		fmt.Fprintf(&many, `"a%d": {},`, n)
	}
	claim := func(name string) string { return with(`, "claims": {` + name + `: "x"}`) }
	for content, says := range map[string]string{
		"":                             "must be a JSON object",
		"[]":                           "must be a JSON object",
		"null":                         "must be a JSON object",
		"{":                            "must be a JSON object",
		"{}":                           "must name 1 to 32 services",
		"{} x":                         "something follows its end",
		with("") + with(""):            "something follows its end",
		`{"a": []}`:                    `"a" must be a JSON object`,
		`{"": {}}`:                     "must be 1 to 64 letters",
		`{"a b": {}}`:                  "must be 1 to 64 letters",
		`{"-": {}}`:                    "must be 1 to 64 letters",
		`{"a": {}}`:                    `"a" has no audience`,
		`{"a": {"audience": "x"}}`:     "has no lifetime",
		`{"a": {"lifetime": "1m"}}`:    "has no audience",
		`{"a": {"aud": "x"}}`:          `has the field "aud"`,
		with(`, "lifetime": "2m"`):     `"lifetime" is there twice`,
		with(`, "Audience": "y"`):      `has the field "Audience"`,
		`{"a": {"audience": ["x"]}}`:   "has an audience that is not a text",
		`{"a": {"audience": ""}}`:      "has an audience that is not a text",
		`{"a": {"audience": "x y"}}`:   "has an audience that is not a text",
		`{"a": {"lifetime": "59s"}}`:   `lifetime that is not "1m" to "60m"`,
		`{"a": {"lifetime": "61m"}}`:   `lifetime that is not "1m" to "60m"`,
		`{"a": {"lifetime": "1m1ms"}}`: `lifetime that is not "1m" to "60m"`,
		`{"a": {"lifetime": 600}}`:     `lifetime that is not "1m" to "60m"`,
		with(`, "claims": []`):         "claims that are not a JSON object",
		claim(`"iss"`):                 `has the claim "iss", which this server sets itself`,
		claim(`"sub"`):                 "sets itself",
		claim(`"aud"`):                 "sets itself",
		claim(`"exp"`):                 "sets itself",
		claim(`"iat"`):                 "sets itself",
		claim(`"nbf"`):                 "sets itself",
		claim(`"jti"`):                 "sets itself",
		claim(`"typ"`):                 "sets itself",
		claim(`"latchkey_key"`):        "sets itself",
		claim(`"Typ"`):                 "sets itself", // package json would take it for typ
		claim(`"\u017fub"`):            "sets itself", // and this for sub
		claim(`""`):                    "sets itself",
		with(`, "claims": {"role": "a", "role": "b"}`):                  `"role" is there twice`,
		with(`, "claims": {"x": {"role": "a", "role": "b"}}`):           `"role" is there twice`,
		with(`, "claims": {"x": null}`):                                 "null says nothing",
		with(`, "claims": {"id": "{{user.id}}"}`):                       "claims are constants",
		with(`, "claims": {"x": [{"id": "${sub}"}]}`):                   "claims are constants",
		with(`, "claims": {"id": "$.sub"}`):                             "claims are constants",
		with(`, "claims": {"id": "<%= sub %>"}`):                        "claims are constants",
		with(`, "claims": {"x": "` + strings.Repeat("x", 2<<10) + `"}`): "claims of more than 2 KB",
		with(strings.Repeat(" ", 64<<10)):                               "more than 64 KB",
		"{\"a\": {\"audience\": \"\xff\"}}":                             "not UTF-8",
		`{"a": {}, "a": {}}`:                                            `"a" is there twice`,
		"{" + strings.TrimSuffix(many.String(), ",") + "}":              "must name 1 to 32 services",
	} {
		if _, err := audiencesOf(t, content); err == nil || !strings.Contains(err.Error(), says) ||
			!strings.HasPrefix(err.Error(), "--audiences (LATCHKEY_AUDIENCES) is ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80s: %v, want %q", content, err, says)
		}
	}
	for _, file := range []string{filepath.Join(t.TempDir(), "none.json"), t.TempDir()} {
		if _, err := load([]string{"--audiences", file}, nil); err == nil || !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestAudiencesAreForTheServerThatHasTheAccounts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "audiences.json")
	if err := os.WriteFile(file, []byte(`{"a": {"audience": "x", "lifetime": "1m"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := load([]string{"--audiences", file, "--upstream", "https://keys.example.org"}, nil)
	if err == nil || !strings.Contains(err.Error(), "cannot be used with --upstream") {
		t.Errorf("a server without accounts: %v", err)
	}
}
