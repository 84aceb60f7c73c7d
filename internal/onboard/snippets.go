package onboard

import (
	"fmt"
	"strings"
	"unicode"
)

// Handoff is what a program must be told besides the key's value.
type Handoff struct{ AppID, BaseURL, KeyName string }

// Snippet is a program, or a file for one, that signs in with a key. It reads as Before, Value and After together.
type Snippet struct {
	// ID names the snippet in the page, Label is what people call the system.
	ID, Label string
	// For says which versions can still connect, Note the one thing to know about where the key comes from.
	For, Note string
	Language  string
	// Value is how the program gets the key: never the key's value itself.
	Before, Value, After string
	// Literal is what stands in place of Value when the value itself is to be in the program: a format with one %s. It is ""
	// where there is no such form.
	Literal string
}

// EnvFile is the name of the file that carries the key to a program.
func (h Handoff) EnvFile() string { return fileName(h.KeyName) + ".env" }

// Env is that file, without the key's value: it goes right after the last character.
func (h Handoff) Env() string {
	return fmt.Sprintf("# The key %s. Keep this file out of version control.\nAPP_ID=%s\nBASE_URL=%s\nAPI_KEY=",
		fileName(h.KeyName), inEnv(h.AppID), inEnv(h.BaseURL))
}

// Snippets gives one snippet for each system. docs/handoff.md says where each call was looked up.
func Snippets(h Handoff) []Snippet {
	return []Snippet{
		dotNet(h), kotlin(h), java(h), web(h), node(h), swift(h), flutter(h), cpp(h), goProgram(h), curl(h),
		env(h), systemd(h), compose(h),
	}
}

func dotNet(h Handoff) Snippet {
	return Snippet{
		ID: "dotnet", Label: ".NET", Language: "C#", For: "Realm .NET SDK 10.0 to 12.5",
		Note: "A phone has no environment: in an app for one, read the value from SecureStorage.",
		Before: fmt.Sprintf(`using System;
using Realms.Sync;

var app = App.Create(new AppConfiguration(%s)
{
    BaseUri = new Uri(%s),
});
var user = await app.LogInAsync(Credentials.ApiKey(
    `, inC(h.AppID), inC(h.BaseURL)),
		Value:   `Environment.GetEnvironmentVariable("API_KEY") ?? throw new InvalidOperationException("API_KEY is not set")`,
		Literal: `"%s"`,
		After:   "));\n",
	}
}

// gradleNote is true of both SDKs for Android.
const (
	gradleNote = "An app has no environment: Gradle takes API_KEY from its own while it builds. " + inTheApp
	inTheApp   = "Whoever has the app can read the key in it."
)

func kotlin(h Handoff) Snippet {
	return Snippet{
		ID: "kotlin", Label: "Kotlin", Language: "Kotlin", For: "Realm Kotlin SDK 1.0 to 2.3, on Android", Note: gradleNote,
		Before: fmt.Sprintf(`// build.gradle.kts, in android { defaultConfig { … } }, with buildFeatures { buildConfig = true }:
//   buildConfigField("String", "API_KEY", "\"${providers.environmentVariable("API_KEY").get()}\"")
import io.realm.kotlin.mongodb.App
import io.realm.kotlin.mongodb.AppConfiguration
import io.realm.kotlin.mongodb.Credentials

val app = App.create(
    AppConfiguration.Builder(%s)
        .baseUrl(%s)
        .build()
)

suspend fun signIn() = app.login(Credentials.apiKey(`, inKotlin(h.AppID), inKotlin(h.BaseURL)),
		Value:   "BuildConfig.API_KEY",
		Literal: `"%s"`,
		After:   "))\n",
	}
}

