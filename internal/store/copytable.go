package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// valueKind is what a column holds on both sides.
type valueKind int

const (
	ofNumber valueKind = iota
	ofFlag             // which is a number in SQLite
	ofText
	ofBytes
)

// kindOf is by how a column is declared in SQLite and in PostgreSQL.
var kindOf = map[[2]string]valueKind{
	{"INTEGER", "bigint"}: ofNumber, {"INTEGER", "boolean"}: ofFlag, {"TEXT", "text"}: ofText, {"BLOB", "bytea"}: ofBytes,
}

// copiedTable is a table whose rows are read in the order of its key.
type copiedTable struct {
	name    string
	columns []string
	kinds   []valueKind
	key     []int // columns, in the order in which they count

	rows       int64
	cleanedKey bool
}

// look finds out what columns the table has, which must be the same on both sides.
func (t *copiedTable) look(ctx context.Context, from *sql.Conn, to *pgx.Conn) error {
	there, err := columnsOf(ctx, to, t.name)
	if err != nil {
		return targetError(ctx, err)
	}
	rows, err := from.QueryContext(ctx, "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", t.name)
	if err != nil {
		return sourceError(err)
	}
	defer func() { _ = rows.Close() }()
	places := map[int]int{}
	for rows.Next() {
		var name, declared string
		var place int
		if err := rows.Scan(&name, &declared, &place); err != nil {
			return sourceError(err)
		}
		kind, ok := kindOf[[2]string{declared, there[name]}]
		if !ok {
			return fmt.Errorf("the column %s of the table %s is %q here and %q in PostgreSQL", name, t.name, declared, there[name])
		}
		if place > 0 {
			places[place] = len(t.columns)
		}
		t.columns, t.kinds = append(t.columns, name), append(t.kinds, kind)
	}
	for place := range len(places) {
		t.key = append(t.key, places[place+1])
	}
	if len(t.columns) != len(there) {
		return fmt.Errorf("the table %s has %d columns here and %d in PostgreSQL", t.name, len(t.columns), len(there))
	}
	return rows.Err()
}

// columnsOf are the columns of a table of PostgreSQL, and their types.
func columnsOf(ctx context.Context, to *pgx.Conn, table string) (map[string]string, error) {
	rows, err := to.Query(ctx, `
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`, table)
	if err != nil {
		return nil, err
	}
	columns := map[string]string{}
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		columns[name] = kind
		return nil
	})
	return columns, err
}

// query reads all rows, in the order of their keys as they are once they are cleaned: so PostgreSQL has them.
func (t *copiedTable) query(clean bool) string {
	var order []string
	for _, i := range t.key {
		by := t.columns[i]
		if clean && t.kinds[i] == ofText {
			by += " COLLATE " + byCleanText
		}
		order = append(order, by)
	}
	return "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name + " ORDER BY " + strings.Join(order, ", ")
}

// source reads the rows of a table of SQLite, as PostgreSQL will have them. It is what pgx copies from.
type source struct {
	*copiedTable
	rows    *sql.Rows
	clean   bool
	cleaned func(CleanedText) // told of each text that was replaced
	left    int               // of this COPY
	more    bool              // there may be more after it
	values  []any
	dest    []any
	err     error
}

// Next goes to the next row, unless this COPY has enough.
func (s *source) Next() bool {
	if s.left == 0 {
		return false
	}
	s.left--
	return s.next()
}

func (s *source) next() bool {
	if s.more = s.rows.Next(); !s.more {
		s.err = s.rows.Err()
		return false
	}
	if s.err = s.rows.Scan(s.dest...); s.err == nil {
		s.err = s.convert()
	}
	s.more = s.err == nil
	return s.more
}

// convert makes of a row what it is in PostgreSQL.
func (s *source) convert() error {
	var replaced []int
	for i, value := range s.values {
		switch value := value.(type) {
		case int64:
			if s.kinds[i] == ofFlag {
				s.values[i] = value != 0
			}
		case []byte:
			if value == nil { // so the driver has it when it is empty
				s.values[i] = []byte{}
			}
		case string:
			if cleanText(value) != value {
				replaced = append(replaced, i)
			}
		}
	}
	if len(replaced) == 0 {
		return nil
	}
	key := s.keyText()
	for _, i := range replaced {
		where := CleanedText{Table: s.name, Column: s.columns[i], Row: key}
		if !s.clean {
			return fmt.Errorf("%w: column %s of table %s contains a NUL or invalid UTF-8 in row %s", ErrText, where.Column, where.Table, where.Row)
		}
		text, _ := s.values[i].(string)
		s.values[i] = cleanText(text)
		s.cleanedKey = s.cleanedKey || slices.Contains(s.key, i)
		if s.cleaned != nil {
			s.cleaned(where)
		}
	}
	return nil
}

// keyText names a row.
func (s *source) keyText() string {
	var parts []string
	for _, i := range s.key {
		switch value := s.values[i].(type) {
		case string:
			parts = append(parts, fmt.Sprintf("%+q", value))
		case []byte:
			parts = append(parts, hex.EncodeToString(value))
		default:
			parts = append(parts, fmt.Sprint(value))
		}
	}
	return strings.Join(parts, ", ")
}

// Values is the row.
func (s *source) Values() ([]any, error) { return s.values, nil }

// Err is why there is no next row.
func (s *source) Err() error { return s.err }

// tableSum is the running sum of a table: of the values of every row as PostgreSQL sends them in binary, each with its length before it.
type tableSum struct {
	name string
	rows int64
	hash hash.Hash
	row  []byte
}

func newTableSum(t *copiedTable) *tableSum { return &tableSum{name: t.name, hash: sha256.New()} }

// add adds a value of SQLite.
func (s *tableSum) add(kind valueKind, value any) error {
	switch value := value.(type) {
	case nil:
		s.addRaw(nil)
		return nil
	case int64:
		if kind == ofNumber {
			s.addRaw(binary.BigEndian.AppendUint64(nil, uint64(value))) //nolint:gosec // the same bits
			return nil
		}
	case bool:
		raw := []byte{0}
		if value {
			raw[0] = 1
		}
		s.addRaw(raw)
		return nil
	case string:
		if kind == ofText {
			s.addRaw([]byte(value))
			return nil
		}
	case []byte:
		if kind == ofBytes {
			s.addRaw(value)
			return nil
		}
	}
	return fmt.Errorf("there is a %T in it", value)
}

// addRaw adds a value as PostgreSQL sends it; nil is NULL.
func (s *tableSum) addRaw(value []byte) {
	length := uint32(len(value)) //nolint:gosec // neither side has values of 4 GB
	if value == nil {
		length = ^uint32(0)
	}
	s.row = append(binary.BigEndian.AppendUint32(s.row, length), value...)
}

func (s *tableSum) endRow() {
	s.rows++
	_, _ = s.hash.Write(s.row) // never fails
	s.row = s.row[:0]
}

func (s *tableSum) sum() CopiedTable {
	return CopiedTable{Name: s.name, Rows: s.rows, SHA256: hex.EncodeToString(s.hash.Sum(nil))}
}
