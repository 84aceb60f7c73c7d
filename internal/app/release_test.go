package app

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"latchkey/internal/testkit"
)

// The sums are those of all files, the list of parts has what the program says of itself, and the program is of that version.
func TestAReleaseIsWhatItsSumsAndItsListOfPartsSay(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program")
	}
	if runtime.GOOS != "linux" {
		t.Skip("releases are built on Linux")
	}
	const version = "v0.4.2-test"
	dir, platform := t.TempDir(), runtime.GOOS+"/"+runtime.GOARCH
	build := exec.CommandContext(t.Context(), "../../.ci/release", version, dir, platform)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	name := "latchkey-" + version + "-" + strings.ReplaceAll(platform, "/", "-")
	said := map[string]string{}
	for line := range strings.Lines(testkit.ReadFile(t, filepath.Join(dir, "SHA256SUMS"))) {
		sum, file, _ := strings.Cut(strings.TrimSpace(line), "  ")
		said[file] = sum
	}
	sums := map[string]string{}
	for _, file := range []string{name, name + ".cdx.json"} {
		sums[file] = fmt.Sprintf("%x", sha256.Sum256([]byte(testkit.ReadFile(t, filepath.Join(dir, file)))))
	}
	if diff := cmp.Diff(sums, said); diff != "" || len(filesIn(t, dir)) != 3 {
		t.Errorf("sums (-want +got):\n%s", diff)
	}

	program := filepath.Join(dir, name)
	if out, code := execute(t, program, nil, "version"); code != 0 || !strings.HasPrefix(out, "latchkey "+version+" ") {
		t.Errorf("exit code %d, %s", code, out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{"std " + strings.Fields(info.GoVersion)[0]}
	required := testkit.ReadFile(t, "../../go.mod")
	for _, module := range info.Deps {
		parts = append(parts, module.Path+" "+module.Version)
		if !strings.Contains(required, "\t"+module.Path+" "+module.Version) {
			t.Errorf("%s %s is in the program and not in go.mod", module.Path, module.Version)
		}
	}
	var bill struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version string
			Licenses      []any
		}
	}
	if err := json.Unmarshal([]byte(testkit.ReadFile(t, program+".cdx.json")), &bill); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, c := range bill.Components {
		listed = append(listed, c.Name+" "+c.Version)
	}
	slices.Sort(parts)
	slices.Sort(listed)
	if diff := cmp.Diff(parts, listed); diff != "" {
		t.Errorf("parts (-in the program +in the list):\n%s", diff)
	}
	if of := bill.Metadata.Component; bill.Format != "CycloneDX" || of.Name != module || of.Version != version {
		t.Errorf("the list is %s of %+v", bill.Format, of)
	}
}

// What a workflow does is in scripts that anybody can run, with the Go that the module wants and nobody's actions but GitHub's.
func TestTheWorkflowsRunWhatIsHere(t *testing.T) {
	t.Parallel()
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)\.\d+$`).FindStringSubmatch(testkit.ReadFile(t, "../../go.mod"))[1]
	if from := instructions(t)["FROM"][0]; !strings.HasSuffix(from, " golang:"+wanted+" AS build") {
		t.Errorf("the image is built FROM %s, and go.mod wants %s", from, wanted)
	}
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	ran := ""
	for _, file := range files {
		var workflow struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Uses  string
				Steps []struct {
					Uses, Run string
					With      map[string]string
				}
			}
		}
		if err := yaml.Unmarshal([]byte(testkit.ReadFile(t, file)), &workflow); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if diff := cmp.Diff(map[string]string{"contents": "read"}, workflow.Permissions); diff != "" {
			t.Errorf("%s: permissions (-want +got):\n%s", file, diff)
		}
		for _, job := range workflow.Jobs {
			if local, ok := strings.CutPrefix(job.Uses, "./"); ok {
				testkit.ReadFile(t, filepath.Join("../..", local))
			}
			for _, step := range job.Steps {
				if step.Uses != "" && !regexp.MustCompile(`^actions/[a-z-]+@(v\d+|[0-9a-f]{40})$`).MatchString(step.Uses) {
					t.Errorf("%s uses %s", file, step.Uses)
				}
				if strings.HasPrefix(step.Uses, "actions/setup-go@") && step.With["go-version"] != wanted+".x" {
					t.Errorf("%s builds with Go %s, and go.mod wants %s", file, step.With["go-version"], wanted)
				}
				if strings.HasPrefix(step.Run, ".ci/") {
					script := strings.Fields(step.Run)[0]
					ran += script + " "
					if info, err := os.Stat(filepath.Join("../..", script)); err != nil || info.Mode()&0o111 == 0 {
						t.Errorf("%s runs %s, which cannot be run: %v", file, script, err)
					}
				}
			}
		}
	}
	if ran != ".ci/run .ci/release " {
		t.Errorf("they run %s", ran)
	}
}
