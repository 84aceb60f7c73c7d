package app

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"modernc.org/sqlite"

	"latchkey/client"
	"latchkey/internal/testkit"
)

// TestMillionUsers is no test either: it tells what a list, a sign-in and a create cost with a million users, two million keys and
// two million events, as ratios to the same with a thousand users. Both programs take turns. The first run fills the databases, which
// takes minutes; they stay in the directory that the variable names, for the next one, which works on copies:
//
//	LATCHKEY_MILLION=/var/tmp/million taskset -c 1 go test -count=1 -timeout 30m -run TestMillionUsers -v ./internal/app
func TestMillionUsers(t *testing.T) {
	dir := os.Getenv(millionVariable)
	if dir == "" {
		t.Skip("set " + millionVariable + " to measure")
	}
	binary := buildProgram(t)
	var crowds []*multitude
	for _, users := range []int{1_000, 1_000_000} {
		crowds = append(crowds, newMultitude(t, binary, filepath.Join(dir, strconv.Itoa(users)), users))
	}
	for _, act := range []struct {
		name   string
		before func(m *multitude)
		run    func(m *multitude, conns int) sample
	}{
		{"list of anybody's keys", nil, func(m *multitude, conns int) sample { return m.drive(t, conns, m.list) }},
		{"sign in with any key", nil, func(m *multitude, conns int) sample { return m.drive(t, conns, m.signIn) }},
		{
			"create by a hundred", func(m *multitude) { m.clear(t, m.creators) },
			func(m *multitude, conns int) sample { return m.create(t, m.server, conns, m.creators) },
		},
	} {
		t.Run(act.name, func(t *testing.T) {
			for _, m := range crowds {
				if act.before != nil {
					act.before(m)
				}
			}
			for _, conns := range []int{1, 16} {
				samples := make([][]sample, len(crowds))
				for round := range loadRounds + 1 {
					for i, m := range crowds {
						if s := act.run(m, conns); round > 0 { // the first warms up
							samples[i] = append(samples[i], s)
						}
					}
				}
				tellRatio(t, act.name, conns, samples[0], samples[1])
			}
		})
	}
	for _, m := range crowds {
		t.Logf("memory with %d users: %.1f MB", m.users, m.server.memory(t))
		m.server.stop(t)
	}
}

const (
	millionVariable = "LATCHKEY_MILLION"
	keysOfEach      = 2
	creatorsOfMany  = 100
)

// tellRatio logs how many times as much the second costs, in processor time and in time.
func tellRatio(t *testing.T, name string, conns int, few, many []sample) {
	t.Helper()
	var cpu, rate []float64
	for i := range few {
		cpu = append(cpu, float64(many[i].cpu)/float64(few[i].cpu))
		rate = append(rate, few[i].rate/many[i].rate)
	}
	slices.Sort(cpu)
	slices.Sort(rate)
	a, b := median(few), median(many)
	t.Logf("%-24s c=%-2d cpu %v -> %v: %.2f (%.2f to %.2f)  requests/s %.0f -> %.0f: %.2f  p99 %v -> %v", name, conns,
		a.cpu, b.cpu, cpu[len(cpu)/2], cpu[0], cpu[len(cpu)-1], a.rate, b.rate, rate[len(rate)/2], a.p99, b.p99)
}

// multitude is a program with very many users, some of whom are signed in.
type multitude struct {
	*people
	server *server
	users  int
}

func newMultitude(t *testing.T, binary, data string, users int) *multitude {
	t.Helper()
	addr := "127.0.0.1:" + freePort(t)
	if _, err := os.Stat(data); os.IsNotExist(err) {
		partial := data + ".partial" // of a run that was interrupted nothing is used
		if err := os.RemoveAll(partial); err != nil {
			t.Fatal(err)
		}
		s := startServer(t, addr, binary, "--data", partial, "--log-level", "error")
		(&people{}).register(t, newClient(t, "http://"+addr), "pattern@example.com")
		s.stop(t)
		began := time.Now()
		multiply(t, filepath.Join(partial, databaseFile), users)
		t.Logf("%d users made in %v", users, time.Since(began).Round(time.Second))
		if err := os.Rename(partial, data); err != nil {
			t.Fatal(err)
		}
	}
	used := t.TempDir()
	for _, name := range []string{databaseFile, sessionKeysFile, accessKeyFile} {
		copyFlushed(t, filepath.Join(data, name), filepath.Join(used, name))
	}
	m := &multitude{&people{host: addr}, startServer(t, addr, binary, "--data", used, "--log-level", "error"), users}
	t.Logf("start with %d users: %v to the first answer", users, m.server.started)
	for i := range creatorsOfMany {
		c := newClientFrom(t, "http://"+addr, i/25)
		session, err := c.Login(t.Context(), client.EmailPassword(fmt.Sprintf("user-%d@example.com", i*m.every()), testkit.Password))
		if err != nil {
			t.Fatal(err)
		}
		m.creators = append(m.creators, session)
	}
	return m
}

