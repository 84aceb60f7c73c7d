package app

import (
	"io/fs"
	"latchkey/internal/testkit"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A promise whose proof was renamed or deleted is a promise without proof.
func TestTheProofsThatTheDocumentsNameExist(t *testing.T) {
	t.Parallel()
	have := testNames(t)
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9_]*)`")
	for _, document := range []string{"security.md", "reliability.md", "tokens.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", document))
		if err != nil {
			t.Fatal(err)
		}
		found := named.FindAllSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("docs/%s names no proof", document)
		}
		for _, match := range found {
			if !have[string(match[1])] {
				t.Errorf("docs/%s names %s, and there is no such test", document, match[1])
			}
		}
	}
}

// testNames are the names of all tests of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "node_modules":
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		for _, match := range declared.FindAllStringSubmatch(string(source), -1) {
			names[match[1]] = true
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatal("no tests found", err)
	}
	return names
}

// Links between the documents lead somewhere.
func TestTheDocumentsLinkToFilesThatExist(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	records, err := filepath.Glob("../../docs/adr/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents = append(documents, records...)
	documents = append(documents, "../../README.md", "../../CONTRIBUTING.md", "../../CHANGELOG.md", "../../SECURITY.md")
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(document), strings.Trim(match[1], "<>"))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", document, match[1])
			}
		}
	}
}

// routeMost is how many lines somebody reads who wants to know the code in 25 minutes.
const routeMost = 1500

// The reading route is what a newcomer trusts first: its files exist, are as long as it says, and are no more than it says.
func TestTheReadingRouteIsAsLongAsItSays(t *testing.T) {
	t.Parallel()
	readme := testkit.ReadFile(t, "../../README.md")
	_, route, found := strings.Cut(readme, "\n## Twenty-five minutes to know the code\n")
	if !found {
		t.Fatal("README.md has no reading route")
	}
	route, _, _ = strings.Cut(route, "\n## ")
	file, length := regexp.MustCompile("`([^`]+\\.(?:go|templ))`"), regexp.MustCompile(`^(?:first (\d+) of )?(\d+)$`)
	sum := 0
	for line := range strings.Lines(route) {
		columns := strings.Split(line, "|")
		if len(columns) != 6 {
			continue
		}
		files, lengths := file.FindAllStringSubmatch(columns[2], -1), strings.Split(strings.TrimSpace(columns[3]), ", ")
		if len(files) == 0 {
			continue
		}
		if len(files) != len(lengths) {
			t.Errorf("%d files with %d lengths: %s", len(files), len(lengths), line)
			continue
		}
		for i, f := range files {
			said := length.FindStringSubmatch(lengths[i])
			if said == nil {
				t.Errorf("%s: %q is no length", f[1], lengths[i])
				continue
			}
			whole, _ := strconv.Atoi(said[2])
			read := whole
			if said[1] != "" {
				read, _ = strconv.Atoi(said[1])
			}
			have := strings.Count(testkit.ReadFile(t, filepath.Join("..", "..", f[1])), "\n")
			if whole*10 < have*9 || whole*10 > have*11 || read > have {
				t.Errorf("%s has %d lines, and the route says %s", f[1], have, lengths[i])
			}
			sum += read
		}
	}
	if said := strconv.Itoa(sum/1000) + "," + strconv.Itoa(1000 + sum%1000)[1:] + " lines in all."; sum < 1000 || sum > routeMost || !strings.Contains(route, said) {
		t.Errorf("the route has %d lines, %d at most, and it should say: %s", sum, routeMost, said)
	}
}
