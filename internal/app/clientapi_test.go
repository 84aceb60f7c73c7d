package app

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/model"
)

func TestTheDocumentsNameCommandsAndSettingsThatExist(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Defaults()
	flags := cfg.Flags()
	command, settingInTicks := regexp.MustCompile("`(?:\\./)?latchkey ([a-z][a-z-]*)"), regexp.MustCompile("`--([a-z][a-z-]*)(?: [^`]*)?`")
	ofCommands := []string{ // those of commands and of other programs, which have tests of their own
		"json", "dry-run", "skip-bad", "server", "users", "write-providers", "reach", "yes", "mail", "out", "url", "name", "clean", "keep-sessions", "password-stdin", "help", "user-field", "dart-define-from-file", "kinds",
	}
	for _, document := range append(documents, "../../README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range command.FindAllStringSubmatch(string(text), -1) {
			if !isCommand(match[1]) {
				t.Errorf("%s: there is no command latchkey %s", document, match[1])
			}
		}
		for _, match := range settingInTicks.FindAllStringSubmatch(string(text), -1) {
			if flags.Lookup(match[1]) == nil && !slices.Contains(ofCommands, match[1]) {
				t.Errorf("%s: there is no setting --%s", document, match[1])
			}
		}
	}
}

func TestTheClientAPIsPageNamesEveryProvider(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/client-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, provider := range []string{
		model.ProviderEmailPassword, model.ProviderAPIKey, model.ProviderAnonymous, model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple,
		"oauth2-facebook", "custom-function",
	} {
		if !strings.Contains(string(page), "`"+provider+"` | ") {
			t.Errorf("nothing is said of %s", provider)
		}
	}
}
