package app

import (
	"testing"

	"latchkey/client"
	"latchkey/internal/app/config"
)

func TestRefusedDevicesAreCountedWhereTheOperatorHasThemRemembered(t *testing.T) {
	t.Parallel()
	elsewhere := run(t, testConfig(t)).URL()
	for name, c := range map[string]struct {
		change      func(*config.Config)
		total, open string
	}{
		"as it is":         {func(*config.Config) {}, "2", "1"},
		"off":              {func(cfg *config.Config) { cfg.Knocks = "off" }, "0", "0"},
		"with an upstream": {func(cfg *config.Config) { cfg.Upstream = elsewhere }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, at := withAdmin(t, c.change)
			url := a.URL()
			if name == "with an upstream" {
				url = elsewhere // which is where devices are sent
			}
			for range 2 {
				_, err := newClient(t, url).Login(t.Context(), client.UserAPIKey("q7Hc2LwXz9RkT4vBn8YdJ3mPf6sGa1ZeU5oWhCxKiQtVrNbEyMuDgFjSlApO0I2k"))
				if !client.IsUnauthorized(err) {
					t.Errorf("%v", err)
				}
			}
			a.drain()
			got := metricsOf(t, at)
			if got["latchkey_knocks_total"] != c.total || got["latchkey_knocks_open"] != c.open {
				t.Errorf("%q, %q open", got["latchkey_knocks_total"], got["latchkey_knocks_open"])
			}
		})
	}
}
