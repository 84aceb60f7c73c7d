package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
)

// wantRefused fails the test unless a database is refused in one sentence that says the parts, and nothing of what is secret; and at once,
// since waiting mends nothing.
func wantRefused(t *testing.T, url string, parts ...string) {
	t.Helper()
	began := time.Now()
	s, err := Connect(t.Context(), model.Secret(url), Options{Migrate: true})
	if err == nil {
		_ = s.Close()
		t.Errorf("it serves, and should say %q", parts)
		return
	}
	if took := time.Since(began); took > patience-2*time.Second {
		t.Errorf("%q took %v", err, took)
	}
	wantSentence(t, err, parts...)
	for _, secret := range []string{"canary", "://", "pool_max_conns"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q tells %q", err, secret)
		}
	}
}

// with gives a URL another user and password, database, and parameters.
func with(url, user, database, parameters string) string {
	url = strings.Replace(url, "://latchkey@/postgres?", "://"+user+"@/"+database+"?pool_max_conns=3&", 1)
	return url + parameters
}

func TestAServerThatForgetsIsRefused(t *testing.T) {
	t.Parallel()
	wantRefused(t, pgtest.Start(t, "fsync=off").URL(), "fsync off", "can lose data")
}

func TestADatabaseThatWillNotDoIsRefusedInOneSentence(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.URL()
	to := targetAt(t, url)
	for _, statement := range []string{
		"CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'",
		"CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'",
		"CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
		"CREATE ROLE hasty LOGIN", "ALTER ROLE hasty SET synchronous_commit = off",
		"CREATE ROLE reader LOGIN", "ALTER ROLE reader SET default_transaction_read_only = on",
		"CREATE ROLE guest LOGIN", "CREATE ROLE sleeper",
		"CREATE ROLE locked LOGIN PASSWORD 'right'",
	} {
		to.exec(t, statement)
	}
	requirePassword(t, to, url, "locked")

	wantRefused(t, with(url, "latchkey", "latin", ""), "LATIN1", "only UTF8")
	wantRefused(t, with(url, "latchkey", "ascii", ""), "SQL_ASCII", "only UTF8")
	wantRefused(t, with(url, "hasty", "postgres", ""), "synchronous_commit off", "can lose data")
	wantRefused(t, with(url, "latchkey", "postgres", "&synchronous_commit=off"), "synchronous_commit off")
	wantRefused(t, with(url, "locked:canary", "postgres", ""), "password authentication failed")
	wantRefused(t, with(url, "nobody:canary", "postgres", ""), `role "nobody" does not exist`)
	wantRefused(t, with(url, "sleeper:canary", "postgres", ""), "not permitted to log in")
	wantRefused(t, with(url, "latchkey:canary", "nowhere", ""), `database "nowhere" does not exist`)
	wantRefused(t, with(url, "guest:canary", "closed", ""), "permission denied for database")
	wantRefused(t, with(url, "guest:canary", "postgres", ""), "permission denied for schema public")
	wantRefused(t, with(url, "latchkey:canary", "postgres", "&search_path=nowhere"), "no schema")
	wantRefused(t, "postgres://u:canary@127.0.0.1:1/db?sslrootcert=/nowhere/ca.pem&sslmode=verify-full", "/nowhere/ca.pem")
	wantRefused(t, "postgres://u:canary@[/x", "not the URL of a PostgreSQL database")

	to.withSchema(t)
	for _, step := range []struct{ grant, lacks string }{
		{"SELECT ON ALL TABLES IN SCHEMA public", "INSERT"}, {"INSERT ON ALL TABLES IN SCHEMA public", "UPDATE"},
		{"UPDATE, DELETE ON ALL TABLES IN SCHEMA public", ""}, // and one is taken back
	} {
		to.exec(t, "GRANT "+step.grant+" TO guest")
		if step.lacks == "" {
			to.exec(t, "REVOKE DELETE ON forms FROM guest")
			wantRefused(t, with(url, "guest:canary", "postgres", ""), "lacks the right to DELETE", "table forms", "grant")
			to.exec(t, "GRANT DELETE ON forms TO guest")
			continue
		}
		wantRefused(t, with(url, "guest:canary", "postgres", ""), "lacks the right to "+step.lacks, "grant")
	}
	s, err := Connect(t.Context(), model.Secret(with(url, "guest", "postgres", "")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	to.exec(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader")
	wantRefused(t, with(url, "reader:canary", "postgres", ""), "cannot be written to", "default_transaction_read_only")
}

// requirePassword has a server ask a role for its password, which it asks nobody else.
func requirePassword(t *testing.T, to target, url, role string) {
	t.Helper()
	var file string
	if err := to.conn.QueryRow(t.Context(), "SHOW hba_file").Scan(&file); err != nil {
		t.Fatal(err)
	}
	to.exec(t, "COPY (VALUES ('local all "+role+" scram-sha-256'), ('local all all trust')) TO '"+file+"'")
	to.exec(t, "SELECT pg_reload_conf()")
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := pgx.Connect(t.Context(), strings.Replace(url, "://latchkey@", "://"+role+"@", 1))
		if err != nil {
			return
		}
		_ = conn.Close(t.Context())
		if time.Since(began) > time.Minute {
			t.Fatal("the server asks for no password")
		}
	}
}

func TestAServerWillDoOrIsToldWhyNot(t *testing.T) {
	good := serverSettings{version: 150018, encoding: "UTF8", fsync: "on", synchronous: "remote_apply"}
	for want, change := range map[string]func(*serverSettings){
		"":                      func(*serverSettings) {},
		"PostgreSQL 14":         func(s *serverSettings) { s.version = 149999 },
		"must be at least":      func(s *serverSettings) { s.version = 90624 },
		"LATIN1":                func(s *serverSettings) { s.encoding = "LATIN1" },
		"fsync off":             func(s *serverSettings) { s.fsync = "off" },
		"synchronous_commit":    func(s *serverSettings) { s.synchronous = "off" },
		"a standby, which cann": func(s *serverSettings) { s.standby = true },
	} {
		s := good
		change(&s)
		if err := s.check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("of %+v it says %v", s, err)
		}
	}
}

func TestAStandbyIsRefusedUntilItIsNone(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	to := targetAt(t, server.URL()).withSchema(t)
	var data string
	if err := to.conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	server.StopFast()
	if err := os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	server.Start()
	_, err := Connect(t.Context(), to.url, Options{Migrate: true, patience: 4 * time.Second})
	for began := time.Now(); err != nil && !strings.Contains(err.Error(), "a standby") && time.Since(began) < time.Minute; { // a busy server is slow to answer
		_, err = Connect(t.Context(), to.url, Options{Migrate: true, patience: 4 * time.Second})
	}
	wantSentence(t, err, "a standby", "cannot be written to")
	ready := make(chan error)
	go func() {
		s, err := Connect(t.Context(), to.url, Options{Migrate: true})
		if err == nil {
			err = s.Close()
		}
		ready <- err
	}()
	targetAt(t, server.URL()).exec(t, "SELECT pg_promote(FALSE)")
	if err := <-ready; err != nil {
		t.Errorf("a node that waits when it takes over: %v", err)
	}
}

func TestAServerThatIsNotWhatItSaysIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	proxy := pgtest.NewProxy(t, pgtest.URL(t))
	wantRefused(t, strings.Replace(proxy.URL(), "sslmode=disable", "sslmode=verify-full", 1), "server refused TLS")
	wantRefused(t, "postgres://u:canary@"+selfSigned(t)+"/db?sslmode=verify-full", "certificate")
}

// selfSigned is the address of something that answers as a server of PostgreSQL with TLS does, with a certificate that nobody knows.
func selfSigned(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 8)) // asks for TLS
			_, _ = conn.Write([]byte{'S'})
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}})
			_ = secured.Handshake()
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// What waiting may mend is waited for, and no longer than is promised.
func TestADatabaseThatIsAwayIsWaitedForAndNotForEver(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, address := range map[string]string{"refuses": gone.Addr().String(), "is silent": silent.Addr().String()} {
		t.Run("one that "+name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := Connect(t.Context(), model.Secret("postgres://u:canary@"+address+"/db?sslmode=disable"), Options{Migrate: true, patience: time.Second})
			// A connection that is being established when time is up ends within its own five seconds.
			if took := time.Since(began); took < time.Second || took > patience {
				t.Errorf("it was waited for for %v", took)
			}
			wantSentence(t, err, "the database cannot be reached")
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "://") {
				t.Errorf("%v", err)
			}
		})
	}
}
