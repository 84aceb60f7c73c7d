package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// nodeConfig is a node on the database of a URL, with all keys given.
func nodeConfig(t testing.TB, url, name string, pem string) config.Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.Database, cfg.Node, cfg.SessionKeys, cfg.AccessKeys = model.Secret(url), name, ring(0), model.Secret(pem)
	return cfg
}

// nodesOf are the names of those that are recorded.
func nodesOf(t testing.TB, a running) []string {
	t.Helper()
	all, err := a.store.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range all {
		names = append(names, n.Name)
	}
	return names
}

func TestTwoNodesServeTheSamePeople(t *testing.T) {
	t.Parallel()
	url, pem := pgtest.URL(t), accessPEM(t)
	a := run(t, nodeConfig(t, url, "a", pem))
	b := run(t, nodeConfig(t, url, "b", pem))
	if names := nodesOf(t, a); !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("nodes: %v", names)
	}
	if got, want := a.Data(), "Its data is in "+inPostgreSQL+": 0 accounts."; got != want {
		t.Errorf("%q", got)
	}
	p := signInPeople(t, a, 2)
	if browsers, programs := p.busy(t, b.URL()); browsers+programs != 0 {
		t.Errorf("the other node does not let in %d requests of browsers and %d of programs", browsers, programs)
	}
	if status := profileBy(t, b, newAccessToken(t, a)); status != http.StatusOK {
		t.Errorf("an access token of the other node: %d", status)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if names := nodesOf(t, b); !slices.Equal(names, []string{"b"}) {
		t.Errorf("when one has stopped: %v", names)
	}
}

// A container whose files cannot be written to has nothing to write.
func TestANodeWithAllItsKeysKeepsNothingInADirectory(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(t, pgtest.URL(t), "", accessPEM(t))
	a := run(t, cfg)
	if _, err := os.Stat(cfg.Data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a data directory: %v", err)
	}
	if a.commands != nil {
		t.Error("there is a socket for commands")
	}
	host, _ := os.Hostname()
	_, port, _ := net.SplitHostPort(a.listener.Addr().String())
	if names := nodesOf(t, a); len(names) != 1 || names[0] != host+":"+port {
		t.Errorf("the node is called %v", names)
	}
}

// Of keys that are not given the first start makes some, as without a database.
func TestANodeMakesKeysInItsDirectoryAndTellsWhenTheyWereLost(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	cfg := nodeConfig(t, pgtest.URL(t), "a", "")
	cfg.SessionKeys, cfg.LogTo, cfg.Log = "", &log, "json"
	a := run(t, cfg)
	p := signInPeople(t, a, 1)
	for _, lost := range []bool{false, true} {
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		if lost {
			if err := os.Remove(filepath.Join(cfg.Data, sessionKeysFile)); err != nil {
				t.Fatal(err)
			}
		}
		a = run(t, cfg)
		if said := strings.Contains(log.String(), "a new one was created"); said != lost {
			t.Errorf("lost: %t, log: %s", lost, log.String())
		}
		if browsers, _ := p.busy(t, a.URL()); (browsers > 0) != lost {
			t.Errorf("lost: %t, and %d requests were not let in", lost, browsers)
		}
	}
}

// keysOf are the keys that words name: "new old" signs with the new one, and accepts both.
func keysOf(t testing.TB, pems [2]string, words string) (session, access model.Secret) {
	t.Helper()
	var numbers []int
	for _, word := range strings.Fields(words) {
		n := map[string]int{"old": 0, "new": 1}[word]
		numbers, access = append(numbers, n), access+model.Secret(pems[n])
	}
	return ring(numbers...), access
}