func java(h Handoff) Snippet {
	return Snippet{
		ID: "java", Label: "Java", Language: "Java", For: "Realm Java SDK 10.0 to 10.19, on Android", Note: gradleNote,
		Before: fmt.Sprintf(`// build.gradle, in android { defaultConfig { … } }, with buildFeatures { buildConfig true }:
//   buildConfigField "String", "API_KEY", "\"${providers.environmentVariable("API_KEY").get()}\""
import android.util.Log;
import io.realm.Realm;
import io.realm.mongodb.App;
import io.realm.mongodb.AppConfiguration;
import io.realm.mongodb.Credentials;

// In onCreate of the Application:
Realm.init(this);
App app = new App(new AppConfiguration.Builder(%s)
    .baseUrl(%s)
    .build());
app.loginAsync(Credentials.apiKey(`, inC(h.AppID), inC(h.BaseURL)),
		Value:   "BuildConfig.API_KEY",
		Literal: `"%s"`,
		After: `), result -> {
    if (result.isSuccess()) {
        Log.i("Realm", "Signed in as " + result.get().getId());
    } else {
        Log.e("Realm", "Not signed in", result.getError());
    }
});
`,
	}
}

func web(h Handoff) Snippet {
	return Snippet{
		ID: "web", Label: "Web", Language: "JavaScript", For: "realm-web 1.0 to 2.0, in a page",
		Note: "A page has no environment: a bundler, here Vite, writes the value into it. " +
			"Whoever can open the page can read the key in it.",
		Before:  realmWeb(h, `import * as Realm from "realm-web";`),
		Value:   "import.meta.env.VITE_API_KEY",
		Literal: `"%s"`,
		After:   "));\n",
	}
}

func node(h Handoff) Snippet {
	return Snippet{
		ID: "node", Label: "Node.js", Language: "JavaScript", For: "realm-web 1.0 to 2.0, or realm 11 and 12",
		Note: "A module: save it as app.mjs and start it with node --env-file=" + h.EnvFile() + " app.mjs, " +
			"or with API_KEY in its environment.",
		Before:  realmWeb(h, "import * as Realm from \"realm-web\"; // or: import Realm from \"realm\";"),
		Value:   "process.env.API_KEY",
		Literal: `"%s"`,
		After:   "));\n",
	}
}

func realmWeb(h Handoff, imports string) string {
	return fmt.Sprintf(`%s

const app = new Realm.App({
  id: %s,
  baseUrl: %s,
});
const user = await app.logIn(Realm.Credentials.apiKey(`, imports, inC(h.AppID), inC(h.BaseURL))
}

func swift(h Handoff) Snippet {
	return Snippet{
		ID: "swift", Label: "Swift", Language: "Swift", For: "Realm Swift SDK 10.41 to 10.54",
		Note: "An app has no environment: set API_KEY in an .xcconfig file, and API_KEY to $(API_KEY) in Info.plist. " + inTheApp,
		Before: fmt.Sprintf(`import RealmSwift

let app = App(
    id: %s,
    configuration: AppConfiguration(baseURL: %s)
)

func signIn() async throws -> User {
    try await app.login(credentials: Credentials.userAPIKey(`, inC(h.AppID), inC(h.BaseURL)),
		Value:   `Bundle.main.object(forInfoDictionaryKey: "API_KEY") as! String`,
		Literal: `"%s"`,
		After:   "))\n}\n",
	}
}

func flutter(h Handoff) Snippet {
	return Snippet{
		ID: "flutter", Label: "Flutter", Language: "Dart", For: "Realm Flutter SDK 1.0 to 3.4",
		Note: "An app has no environment: build it with --dart-define-from-file=" + h.EnvFile() + ". " + inTheApp,
		Before: fmt.Sprintf(`import 'package:realm/realm.dart';

final app = App(AppConfiguration(
  %s,
  baseUrl: Uri.parse(%s),
));

Future<User> signIn() => app.logIn(Credentials.apiKey(
    `, inDart(h.AppID), inDart(h.BaseURL)),
		Value:   "const String.fromEnvironment('API_KEY')",
		Literal: "'%s'",
		After:   "));\n",
	}
}

func cpp(h Handoff) Snippet {
	return Snippet{
		ID: "cpp", Label: "C++", Language: "C++", For: "Realm C++ SDK 1.0 to 2.2",
		Before: `#include <cpprealm/sdk.hpp>

#include <cstdlib>
#include <stdexcept>

int main() {
    const char* key = `,
		Value:   `std::getenv("API_KEY")`,
		Literal: `"%s"`,
		After: fmt.Sprintf(`;
    if (key == nullptr) throw std::runtime_error("API_KEY is not set");

    realm::App::configuration configuration;
    configuration.app_id = %s;
    configuration.base_url = %s;
    realm::App app(configuration);
    auto user = app.login(realm::App::credentials::api_key(key)).get();
}
`, inC(h.AppID), inC(h.BaseURL)),
	}
}

