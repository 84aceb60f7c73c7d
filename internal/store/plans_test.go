package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A plan that scans or sorts grows with the table, and nobody notices on a developer's machine.
func TestNoStatementScansOrSorts(t *testing.T) {
	s := openFile(t, newFile(t))
	for _, text := range slices.Concat(readStatements(), writeStatements()) {
		if text == countUsers { // which is asked for at start alone, and says how far it counts
			continue
		}
		name := strings.Join(strings.Fields(text), " ")
		plan := explain(t, s, text)
		for _, step := range plan {
			// A constant row is what a SELECT without FROM has.
			if strings.Contains(step, "SCAN") && step != "SCAN CONSTANT ROW" || strings.Contains(step, "TEMP B-TREE") || strings.Contains(step, "AUTOMATIC") {
				t.Errorf("%s\n\tplan: %s", name, step)
			}
		}
		searches := slices.ContainsFunc(plan, func(step string) bool { return strings.HasPrefix(step, "SEARCH") })
		if plainInsert := strings.Contains(name, "VALUES ("); !searches && !plainInsert {
			t.Errorf("%s\n\tdoes not search: %q", name, plan)
		}
	}
}

// The plans of the deletes that a foreign key causes are not shown with the delete that causes them.
func TestNoForeignKeyScansWhenARowItRefersToIsDeleted(t *testing.T) {
	s := openFile(t, newFile(t))
	keys := foreignKeys(t, s)
	if len(keys) != 16 {
		t.Errorf("%d foreign keys, want 16", len(keys))
	}
	for name, columns := range keys {
		table, _, _ := strings.Cut(name, " ")
		text := "DELETE FROM " + table + " WHERE " + strings.Join(columns, " = ? AND ") + " = ?"
		plan := explain(t, s, text)
		if len(plan) == 0 || !strings.HasPrefix(plan[0], "SEARCH") || strings.Count(plan[0], "=?") != len(columns) {
			t.Errorf("%s\n\tplan: %q", text, plan)
		}
	}
}

// foreignKeys returns the columns of every foreign key of the schema.
func foreignKeys(t *testing.T, s *Store) map[string][]string {
	t.Helper()
	rows, err := s.file.readers.QueryContext(t.Context(), `
SELECT m.name, f.id, f."from", f.on_delete FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f
WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	keys := map[string][]string{}
	for rows.Next() {
		var table, column, action string
		var id int
		if err := rows.Scan(&table, &id, &column, &action); err != nil {
			t.Fatal(err)
		}
		if action != "CASCADE" {
			t.Errorf("%s(%s) does not cascade", table, column)
		}
		name := fmt.Sprintf("%s %d", table, id)
		keys[name] = append(keys[name], column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

// explain returns the steps of a statement's plan. The writer's own connection is taken, so that its plan is the one seen.
func explain(t *testing.T, s *Store, text string) []string {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	rows, err := s.file.writer.conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer func() { _ = rows.Close() }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