func TestNodesFitWhenEachAcceptsWhatTheOtherSigns(t *testing.T) {
	t.Parallel()
	pems := [2]string{accessPEM(t), accessPEM(t)}
	named := func(session, access string) (n store.Node) {
		cfg := config.Defaults()
		cfg.SessionKeys, _ = keysOf(t, pems, session)
		_, cfg.AccessKeys = keysOf(t, pems, access)
		keys, pem, err := loadKeys(parsed(t, cfg), dataDir{})
		if err != nil {
			t.Fatal(err)
		}
		n.Name = "keys-1:8080"
		if n.RefreshKeys, n.AccessKeys, err = keyNames(keys, pem); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, tc := range []struct {
		one, other string
		fit        bool
	}{
		{"old", "old", true}, {"old", "old new", true}, {"old new", "new old", true}, {"new old", "new", true}, // a change, step by step
		{"old", "new", false},
		{"old", "new old", false}, // in one roll: what the newer signs, the other refuses
		{"old new", "new", false}, // too early: what the other signs, the newer refuses
	} {
		for _, pair := range [][2]string{{tc.one, tc.other}, {tc.other, tc.one}} {
			for what, err := range map[string]error{
				"session": fits(named(pair[0], "old"), named(pair[1], "old")),
				"access":  fits(named("old", pair[0]), named("old", pair[1])),
			} {
				want := "the " + what + " keys of this node differ from those of node keys-1:8080, which is running: give both the same " +
					"(docs/operating.md, Changing the key ring), or wait a minute if that node is gone"
				if (err == nil) != tc.fit || err != nil && err.Error() != want {
					t.Errorf("%s keys %q beside %q: %v", what, pair[0], pair[1], err)
				}
			}
		}
	}
	elsewhere := named("old", "old")
	elsewhere.AccessKeys = "" // with an upstream nothing signs access tokens
	if err := errors.Join(fits(elsewhere, named("old", "new")), fits(named("old", "new"), elsewhere)); err != nil {
		t.Error(err)
	}
}

func TestANodeWithOtherKeysDoesNotStartAndNamesTheOneThatRuns(t *testing.T) {
	t.Parallel()
	url, pems := pgtest.URL(t), [2]string{accessPEM(t), accessPEM(t)}
	with := func(name, session, access string) config.Config {
		cfg := nodeConfig(t, url, name, "")
		cfg.SessionKeys, _ = keysOf(t, pems, session)
		_, cfg.AccessKeys = keysOf(t, pems, access)
		return cfg
	}
	a := run(t, with("keys-1:8080", "old", "old"))
	for what, cfg := range map[string]config.Config{"session": with("keys-2:8080", "new old", "old"), "access": with("keys-2:8080", "old", "new")} {
		_, err := New(t.Context(), cfg)
		testkit.WantSentence(t, err, "the "+what+" keys of this node differ from those of node keys-1:8080, which is running")
		if names := nodesOf(t, a); !slices.Equal(names, []string{"keys-1:8080"}) {
			t.Errorf("nodes: %v", names)
		}
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	run(t, with("keys-2:8080", "new", "new")) // now that the other has gone
}

// Each change is two rolls, and each roll is node by node: at any time two neighbours of the list run.
func TestTwentyChangesOfTheRingOnTwoNodesSignNobodyOut(t *testing.T) {
	t.Parallel()
	url, pem := pgtest.URL(t), accessPEM(t)
	cfgs := []config.Config{nodeConfig(t, url, "a", pem), nodeConfig(t, url, "b", pem)}
	both := []running{run(t, cfgs[0]), run(t, cfgs[1])}
	p := signInPeople(t, both[0], 2)
	p.browsers = p.browsers[:1]
	changes := 20
	if testing.Short() {
		changes = 3
	}
	numbers := []int{0}
	var ending sync.WaitGroup
	defer ending.Wait()
	for change := 1; change <= changes; change++ {
		second := slices.Insert(slices.Clone(numbers), 1, change)
		first := slices.Insert(slices.Clone(numbers), 0, change)
		for roll, numbers := range [][]int{second, first} {
			for i, former := range both { // which ends while its successor is there already
				cfgs[i].SessionKeys = ring(numbers...)
				both[i] = run(t, cfgs[i])
				ending.Go(func() {
					if err := former.stop(); err != nil {
						t.Error(err)
					}
				})
				for _, node := range both {
					if browsers, programs := p.busy(t, node.URL()); browsers+programs != 0 {
						t.Fatalf("change %d, roll %d: %d requests of browsers and %d of programs were not let in", change, roll+1, browsers, programs)
					}
				}
				fresh, err := newClient(t, both[i].URL()).Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
				if err != nil {
					t.Fatal(err)
				}
				p.programs[change%2] = fresh // the other node accepts what the newcomer signs
			}
		}
		numbers = first
	}
}

func TestANodeThatWasKilledTakesItsPlaceAgainAtOnce(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(t, pgtest.URL(t), "a", accessPEM(t))
	killed, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { killed.nodes = nil; killed.release() }) // and has told nobody
	a := run(t, cfg)
	if names := nodesOf(t, a); !slices.Equal(names, []string{"a"}) {
		t.Errorf("nodes: %v", names)
	}
	a.nodes.beat(t.Context())
	if warned := a.warnings.forOperator(); len(warned) != 0 {
		t.Errorf("%+v", warned)
	}
}

func TestTwoNodesOfOneNameAreBothSeenAndToldOf(t *testing.T) {
	t.Parallel()
	url, pem := pgtest.URL(t), accessPEM(t)
	a := run(t, nodeConfig(t, url, "a", pem))
	b := run(t, nodeConfig(t, url, "a", pem))
	for range 2 {
		a.nodes.beat(t.Context())
		b.nodes.beat(t.Context())
	}
	if names := nodesOf(t, a); len(names) != 2 || names[0] != "a" || !strings.HasPrefix(names[1], "a~") || len(names[1]) != 8 {
		t.Errorf("nodes: %v", names)
	}
	if warned := a.warnings.forOperator(); len(warned) != 1 || warned[0].Kind != string(warnNodeName) || !strings.Contains(warned[0].Text, "--node") || warned[0].Times != 1 {
		t.Errorf("%+v", warned)
	}
	// One of another ring is refused by either name.
	cfg := nodeConfig(t, url, "a", pem)
	cfg.SessionKeys = ring(1)
	_, err := New(t.Context(), cfg)
	testkit.WantSentence(t, err, "the session keys of this node differ from those of node a")
}

func TestWhoeverStartsMoreNodesThanTheDatabaseHasConnectionsForIsWarned(t *testing.T) {
	t.Parallel()
	url, pem := pgtest.URL(t), accessPEM(t)
	a := run(t, nodeConfig(t, url, "a", pem))
	most, err := a.store.MaxConnections(t.Context())
	if err != nil || most < 20 {
		t.Fatal(most, err)
	}
	half := fmt.Sprintf("&pool_max_conns=%d", most/2)
	for name, want := range map[string]int{"&pool_max_conns=2": 0, half: 1} {
		b := run(t, nodeConfig(t, url+name, "b", pem))
		warned := b.warnings.forOperator()
		if len(warned) != want || want > 0 && warned[0].Kind != string(warnNodeRoom) {
			t.Errorf("%s: %+v", name, warned)
		}
	}
}

func TestANodeWhoseRowWasRemovedWritesItAgain(t *testing.T) {
	t.Parallel()
	a := run(t, nodeConfig(t, pgtest.URL(t), "a", accessPEM(t)))
	if err := a.store.LeaveNode(t.Context(), a.nodes.me); err != nil {
		t.Fatal(err)
	}
	a.nodes.beat(t.Context())
	if names := nodesOf(t, a); !slices.Equal(names, []string{"a"}) || len(a.warnings.forOperator()) != 0 {
		t.Errorf("nodes: %v, %+v", names, a.warnings.forOperator())
	}
}

func TestAClockThatIsNotTheDatabasesIsWarnedOfUntilItIs(t *testing.T) {
	t.Parallel()
	a, at := withAdmin(t, func(cfg *config.Config) {
		of := nodeConfig(t, pgtest.URL(t), "a", accessPEM(t))
		cfg.Database, cfg.Node, cfg.SessionKeys, cfg.AccessKeys = of.Database, of.Node, of.SessionKeys, of.AccessKeys
	})
	for _, off := range []time.Duration{0, -10 * time.Minute, 0, time.Hour} {
		a.nodes.mu.Lock() // beside the beats that come by themselves
		a.nodes.now = func() time.Time { return time.Now().Add(off) }
		a.nodes.mu.Unlock()
		a.nodes.beat(t.Context())
		a.nodes.beat(t.Context()) // which records what the first has found
		shown, err := strconv.ParseFloat(metricsOf(t, at)["latchkey_clock_offset_seconds"], 64)
		if err != nil || math.Abs(shown-off.Seconds()) > 10 {
			t.Errorf("off by %v: %f, %v", off, shown, err)
		}
		one := a.warnings.all()[slices.Index(warningKinds, warnNodeClock)]
		if one.Active() != (off != 0) {
			t.Errorf("off by %v: %+v", off, one)
		}
		all, err := a.store.Nodes(t.Context())
		if err != nil || (all[0].ClockOff-off).Abs() > 10*time.Second {
			t.Errorf("off by %v: %+v, %v", off, all, err)
		}
	}
}

func TestMetricsTellHowTheDatabaseIs(t *testing.T) {
	t.Parallel()
	_, at := withAdmin(t, func(cfg *config.Config) {
		of := nodeConfig(t, pgtest.URL(t), "a", accessPEM(t))
		cfg.Database, cfg.SessionKeys, cfg.AccessKeys = of.Database, of.SessionKeys, of.AccessKeys
	})
	values := metricsOf(t, at)
	for name, want := range map[string]string{
		"latchkey_database_up": "1", `latchkey_database_retries_total{why="conflict"}`: "0", `latchkey_database_retries_total{why="connection"}`: "0",
		"latchkey_database_unclear_total": "0", "latchkey_database_connections_max": "8", "latchkey_database_waiting": "0", "latchkey_ready": "1",
	} {
		if values[name] != want {
			t.Errorf("%s is %q", name, values[name])
		}
	}
	_, at = withAdmin(t)
	for name := range metricsOf(t, at) {
		if strings.HasPrefix(name, "latchkey_database_") || name == "latchkey_clock_offset_seconds" {
			t.Errorf("%s is told of a program that is alone", name)
		}
	}
}

func TestNothingOfTheURLOfTheDatabaseIsTold(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the patience with a database that is away to end")
	}
	const canary = "canary-of-the-database"
	var log testkit.Log
	cfg := nodeConfig(t, strings.Replace(pgtest.URL(t), "@", ":"+canary+"@", 1), "a", accessPEM(t))
	cfg.LogTo, cfg.LogLevel = &log, "debug"
	if !strings.Contains(cfg.Database.Reveal(), canary) {
		t.Fatal("there is no user in the URL of the tests")
	}
	a := run(t, cfg)
	told := a.Data() + fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	cfg.Database = model.Secret("postgres://nobody:" + canary + "@127.0.0.1:" + freePort(t) + "/none?connect_timeout=1")
	_, err := New(t.Context(), cfg)
	testkit.WantSentence(t, err, "--database (LATCHKEY_DATABASE)", "[hidden]")
	if told += err.Error() + log.String(); strings.Contains(told, canary) {
		t.Errorf("told: %s", told)
	}
}

