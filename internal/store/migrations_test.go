package store

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
)

// firstOfBoth is the first number that there must be in both folders, and the first of a migration of PostgreSQL that finds nodes at work.
const firstOfBoth = 8

// migrationFile is a migration as it is written.
type migrationFile struct{ folder, name, text string }

// The words are looked for in statements without comments and quoted texts, in capitals and with one space between words.
var (
	comment     = regexp.MustCompile(`--[^\n]*`)
	quoted      = regexp.MustCompile(`(?s)\$\$.*?\$\$|'(?:[^']|'')*'`)
	contract    = regexp.MustCompile(`(?m)^-- contract\b`)
	noTx        = regexp.MustCompile(`(?m)^-- \+goose NO TRANSACTION\s*$`)
	takesAway   = regexp.MustCompile(`\b(DROP|RENAME|SET NOT NULL|ADD CONSTRAINT|ADD (UNIQUE|CHECK|FOREIGN|PRIMARY))\b|\bALTER\b.*\bTYPE\b`)
	addsColumn  = regexp.MustCompile(`\bADD COLUMN\b[^,]*`)
	createIndex = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX (CONCURRENTLY )?(?:IF NOT EXISTS )?(\S+) ON (\S+)`)
	dropIndex   = regexp.MustCompile(`^DROP INDEX CONCURRENTLY IF EXISTS (\S+)$`)
	createTable = regexp.MustCompile(`^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\S+)`)
	setsOldest  = regexp.MustCompile(`^UPDATE COMPATIBLE SET OLDEST = (\d+)$`)
)

func (m migrationFile) number() int {
	n, _, _ := strings.Cut(m.name, "_")
	number, _ := strconv.Atoi(n)
	return number
}

func (m migrationFile) statements() []string {
	var all []string
	text := quoted.ReplaceAllString(comment.ReplaceAllString(m.text, ""), "''")
	for statement := range strings.SplitSeq(text, ";") {
		if statement = strings.ToUpper(strings.Join(strings.Fields(statement), " ")); statement != "" {
			all = append(all, statement)
		}
	}
	return all
}

// complaints says what is wrong with migrations: a program has to work while one of the next release has already migrated its database
// (docs/adr/0024-upgrades-only-add.md). Those are the numbers of SQLite's that are written in Go.
func complaints(files []migrationFile, inGo ...int) (all []string) {
	complain := func(of migrationFile, format string, args ...any) {
		all = append(all, of.folder+"/"+of.name+": "+fmt.Sprintf(format, args...))
	}
	numbers := map[string]map[int]bool{"sqlite": {}, "postgres": {}}
	for _, n := range inGo {
		numbers["sqlite"][n] = true
	}
	slices.SortFunc(files, func(a, b migrationFile) int { return a.number() - b.number() })
	oldest := firstOfBoth - 1
	for _, m := range files {
		n := m.number()
		if n == 0 || numbers[m.folder][n] {
			complain(m, "its number is missing, or another's")
		}
		numbers[m.folder][n] = true
		if n < firstOfBoth {
			continue
		}
		takes, raised := m.takesAway(complain), 0
		for _, statement := range m.statements() {
			if set := setsOldest.FindStringSubmatch(statement); set != nil {
				raised, _ = strconv.Atoi(set[1])
			}
		}
		switch declared := contract.MatchString(m.text); {
		case takes != "" && !declared:
			complain(m, "%q takes away what a program of the last release may use: say -- contract when none does any more", takes)
		case declared && m.folder == "postgres" && (raised <= oldest || raised > n):
			complain(m, "it has to raise compatible.oldest, which is %d", oldest)
		case declared && m.folder == "postgres" && !strings.Contains(m.text, "FROM nodes"):
			complain(m, "it has to refuse while an older node runs")
		}
		oldest = max(oldest, raised)
	}
	for _, twin := range [][2]string{{"sqlite", "postgres"}, {"postgres", "sqlite"}} {
		for _, n := range slices.Sorted(maps.Keys(numbers[twin[0]])) {
			if n >= firstOfBoth && !numbers[twin[1]][n] {
				all = append(all, fmt.Sprintf("number %d is in %s and not in %s", n, twin[0], twin[1]))
			}
		}
	}
	return all
}

// takesAway is the first statement after which a program that does not know of it may fail.
func (m migrationFile) takesAway(complain func(migrationFile, string, ...any)) (first string) {
	created, indexes := map[string]bool{}, map[string]bool{}
	for _, statement := range m.statements() {
		if of := createTable.FindStringSubmatch(statement); of != nil {
			created[of[1]] = true
		}
		if of := createIndex.FindStringSubmatch(statement); of != nil {
			indexes[of[3]] = true
		}
	}
	for _, statement := range m.statements() {
		bad := takesAway.MatchString(statement)
		if of := dropIndex.FindStringSubmatch(statement); of != nil && indexes[of[1]] { // what an earlier try left, which has failed
			bad = false
		}
		for _, column := range addsColumn.FindAllString(statement, -1) {
			bad = bad || strings.Contains(column, "NOT NULL") && !strings.Contains(column, "DEFAULT")
		}
		if of := createIndex.FindStringSubmatch(statement); of != nil && !created[of[4]] {
			bad = bad || of[1] != ""
			if m.folder == "postgres" && (of[2] == "" || !noTx.MatchString(m.text)) {
				complain(m, "the index %s is created while nodes write: it has to be CONCURRENTLY, under -- +goose NO TRANSACTION", strings.ToLower(of[3]))
			}
		}
		if bad && first == "" {
			first = statement
		}
	}
	return first
}

func TestMigrationsLeaveWhatTheLastReleaseUses(t *testing.T) {
	var files []migrationFile
	err := fs.WalkDir(migrations, "migrations", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations, file)
		files = append(files, migrationFile{path.Base(path.Dir(file)), path.Base(file), string(text)})
		return err
	})
	if err != nil || len(files) < 7 {
		t.Fatalf("%d migrations: %v", len(files), err)
	}
	provider, err := newProvider(openRaw(t, newFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	var inGo []int
	for _, source := range provider.ListSources() {
		if source.Type == goose.TypeGo {
			inGo = append(inGo, int(source.Version))
		}
	}
	for _, complaint := range complaints(files, inGo...) {
		t.Error(complaint)
	}
}

// contractExample is the one of docs/adr/0024-upgrades-only-add.md.
const contractExample = `
-- contract: no program since 8 reads used_at.

