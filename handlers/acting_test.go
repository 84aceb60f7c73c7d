package handlers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The dashboard acts for nobody but who is signed in: (*dashboard).as is the one caller of Service.As, and is given an account from the
// row of a web session. Here the source is read, since no page that exists can show what another would do.

func TestTheDashboardActsForNobodyElse(t *testing.T) {
	t.Parallel()
	for _, complaint := range actsForOthers(parseAll(t, "*.go")) {
		t.Error(complaint)
	}
	for _, file := range parseAll(t, "../internal/app/*.go") { // which has a Service too
		for _, f := range functions(file) {
			if f.Name.Name != "As" && len(usesOfAs(f)) > 0 {
				t.Errorf("package app: %s acts for somebody", f.Name.Name)
			}
		}
	}
}

// TestWhoeverActsForOthersIsNoticed is what makes the test above worth something.
func TestWhoeverActsForOthersIsNoticed(t *testing.T) {
	t.Parallel()
	const good = `
func accountOf(c echo.Context) (model.Account, bool) { a, ok := c.Get(accountKey).(model.Account); return a, ok }
func (h *dashboard) loadAccount(c echo.Context) { c.Set(accountKey, current(c)) }
func (h *dashboard) as(c echo.Context, a model.Account, from model.Origin) Person { return h.Service.As(a, from) }
func (h *dashboard) person(c echo.Context) Person { a, _ := accountOf(c); return h.as(c, a, from) }
func (h *dashboard) end(c echo.Context, holds model.Account, n int) { h.as(c, holds, from).SignOut(c) }
func (h *dashboard) endRow(c echo.Context, row model.WebSession) { holds, err := h.sessions.Account(row); h.end(c, holds, 1) }
`
	for name, source := range map[string]string{
		"":                        "",
		"another caller":          `func (h *dashboard) other(c echo.Context) { h.Service.As(a, from) }`,
		"a namesake":              `func as(s Service) { s.As(a, from) }`,
		"a method value":          `func (h *dashboard) other(c echo.Context) { as := h.Service.As; as(a, from) }`,
		"a variable":              `var acts = service.As`,
		"a made-up account":       `func (h *dashboard) other(c echo.Context) { h.as(c, model.Account{UserID: c.Param("id")}, from) }`,
		"a made-up variable":      `func (h *dashboard) other(c echo.Context) { a := model.Account{}; h.as(c, a, from) }`,
		"a second assignment":     `func (h *dashboard) other(c echo.Context) { a, _ := accountOf(c); a = b; h.as(c, a, from) }`,
		"a field that is changed": `func (h *dashboard) other(c echo.Context) { a, _ := accountOf(c); a.UserID = c.Param("id"); h.as(c, a, from) }`,
		"its address":             `func (h *dashboard) other(c echo.Context) { a, _ := accountOf(c); change(&a); h.as(c, a, from) }`,
		"a sign-in":               `func (h *dashboard) other(c echo.Context) { a, err := h.Service.SignIn(c, from, email, password); h.as(c, a, from) }`,
		"behind a parameter":      `func (h *dashboard) other(c echo.Context) { h.end(c, model.Account{}, 2) }`,
		"as itself as a value":    `func (h *dashboard) other(c echo.Context) { f := h.as; f(c, a, from) }`,
		"end as a value":          `func (h *dashboard) other(c echo.Context) { f := h.end; f(c, a, 2) }`,
		"a made-up context":       `func (h *dashboard) other(c echo.Context) { c.Set(accountKey, model.Account{}) }`,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package handlers\n"+good+source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if found := actsForOthers([]*ast.File{file}); (len(found) == 0) != (name == "") {
			t.Errorf("%q: found is %q", name, found)
		}
	}
}

