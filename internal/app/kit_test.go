package app

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"latchkey/internal/app/config"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// kit is where the files lie that run the program for others.
const kit = "../../docs/kit"

// kitFiles are the files of the kit, and what else is set up by settings.
func kitFiles(t *testing.T) []string {
	t.Helper()
	files := []string{"../../Dockerfile", "../../docs/running.md", "../../.ci/release"}
	err := filepath.WalkDir(kit, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("%v: %v", files, err)
	}
	return files
}

// variables are those that the program reads.
func variables() []string {
	all := []string{
		config.SessionKeysVariable, config.SessionKeysFileVariable, config.AccessKeysVariable, config.AccessKeysFileVariable, config.DatabaseFileVariable,
	}
	(&config.Config{}).Flags().VisitAll(func(f *flag.Flag) { all = append(all, config.Variable(f.Name)) })
	return all
}

// A setting that is renamed, or never was one, is noticed here and not by those who copied the file.
func TestEverySettingThatTheKitNamesIsOne(t *testing.T) {
	t.Parallel()
	known, word := variables(), regexp.MustCompile(`LATCHKEY_[A-Z_]*[A-Z]`)
	found := 0
	for _, file := range kitFiles(t) {
		for _, name := range word.FindAllString(testkit.ReadFile(t, file), -1) {
			found++
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which is no setting", file, name)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d settings are named", found)
	}
}

// place is the program as a file of the kit has it run.
type place struct {
	args     []string
	env      map[string]string
	volume   string        // what stays: the directory of all data is this one or in it; "" where nothing is kept
	secrets  string        // where files with secrets are
	ports    []int         // those that somebody is let to, and no others
	probe    string        // what is asked whether requests may go there; "": nothing
	patience time.Duration // between being asked to stop and being killed
	notify   bool          // the manager wants to be told when it has started
}

// image are the settings of the Dockerfile, and those of a file that uses it on top.
func image(t *testing.T, settings map[string]string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, pair := range strings.Fields(strings.Join(instructions(t)["ENV"], " ")) {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	for name, value := range settings {
		env[name] = value
	}
	return env
}

// places are all programs that the kit runs.
func places(t *testing.T) map[string]place {
	t.Helper()
	return map[string]place{
		"compose":             ofCompose(t),
		"systemd":             ofUnit(t),
		"quadlet":             ofQuadlet(t),
		"kubernetes, one":     ofKubernetes(t, "one-node.yaml", "StatefulSet"),
		"kubernetes, several": ofKubernetes(t, "several-nodes.yaml", "Deployment"),
	}
}

// strictly reads a document of YAML into what this test knows of it. What it does not know is in the field of all others.
func strictly[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// withVariables puts in what a compose file takes from its environment.
func withVariables(text string, env map[string]string) string {
	return regexp.MustCompile(`\$\{([A-Z_]+)(?::[?-][^}]*)?\}`).ReplaceAllStringFunc(text, func(use string) string {
		return env[regexp.MustCompile(`[A-Z_]+`).FindString(use)]
	})
}

type composeFile struct {
	Services map[string]struct {
		Environment map[string]string
		Ports       []string
		Volumes     []string
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		StopGrace   string   `yaml:"stop_grace_period"`
		Networks    map[string]struct {
			Address string `yaml:"ipv4_address"`
		}
	}
}

func ofCompose(t *testing.T) place {
	t.Helper()
	text := withVariables(testkit.ReadFile(t, filepath.Join(kit, "compose", "compose.yaml")), map[string]string{"KEYS_HOST": proxiedHost})
	file := strictly[composeFile](t, text)
	latchkey, caddy := file.Services["latchkey"], file.Services["caddy"]
	if !latchkey.ReadOnly || !slices.Equal(latchkey.CapDrop, []string{"ALL"}) || len(latchkey.Ports) > 0 {
		t.Errorf("compose: it is not closed: %+v", latchkey)
	}
	if trusted := latchkey.Environment["LATCHKEY_TRUSTED_PROXIES"]; trusted == "" || trusted != caddy.Networks["inside"].Address {
		t.Errorf("compose: Latchkey trusts %q, and Caddy is at %q", trusted, caddy.Networks["inside"].Address)
	}
	if to := testkit.ReadFile(t, filepath.Join(kit, "compose", "Caddyfile")); !strings.Contains(to, "reverse_proxy latchkey:8080 {") {
		t.Error("compose: Caddy passes requests on to another place")
	}
	grace, err := time.ParseDuration(latchkey.StopGrace)
	if err != nil {
		t.Error(err)
	}
	_, volume, _ := strings.Cut(latchkey.Volumes[0], ":")
	return place{env: image(t, latchkey.Environment), volume: volume, ports: []int{8080}, patience: grace}
}

// sections are those of a unit, each with its values by name, in order. A later file adds to an earlier one.
func sections(t *testing.T, files ...string) map[string]map[string][]string {
	t.Helper()
	all, at := map[string]map[string][]string{}, ""
	for _, file := range files {
		for line := range strings.Lines(testkit.ReadFile(t, filepath.Join(kit, file))) {
			line = strings.TrimSpace(line)
			name, value, isPair := strings.Cut(line, "=")
			switch {
			case line == "" || strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, "["):
				at = strings.Trim(line, "[]")
				all[at] = map[string][]string{}
			case !isPair || at == "":
				t.Fatalf("%s: %q", file, line)
			default:
				all[at][name] = append(all[at][name], value)
			}
		}
	}
	return all
}

// pairs are settings as NAME=VALUE has them.
func pairs(list []string) map[string]string {
	env := map[string]string{}
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

func ofUnit(t *testing.T) place {
	t.Helper()
	service := sections(t, "systemd/latchkey.service")["Service"]
	env := pairs(service["Environment"])
	if !slices.Equal(service["EnvironmentFile"], []string{"/etc/latchkey/settings"}) {
		t.Errorf("unit: EnvironmentFile=%v", service["EnvironmentFile"])
	}
	for line := range strings.Lines(testkit.ReadFile(t, filepath.Join(kit, "systemd", "settings"))) {
		// What is commented out is a setting too.
		if name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "#"), "="); ok && !strings.Contains(name, " ") {
			env[name] = value
		}
	}
	command := strings.Fields(service["ExecStart"][0])
	if command[0] != "/usr/local/bin/latchkey" {
		t.Errorf("unit: it starts %q", command[0])
	}
	p := place{args: command[1:], env: env, volume: "/var/lib/" + service["StateDirectory"][0], notify: service["Type"][0] == "notify", patience: seconds(t, service["TimeoutStopSec"])}
	for _, allowed := range service["SocketBindAllow"] {
		port, err := strconv.Atoi(strings.TrimPrefix(allowed, "tcp:"))
		if err != nil {
			t.Error(err)
		}
		p.ports = append(p.ports, port)
	}
	return p
}