-- +goose Up

-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM nodes WHERE schema < 8 AND seen_at > extract(epoch FROM clock_timestamp()) * 1000 - 40000) THEN
        RAISE EXCEPTION 'a node that is older than this release still runs: stop it first';
    END IF;
END;
$$;
-- +goose StatementEnd

UPDATE compatible SET oldest = 8;

ALTER TABLE forms DROP COLUMN used_at;
`

func TestAMigrationThatTakesSomethingAwayIsNoticed(t *testing.T) {
	const index = "-- +goose NO TRANSACTION\n-- +goose Up\nDROP INDEX CONCURRENTLY IF EXISTS forms_id;\nCREATE INDEX CONCURRENTLY forms_id ON forms (id);"
	for name, test := range map[string]struct {
		sqlite, postgres string
		says             string
	}{
		"a table":                     {postgres: "CREATE TABLE more (id TEXT NOT NULL PRIMARY KEY);\nCREATE UNIQUE INDEX more_id ON more (id);"},
		"a column":                    {postgres: "ALTER TABLE forms ADD COLUMN a BIGINT, ADD COLUMN b TEXT NOT NULL DEFAULT '';"},
		"an index":                    {postgres: index, sqlite: "CREATE INDEX forms_id ON forms (id);"},
		"words in a comment":          {postgres: "-- We do not DROP or RENAME anything.\nCREATE TABLE more (id TEXT);"},
		"words in a text":             {postgres: "INSERT INTO locks (name) VALUES ('drop; rename it''s');"},
		"a contract":                  {postgres: contractExample, sqlite: "-- contract\nALTER TABLE forms DROP COLUMN used_at;"},
		"a table that goes":           {postgres: "DROP TABLE forms;", says: `postgres/0008_more.sql: "DROP TABLE FORMS" takes away`},
		"here too":                    {sqlite: "DROP TABLE forms;", says: "sqlite/0008_more.sql: "},
		"a column that goes":          {postgres: "alter table forms\n  drop\n  column used_at;", says: "takes away"},
		"another name":                {postgres: "ALTER TABLE forms RENAME COLUMN used_at TO at;", says: "takes away"},
		"another type":                {postgres: "ALTER TABLE forms ALTER COLUMN used_at SET DATA TYPE TEXT;", says: "takes away"},
		"what must be given":          {postgres: "ALTER TABLE forms ALTER used_at SET NOT NULL;", says: "takes away"},
		"a column that must be given": {postgres: "ALTER TABLE forms ADD COLUMN a BIGINT DEFAULT 0, ADD COLUMN b TEXT NOT NULL;", says: "takes away"},
		"a rule":                      {postgres: "ALTER TABLE forms ADD CONSTRAINT c CHECK (used_at > 0);", says: "takes away"},
		"no two alike":                {postgres: strings.ReplaceAll(index, "CREATE INDEX", "CREATE UNIQUE INDEX"), says: "takes away"},
		"another's index":             {postgres: strings.Replace(index, "EXISTS forms_id", "EXISTS forms_used_at", 1), says: "takes away"},
		"an index that locks":         {postgres: "CREATE INDEX forms_id ON forms (id);", says: "postgres/0008_more.sql: the index forms_id is created while nodes write"},
		"an index in a transaction":   {postgres: strings.Replace(index, "-- +goose NO TRANSACTION", "", 1), says: "the index forms_id"},
		"a contract nobody sees":      {postgres: strings.Replace(contractExample, "UPDATE compatible", "-- UPDATE compatible", 1), says: "has to raise compatible.oldest, which is 7"},
		"a contract that lowers":      {postgres: strings.Replace(contractExample, "oldest = 8", "oldest = 7", 1), says: "has to raise"},
		"a contract for the future":   {postgres: strings.Replace(contractExample, "oldest = 8", "oldest = 9", 1), says: "has to raise"},
		"a contract beside old nodes": {postgres: strings.Replace(contractExample, "FROM nodes", "FROM locks", 1), says: "has to refuse while an older node runs"},
	} {
		files := []migrationFile{{"sqlite", "0008_more.sql", test.sqlite}, {"postgres", "0007_schema.sql", "CREATE TABLE forms (id TEXT); DROP TABLE x;"}, {"postgres", "0008_more.sql", test.postgres}}
		got := complaints(files)
		if test.says == "" && len(got) > 0 || test.says != "" && (len(got) == 0 || !strings.Contains(got[0], test.says)) {
			t.Errorf("%s: the complaints are %q, want %q", name, got, test.says)
		}
	}
	for want, files := range map[string][]migrationFile{
		"number 9 is in postgres and not in sqlite": {{"postgres", "0009_a.sql", ""}},
		"number 8 is in sqlite and not in postgres": {{"sqlite", "0008_a.sql", ""}, {"sqlite", "0003_a.sql", ""}},
		"its number is missing, or another's":       {{"sqlite", "0003_a.sql", ""}, {"sqlite", "0003_b.sql", ""}},
	} {
		if got := complaints(files); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("the complaints are %q, want %q", got, want)
		}
	}
	if got := complaints(nil, 8); len(got) != 1 {
		t.Errorf("of one in Go that has no twin: %q", got)
	}
}
