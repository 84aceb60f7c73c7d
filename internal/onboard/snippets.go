package onboard

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"latchkey/internal/model"
)

// Handoff is what a program must be told besides the key's value. Words are those of the value, if they are known.
type Handoff struct {
	AppID, BaseURL, KeyName string
	Words                   model.Words
}

// Snippet is a program, or a file for one, that signs in with a key. It reads as Before, Value and After together.
type Snippet struct {
	// ID names the snippet in the page, Label is what people call the system.
	ID, Label string
	// For says which versions can still connect, Note the one thing to know about where the key comes from.
	For, Note string
	Language  string
	// More is for systems that few use: they are shown when a person asks for more.
	More bool
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
		h.Words.Beside(fileName(h.KeyName)), inEnv(h.AppID), inEnv(h.BaseURL))
}

// snippetFiles are the snippets as they are written: lines of "name: value", an empty line, and the text. In all of them stands
// {{…}} for what only the reader's server and key can say, each in the way of the language that it is quoted for.
//
//go:embed snippets/*.txt
var snippetFiles embed.FS

// written are the snippets with their gaps, in the order of their files' names.
var written = readSnippets()

// Snippets gives one snippet for each system. docs/handoff.md says where each call was looked up.
func Snippets(h Handoff) []Snippet {
	gaps := strings.NewReplacer(
		"{{app id, c}}", inC(h.AppID), "{{base URL, c}}", inC(h.BaseURL),
		"{{app id, kotlin}}", inKotlin(h.AppID), "{{base URL, kotlin}}", inKotlin(h.BaseURL),
		"{{app id, dart}}", inDart(h.AppID), "{{base URL, dart}}", inDart(h.BaseURL),
		"{{sign-in URL, shell}}", inShell(strings.TrimRight(h.BaseURL, "/")+"/api/client/v2.0/app/"+h.AppID+"/auth/providers/api-key/login"),
		"{{env file}}", h.EnvFile(), "{{env}}", h.Env(),
	)
	snippets := slices.Clone(written)
	for i := range snippets {
		s := &snippets[i]
		s.For, s.Note = gaps.Replace(s.For), gaps.Replace(s.Note)
		s.Before, s.After = gaps.Replace(s.Before), gaps.Replace(s.After)
	}
	return snippets
}

// readSnippets fails only for files that no build should have.
func readSnippets() []Snippet {
	files, err := snippetFiles.ReadDir("snippets")
	if err != nil {
		panic(err)
	}
	var all []Snippet
	for _, file := range files {
		text, err := snippetFiles.ReadFile("snippets/" + file.Name())
		if err != nil {
			panic(err)
		}
		_, id, _ := strings.Cut(strings.TrimSuffix(file.Name(), ".txt"), "-")
		head, body, _ := strings.Cut(string(text), "\n\n")
		said := map[string]string{}
		for line := range strings.Lines(head) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			said[name] = value
		}
		s := Snippet{
			ID: id, Label: said["label"], Language: said["language"], For: said["for"], Note: said["note"],
			More: said["more"] == "yes", Value: said["value"], Literal: said["literal"],
		}
		s.Before, s.After, _ = strings.Cut(body, "{{value}}")
		all = append(all, s)
	}
	return all
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

// fileName turns a key's name, which has no other characters than these, into one that is safe in any file and comment whatever
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

//go:embed pair.sh
var pairScript string

// PairScript is a whole program for a device that has a shell and curl: it shows a code, waits, and writes the key to a file. It is the
// one in docs/pairing.md.
func PairScript(publicURL, appID string) string {
	return strings.NewReplacer("url=http://127.0.0.1:8080 ", "url="+publicURL+" ", "app=latchkey-local ", "app="+appID+" ").Replace(pairScript)
}
