package lang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forPrograms are files whose sentences are on no page: answers to programs, and the document of the API, which is in English.
var forPrograms = []string{"handlers/oauth.go", "handlers/exchange.go", "handlers/apidoc.go"}

// What a page says that is written out in Go, or is the name of a constant there, is by T as it is in templates.
func TestGoHasNoSentenceOfAPageButByT(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"handlers", "views"} {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		files := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range names {
			short, err := filepath.Rel(root, name)
			if err != nil || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") || slices.Contains(forPrograms, short) {
				continue
			}
			f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		consts := constants(parsed)
		for _, f := range parsed {
			for at, text := range unsaidSentences(f, consts) {
				t.Errorf("%s: %q is not by t", files.Position(at), text)
			}
		}
	}
}

var (
	// A sentence begins with a capital letter and has three words; a constant is used for what has two.
	threeWords = regexp.MustCompile(`^[A-Z][a-z’]* [^ ]+ [^ ]`)
	twoWords   = regexp.MustCompile(`^[A-Z][a-z’]* [a-z]`)
)

func unsaidSentences(f *ast.File, consts map[string]ast.Expr) map[token.Pos]string {
	found := map[token.Pos]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.CONST
		case *ast.CallExpr:
			if first, _ := saysIn(n); first >= 0 {
				return false
			}
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sscanf" { // which takes a reason of the rules apart
				return false
			}
		case *ast.BasicLit:
			if text, ok := literal(n, nil); ok && threeWords.MatchString(text) {
				found[n.Pos()] = text
			}
		case *ast.Ident:
			if value, ok := consts[n.Name]; ok {
				if text, ok := literal(value, consts); ok && twoWords.MatchString(text) {
					found[n.Pos()] = text
				}
			}
		}
		return true
	})
	return found
}

func TestSentencesInGoAreFound(t *testing.T) {
	t.Parallel()
	const source = `package p
const again = "Try again"
var _ = lang.T(ctx, "x.y", again + " Or do not do it.")
var _ = view{Text: "The key is on.", Link: again, Name: "Docker Compose", More: "innerHTML show:top"}
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, text := range unsaidSentences(f, constants([]*ast.File{f})) {
		texts = append(texts, text)
	}
	if slices.Sort(texts); !slices.Equal(texts, []string{"The key is on.", "Try again"}) {
		t.Errorf("%q", texts)
	}
}
