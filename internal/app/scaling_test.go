package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// scalingPage is the page that all of this is taken from.
const scalingPage = "../../docs/scaling.md"

// Addresses of the compose file.
const (
	nodeA, nodeB   = "10.89.7.11:8080", "10.89.7.12:8080"
	proxyOfCompose = "10.89.7.10"
)

// compose is the compose file of docs/scaling.md: what stands at each path, such as services.a.environment.LATCHKEY_NODE. It knows as much
// of YAML as that file needs: maps, one value a line, and anchors that are merged.
func compose(t *testing.T) map[string]string {
	t.Helper()
	values, anchors := map[string]string{}, map[string]string{}
	var path []string
	var depths []int
	for line := range strings.Lines(cut(t, scalingPage, "yaml")) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimLeft(line, " ")
		key, value, isPair := strings.Cut(text, ":")
		if !isPair || strings.HasPrefix(text, "-") || strings.HasPrefix(text, "#") {
			continue
		}
		depth := len(line) - len(text)
		for len(depths) > 0 && depths[len(depths)-1] >= depth {
			path, depths = path[:len(path)-1], depths[:len(depths)-1]
		}
		value = strings.TrimSpace(value)
		if name, is := strings.CutPrefix(value, "*"); is && key == "<<" {
			to := strings.Join(path, ".")
			from := anchors[name]
			for at, what := range values {
				if rest, below := strings.CutPrefix(at, from+"."); below {
					values[to+"."+rest] = what
				}
			}
			continue
		}
		path, depths = append(path, key), append(depths, depth)
		at := strings.Join(path, ".")
		if name, is := strings.CutPrefix(value, "&"); is {
			anchors[name], value = at, ""
		}
		values[at] = value
	}
	return values
}

// below are the values below a path, by what follows it.
func below(values map[string]string, path string) map[string]string {
	found := map[string]string{}
	for at, value := range values {
		if name, is := strings.CutPrefix(at, path+"."); is {
			found[name] = value
		}
	}
	return found
}

// names are the nodes' in the compose file and in the recipes.
var names = [2]string{"a", "b"}

// cluster is two nodes of the compose file as plain processes, on one PostgreSQL and behind a proxy with its recipe.
type cluster struct {
	t       *testing.T
	url     string // of the database
	nodes   [2]*process
	gateway gateway
	base    string
	through *http.Client
}

// replaced is a text with other words, each of which must be there.
func replaced(t *testing.T, text string, words map[string]string) string {
	t.Helper()
	for old, other := range words {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in:\n%s", old, text)
		}
		text = strings.ReplaceAll(text, old, other)
	}
	return text
}

// drainOfNodes is more than four checks of the proxy's, and more than nginx leaves a node alone for.
const drainOfNodes = 1200 * time.Millisecond

// startCluster runs what docs/scaling.md says, with other addresses and less time between health checks.
func startCluster(t *testing.T, p proxy, binary, database string) *cluster {
	t.Helper()
	file := compose(t)
	secrets := makeSecrets(t)
	testkit.WriteFile(t, filepath.Join(secrets, "database"), database, 0o600)
	inContainer := strings.NewReplacer("/run/secrets/access-key", filepath.Join(secrets, "access-key.pem"), "/run/secrets", secrets,
		proxyOfCompose, "127.0.0.1", "3s", drainOfNodes.String())

	c := &cluster{t: t, url: database, base: "https://" + proxiedHost}
	for i, name := range names {
		n := &process{t: t, binary: binary, addr: "127.0.0.1:" + freePort(t)}
		for key, value := range below(file, "services."+name+".environment") {
			n.env = append(n.env, key+"="+inContainer.Replace(value))
		}
		n.env = append(n.env, "LATCHKEY_ADDR="+n.addr, "LATCHKEY_LOG_LEVEL=warn", "LATCHKEY_DATA="+filepath.Join(secrets, "none"))
		c.nodes[i] = n
		c.start(i)
		t.Cleanup(n.kill)
	}
	words := map[string]string{nodeA: c.nodes[0].addr, nodeB: c.nodes[1].addr}
	for name, ofProxy := range map[string]map[string]string{
		"haproxy": {"inter 500ms": "inter 100ms"}, "nginx": {"fail_timeout=2s": "fail_timeout=1s"},
	} {
		if name == p.name {
			for old, other := range ofProxy {
				words[old] = other
			}
		}
	}
	c.gateway = p.run(t, replaced(t, cut(t, scalingPage, p.fence), words))
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64, TLSClientConfig: &tls.Config{RootCAs: c.gateway.roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, c.gateway.https)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	c.through = &http.Client{Transport: transport}
	return c
}

