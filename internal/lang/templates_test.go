package lang

import (
	"go/ast"
	goparser "go/parser"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	templ "github.com/a-h/templ/parser/v2"
)

// shown are the attributes that people see or hear. What htmx or a script of ours draws from data is one too.
var shown = []string{"aria-label", "aria-description", "title", "alt", "placeholder", "content", "data-doing", "data-title", "data-done", "data-label", "hx-confirm"}

func TestATemplateHasNoTextButByT(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/views/*.templ")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		file, err := templ.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range file.Nodes {
			if h, ok := n.(*templ.HTMLTemplate); ok {
				literals(t, filepath.Base(name), h.Children, false)
			}
		}
	}
}

// literals looks for text below nodes. What is marked as never translated, or as English, is left out.
func literals(t *testing.T, file string, nodes []templ.Node, never bool) {
	t.Helper()
	found := func(line uint32, text string) {
		if !never && wordy(text) {
			t.Errorf("%s:%d: %q is not by t", file, line+1, strings.TrimSpace(text))
		}
	}
	for _, n := range nodes {
		switch n := n.(type) {
		case *templ.Text:
			found(n.Range.From.Line, n.Value)
		case *templ.StringExpression:
			for _, text := range unsaid(n.Expression.Value) {
				found(n.Expression.Range.From.Line, text)
			}
		case *templ.Element:
			mine := never || slices.Contains([]string{"code", "kbd", "svg", "script", "style"}, n.Name) || untranslated(n.Attributes)
			attributes(n.Attributes, func(line uint32, text string) {
				if !mine && wordy(text) {
					t.Errorf("%s:%d: %q is not by t", file, line+1, strings.TrimSpace(text))
				}
			})
			literals(t, file, n.Children, mine)
		case *templ.TemplElementExpression:
			for _, text := range unsaid(n.Expression.Value) {
				if strings.Contains(text, " ") { // one word may be the name of a drawing
					found(n.Expression.Range.From.Line, text)
				}
			}
			literals(t, file, n.Children, never)
		case *templ.IfExpression:
			literals(t, file, n.Then, never)
			for _, e := range n.ElseIfs {
				literals(t, file, e.Then, never)
			}
			literals(t, file, n.Else, never)
		case *templ.SwitchExpression:
			for _, c := range n.Cases {
				literals(t, file, c.Children, never)
			}
		case *templ.ForExpression:
			literals(t, file, n.Children, never)
		}
	}
}

func attributes(list []templ.Attribute, found func(line uint32, text string)) {
	for _, a := range list {
		switch a := a.(type) {
		case *templ.ConstantAttribute:
			if slices.Contains(shown, a.Key.String()) && !forBrowsers(list) {
				found(a.Range.From.Line, a.Value)
			}
		case *templ.ExpressionAttribute:
			if slices.Contains(shown, a.Key.String()) {
				for _, text := range unsaid(a.Expression.Value) {
					found(a.Range.From.Line, text)
				}
			}
		case *templ.ConditionalAttribute:
			attributes(a.Then, found)
			attributes(a.Else, found)
		}
	}
}

// forBrowsers says whether the attributes are those of a <meta>, which nobody sees.
func forBrowsers(list []templ.Attribute) bool {
	return slices.ContainsFunc(list, func(a templ.Attribute) bool {
		c, ok := a.(*templ.ConstantAttribute)
		return ok && c.Key.String() == "name" && slices.Contains([]string{"viewport", "color-scheme", "theme-color", "htmx-config"}, c.Value)
	})
}

func untranslated(list []templ.Attribute) bool {
	for _, a := range list {
		if c, ok := a.(*templ.ConstantAttribute); ok {
			if name := c.Key.String(); name == "translate" && c.Value == "no" || name == "lang" && c.Value == English {
				return true
			}
		}
	}
	return false
}

// unsaid are the literals of an expression that are not said by t.
func unsaid(expression string) (texts []string) {
	e, err := goparser.ParseExpr(expression)
	if err != nil {
		return nil // with children: they are looked at by themselves
	}
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if first, _ := saysIn(call); first >= 0 {
				return false
			}
		}
		if lit, ok := n.(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

// wordy says whether a text has a word in it: two letters beside each other.
func wordy(text string) bool {
	letters := 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
		} else {
			letters = 0
		}
		if letters > 1 {
			return true
		}
	}
	return false
}
