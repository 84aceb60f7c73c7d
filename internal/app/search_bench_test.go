package app

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

const (
	// searchedVariable says among how many people the benchmark searches, and searchedFile in which file they stay for the next run: to
	// create them takes minutes.
	searchedVariable = "LATCHKEY_PEOPLE"
	searchedFile     = "LATCHKEY_PEOPLE_FILE"
)

// searched are statements that fill a database with so many people: each has an address and two keys, of which one was used, and a session; one
// of ten signs in with Google too, and one of twenty with a token. What the engines write differently is in braces.
var searched = []string{
	`INSERT INTO users (id, created_at) SELECT {id}, 1760000000000 + n FROM {numbers}`,
	`INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at, pending, spelling)
		SELECT {id}, {id}, 'local-userpass', {letters} || n || '@example.org', '$argon2id$', 1760000000000, {false}, {letters} || n || '@example.org' FROM {numbers}`,
	`INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at)
		SELECT 'a' || substr({id}, 2), {id}, 'oauth2-google', '10' || n, '', 1760000000000 FROM {numbers} WHERE n % 10 = 0`,
	`INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at)
		SELECT 'b' || substr({id}, 2), {id}, 'custom-token', 'auth0|' || n, '', 1760000000000 FROM {numbers} WHERE n % 20 = 0`,
	`INSERT INTO api_keys (user_id, id, name, value_hash, disabled, created_at) SELECT {id}, 'c' || substr({id}, 2), 'pump', {random}, {false}, 1760000000000 FROM {numbers}`,
	`INSERT INTO api_keys (user_id, id, name, value_hash, disabled, created_at) SELECT {id}, 'd' || substr({id}, 2), 'cam', {random}, {false}, 1760000000000 FROM {numbers}`,
	`INSERT INTO key_uses (user_id, key_id, first_used_at, last_used_at) SELECT {id}, 'c' || substr({id}, 2), 1760000000000, 1760000000000 + n FROM {numbers}`,
	`INSERT INTO auth_sessions (id, user_id, device_id, provider, identity_id, created_at, expires_at, last_seen_at, address, agent, device_name, platform, sdk)
		SELECT 'e' || substr({id}, 2), {id}, '', 'local-userpass', {id}, 1760000000000, 1860000000000, 1760000000000, '', '', '', '', '' FROM {numbers}`,
}

// BenchmarkSearch is what an operator's search costs among very many people, 1,000 unless the variable says more:
//
//	LATCHKEY_PEOPLE=1000000 go test -run '^$' -bench BenchmarkSearch -benchtime 200x ./internal/app
func BenchmarkSearch(b *testing.B) {
	people := 1000
	if n, err := strconv.Atoi(os.Getenv(searchedVariable)); err == nil {
		people = n
	}
	b.Run("engine=sqlite", func(b *testing.B) {
		path := cmp.Or(os.Getenv(searchedFile), filepath.Join(b.TempDir(), "search.db"))
		_, missing := os.Stat(path)
		st, err := store.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = st.Close() }()
		if missing == nil {
			benchmarkSearch(b, st, people)
			return
		}
		if err := st.Close(); err != nil {
			b.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			b.Fatal(err)
		}
		fillSearched(b, people, map[string]string{
			"{id}": "printf('%024x', n * 1000003)", "{letters}": "char(97 + n % 26, 97 + n / 26 % 26, 97 + n / 676 % 26)", "{random}": "randomblob(32)", "{false}": "0",
			"{numbers}": fmt.Sprintf("(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n FROM c)", people),
		}, func(text string) error { _, err := db.ExecContext(b.Context(), text); return err })
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		if st, err = store.Open(b.Context(), path); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = st.Close() }()
		benchmarkSearch(b, st, people)
	})
	b.Run("engine=postgres", func(b *testing.B) {
		url := pgtest.URL(b)
		st, err := store.Connect(b.Context(), model.Secret(url), store.Options{Migrate: true})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = st.Close() }()
		conn, err := pgx.Connect(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
		exec := func(text string) error { _, err := conn.Exec(b.Context(), text); return err }
		fillSearched(b, people, map[string]string{
			"{id}": "lpad(to_hex(n::bigint * 1000003), 24, '0')", "{letters}": "chr(97 + n % 26) || chr(97 + n / 26 % 26) || chr(97 + n / 676 % 26)",
			"{random}": "sha256(convert_to(random()::text || n, 'UTF8'))", "{false}": "FALSE", "{numbers}": fmt.Sprintf("generate_series(1, %d) AS g(n)", people),
		}, exec)
		if err := exec("ANALYZE"); err != nil {
			b.Fatal(err)
		}
		benchmarkSearch(b, st, people)
	})
}

// fillSearched runs the statements in the words of an engine.
func fillSearched(b *testing.B, people int, words map[string]string, exec func(string) error) {
	b.Helper()
	began := time.Now()
	for _, text := range searched {
		for word, means := range words {
			text = strings.ReplaceAll(text, word, means)
		}
		if err := exec(text); err != nil {
			b.Fatalf("%s: %v", text, err)
		}
	}
	b.Logf("filled with %d people in %s", people, time.Since(began).Round(time.Second))
}

// benchmarkSearch measures each kind of look for people.
func benchmarkSearch(b *testing.B, st *store.Store, people int) {
	a := accounts.New(accounts.Config{MinPassword: 8, PasswordCost: testkit.Cheap}, st)
	made, _, err := a.Add(b.Context(), model.NewID(time.Now())+"@example.org", testkit.Password)
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err = a.MakeOperator(b.Context(), made.ID, true); err != nil {
		b.Fatal(err)
	}
	o, err := a.Operator(b.Context(), model.Account{UserID: made.ID, Provider: model.ProviderEmailPassword}, model.Origin{})
	if err != nil {
		b.Fatal(err)
	}
	for _, of := range []struct{ name, text string }{
		{"everybody", ""}, {"a letter", "m"}, {"a beginning", "mab"}, {"capitals", "MAB"}, {"an address", "BAA1@Example.org"}, {"nobody", "nobody-is-called-that@"},
		{"a digit of Google", "1"}, {"an id", fmt.Sprintf("%024x", people/2*1000003)},
	} {
		b.Run(of.name, func(b *testing.B) {
			benchmarkCalls(b, func(ctx context.Context, _ int) error {
				_, err := o.Search(ctx, of.text, "")
				return err
			})
		})
	}
	b.Run("the hundredth page of a letter", func(b *testing.B) {
		after := ""
		for range 100 {
			page, err := o.Search(b.Context(), "m", after)
			if err != nil {
				b.Fatal(err)
			}
			after = page.More
		}
		benchmarkCalls(b, func(ctx context.Context, _ int) error {
			_, err := o.Search(ctx, "m", after)
			return err
		})
	})
	b.Run("a value", func(b *testing.B) {
		benchmarkCalls(b, func(ctx context.Context, i int) error {
			act := model.OperatorAct{ID: model.NewID(time.Now()), At: time.Now(), OperatorID: made.ID, Act: model.ActValueLookedUp}
			if _, err := st.FindValue(ctx, [32]byte{byte(i), byte(i >> 8)}, act); err != nil && !model.Is(err, model.KindNotFound) && err.Error() != "find value: not found" {
				return err
			}
			return nil
		})
	})
}

// benchmarkCalls makes b.N calls, one after the other, and reports how long the middle one and the slowest of a hundred take.
func benchmarkCalls(b *testing.B, call func(ctx context.Context, i int) error) {
	b.Helper()
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for i := range b.N {
		began := time.Now()
		if err := call(b.Context(), i); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
