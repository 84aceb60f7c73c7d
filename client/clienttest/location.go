package clienttest

import (
	"net/http"
	"strings"
	"testing"
)

func (s *suite) testLocation(t *testing.T) {
	t.Run("names where the SDKs go next", func(t *testing.T) {
		a := s.send(t, request{method: http.MethodGet, path: s.inApp("/location")})
		if a.status != http.StatusOK {
			t.Fatalf("status %d, want 200", a.status)
		}
		object := a.object(t)
		for _, name := range []string{"deployment_model", "location", "hostname", "ws_hostname"} {
			if !isText(object[name]) {
				t.Errorf("%s is %v, want a text: core needs all four", name, object[name])
			}
		}
		checkRoot(t, "hostname", object["hostname"], "http://", "https://")
		checkRoot(t, "ws_hostname", object["ws_hostname"], "ws://", "wss://")
	})

	t.Run("of an unknown app is not found", func(t *testing.T) {
		id := "unknown-" + random(3)
		a := s.send(t, request{method: http.MethodGet, path: "/app/" + id + "/location"})
		a.refused(t, want{status: http.StatusNotFound, code: noCode})
		text, _ := a.object(t)["error"].(string)
		if prefix := "cannot find app using Client App ID '" + id + "'"; !strings.HasPrefix(text, prefix) {
			t.Errorf("error %q, want it to start with %q", text, prefix)
		}
	})
}

// checkRoot checks a URL to which the SDKs append paths as they are.
func checkRoot(t *testing.T, name string, value any, schemes ...string) {
	t.Helper()
	root, _ := value.(string)
	if strings.HasSuffix(root, "/") {
		t.Errorf("%s %q ends in a slash", name, root)
	}
	for _, scheme := range schemes {
		if strings.HasPrefix(root, scheme) {
			return
		}
	}
	t.Errorf("%s %q starts with none of %v", name, root, schemes)
}