// makeSecrets runs the lines of the page that make the secrets, and returns where they are.
func makeSecrets(t *testing.T) (dir string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	dir = t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", cut(t, scalingPage, "sh"))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "secrets")
}

// awaitUp waits until HAProxy sends requests to a node, by what it says itself.
func (c *cluster) awaitUp(node int) {
	c.t.Helper()
	if c.gateway.stats == "" {
		return // nginx finds out
	}
	for patience := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(c.gateway.statistics(c.t)) {
			if fields := strings.Split(line, ","); len(fields) > 17 && fields[0] == "latchkey" && fields[1] == names[node] && strings.HasPrefix(fields[17], "UP") {
				return
			}
		}
		if time.Now().After(patience) {
			c.t.Fatalf("node %s does not come up", names[node])
		}
	}
}

// statistics is what HAProxy says of its servers, as CSV.
func (f gateway) statistics(t *testing.T) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", f.stats)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // it was read from
	var said bytes.Buffer
	if _, err := fmt.Fprintln(conn, "show stat"); err != nil {
		t.Fatal(err)
	}
	if _, err := said.ReadFrom(conn); err != nil {
		t.Fatal(err)
	}
	return said.String()
}

// restart stops a node and starts it as another build, or the same.
func (c *cluster) restart(node int, binary string) {
	c.t.Helper()
	n := c.nodes[node]
	n.stop()
	if binary != "" {
		n.binary = binary
	}
	c.start(node)
	c.awaitUp(node)
}

// start starts a node and returns when it answers, which is after it listens: the schema may have to be brought up to date.
func (c *cluster) start(node int) {
	c.t.Helper()
	n := c.nodes[node]
	n.start()
	if got := get(c.t, http.DefaultClient, "http://"+n.addr+healthPath); got.Status != http.StatusOK {
		c.t.Fatalf("it does not start: %d %s\n%s", got.Status, got.Body, n.log.String())
	}
}

// buildNext builds the program with another style sheet, whose name in pages is another too.
func buildNext(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	sheet, err := filepath.Abs("../../static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	other, list, binary := filepath.Join(dir, "app.css"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "latchkey")
	testkit.WriteFile(t, other, testkit.ReadFile(t, sheet)+"\n/* the next version */\n", 0o600)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{sheet: other}})
	if err != nil {
		t.Fatal(err)
	}
	testkit.WriteFile(t, list, string(overlay), 0o600)
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-trimpath", "-ldflags=-s -w", "-o", binary, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// TestTheComposeFileRunsTwoNodes starts what the page says as plain processes.
func TestTheComposeFileRunsTwoNodes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program")
	}
	file := compose(t)
	for path, want := range map[string]string{
		"services.postgres.environment.POSTGRES_DB": "latchkey", "services.b.image": "latchkey", "services.b.read_only": "true",
		"services.b.environment.LATCHKEY_NODE": "b", "services.a.environment.LATCHKEY_NODE": "a",
		"services.b.environment.LATCHKEY_DATABASE_FILE": "/run/secrets/database",
	} {
		if file[path] != want {
			t.Errorf("%s is %q, want %q", path, file[path], want)
		}
	}
	command := strings.Fields(file["services.postgres.command"])
	var settings []string
	for _, word := range command[1:] {
		if word != "-c" {
			settings = append(settings, word)
		}
	}
	c := startCluster(t, proxies[1], buildProgram(t), pgtest.Start(t, settings...).URL())
	crowd := startCrowd(t, c.base, c.through)
	crowd.goesOn(50)
	crowd.stop()
	served := 0
	for line := range strings.Lines(c.gateway.statistics(t)) {
		if fields := strings.Split(line, ","); fields[0] == "latchkey" && (fields[1] == "a" || fields[1] == "b") && fields[7] != "0" {
			served++
		}
	}
	if served != 2 {
		t.Errorf("%d nodes have served anything", served)
	}
	list := exec.CommandContext(t.Context(), c.nodes[0].binary, "nodes")
	list.Env = append(os.Environ(), "LATCHKEY_DATABASE="+c.url)
	if out, err := list.CombinedOutput(); err != nil || !strings.Contains(string(out), "\na ") || !strings.Contains(string(out), "\nb ") {
		t.Errorf("latchkey nodes: %v\n%s", err, out)
	}
}