func goProgram(h Handoff) Snippet {
	return Snippet{
		ID: "go", Label: "Go", Language: "Go", For: "this project’s package client, Go 1.26",
		Note: "The module has no public home: in go.mod, replace latchkey => the directory where you have it.",
		Before: fmt.Sprintf(`package main

import (
	"context"
	"fmt"
	"os"

	"latchkey/client"
)

func main() {
	c, err := client.New(%s, %s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	session, err := c.Login(context.Background(), client.UserAPIKey(`, inC(h.BaseURL), inC(h.AppID)),
		Value:   `os.Getenv("API_KEY")`,
		Literal: `"%s"`,
		After: `))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(session.UserID())
}
`,
	}
}

func curl(h Handoff) Snippet {
	address := strings.TrimRight(h.BaseURL, "/") + "/api/client/v2.0/app/" + h.AppID + "/auth/providers/api-key/login"
	return Snippet{
		ID: "curl", Label: "curl", Language: "Shell", For: "anything that has sh and curl",
		Note:    "The value goes in by standard input: what stands on a command line, other users of the machine can see.",
		Before:  `printf '{"key":"%s"}' `,
		Value:   `"$API_KEY"`,
		Literal: "'%s'",
		After: fmt.Sprintf(` |
  curl --fail --silent --show-error --data-binary @- \
    --header 'Content-Type: application/json' \
    %s
`, inShell(address)),
	}
}

func env(h Handoff) Snippet {
	name := h.EnvFile()
	return Snippet{
		ID: "env", Label: ".env", Language: "Environment file", For: name + ", for shells, containers and services",
		Note: "Write the value after API_KEY= and make the file yours alone: chmod 600 " + name + ". " +
			"A shell reads it with: set -a; . ./" + name,
		Before:  h.Env(),
		Literal: "%s",
		After:   "\n",
	}
}

func systemd(h Handoff) Snippet {
	name := h.EnvFile()
	return Snippet{
		ID: "systemd", Label: "systemd", Language: "Unit file", For: "a service of systemd",
		Note: "Add it with systemctl edit, as root, once the file " + name + " is in /etc. " +
			"The service then has APP_ID, BASE_URL and API_KEY in its environment.",
		Before: "[Service]\nEnvironmentFile=/etc/" + name + "\n",
	}
}

func compose(h Handoff) Snippet {
	name := h.EnvFile()
	return Snippet{
		ID: "compose", Label: "Compose", Language: "YAML", For: "Docker Compose",
		Note:   "With the file " + name + " beside compose.yaml, the container has APP_ID, BASE_URL and API_KEY in its environment.",
		Before: "services:\n  my-service:\n    env_file:\n      - \"./" + name + "\"\n",
	}
}

// inC writes a string for the languages that quote like C and give no other character a meaning inside: C#, Java, JavaScript,
// Swift, C++ and Go.
func inC(text string) string { return `"` + escaped(text, `\"`) + `"` }

// inKotlin quotes like C, where $ begins an expression.
func inKotlin(text string) string { return `"` + escaped(text, `\"$`) + `"` }

// inDart is the style of that language.
func inDart(text string) string { return "'" + escaped(text, `\'$`) + "'" }

// inShell gives one word of a shell.
func inShell(text string) string {
	return "'" + strings.ReplaceAll(escaped(text, ""), "'", `'\''`) + "'"
}

// inEnv gives what shells, systemd and Compose read alike. All read a quoted value, but older tools keep the quotes.
func inEnv(text string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("_-./:@%+,=[]", r)
	}
	if strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return inShell(text)
}

// escaped puts a backslash before the special characters, and leaves out those that cannot be seen: neither an app id nor a
// URL has any, and no two languages write them alike.
func escaped(text, special string) string {
	var b strings.Builder
	for _, r := range text {
		if !unicode.IsGraphic(r) {
			continue
		}
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fileName makes a key's name, which has no other characters than these, one that is safe in any file and comment whatever
// server gave it.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-') {
			return r
		}
		return '-'
	}, name)
	if name == "" {
		return "key"
	}
	return name
}