func TestAPageOnOneNodeIsToldOfAKeyThatIsUsedOnAnother(t *testing.T) {
	t.Parallel()
	url, pem := pgtest.URL(t), accessPEM(t)
	a, b := run(t, nodeConfig(t, url, "a", pem)), run(t, nodeConfig(t, url, "b", pem))
	_, key := keyOfAna(t, a)
	a.nodes.mu.Lock() // so that this node changes nothing by itself meanwhile
	defer a.nodes.mu.Unlock()
	person := browser(t)
	post(t, person, a.URL()+"/login", neturl.Values{"email": {"ana@example.com"}, "password": account["password"]})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	// A page that knows what is so is told nothing until something changes.
	state := regexp.MustCompile(`/keys/arrival\?state=([^"&]+)`).FindStringSubmatch(get(t, person, a.URL()+"/keys").Body)
	if state == nil {
		t.Fatal("the page waits for nothing")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL()+"/keys/arrival?state="+state[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := person.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := newClient(t, b.URL()).Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); err != nil {
		t.Fatal(err)
	}
	used := time.Now()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event:") {
	}
	if took := time.Since(used); lines.Err() != nil || !strings.HasPrefix(lines.Text(), "event:") || took > 30*time.Second {
		t.Errorf("%q, %v, after %v", lines.Text(), lines.Err(), took)
	}
}

