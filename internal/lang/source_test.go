package lang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// said is a text as the code says it.
type said struct {
	id, english, one string // one is "" where there is no number
	where            string
}

// root is the top of the repository.
const root = "../.."

// inCode finds every text that the code says: in Go, the generated code of templates included, and in the scripts.
func inCode(t *testing.T) (all []said) {
	t.Helper()
	for _, dir := range []string{"views", "handlers", "internal/accounts", "internal/lang/times"} {
		files := token.NewFileSet()
		var parsed []*ast.File
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != "say.go" {
				f, err := parser.ParseFile(files, filepath.Join(root, dir, name), nil, parser.SkipObjectResolution)
				if err != nil {
					t.Fatal(err)
				}
				parsed = append(parsed, f)
			}
		}
		consts := constants(parsed)
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				first, plural := saysIn(call)
				if first < 0 {
					return true
				}
				s := said{where: files.Position(call.Pos()).String()}
				texts := []*string{&s.id, &s.english}
				at := []int{first, first + 1}
				if plural {
					texts, at = []*string{&s.id, &s.one, &s.english}, []int{first, first + 2, first + 3}
				}
				for i, text := range texts {
					if at[i] >= len(call.Args) {
						t.Errorf("%s: arguments are missing", s.where)
						return true
					}
					value, ok := literal(call.Args[at[i]], consts)
					if !ok {
						t.Errorf("%s: ids and English texts are written out", s.where)
						return true
					}
					*text = value
				}
				all = append(all, s)
				return true
			})
		}
	}
	return append(all, inScripts(t)...)
}

// saysIn is which argument of a call is the id of a text, -1 when it says none.
func saysIn(call *ast.CallExpr) (first int, plural bool) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		switch f.Name {
		case "t":
			return 1, false
		case "tn":
			return 1, true
		case "say":
			if len(call.Args) == 3 { // say of package handlers has two
				return 0, false
			}
		case "sayN":
			return 0, true
		}
	case *ast.SelectorExpr:
		x, _ := f.X.(*ast.Ident)
		ofPackage := x != nil && x.Name == "lang"
		switch {
		case ofPackage && f.Sel.Name == "New":
			return 0, false
		case ofPackage && f.Sel.Name == "T":
			return 1, false
		case ofPackage && f.Sel.Name == "N":
			return 1, true
		case f.Sel.Name == "T":
			return 0, false
		case f.Sel.Name == "N":
			return 0, true
		}
	}
	return -1, false
}

// constants are those of a package that are written out.
func constants(files []*ast.File) map[string]ast.Expr {
	found := map[string]ast.Expr{}
	for _, f := range files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
				for _, spec := range g.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
						for i, name := range v.Names {
							found[name.Name] = v.Values[i]
						}
					}
				}
			}
		}
	}
	return found
}

func literal(e ast.Expr, consts map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := literal(e.X, consts)
		right, also := literal(e.Y, consts)
		return left + right, ok && also && e.Op == token.ADD
	case *ast.Ident:
		if value, ok := consts[e.Name]; ok {
			return literal(value, nil)
		}
	}
	return "", false
}

// In scripts a text is t("script.id", "English") or tn("script.id", n, "one", "other").
var (
	scriptText   = regexp.MustCompile(`\bt\(("script\.[^"]*"), ("(?:[^"\\]|\\.)*")[,)]`)
	scriptPlural = regexp.MustCompile(`\btn\(("script\.[^"]*"), [^,"]*, ("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")[,)]`)
)

func inScripts(t *testing.T) (all []said) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), "static", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".js") || strings.HasSuffix(name, ".min.js") {
			return err
		}
		body, err := os.ReadFile(filepath.Join(root, name))
		for _, m := range scriptText.FindAllStringSubmatch(string(body), -1) {
			all = append(all, said{id: unquoted(t, m[1]), english: unquoted(t, m[2]), where: name})
		}
		for _, m := range scriptPlural.FindAllStringSubmatch(string(body), -1) {
			all = append(all, said{id: unquoted(t, m[1]), one: unquoted(t, m[2]), english: unquoted(t, m[3]), where: name})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func unquoted(t *testing.T, s string) string {
	t.Helper()
	text, err := strconv.Unquote(s)
	if err != nil {
		t.Errorf("%s: %v", s, err)
	}
	return text
}