func seconds(t *testing.T, value []string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(strings.Join(value, ""))
	if err != nil {
		t.Error(err)
	}
	return d
}

func ofQuadlet(t *testing.T) place {
	t.Helper()
	unit := sections(t, "quadlet/latchkey.container")
	container := unit["Container"]
	_, volume, _ := strings.Cut(container["Volume"][0], ":")
	published := strings.Split(container["PublishPort"][0], ":")
	port, err := strconv.Atoi(published[len(published)-1])
	if err != nil {
		t.Error(err)
	}
	if health := container["HealthCmd"]; !slices.Equal(health, []string{`["/latchkey","health"]`}) {
		t.Errorf("quadlet: HealthCmd=%v", health)
	}
	stop := strings.TrimPrefix(container["PodmanArgs"][0], "--stop-timeout=")
	p := place{env: image(t, pairs(container["Environment"])), volume: volume, ports: []int{port}, patience: seconds(t, []string{stop, "s"})}
	if all := seconds(t, unit["Service"]["TimeoutStopSec"]); all <= p.patience {
		t.Errorf("quadlet: systemd kills after %s, before Podman does", all)
	}
	return p
}

type manifest struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Replicas int
		Selector any
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Env []struct {
						Name, Value string
						ValueFrom   any `yaml:"valueFrom"`
					}
					Args, Command []string
					Ports         []struct {
						Name          string
						ContainerPort int `yaml:"containerPort"`
					}
					ReadinessProbe struct {
						HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
					} `yaml:"readinessProbe"`
					VolumeMounts []struct {
						Name string
						At   string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
			}
		}
		// Of a Service.
		Ports []struct {
			TargetPort string `yaml:"targetPort"`
		}
		// Of a NetworkPolicy.
		Ingress []struct {
			Ports []struct{ Port string }
		}
	}
}

