package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
)

// leftOut are the tables that CopyData does not copy, by why.
var leftOut = map[string]string{
	"goose_db_version": "each engine has migrations of its own",
	"sqlite_sequence":  "is of that table",
	"locks":            "its rows stand for what may be done by one at a time, and come with the schema",
	"tries":            "what has been tried too often is forgiven by a restart, too",
	"nodes":            "which programs share the database is for them to say",
	"compatible":       "is of the schema",
}

func TestNoTableIsForgottenWhenDataIsCopied(t *testing.T) {
	here := openFile(t, newFile(t))
	there := connect(t)
	rows, err := here.file.readers.QueryContext(t.Context(), "SELECT name FROM sqlite_schema WHERE type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	tables := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables[name] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	inPostgres, err := there.server.pool.Query(t.Context(), "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(inPostgres, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		tables[name] = true
	}
	for name := range tables {
		copied, left := slices.Contains(copiedTables(), name), leftOut[name] != ""
		if copied == left {
			t.Errorf("the table %s: it is copied is %v, and it is left out is %v", name, copied, left)
		}
	}
	// What is copied and is on one side alone fails the copy, and so does a column.
	for _, name := range copiedTables() {
		if !tables[name] || !slices.Contains(names, name) {
			t.Errorf("the table %s is not on both sides", name)
		}
	}
}

// awkwardTexts are none of them like another, so that each may stand once in a column of which no two are alike.
func awkwardTexts() []string {
	return []string{
		"", "🐝 née e\u0301", strings.Repeat("long ", 120), `\N`, "tab\tline\r\n\\ quotes '\" $1 %s", "NULL", "~\u00ff\ufffd\U0010ffff", "\x01\x7f",
	}
}

func awkwardNumbers() []int64 {
	return []int64{0, -1, 1, math.MinInt64, math.MaxInt64, 1_764_000_000_000, -62_135_596_800_000, 42}
}

func awkwardBytes() [][]byte {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	return [][]byte{{}, {0}, {0, 0}, every, bytes.Repeat(every, 40), {0xff}, []byte("text"), {0x80, 0}}
}

// allowed are the values of columns that take no others: of all tables, or of one.
var allowed = map[string][]any{
	"disabled": {int64(0), int64(1)},
	"pending":  {int64(0), int64(1)},
	"ignored":  {int64(0), int64(1)},
	"purpose":  {"confirm", "reset"},
	"finish":   {"evidence", "now", "person"},

	"device_grants state":    {"pending", "approving", "approved", "delivered", "denied"},
	"key_replacements state": {"waiting", "both", "parked", "undone"},
}

// fillEveryTable puts rows with awkward values into every table that is copied. A row of a table refers to the row of the same number of
// another.
func fillEveryTable(t *testing.T, path string) {
	t.Helper()
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, path)
	run(t, db, "PRAGMA foreign_keys = on")
	filled := map[string][]map[string]any{}
	for _, table := range copiedTables() {
		n := len(awkwardTexts())
		single := slices.Contains(singleRows(), table)
		if single {
			n = 1
			run(t, db, "DELETE FROM "+table)
		}
		refers := referencesOf(t, db, table)
		columns := strings.Split(textOf(t, db, "SELECT group_concat(name || ':' || type || ':' || \"notnull\", ' ') FROM pragma_table_info('"+table+"')"), " ")
		for row := range n {
			values := map[string]any{}
			var names, marks []string
			var args []any
			for i, column := range columns {
				parts := strings.Split(column, ":")
				name, number := parts[0], (row+i)%len(awkwardTexts())
				choice := slices.Concat(allowed[name], allowed[table+" "+name])
				var value any
				switch {
				case single && name == "id":
					value = 1
				case refers[name] != nil && (parts[2] == "1" || row%2 == 0):
					value = filled[refers[name][0]][row][refers[name][1]]
				case parts[2] == "0" && (row+i)%3 == 0 || refers[name] != nil:
					value = nil
				case choice != nil:
					value = choice[row%len(choice)]
				case name == "agent" && row == 3:
					value = strings.Repeat("🐝 very long", 10_000)
				case parts[1] == "TEXT":
					value = awkwardTexts()[number]
				case parts[1] == "INTEGER":
					value = awkwardNumbers()[number]
				default:
					value = awkwardBytes()[number]
				}
				values[name] = value
				names, marks, args = append(names, name), append(marks, "?"), append(args, value)
			}
			run(t, db, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", args...)
			filled[table] = append(filled[table], values)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// referencesOf are the tables and columns that the columns of a table refer to.
func referencesOf(t *testing.T, db *sql.DB, table string) map[string][]string {
	t.Helper()
	refers := map[string][]string{}
	rows, err := db.QueryContext(t.Context(), `SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)`, table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var from, to, column string
		if err := rows.Scan(&from, &to, &column); err != nil {
			t.Fatal(err)
		}
		refers[from] = []string{to, column}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return refers
}

func textOf(t *testing.T, db *sql.DB, query string) (text string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// rowsHere are the rows of a table of a file, each written as text and in no order.
func rowsHere(t *testing.T, path, table string) []string {
	t.Helper()
	db := openRaw(t, path)
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		all = append(all, rowText(columns, values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// rowsThere is rowsHere for a table of PostgreSQL.
func rowsThere(t *testing.T, conn *pgx.Conn, table string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, column := range rows.FieldDescriptions() {
		columns = append(columns, column.Name)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return rowText(columns, values), err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func rowText(columns []string, values []any) string {
	named := map[string]string{}
	for i, value := range values {
		if flag, ok := value.(bool); ok {
			value = int64(0)
			if flag {
				value = int64(1)
			}
		}
		if content, ok := value.([]byte); ok {
			value = fmt.Sprintf("bytes %x", content)
		}
		named[columns[i]] = fmt.Sprintf("%T %v", value, value)
	}
	return fmt.Sprint(named)
}

// target is an empty schema of a real server, and a connection to look at it by.
type target struct {
	url  model.Secret
	conn *pgx.Conn
}

func newTarget(t *testing.T) target {
	t.Helper()
	return targetAt(t, pgtest.URL(t))
}

func targetAt(t *testing.T, url string) target {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return target{model.Secret(url), conn}
}

// withSchema gives the target the schema of this program.
func (to target) withSchema(t *testing.T) target {
	t.Helper()
	s, err := Connect(t.Context(), to.url, Options{Migrate: true})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func (to target) exec(t *testing.T, statements string) {
	t.Helper()
	if _, err := to.conn.Exec(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// wantNothing fails the test when there is more than a schema.
func (to target) wantNothing(t *testing.T) {
	t.Helper()
	for _, table := range withRows() {
		if rows := rowsThere(t, to.conn, table); len(rows) > 0 {
			t.Errorf("%s has %d rows", table, len(rows))
		}
	}
	if rows := rowsThere(t, to.conn, "clock"); len(rows) > 0 {
		t.Errorf("the clock is %v", rows)
	}
	var since time.Time
	if err := to.conn.QueryRow(t.Context(), "SELECT to_timestamp(since / 1000.0) FROM key_use_recording").Scan(&since); err != nil || time.Since(since).Abs() > time.Hour {
		t.Errorf("recording began at %v: %v", since, err)
	}
}

func TestCopiedDataIsTheSameToTheLastAwkwardValue(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t)
	fillEveryTable(t, path)
	before := contents(t, path)
	copied, err := CopyData(t.Context(), path, to.url, CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(logFile(path)); err == nil || contents(t, path) != before {
		t.Errorf("the file has changed, or has a log: %v", err)
	}
	if !copied.Created || copied.Cleaned != 0 || len(copied.Tables) != len(copiedTables()) {
		t.Errorf("copied %+v", copied)
	}
	for i, table := range copiedTables() {
		here, there := rowsHere(t, path, table), rowsThere(t, to.conn, table)
		if !slices.Equal(here, there) {
			t.Errorf("%s:\n%q\nis after the copy\n%q", table, here, there)
		}
		if c := copied.Tables[i]; c.Name != table || c.Rows != int64(len(here)) || len(here) == 0 || len(c.SHA256) != 64 {
			t.Errorf("of %d rows of %s it says %+v", len(here), table, c)
		}
	}
}

// As after a kill: some of what was acknowledged is in the log alone.
func TestWhatIsInTheLogBesideAFileIsCopied(t *testing.T) {
	t.Parallel()
	open, to := newFile(t), newTarget(t)
	s := openFile(t, open)
	for range 3 {
		mustUser(t, s)
	}
	path := newFile(t)
	copyFile(t, open, path)
	copyFile(t, logFile(open), logFile(path))
	log := contents(t, logFile(path))
	if _, err := CopyData(t.Context(), path, to.url, CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if rows := rowsThere(t, to.conn, "users"); len(rows) != 3 {
		t.Errorf("%d users", len(rows))
	}
	if contents(t, logFile(path)) != log {
		t.Error("the log has changed")
	}
}

// fillManyRows puts ten rows for each user into a file.
func fillManyRows(t *testing.T, path string, users int) {
	t.Helper()
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, path)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run(t, conn, "BEGIN")
	run(t, conn, "CREATE TEMP TABLE n (i INTEGER PRIMARY KEY, id TEXT)")
	run(t, conn, `WITH RECURSIVE count (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM count WHERE i < ?)
		INSERT INTO n SELECT i, printf('%024x', i) FROM count`, users)
	run(t, conn, "INSERT INTO users (id, created_at) SELECT id, 1764000000000 + i FROM n")
	run(t, conn, `INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at, spelling)
		SELECT id, id, 'local-userpass', 'person' || i || '@example.com', '$argon2id$v=19$m=19456,t=2,p=1$' || hex(randomblob(24)) || '$' || hex(randomblob(32)), 1764000000000 + i,
		'person' || i || '@example.com' FROM n`)
	run(t, conn, `INSERT INTO web_sessions (id_hash, sealed, version, created_at, last_seen_at, expires_at, user_id, address, agent)
		SELECT randomblob(32), randomblob(900), 1, 1764000000000 + i, 1764000000000 + i, 1764000000000 + i, id, '192.0.2.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' FROM n`)
	for range 2 {
		run(t, conn, "UPDATE n SET id = id || 'k'")
		run(t, conn, "INSERT INTO api_keys (user_id, id, name, value_hash, disabled, created_at) SELECT substr(id, 1, 24), id, 'key ' || id, randomblob(32), i % 2, 1764000000000 FROM n")
		run(t, conn, "INSERT INTO key_uses (user_id, key_id, first_used_at, last_used_at, address, device_name) SELECT substr(id, 1, 24), id, 1764000000000 + i, 1764000000000 + i, '192.0.2.7', 'porch' FROM n")
		run(t, conn, `INSERT INTO auth_sessions (id, user_id, device_id, provider, identity_id, key_id, created_at, expires_at, address, agent, device_name)
			SELECT id, substr(id, 1, 24), substr(id, 1, 24), 'api-key', substr(id, 1, 24), id, 1764000000000, 1764000000000 + i, '192.0.2.7', 'porch/1.0', 'porch' FROM n`)
	}
	run(t, conn, `INSERT INTO events (user_id, id, at, kind, actor, key_id, key_name, detail, address, agent)
		SELECT substr(id, 1, 24), id, 1764000000000 + i, 'key-made', 'browser', id, 'key ' || id, '', '192.0.2.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' FROM n`)
	run(t, conn, "COMMIT")
	if err := errors.Join(conn.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// copyRowsVariable says how many rows are copied; two million are for before a release.
const copyRowsVariable = "LATCHKEY_COPY_ROWS"

func TestManyRowsAreCopiedInParts(t *testing.T) {
	t.Parallel()
	n := number(t, copyRowsVariable, 1000)
	path, to := newFile(t), newTarget(t)
	fillManyRows(t, path, n/10)
	o := CopyOptions{}
	if n < copiedAtOnce {
		o.atOnce = n / 10 / 3
	}
	most, enough := mostMemory(t)
	copied, err := CopyData(t.Context(), path, to.url, o)
	enough()
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	for _, table := range copied.Tables {
		rows += table.Rows
	}
	if rows != int64(n/10*10)+1 {
		t.Errorf("%d rows were copied", rows)
	}
	t.Logf("torture: %d rows copied in %.1f s (%.0f/s), compared in %.1f s, equal; %d MB of memory at most",
		rows, copied.Copying.Seconds(), float64(rows)/copied.Copying.Seconds(), copied.Comparing.Seconds(), *most>>20)
}

// mostMemory looks at how much memory Go has in use until it is told that it is enough.
func mostMemory(t *testing.T) (most *uint64, enough func()) {
	t.Helper()
	most = new(uint64)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			*most = max(*most, m.HeapInuse)
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return most, func() { close(stop); <-stopped }
}

// What SQLite has and PostgreSQL has not are told apart, whatever kind of value it is.
func TestSumsOfTablesDifferWhenAValueDoes(t *testing.T) {
	seen := map[string]string{}
	for name, row := range map[string][]any{
		"nothing": {nil, nil}, "no text": {nil, ""}, "text before": {"", nil}, "two": {"", ""}, "a": {"a", ""}, "moved": {"", "a"},
		"0": {int64(0), ""}, "1": {int64(1), ""}, "minus": {int64(-1), ""}, "no": {false, ""}, "yes": {true, ""}, "no bytes": {[]byte{0}, []byte{}},
	} {
		sum := newTableSum(&copiedTable{})
		for _, value := range row {
			kind := map[string]valueKind{"int64": ofNumber, "bool": ofFlag, "string": ofText, "[]uint8": ofBytes}[fmt.Sprintf("%T", value)]
			if err := sum.add(kind, value); err != nil {
				t.Error(err)
			}
		}
		sum.endRow()
		if other := seen[sum.sum().SHA256]; other != "" && name+other != "nono bytes" && other+name != "nono bytes" {
			t.Errorf("%q has the sum of %q", name, other)
		}
		seen[sum.sum().SHA256] = name
	}
	sum := newTableSum(&copiedTable{})
	for _, wrong := range []any{1.5, int64(1), []byte("a")} {
		if err := sum.add(ofText, wrong); err == nil {
			t.Errorf("%v is a text", wrong)
		}
	}
}

func TestADifferenceAfterTheCopyLeavesNothing(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	fillEveryTable(t, path)
	for change, table := range map[string]string{
		"NEW.agent := NEW.agent || ' '": "events", "NEW.disabled := NOT NEW.disabled": "api_keys", "NEW.sealed := NULL": "device_grants",
		"IF NEW.created_at = 0 THEN RETURN NULL; END IF": "users",
	} {
		to := newTarget(t).withSchema(t)
		to.exec(t, `CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN `+change+`; RETURN NEW; END $$;
			CREATE TRIGGER change BEFORE INSERT ON `+table+` FOR EACH ROW EXECUTE FUNCTION change()`)
		if table == "users" { // nothing else may stop the copy
			for _, refers := range []string{"identities", "api_keys", "auth_sessions", "unused_users", "server_keys", "custom_data", "imported_keys", "passkeys", "handovers", "operators"} {
				to.exec(t, "ALTER TABLE "+refers+" DROP CONSTRAINT "+refers+"_user_id_fkey")
			}
		}
		_, err := CopyData(t.Context(), path, to.url, CopyOptions{})
		wantSentence(t, err, "after the copy, table "+table+" in PostgreSQL differs from the file")
		to.wantNothing(t)
	}
}

func TestTextThatPostgreSQLCannotHoldIsNamedAndStopsACopy(t *testing.T) {
	t.Parallel()
	to := newTarget(t).withSchema(t)
	for _, text := range []string{"a\x00b", "a\xffb", "\x00"} {
		path := newFile(t)
		fillEveryTable(t, path)
		run(t, openRaw(t, path), "INSERT INTO events (user_id, id, at, kind, actor, key_id, key_name, detail, address, agent) VALUES ('ada', 'e7', 0, '', '', '', '', '', '', ?)", text)
		_, err := CopyData(t.Context(), path, to.url, CopyOptions{})
		if !errors.Is(err, ErrText) {
			t.Errorf("%q: %v", text, err)
		}
		wantSentence(t, err, "column agent", "table events", `"ada", "e7"`)
		to.wantNothing(t)
	}
}

func TestTextThatPostgreSQLCannotHoldIsReplacedWhenThatIsAskedFor(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t)
	fillEveryTable(t, path)
	db := openRaw(t, path)
	hashOf := func(id string) []byte { sum := sha256.Sum256([]byte(id)); return sum[:] }
	// In keys, too, which come in another order then; and where a row refers to another.
	for _, id := range []string{"a\x00a", "a", "b\xff", "b\xfe1", "b\uffff", "\x00c", "z\xff"} {
		run(t, db, "INSERT INTO users (id, created_at) VALUES (?, 1)", id)
		run(t, db, "INSERT INTO anonymous_users (user_id, look_at) VALUES (?, 1)", id)
		run(t, db, "INSERT INTO api_keys (user_id, id, name, value_hash, disabled, created_at) VALUES (?1, ?1, ?1, ?2, 1, 1)", id, hashOf(id))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	copied, err := CopyData(t.Context(), path, to.url, CopyOptions{Clean: true})
	if err != nil {
		t.Fatal(err)
	}
	if first := (CleanedText{"users", "id", `"\x00c"`}); copied.Cleaned != 5*5 || len(copied.First) != 25 || copied.First[0] != first {
		t.Errorf("it says that %d texts were replaced: %+v", copied.Cleaned, copied.First)
	}
	rows, err := to.conn.Query(t.Context(), "SELECT id || ' ' || name FROM api_keys WHERE user_id = id AND name = id AND created_at = 1 ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if want := []string{"a a", "aa aa", "b\ufffd b\ufffd", "b\ufffd1 b\ufffd1", "b\uffff b\uffff", "c c", "z\ufffd z\ufffd"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys are %q: %v", keys, err)
	}
	// A look-up with the text from before finds the row.
	s := connectTo(t, to.url.Reveal())
	if _, err := s.APIKey(t.Context(), "b\xff", "b\xff"); err != nil {
		t.Error(err)
	}
}

func TestWhatIsToldOfReplacedTextsIsBounded(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t)
	db := openRaw(t, path)
	fillEveryTable(t, path)
	for i := range 150 {
		run(t, db, "INSERT INTO users (id, created_at) VALUES (?, 1)", fmt.Sprintf("\x00%d", i))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	copied, err := CopyData(t.Context(), path, to.url, CopyOptions{Clean: true, DryRun: true})
	if err != nil || copied.Cleaned != 150 || len(copied.First) != cleanedKept {
		t.Errorf("%d of %d, %v", len(copied.First), copied.Cleaned, err)
	}
}

func TestTwoRowsThatBecomeOneWhenTextIsReplacedStopACopy(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t)
	fillEveryTable(t, path)
	db := openRaw(t, path)
	run(t, db, "INSERT INTO users (id, created_at) VALUES ('a', 1), (?, 1)", "a\x00")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := CopyData(t.Context(), path, to.url, CopyOptions{Clean: true})
	wantSentence(t, err, "copy the table users", "duplicate key")
	to.wantNothing(t)
}

func TestARehearsalOfACopyLeavesNothing(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t)
	fillEveryTable(t, path)
	rehearsed, err := CopyData(t.Context(), path, to.url, CopyOptions{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	to.wantNothing(t)
	copied, err := CopyData(t.Context(), path, to.url, CopyOptions{})
	if err != nil || copied.Created || !rehearsed.Created || !slices.Equal(copied.Tables, rehearsed.Tables) {
		t.Errorf("rehearsed %+v, copied %+v, %v", rehearsed, copied, err)
	}
}

// stopAtEvents keeps a copy from going on where it comes to the events. It returns when one has, and lets it go on.
func (to target) stopAtEvents(t *testing.T) (reached, goOn func()) {
	t.Helper()
	to.exec(t, `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM pg_advisory_xact_lock(hashtext(current_schema())); RETURN NEW; END $$;
		CREATE TRIGGER wait BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION wait();
		SELECT pg_advisory_lock(hashtext(current_schema()))`)
	reached = func() {
		t.Helper()
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			var waits bool
			if err := to.conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND objid = CAST(hashtext(current_schema()) & 4294967295 AS BIGINT))`).Scan(&waits); err != nil {
				t.Fatal(err)
			}
			if waits {
				return
			}
			if time.Since(began) > time.Minute {
				t.Fatal("the copy does not come to the events")
			}
		}
	}
	return reached, func() { to.exec(t, "SELECT pg_advisory_unlock(hashtext(current_schema()))") }
}

func TestACopyThatIsKilledLeavesNothing(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t).withSchema(t)
	fillEveryTable(t, path)
	reached, goOn := to.stopAtEvents(t)
	c := startChild(t, path, []string{childCopy + "=" + to.url.Reveal()})
	reached()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	_ = c.cmd.Wait()
	goOn()
	to.exec(t, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; COMMIT") // the server has noticed
	to.wantNothing(t)
	if _, err := CopyData(t.Context(), path, to.url, CopyOptions{}); err != nil {
		t.Errorf("the next copy: %v", err)
	}
}

func TestACopyThatIsInterruptedSaysSo(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t).withSchema(t)
	fillEveryTable(t, path)
	reached, goOn := to.stopAtEvents(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := CopyData(ctx, path, to.url, CopyOptions{})
		ended <- err
	}()
	reached()
	if _, err := CopyData(t.Context(), path, to.url, CopyOptions{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a copy beside it: %v", err)
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrInUse) {
		t.Errorf("a program beside it: %v", err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	goOn()
}

func TestNobodyWritesWhileDataIsCopied(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t).withSchema(t)
	fillEveryTable(t, path)
	s := connectTo(t, to.url.Reveal()+"&lock_timeout=1ms")
	reached, goOn := to.stopAtEvents(t)
	ended := make(chan error)
	go func() {
		_, err := CopyData(t.Context(), path, to.url, CopyOptions{})
		ended <- err
	}()
	reached()
	if _, err := makeUser(t.Context(), s); err == nil {
		t.Error("somebody has been made an account")
	}
	goOn()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestADatabaseWithRowsIsCopiedNothingTo(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t).withSchema(t)
	fillEveryTable(t, path)
	to.exec(t, "INSERT INTO forms (user_id, id, used_at) VALUES ('ada', 'form', 0)")
	for _, dry := range []bool{false, true} {
		_, err := CopyData(t.Context(), path, to.url, CopyOptions{DryRun: dry})
		wantSentence(t, err, "is not empty", "forms")
	}
	if rows := rowsThere(t, to.conn, "forms"); len(rows) != 1 {
		t.Errorf("%d forms", len(rows))
	}
}

func TestNothingIsCopiedBesideANodeThatRuns(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t).withSchema(t)
	fillEveryTable(t, path)
	var columns string
	if err := to.conn.QueryRow(t.Context(), `SELECT string_agg(CASE WHEN column_name = 'seen_at' THEN 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)'
		WHEN data_type = 'text' THEN '''north''' ELSE '7' END, ', ' ORDER BY ordinal_position)
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'nodes'`).Scan(&columns); err != nil {
		t.Fatal(err)
	}
	to.exec(t, "INSERT INTO nodes VALUES ("+columns+")")
	_, err := CopyData(t.Context(), path, to.url, CopyOptions{})
	wantSentence(t, err, `"north" is running`)
	to.wantNothing(t)
	to.exec(t, "UPDATE nodes SET seen_at = seen_at - 60000")
	if _, err := CopyData(t.Context(), path, to.url, CopyOptions{}); err != nil {
		t.Errorf("after it has ended: %v", err)
	}
}

func TestWhatCannotBeCopiedIsNamed(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t).withSchema(t)
	fillEveryTable(t, path)
	db := openRaw(t, path)

	missing := newFile(t)
	_, err := CopyData(t.Context(), missing, to.url, CopyOptions{})
	wantSentence(t, err, "there is no such database")
	if _, err := os.Stat(missing); err == nil {
		t.Error("a database was made")
	}

	noise := newFile(t)
	if err := os.WriteFile(noise, []byte(strings.Repeat("noise", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = CopyData(t.Context(), noise, to.url, CopyOptions{})
	wantSentence(t, err, "not a database")

	s := openFile(t, newFile(t))
	if _, err = CopyData(t.Context(), s.file.path, to.url, CopyOptions{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a file in use: %v", err)
	}

	run(t, db, "UPDATE goose_db_version SET version_id = version_id - 1")
	_, err = CopyData(t.Context(), path, to.url, CopyOptions{})
	wantSentence(t, err, "its schema is older than this program")
	run(t, db, "UPDATE goose_db_version SET version_id = version_id + 2")
	if _, err = CopyData(t.Context(), path, to.url, CopyOptions{}); !errors.Is(err, ErrNewer) {
		t.Errorf("of a newer program: %v", err)
	}
	run(t, db, "UPDATE goose_db_version SET version_id = version_id - 1")

	_, err = CopyData(t.Context(), path, "postgres://nobody:secret@/nowhere?host=/nowhere/at/all", CopyOptions{})
	wantSentence(t, err, "the database of PostgreSQL: ")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is told: %v", err)
	}
	to.exec(t, "UPDATE goose_db_version SET version_id = version_id - 1")
	if _, err = CopyData(t.Context(), path, to.url, CopyOptions{}); !errors.Is(err, ErrOldSchema) {
		t.Errorf("an older schema: %v", err)
	}
	to.exec(t, "UPDATE goose_db_version SET version_id = version_id + 2")
	_, err = CopyData(t.Context(), path, to.url, CopyOptions{})
	wantSentence(t, err, "of a newer latchkey")
	to.exec(t, "UPDATE goose_db_version SET version_id = version_id - 1; ALTER TABLE forms ADD COLUMN more TEXT")
	_, err = CopyData(t.Context(), path, to.url, CopyOptions{})
	wantSentence(t, err, "forms has 3 columns here and 4 in PostgreSQL")
	to.exec(t, "ALTER TABLE forms DROP COLUMN more, ALTER COLUMN used_at TYPE TEXT")
	_, err = CopyData(t.Context(), path, to.url, CopyOptions{})
	wantSentence(t, err, "used_at of the table forms", "INTEGER", "text")
	to.wantNothing(t)
}

func TestACopyWhoseCommitGotLostMayHaveHappened(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t).withSchema(t)
	fillEveryTable(t, path)
	proxy := pgtest.NewProxy(t, to.url.Reveal())
	proxy.CutBeforeCommit(1)
	if _, err := CopyData(t.Context(), path, model.Secret(proxy.URL()), CopyOptions{}); !errors.Is(err, model.ErrUnclear) {
		t.Errorf("a commit that got lost: %v", err)
	}
	to.exec(t, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; COMMIT") // the server has noticed
	to.wantNothing(t)
	proxy.CutAtCommit(1)
	_, err := CopyData(t.Context(), path, model.Secret(proxy.URL()), CopyOptions{})
	if !errors.Is(err, model.ErrUnclear) {
		t.Errorf("an answer that got lost: %v", err)
	}
	wantSentence(t, err)
	_, err = CopyData(t.Context(), path, model.Secret(proxy.URL()), CopyOptions{})
	wantSentence(t, err, "is not empty")
}

// answers are what a store says of everything that is known of users.
func answers(t *testing.T, s *Store, users []string) map[string]string {
	t.Helper()
	said := map[string]string{"recording since": s.RecordingSince().String()}
	for _, id := range users {
		say := func(about string, what any, err error) {
			said[about+" of "+id] = fmt.Sprintf("%+v, %v", what, errors.Is(err, model.ErrNotFound))
			if err != nil && !errors.Is(err, model.ErrNotFound) {
				t.Error(err)
			}
		}
		user, err := s.User(t.Context(), id)
		say("account", user, err)
		identities, err := s.Identities(t.Context(), id)
		say("identities", identities, err)
		keys, err := s.Keys(t.Context(), id)
		say("keys", keys, err)
		sessions, err := s.AuthSessions(t.Context(), id, time.Now().Add(-time.Minute))
		say("sessions", sessions, err)
		browsers, err := s.WebSessions(t.Context(), id)
		say("browsers", browsers, err)
		events, err := s.Events(t.Context(), id, model.EventQuery{Limit: 1000})
		say("events", events, err)
	}
	return said
}

func TestAfterACopyPostgreSQLGivesTheSameAnswers(t *testing.T) {
	t.Parallel()
	path, to := newFile(t), newTarget(t)
	here := openFile(t, path)
	told := newTold()
	for range 20 {
		liveOneLife(t.Context(), here, told.tell)
	}
	if _, err := here.Look(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	l := newLedger()
	l.noteAll(t, told.soFar())
	users := slices.Collect(maps.Keys(l.lives))
	before, believed := answers(t, here, users), here.Believed()
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := CopyData(t.Context(), path, to.url, CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	there := connectTo(t, to.url.Reveal())
	after := answers(t, there, users)
	for about := range before {
		if before[about] != after[about] {
			t.Errorf("%s:\n%s\nis after the copy\n%s", about, before[about], after[about])
		}
	}
	if !there.Believed().Equal(believed.Truncate(time.Millisecond)) {
		t.Errorf("the time was %v and is %v", believed, there.Believed())
	}
	l.compare(t, there)
	for _, id := range users {
		if keys, err := there.Keys(t.Context(), id); err == nil && len(keys.List) > 0 {
			if _, err := there.APIKeyByValueHash(t.Context(), sha256.Sum256([]byte(keys.List[0].ID))); err != nil {
				t.Errorf("the value of a key: %v", err)
			}
		}
	}
	if _, err := makeUser(t.Context(), there); err != nil {
		t.Error(err)
	}
}

// What is copied was sent from where it was, or waits there: the trigger on events must not queue it again.
func TestNothingIsSentAgainToAWebhookAfterACopy(t *testing.T) {
	t.Parallel()
	path, to, now := newFile(t), newTarget(t), time.Now()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	user := mustUser(t, s)
	w := model.Webhook{ID: "0a1b2c3d", URL: "https://ops.example.org", Kinds: []model.EventKind{model.EventKeyMade}, Sealed: []byte("sealed"), CreatedAt: now}
	err = s.AddWebhook(t.Context(), w, 1, model.OperatorAct{ID: model.NewID(now), At: now})
	for range 2 {
		err = errors.Join(err, s.RecordEvent(t.Context(), model.Event{UserID: user, At: now, Kind: model.EventKeyMade}))
	}
	q, failed := s.NextQueued(t.Context(), w.ID, now)
	_, noted := s.Delivered(t.Context(), w.ID, q.Event, now, now, now)
	if err = errors.Join(err, failed, noted, s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := CopyData(t.Context(), path, to.url, CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if events, waiting := rowsThere(t, to.conn, "events"), rowsThere(t, to.conn, "webhook_outbox"); len(events) != 2 || len(waiting) != 1 {
		t.Errorf("of %d events %q wait", len(events), waiting)
	}
}
