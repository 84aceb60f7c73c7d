package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// noTimes are the whole numbers of the schema that are no times.
var noTimes = []string{
	"clock.id", "event_repeats.again", "clock.sure", "clock.ran", "key_use_recording.id", "api_keys.disabled", "identities.pending", "identities.generation", "web_sessions.version", "knocks.tries", "knocks.ignored", "api_keys.off_sessions", "key_cards.reminded", "key_cards.expired", "key_replacements.quiet", "passkeys.sign_count", "passkeys.flags", "webhooks.failed", "webhook_outbox.tries",
}

// A time that is stored is compared with now, or shown: what becomes of it when the clock was wrong has to be thought of when it is
// added, and is recorded in one place, with the test that holds it.
func TestEveryTimeThatIsStoredIsInTheTableOfWrongClocks(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := openFile(t, newFile(t)).file.readers.QueryContext(t.Context(), `
SELECT m.name || '.' || c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
WHERE m.type = 'table' AND c.type = 'INTEGER' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	times := 0
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(noTimes, column) {
			continue
		}
		times++
		if !strings.Contains(string(text), "`"+column+"`") {
			t.Errorf("docs/reliability.md does not say what becomes of %s when the clock was wrong", column)
		}
	}
	if err := rows.Err(); err != nil || times < 20 {
		t.Errorf("%d times are stored, %v", times, err)
	}
}
