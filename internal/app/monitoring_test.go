package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"go.yaml.in/yaml/v3"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// series are the values of the labels of what is told, by the names of metrics and of labels.
type series map[string]map[string][]string

// add takes what a program tells at a URL.
func (s series) add(t *testing.T, at string) {
	t.Helper()
	label := regexp.MustCompile(`([A-Za-z_]+)="([^"]*)"`)
	for line := range metricsOf(t, at) {
		name, labels, _ := strings.Cut(line, "{")
		if s[name] == nil {
			s[name] = map[string][]string{}
		}
		for _, pair := range label.FindAllStringSubmatch(labels, -1) {
			s[name][pair[1]] = append(s[name][pair[1]], pair[2])
		}
	}
}

// onPostgreSQL says whether a metric is told only where several nodes share a database.
func onPostgreSQL(name string) bool {
	return strings.HasPrefix(name, "latchkey_database_") || name == "latchkey_clock_offset_seconds"
}

type alertRule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []alertRule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alertRule } }
	decoder := yaml.NewDecoder(strings.NewReader(testkit.ReadFile(t, filepath.Join(kit, "monitoring", "alerts.yaml"))))
	if err := decoder.Decode(&file); err != nil || len(file.Groups) != 1 {
		t.Fatalf("%v: %+v", err, file)
	}
	return file.Groups[0].Rules
}

type panel struct {
	ID                 int
	Title, Description string
	GridPos            struct{ X, Y, W, H int }
	Targets            []struct{ Expr, LegendFormat string }
}

type dashboard struct {
	Panels     []panel
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

func dashboardFile(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(testkit.ReadFile(t, filepath.Join(kit, "monitoring", "dashboard.json"))), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// question is an expression of the alerts or the dashboard, and what is written of its answer.
type question struct{ at, expr, words string }

// questions are all of both, with something in the place of what Grafana puts in.
func questions(t *testing.T) (all []question) {
	t.Helper()
	for _, a := range alerts(t) {
		words := strings.ReplaceAll(fmt.Sprint(a.Annotations), "$labels.", "")
		all = append(all, question{a.Alert, a.Expr, words})
	}
	put := strings.NewReplacer(`"$job"`, `"latchkey"`, `"$instance"`, `".*"`, "$__rate_interval", "5m")
	d := dashboardFile(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, question{p.Title, put.Replace(target.Expr), target.LegendFormat})
		}
	}
	for _, v := range d.Templating.List {
		if parts := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition); parts != nil {
			all = append(all, question{"variable " + v.Name, put.Replace(parts[1]), "{{" + parts[2] + "}}"})
		}
	}
	return all
}

// A series that is renamed leaves a panel empty and an alert silent, which nobody notices until it is needed.
func TestTheDashboardAndTheAlertsAskForWhatIsTold(t *testing.T) {
	t.Parallel()
	told := series{}
	s := newStageWith(t, func(cfg *config.Config) {
		cfg.AdminAddr, cfg.SMTP = "127.0.0.1:0", "smtp://127.0.0.1:1?from=keys@example.org"
	})
	_, email := s.user()
	session := s.signIn("local-userpass", map[string]string{"username": email, "password": account.Get("password")})
	s.exchange(asking(session.Access, "audience", "powersync"), nil)
	if _, err := newClient(t, s.URL()).Login(t.Context(), client.UserAPIKey(testkit.OldValue())); err == nil {
		t.Fatal("signed in with a value that nobody has")
	}
	get(t, http.DefaultClient, s.URL()+"/login")
	told.add(t, "http://"+s.admin.listener.Addr().String())
	checkQuestions(t, told, func(name string) bool { return !onPostgreSQL(name) })
}

func TestTheDashboardAsksForWhatNodesTellOfTheirDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	cfg := nodeConfig(t, url, "a", string(must(newAccessKey())))
	cfg.AdminAddr = "127.0.0.1:0"
	told := series{}
	told.add(t, "http://"+run(t, cfg).admin.listener.Addr().String())
	checkQuestions(t, told, onPostgreSQL)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// checkQuestions compares those about some metrics with what is told.