// ofKubernetes reads a manifest, in which names stand for ports and labels for pods: each must be there.
func ofKubernetes(t *testing.T, file, kind string) (p place) {
	t.Helper()
	var named []string
	ports := map[string]int{}
	decoder := yaml.NewDecoder(strings.NewReader(testkit.ReadFile(t, filepath.Join(kit, "kubernetes", file))))
	for {
		var m manifest
		if err := decoder.Decode(&m); err == io.EOF { //nolint:errorlint // as it is documented
			break
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if m.Kind != "Namespace" && m.Metadata.Namespace != "latchkey" {
			t.Errorf("%s: %s %s is in namespace %q", file, m.Kind, m.Metadata.Name, m.Metadata.Namespace)
		}
		for _, port := range m.Spec.Ports {
			named = append(named, port.TargetPort)
		}
		for _, rule := range m.Spec.Ingress {
			for _, port := range rule.Ports {
				named = append(named, port.Port)
			}
		}
		if m.Kind != kind {
			continue
		}
		pod := m.Spec.Template
		if label := fmt.Sprint(m.Spec.Selector); label != "map[matchLabels:map[app:"+pod.Metadata.Labels["app"]+"]]" {
			t.Errorf("%s: %s selects %s, and its pods have %v", file, kind, label, pod.Metadata.Labels)
		}
		if one := kind == "StatefulSet"; one != (m.Spec.Replicas == 1) {
			t.Errorf("%s: %s has %d replicas", file, kind, m.Spec.Replicas)
		}
		c := pod.Spec.Containers[0]
		p.env, p.args, p.probe = image(t, nil), c.Args, c.ReadinessProbe.HTTPGet.Path
		p.patience = time.Duration(pod.Spec.Grace) * time.Second
		named = append(named, c.ReadinessProbe.HTTPGet.Port)
		if len(c.Command) > 0 {
			t.Errorf("%s: it has a command of its own: %v", file, c.Command)
		}
		for _, v := range c.Env {
			p.env[v.Name] = v.Value
			switch {
			case v.Name == "LATCHKEY_NODE":
				p.env[v.Name] = "latchkey-6d4f8b9c5-x7k2p"
			case v.ValueFrom != nil:
				delete(p.env, v.Name)
			}
		}
		for _, port := range c.Ports {
			ports[port.Name] = port.ContainerPort
			p.ports = append(p.ports, port.ContainerPort)
		}
		for _, mount := range c.VolumeMounts {
			if mount.Name == "secrets" {
				p.secrets = mount.At
			} else {
				p.volume = mount.At
			}
		}
	}
	for _, name := range named {
		if ports[name] == 0 {
			t.Errorf("%s: there is no port %q among %v", file, name, ports)
		}
	}
	return p
}

// environ is the environment as a process has it, with some values changed.
func (p place) environ(change map[string]string) (all []string) {
	for name, value := range p.env {
		if other, ok := change[name]; ok {
			value = other
		}
		all = append(all, name+"="+value)
	}
	return all
}

// What the files say is what the program takes, and what surrounds the program suits it: ports, directories, and time for its end.
func TestThePlacesOfTheKitSuitTheProgram(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		// Files with secrets are there where the program runs.
		given, err := config.Load(p.args, p.environ(map[string]string{config.DatabaseFileVariable: ""}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		settings, err := given.Parse()
		if err != nil || len(given.Unknown) > 0 {
			t.Errorf("%s: unknown settings %v, %v", name, given.Unknown, err)
			continue
		}
		ports := []int{portOf(t, settings.Addr)}
		if settings.Admin != nil {
			ports = append(ports, portOf(t, settings.Admin.Addr))
		}
		if !slices.Equal(ports, p.ports) {
			t.Errorf("%s: it listens on %v, and %v are open", name, ports, p.ports)
		}
		if p.volume != "" && settings.Data != p.volume && !strings.HasPrefix(settings.Data, p.volume+"/") {
			t.Errorf("%s: its data are in %s, and only %s stays", name, settings.Data, p.volume)
		}
		for variable, file := range p.env {
			if strings.HasSuffix(variable, "_FILE") && filepath.Dir(file) != p.secrets {
				t.Errorf("%s: %s is %s, and secrets are in %s", name, variable, file, p.secrets)
			}
		}
		if p.volume == "" && (p.env[config.SessionKeysFileVariable] == "" || p.env[config.AccessKeysFileVariable] == "" || p.env[config.DatabaseFileVariable] == "") {
			t.Errorf("%s: nothing stays, and not all keys are given", name)
		}
		if end := given.DrainTime + shutdownTime + longestBacklogOfAStop; p.patience <= end {
			t.Errorf("%s: its end may take %s, and it is killed after %s", name, end, p.patience)
		}
		if settings.PublicURL == nil || settings.PublicURL.String() != "https://"+proxiedHost {
			t.Errorf("%s: the public URL is %v", name, settings.PublicURL)
		}
	}
}

// longestBacklogOfAStop is what letting in those who wait may take at the most, and some time to write the end down.
const longestBacklogOfAStop = 5 * time.Second

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// Each is started as its file says, with other ports and directories; it answers what its platform asks, and ends when told to.
func TestEveryPlaceOfTheKitStartsTheProgram(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("services and containers are Unix here")
	}
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			change := map[string]string{
				"LATCHKEY_ADDR": "127.0.0.1:" + freePort(t), "LATCHKEY_DATA": filepath.Join(dir, p.env["LATCHKEY_DATA"]),
				"LATCHKEY_DRAIN_TIME": "0s", // the wait is the platform's affair
				"LATCHKEY_SMTP":       "",   // there is none here
			}
			admin := ""
			if p.env["LATCHKEY_ADMIN_ADDR"] != "" {
				admin = "127.0.0.1:" + freePort(t)
				change["LATCHKEY_ADMIN_ADDR"] = admin
			}
			if p.volume != "" {
				if err := os.MkdirAll(filepath.Join(dir, p.volume), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if p.secrets != "" {
				for variable, file := range p.env {
					if strings.HasSuffix(variable, "_FILE") {
						change[variable] = secretFile(t, dir, variable, filepath.Base(file))
					}
				}
			}
			environ := append(p.environ(change), asProgram+"=1")
			manager := newManager(t)
			if p.notify {
				environ = append(environ, managerVariable+"="+manager.LocalAddr().String())
			}
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			program := exec.CommandContext(context.WithoutCancel(t.Context()), self, p.args...)
			var log bytes.Buffer
			program.Env, program.Dir, program.Stderr = environ, "/", &log
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- program.Wait() }()
			t.Cleanup(func() { _ = program.Process.Kill() })
			if p.notify {
				manager.hears(t, "READY=1", &log) // from then on, one can connect
			} else {
				awaitListener(t, change["LATCHKEY_ADDR"])
			}

			// Platforms ask by address.
			if got := askAs(t, "10.1.2.3:8080", "http://"+change["LATCHKEY_ADDR"]+healthPath); got.Status != http.StatusOK {
				t.Errorf("/healthz: %d", got.Status)
			}
			if p.probe != "" {
				if got := askAs(t, "10.1.2.3:8080", "http://"+change["LATCHKEY_ADDR"]+p.probe); got.Status != http.StatusOK {
					t.Errorf("%s: %d", p.probe, got.Status)
				}
			}
			if got := askAs(t, proxiedHost, "http://"+change["LATCHKEY_ADDR"]+"/login"); got.Status != http.StatusOK {
				t.Errorf("the page to sign in: %d", got.Status)
			}
			for _, path := range []string{readyPath, "/metrics"} {
				if admin == "" {
					continue
				}
				if got := askAs(t, "10.1.2.3:8081", "http://"+admin+path); got.Status != http.StatusOK {
					t.Errorf("%s: %d", path, got.Status)
				}
			}
			if out, code := execute(t, self, environ, "health"); code != 0 {
				t.Errorf("latchkey health: %d %s", code, out)
			}
			if err := program.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if p.notify {
				manager.hears(t, "STOPPING=1", &log)
			}
			if err := <-ended; err != nil {
				t.Errorf("its end: %v\n%s", err, log.String())
			}
			if strings.Contains(log.String(), `"level":"WARN"`) && !strings.Contains(log.String(), "sslmode=disable") {
				t.Errorf("it warns:\n%s", log.String())
			}
		})
	}
}

