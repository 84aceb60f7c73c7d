package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a program keeps between requests is kept in maps, lists, queues and channels of structs. Each such struct is named in the
// documents, with its bound: one that is added without a bound does not go unseen.
func TestEveryStructThatKeepsSomethingInMemoryIsInTheDocuments(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(document), "\n## What is kept in memory\n")
	section, _, _ = strings.Cut(section, "\n## ")
	keepers := keepersOfMemory(t)
	if len(keepers) < 20 {
		t.Errorf("only %d structs are found", len(keepers))
	}
	for _, keeper := range keepers {
		if !strings.Contains(section, "`"+keeper+"`") {
			t.Errorf("%s keeps something in memory, and docs/security.md does not say how much", keeper)
		}
	}
}

// keepersOfMemory are the structs of the program, as "package.Struct", that have a map, a list or a channel, or a slice beside a lock.
func keepersOfMemory(t *testing.T) (keepers []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "node_modules" || name == "testdata" || name == "e2e" || name == "testkit" || strings.HasSuffix(name, "test")):
			return filepath.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if declared, ok := n.(*ast.TypeSpec); ok && keepsMemory(declared.Type) {
				keepers = append(keepers, file.Name.Name+"."+declared.Name.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keepers
}

func keepsMemory(declared ast.Expr) bool {
	fields, ok := declared.(*ast.StructType)
	if !ok {
		return false
	}
	var kinds []string
	for _, field := range fields.Fields.List {
		kinds = append(kinds, types.ExprString(field.Type))
	}
	has := func(part string) bool {
		return slices.ContainsFunc(kinds, func(kind string) bool { return strings.Contains(kind, part) })
	}
	shared := has("sync.") || has("atomic.")
	return has("map[") || has("list.") || has("chan ") || shared && slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(kind, "[]") })
}