func checkQuestions(t *testing.T, told series, about func(name string) bool) {
	t.Helper()
	asked := 0
	for _, q := range questions(t) {
		expr, err := metricsql.Parse(q.expr)
		if err != nil {
			t.Errorf("%s: %v: %s", q.at, err, q.expr)
			continue
		}
		labels, concerns := map[string]bool{"job": true, "instance": true}, false
		metricsql.VisitAll(expr, func(e metricsql.Expr) {
			switch e := e.(type) {
			case *metricsql.MetricExpr:
				for _, filters := range e.LabelFilterss {
					name := filters[0].Value
					if filters[0].Label != "__name__" || !about(name) {
						continue
					}
					concerns = true
					asked++
					maps.Copy(labels, q.checkFilters(t, told, name, filters[1:]))
				}
			case *metricsql.FuncExpr:
				if e.Name == "label_replace" {
					labels[e.Args[1].(*metricsql.StringExpr).S] = true
				}
			}
		})
		if !concerns {
			continue
		}
		metricsql.VisitAll(expr, func(e metricsql.Expr) {
			if aggregate, ok := e.(*metricsql.AggrFuncExpr); ok {
				for _, label := range aggregate.Modifier.Args {
					if !labels[label] {
						t.Errorf("%s: nothing in it has the label %q: %s", q.at, label, q.expr)
					}
				}
			}
		})
		for _, word := range regexp.MustCompile(`\{\{ *(\w+) *\}\}`).FindAllStringSubmatch(q.words, -1) {
			if !labels[word[1]] {
				t.Errorf("%s: nothing in it has the label %q: %s", q.at, word[1], q.words)
			}
		}
	}
	if asked < 5 {
		t.Errorf("only %d series are asked for", asked)
	}
}

// checkFilters gives the labels of a metric.
func (q question) checkFilters(t *testing.T, told series, name string, filters []metricsql.LabelFilter) map[string]bool {
	t.Helper()
	has := map[string]bool{}
	if name == "up" { // which Prometheus itself tells
		return has
	}
	if told[name] == nil {
		t.Errorf("%s: %s is not told", q.at, name)
		return has
	}
	for label := range told[name] {
		has[label] = true
	}
	for _, f := range filters {
		if f.Label == "job" || f.Label == "instance" {
			continue
		}
		if !has[f.Label] {
			t.Errorf("%s: %s has no label %q", q.at, name, f.Label)
			continue
		}
		possible := valuesOf(f.Label, told[name][f.Label])
		for _, word := range strings.Split(f.Value, "|") {
			pattern := regexp.QuoteMeta(word)
			if f.IsRegexp {
				pattern = word
			}
			if !slices.ContainsFunc(possible, regexp.MustCompile("^(?:"+pattern+")$").MatchString) {
				t.Errorf("%s: %s of %s is never %q", q.at, f.Label, name, word)
			}
		}
	}
	return has
}

// valuesOf are what a label can be, where a short test does not see it all.
func valuesOf(label string, seen []string) []string {
	switch label {
	case "route":
		return slices.Concat(seen, slices.Collect(maps.Keys(tables())))
	case "status":
		return append(seen, "500", "503")
	case "outcome":
		return append(seen, outcomeOf(http.StatusTooManyRequests), outcomeOf(http.StatusUnauthorized), outcomeOf(http.StatusOK))
	}
	return seen
}

func TestTheAlertsLeadSomewhereAndTheDashboardIsWhole(t *testing.T) {
	t.Parallel()
	list := alerts(t)
	if len(list) != 6 {
		t.Errorf("there are %d alerts", len(list))
	}
	for _, a := range list {
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" || !slices.Contains([]string{"critical", "warning"}, a.Labels["severity"]) {
			t.Errorf("%s says too little: %+v", a.Alert, a)
		}
		file, heading, some := strings.Cut(a.Annotations["see"], "#")
		if file == "" {
			continue
		}
		page := testkit.ReadFile(t, filepath.Join("..", "..", file))
		if some && !slices.Contains(slugs(page), heading) {
			t.Errorf("%s leads to %s, which has no such heading", a.Alert, a.Annotations["see"])
		}
	}
	d := dashboardFile(t)
	taken := map[[2]int]int{}
	for i, p := range d.Panels {
		if p.ID != i+1 || p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d: %+v", i+1, p)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != 0 {
					t.Fatalf("panels %d and %d are in the same place", other, p.ID)
				}
				taken[[2]int{x, y}] = p.ID
			}
		}
	}
}

// slugs are the names by which links lead to the headings of a page.
func slugs(page string) (all []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		text := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(text, " ", "-"))
	}
	return all
}

// Where Prometheus is, it says so itself: that it takes the rules and the expressions, and when which alert is told.
func TestPrometheusTakesTheAlertsAndTheDashboard(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	type group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	var rules []rule
	for i, q := range questions(t) {
		rules = append(rules, rule{fmt.Sprintf("q%d", i), q.expr})
	}
	text, err := yaml.Marshal(map[string][]group{"groups": {{"all", rules}}})
	if err != nil {
		t.Fatal(err)
	}
	all := filepath.Join(t.TempDir(), "all.yaml")
	testkit.WriteFile(t, all, string(text), 0o600)
	for _, args := range [][]string{{"check", "rules", all}, {"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir, cmd.Env = filepath.Join(kit, "monitoring"), os.Environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