// secretFile is a file with what a variable wants of it.
func secretFile(t *testing.T, dir, variable, name string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	content := ""
	switch variable {
	case config.DatabaseFileVariable:
		content = pgtest.URL(t)
	case config.SessionKeysFileVariable:
		content = ring(0).Reveal()
	case config.AccessKeysFileVariable:
		key, err := newAccessKey()
		if err != nil {
			t.Fatal(err)
		}
		content = string(key)
	}
	testkit.WriteFile(t, file, content, 0o440)
	return file
}

// askAs asks for a URL by another host.
func askAs(t *testing.T, host, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	return do(t, http.DefaultClient, req)
}

// serviceManager hears what programs say of themselves, as systemd does.
type serviceManager struct{ *net.UnixConn }

func newManager(t *testing.T) serviceManager {
	t.Helper()
	dir, err := os.MkdirTemp("", "m") //nolint:usetesting // short: a socket's name has a hundred bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return serviceManager{conn}
}

func (m serviceManager) hears(t *testing.T, want string, log fmt.Stringer) {
	t.Helper()
	_ = m.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 200)
	n, err := m.Read(b)
	if err != nil || string(b[:n]) != want {
		t.Fatalf("the service manager hears %q, %v, want %q; log: %s", b[:n], err, want, log)
	}
}