func parseAll(t *testing.T, pattern string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(names), err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// actsForOthers says where a package acts for an account that is from no row of a web session.
func actsForOthers(files []*ast.File) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	all, callers := 0, 0
	for _, file := range files {
		all += len(usesOfAs(file))
		for _, f := range functions(file) {
			if f.Name.Name == "as" && f.Recv != nil {
				callers += len(usesOfAs(f))
			}
			if f.Name.Name != "accountOf" && f.Name.Name != "loadAccount" && names(f, "accountKey") > 0 {
				complain("%s says who is signed in", f.Name.Name)
			}
		}
	}
	if all != 1 || callers != 1 {
		complain("Service.As is used in %d places, and in (*dashboard).as in %d", all, callers)
	}
	// What a function is given as its account, its callers must have from a row.
	type parameter struct {
		function string
		index    int
	}
	known := []parameter{{"as", 1}}
	for i := 0; i < len(known); i++ {
		of, calls, mentions := known[i], 0, 0
		for _, file := range files {
			mentions += selectors(file, of.function)
			for _, f := range functions(file) {
				for _, call := range callsOf(f, of.function) {
					calls++
					if len(call.Args) <= of.index {
						complain("%s calls %s with other arguments", f.Name.Name, of.function)
						continue
					}
					account, ok := call.Args[of.index].(*ast.Ident)
					switch {
					case !ok:
						complain("%s makes up an account for %s", f.Name.Name, of.function)
					case isFromRow(f, account.Name):
					case parameterOf(f, account.Name) >= 0 && assigned(f, account.Name) == 0:
						if p := (parameter{f.Name.Name, parameterOf(f, account.Name)}); !slices.Contains(known, p) {
							known = append(known, p)
						}
					default:
						complain("the account that %s gives to %s is from no row", f.Name.Name, of.function)
					}
				}
			}
		}
		if mentions != calls {
			complain("%s is used without being called", of.function)
		}
	}
	return complaints
}

func functions(file *ast.File) (all []*ast.FuncDecl) {
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			all = append(all, f)
		}
	}
	return all
}

// usesOfAs finds "x.As", but for errors.As.
func usesOfAs(in ast.Node) (all []*ast.SelectorExpr) {
	ast.Inspect(in, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "As" {
			if of, ok := s.X.(*ast.Ident); !ok || of.Name != "errors" {
				all = append(all, s)
			}
		}
		return true
	})
	return all
}

// selectors counts "x.name".
func selectors(in ast.Node, name string) (n int) {
	ast.Inspect(in, func(node ast.Node) bool {
		if s, ok := node.(*ast.SelectorExpr); ok && s.Sel.Name == name {
			n++
		}
		return true
	})
	return n
}

// callsOf finds "x.name(…)".
func callsOf(in ast.Node, name string) (all []*ast.CallExpr) {
	ast.Inspect(in, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && selectorName(call.Fun) == name {
			all = append(all, call)
		}
		return true
	})
	return all
}

func selectorName(of ast.Expr) string {
	if s, ok := of.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

// names counts where a name stands.
func names(in ast.Node, name string) (n int) {
	ast.Inspect(in, func(node ast.Node) bool {
		if id, ok := node.(*ast.Ident); ok && id.Name == name {
			n++
		}
		return true
	})
	return n
}

// isFromRow says whether a variable is what accountOf or the sessions' Account gave, and nothing else.
func isFromRow(f *ast.FuncDecl, name string) bool {
	fromRow := 0
	ast.Inspect(f, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || len(a.Rhs) != 1 || len(a.Lhs) == 0 || !isIdent(a.Lhs[0], name) {
			return true
		}
		if call, ok := a.Rhs[0].(*ast.CallExpr); ok {
			of, _ := call.Fun.(*ast.SelectorExpr)
			if isIdent(call.Fun, "accountOf") || of != nil && of.Sel.Name == "Account" && selectorName(of.X) == "sessions" {
				fromRow++
			}
		}
		return true
	})
	return fromRow > 0 && assigned(f, name) == fromRow
}

// assigned counts what changes a variable or a field of it, or could.
func assigned(f *ast.FuncDecl, name string) (n int) {
	ast.Inspect(f, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.AssignStmt:
			for _, left := range node.Lhs {
				if s, ok := left.(*ast.SelectorExpr); ok {
					left = s.X
				}
				if isIdent(left, name) {
					n++
				}
			}
		case *ast.UnaryExpr:
			if node.Op == token.AND && isIdent(node.X, name) {
				n++
			}
		case *ast.ValueSpec:
			for _, declared := range node.Names {
				if declared.Name == name {
					n++
				}
			}
		}
		return true
	})
	return n
}

// parameterOf is which parameter of the function has the name, -1 when none has.
func parameterOf(f *ast.FuncDecl, name string) int {
	i := 0
	for _, field := range f.Type.Params.List {
		for _, p := range field.Names {
			if p.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
