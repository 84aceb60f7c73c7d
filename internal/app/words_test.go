package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// otherWords are those that stand for something that has another word here, as CONTRIBUTING.md says: sign in, email, the operator or
// anyone who, created, unexpected.
var otherWords = regexp.MustCompile(`(?i)\blog(s|ged|ging)?[ -](in|out)s?\b|\be-mails?\b|\bwhoever\b|` +
	`\b(key|account|user|session)s? (is|are|was|were) made\b|\bone too many\b`)

var nameOfTest = regexp.MustCompile("`(Test|Fuzz)[A-Za-z0-9]+`")

// The texts and comments of the program below internal and client, and the documents, have one word for each thing.
func TestTheProgramAndItsDocumentsHaveOneWordForEachThing(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"internal", "client", "docs"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			source := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
			if err != nil || d.IsDir() || !source && !strings.HasSuffix(path, ".md") {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
			for _, found := range otherWords.FindAllString(nameOfTest.ReplaceAllString(string(text), ""), -1) {
				t.Errorf("%s says %q, and this project has another word for it", path, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