// every so many users one is signed in, and creates keys.
func (m *multitude) every() int { return m.users / creatorsOfMany }

// copyFlushed leaves nothing for the first flush of a program to write.
func copyFlushed(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Sync(), target.Close()); err != nil {
		t.Fatal(err)
	}
}

func (m *multitude) drive(t *testing.T, conns int, request func(conn, n int) []byte) sample {
	t.Helper()
	until := time.Now().Add(loadTime)
	return drive(t, traffic{"", m.server, request}, conns, func(int) bool { return time.Now().Before(until) })
}

func (m *multitude) list(int, int) []byte {
	creator := m.creators[rand.IntN(len(m.creators))] //nolint:gosec // G404: any will do
	return m.http("GET", "/api/client/v2.0/auth/api_keys", "Authorization: Bearer "+creator.RefreshToken().Reveal(), "")
}

func (m *multitude) signIn(int, int) []byte {
	user := rand.IntN(m.users - 1) //nolint:gosec // G404: any will do
	if user%m.every() == 0 {       // the keys of creators are deleted
		user++
	}
	value := fmt.Sprintf(valueOfNumber, keysOfEach*user+rand.IntN(keysOfEach)) //nolint:gosec // as above
	return m.http("POST", "/api/client/v2.0/app/latchkey-local/auth/providers/api-key/login",
		"Content-Type: application/json", `{"key":"`+value+`"}`)
}

// valueOfNumber is the value of one of the keys that multiply makes.
const valueOfNumber = "%064d"

// multiply fills a database with users who have the password of the one who is there, and keys that were used. Ids grow with time, as
// ours do. The file is of no use if this fails half-way, so that nothing of it is flushed until the end.
func multiply(t *testing.T, file string, users int) {
	t.Helper()
	err := sqlite.RegisterDeterministicScalarFunction("sha256", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, _ := args[0].(string)
		sum := sha256.Sum256([]byte(text))
		return sum[:], nil
	})
	if err != nil {
		t.Log(err) // it is there since the other database
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	run := func(text string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(context.Background(), text, args...); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for _, pragma := range []string{"journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -2000000", "temp_store = MEMORY"} {
		run("PRAGMA " + pragma)
	}
	began := time.Now().AddDate(0, 0, -300) // nothing is old enough to be swept
	const each = 10_000
	for first := 0; first < users; first += each {
		run("BEGIN")
		for _, insert := range []string{
			`INSERT INTO users (id, created_at) SELECT user_id, at FROM made`,
			`INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at)
				SELECT printf('%08x%016x', at / 1000, i), user_id, provider, 'user-' || i || '@example.com', password_hash, at
				FROM made, (SELECT provider, password_hash FROM identities WHERE subject = 'pattern@example.com')`,
			`INSERT INTO api_keys (user_id, id, name, value_hash, disabled, created_at)
				SELECT user_id, key_id, name, sha256(printf('` + valueOfNumber + `', number)), 0, at FROM keys`,
			`INSERT INTO events (user_id, id, at, kind, actor, key_id, key_name, detail, address, agent)
				SELECT user_id, key_id, at, 'key_made', 'browser', key_id, name, '', '192.0.2.1', 'Firefox' FROM keys`,
			`INSERT INTO key_uses (user_id, key_id, first_used_at, last_used_at, address, device_name, platform, platform_version, sdk, sdk_version)
				SELECT user_id, key_id, at, at, '192.168.1.7', 'pi-4', 'linux', '6.1', 'realm-web', '2.0.1' FROM keys`,
		} {
			run(`WITH RECURSIVE
				numbers(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < ?2),
				made(i, user_id, at) AS (SELECT i, printf('%08x%016x', ?3 + ?4 * i / 1000, i), 1000 * ?3 + ?4 * i FROM numbers),
				keys(user_id, key_id, number, name, at) AS (
					SELECT user_id, printf('%08x%016x', at / 1000 + k, i), `+strconv.Itoa(keysOfEach)+` * i + k, 'device-' || k, at
					FROM made, (SELECT 0 AS k UNION ALL SELECT 1))
				`+insert, first, min(first+each, users), began.Unix(), (200*24*time.Hour).Milliseconds()/int64(users))
		}
		run("COMMIT")
	}
	run("PRAGMA journal_mode = WAL")
}
