package views

import (
	"context"
	"strings"

	"latchkey/internal/lang"
)

// aboutSnippet is what stands around a snippet, with {file} for the name of the file that carries the key. The English is the one in
// internal/onboard, which a test compares.
type aboutSnippet struct{ forWhom, note, language lang.Text }

// aboutSnippets are by the snippets' ids. A text without an id is the same in all languages.
var aboutSnippets = map[string]aboutSnippet{
	"curl": {
		forWhom: lang.New("snippet.curl", "Anything with sh and curl"),
		note: lang.New("snippet.curl.note",
			"The value is passed on standard input, because other users of the machine can read command lines."),
	},
	"node": {
		forWhom: lang.New("snippet.node", "realm-web in Node: 1.0 to 2.0. Or realm 11 and 12"),
		note: lang.New("snippet.node.note",
			"A module: save it as app.mjs and start it with node --env-file={file} app.mjs, or with API_KEY in its environment. "+
				"A program that has already run against another server follows this base URL with realm-web, and only from realm 12.6.0 on."),
	},
	"web": {
		forWhom: lang.New("snippet.web", "realm-web in a page: 1.0 to 2.0"),
		note: lang.New("snippet.web.note", "A page has no environment: a bundler, here Vite, writes the value into it. "+
			"Anyone who can open the page can read the key in it."),
	},
	"dotnet": {
		forWhom: lang.New("snippet.dotnet", "Realm .NET SDK 10.0 to 12.5"),
		note: lang.New("snippet.dotnet.note", "A phone has no environment: in an app for one, read the value from SecureStorage."+
			sinceSDK+"11.7.0 on."),
	},
	"kotlin": {
		forWhom: lang.New("snippet.kotlin", "Realm Kotlin SDK 1.2 to 2.3, on Android"),
		note:    lang.New("snippet.kotlin.note", gradleTakes+readInApp+sinceSDK+"1.14.0 on."),
	},
	"swift": {
		forWhom: lang.New("snippet.swift", "Realm Swift SDK 10.41 to 10.54"),
		note: lang.New("snippet.swift.note",
			"An app has no environment: set API_KEY in an .xcconfig file, and API_KEY to $(API_KEY) in Info.plist."+readInApp+
				sinceSDK+"10.46.0 on."),
	},
	"flutter": {
		forWhom: lang.New("snippet.flutter", "Realm Flutter SDK 1.0 to 3.4"),
		note: lang.New("snippet.flutter.note", "An app has no environment: build it with --dart-define-from-file={file}."+readInApp+
			sinceSDK+"1.9.0 on."),
	},
	"go": {
		forWhom: lang.New("snippet.go", "This project’s package client, Go 1.26"),
		note: lang.New("snippet.go.note",
			"The module isn’t published: in go.mod, add replace latchkey => the directory of your copy, then run go get latchkey."),
	},
	"env": {
		forWhom: lang.New("snippet.env", "{file}, for shells, containers and services"),
		note: lang.New("snippet.env.note", "Write the value after API_KEY= and make the file yours alone: chmod 600 {file}. "+
			"A shell reads it with: set -a; . ./{file}"),
		language: lang.New("snippet.env.language", "Environment file"),
	},
	"java": {
		forWhom: lang.New("snippet.java", "Realm Java SDK 10.0 to 10.19, on Android"),
		note:    lang.New("snippet.java.note", gradleTakes+readInApp+sinceSDK+"10.18.0 on."),
	},
	"cpp": {
		forWhom: lang.New("snippet.cpp", "Realm C++ SDK 1.0 to 2.2"),
		note:    lang.New("snippet.cpp.note", "An app that has already run against another server follows this base URL only from SDK 1.1.0 on."),
	},
	"systemd": {
		forWhom: lang.New("snippet.systemd", "A systemd service"),
		note: lang.New("snippet.systemd.note", "Add it with systemctl edit, as root, once the file {file} is in /etc. "+
			"The service then has APP_ID, BASE_URL and API_KEY in its environment."),
		language: lang.New("snippet.systemd.language", "Unit file"),
	},
	"compose": {
		forWhom: lang.Text{English: "Docker Compose"},
		note: lang.New("snippet.compose.note",
			"With the file {file} beside compose.yaml, the container has APP_ID, BASE_URL and API_KEY in its environment."),
	},
}

// What apps on phones have in common.
const (
	gradleTakes = "An app has no environment: Gradle takes API_KEY from its own while it builds."
	readInApp   = " Anyone who has the app can read the key in it."
	sinceSDK    = " An app that has already run against another server follows this base URL only from SDK "
)

// snippets are the snippets with what stands around them in the language of the page.
func (h Handoff) snippets(ctx context.Context) []Snippet {
	if lang.Of(ctx) == nil {
		return h.Snippets
	}
	said := make([]Snippet, len(h.Snippets))
	for i, s := range h.Snippets {
		about := aboutSnippets[s.ID]
		in := func(text lang.Text, english string) string {
			if text.ID == "" {
				return english
			}
			// The name of the file is of ASCII and stands in commands: nothing invisible may come along when they are copied.
			return strings.ReplaceAll(lang.Of(ctx).Pattern(text.ID, text.English), "{file}", h.EnvFile)
		}
		s.For, s.Note, s.Language = in(about.forWhom, s.For), in(about.note, s.Note), in(about.language, s.Language)
		said[i] = s
	}
	return said
}