func TestANodeIsHealthyAndNotReadyWhileItsDatabaseIsRestarted(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	a, at := withAdmin(t, func(cfg *config.Config) {
		of := nodeConfig(t, server.URL(), "a", accessPEM(t))
		cfg.Database, cfg.Node, cfg.SessionKeys, cfg.AccessKeys = of.Database, of.Node, of.SessionKeys, of.AccessKeys
	})
	healthy := func() int { return get(t, http.DefaultClient, a.URL()+"/healthz").Status }
	until := func(ready int) {
		t.Helper()
		for patience := time.Now().Add(time.Minute); get(t, http.DefaultClient, at+"/readyz").Status != ready; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(patience) {
				t.Fatalf("/readyz is never %d", ready)
			}
		}
	}
	until(http.StatusOK)
	stopped := time.Now()
	server.StopFast()
	until(http.StatusServiceUnavailable)
	if status := healthy(); status != http.StatusOK && time.Since(stopped) < awayAllowed {
		t.Errorf("/healthz: %d", status)
	}
	server.Start()
	until(http.StatusOK)
	if status := healthy(); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	if values := metricsOf(t, at); values["latchkey_database_up"] != "1" {
		t.Errorf("latchkey_database_up is %s", values["latchkey_database_up"])
	}
}

// Some minutes go with what is believed of the time. They are many for a link that was sent a moment ago, and for a pairing.
func TestANodeWhoseClockIsMinutesOffDeletesNothingOfTheOthers(t *testing.T) {
	t.Parallel()
	url, pem := pgtest.URL(t), accessPEM(t)
	a := run(t, nodeConfig(t, url, "a", pem))
	for _, off := range []time.Duration{9 * time.Minute, -9 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			cfg := nodeConfig(t, url, "b"+strconv.Itoa(int(off)), pem)
			cfg.Now = func() time.Time { return time.Now().Add(off) }
			b := run(t, cfg)
			now := time.Now()
			u := model.User{ID: model.NewID(now), CreatedAt: now}
			id := model.Identity{ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: u.ID, CreatedAt: now}
			link := model.Link{ID: model.NewID(now), IdentityID: id.ID, Purpose: model.LinkReset, CreatedAt: now, ExpiresAt: now.Add(5 * time.Minute)}
			grant := model.DeviceGrant{
				ID: model.NewID(now), UserCode: model.NewID(now), DeviceCodeHash: sha256.Sum256([]byte(u.ID)), CreatedAt: now,
				ExpiresAt: now.Add(onboard.DefaultLifetime),
			}
			browser := model.WebSession{IDHash: grant.DeviceCodeHash, CreatedAt: now.Add(-time.Hour), LastSeenAt: now.Add(-25 * time.Minute), ExpiresAt: now.Add(time.Hour)}
			err := errors.Join(a.store.CreateUser(t.Context(), u, id), a.store.CreateLink(t.Context(), link),
				a.store.CreateGrant(t.Context(), grant, 10), a.store.CreateWebSession(t.Context(), browser))
			if err != nil {
				t.Fatal(err)
			}
			b.sweep(t.Context())
			if _, err := a.store.LinkedIdentity(t.Context(), link, now); err != nil {
				t.Errorf("a link of this minute: %v", err)
			}
			if g, err := a.store.Grant(t.Context(), grant.ID); err != nil || g.ExpiresAt.Before(now.Add(onboard.DefaultLifetime-time.Minute)) {
				t.Errorf("a pairing of this minute: %v, ends after %v", err, g.ExpiresAt.Sub(now))
			}
			if _, err := a.store.WebSession(t.Context(), browser.IDHash); err != nil {
				t.Errorf("a browser that was here: %v", err)
			}
		})
	}
}
