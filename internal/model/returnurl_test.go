package model

import (
	"strings"
	"testing"
)

func TestPeopleAreLedBackOnlyToWhatAnOperatorAllowed(t *testing.T) {
	t.Parallel()
	var allowed []ReturnURL
	for _, text := range []string{
		"https://app.example.org/settings", "https://whole.example.org", "http://localhost:3000/", "https://[2001:DB8::1]:8443/a/", "myapp://keys/done",
	} {
		a, ok := ParseReturnURL(text)
		if !ok {
			t.Fatalf("%s cannot be allowed", text)
		}
		allowed = append(allowed, a)
	}
	for to, want := range map[string]bool{
		"https://app.example.org/settings":                               true,
		"https://app.example.org/settings/":                              true,
		"https://app.example.org/settings/keys?tab=2":                    true,
		"https://app.example.org/settings#/keys":                         true,
		"https://app.example.org:443/settings":                           true,
		"HTTPS://APP.Example.ORG/settings":                               true,
		"https://app.example.org/settings/a%20b":                         true,
		"https://whole.example.org":                                      true,
		"https://whole.example.org/":                                     true,
		"https://whole.example.org?q=@x":                                 true,
		"https://whole.example.org/anything/below":                       true,
		"http://localhost:3000/x":                                        true,
		"https://[2001:db8::1]:8443/a/b":                                 true,
		"myapp://keys/done":                                              true,
		"https://app.example.org":                                        false,
		"https://app.example.org/":                                       false,
		"https://app.example.org/settingsx":                              false,
		"https://app.example.org/Settings":                               false,
		"https://app.example.org/settings/../admin":                      false,
		"https://app.example.org/settings/..":                            false,
		"https://app.example.org/settings/.;/x":                          false,
		"https://app.example.org/settings/..;/admin":                     false,
		"https://app.example.org/settings/%2e%2E/admin":                  false,
		"https://app.example.org/settings/.%2e/admin":                    false,
		"https://app.example.org/settings%2f..%2fadmin":                  false,
		"https://app.example.org/settings/%5c..":                         false,
		"https://app.example.org/settings/%252e":                         false,
		"https://app.example.org/settings/%0d%0aX":                       false,
		"https://app.example.org/settings/%zz":                           false,
		"https://app.example.org/settings/%":                             false,
		"https://app.example.org//settings":                              false,
		"https://app.example.org/settings//evil":                         false,
		"http://app.example.org/settings":                                false,
		"https://app.example.org:8443/settings":                          false,
		"https://app.example.org:/settings":                              false,
		"https://app.example.org:0443x/settings":                         false,
		"https://app.example.org.evil/settings":                          false,
		"https://app.example.org./settings":                              false,
		"https://evil/https://app.example.org/settings":                  false,
		"https://app.example.org@evil/settings":                          false,
		"https://user@app.example.org/settings":                          false,
		"https://:@app.example.org/settings":                             false,
		"https://app.example.org\\@evil/settings":                        false,
		"https:\\\\app.example.org\\settings":                            false,
		"https:///app.example.org/settings":                              false,
		"https:app.example.org/settings":                                 false,
		"//app.example.org/settings":                                     false,
		"/settings":                                                      false,
		" https://app.example.org/settings":                              false,
		"https://app.example.org/settings\n":                             false,
		"https://app.example.org/settings\tx":                            false,
		"https://app.example.örg/settings":                               false,
		"https://app.example.org/settings/ü":                             false,
		"https://app%2eexample.org/settings":                             false,
		"https://evil#@app.example.org/settings":                         false,
		"https://evil?app.example.org/settings":                          false,
		"http://localhost/x":                                             false,
		"http://127.0.0.1:3000/x":                                        false,
		"https://2001:db8::1:8443/a/b":                                   false,
		"myapp://keys/done/":                                             false,
		"myapp://keys/done?x=1":                                          false,
		"MYAPP://keys/done":                                              false,
		"myapp:keys/done":                                                false,
		"other://keys/done":                                              false,
		"javascript://app.example.org/settings":                          false,
		"":                                                               false,
		"https://whole.example.org/" + strings.Repeat("x", MaxReturnURL): false,
	} {
		if got := AllowedReturn(allowed, to); got != want {
			t.Errorf("%q is allowed: %v", to, got)
		}
	}
	if AllowedReturn(nil, "https://app.example.org/") {
		t.Error("without a list something is allowed")
	}
}

func TestWhatCannotBeAllowed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "app.example.org", "https://", "https://*.example.org/", "https://app.example.org/?x", "https://app.example.org/#x", "https://u:p@app.example.org/",
		"https://app.example.org/a/../b", "javascript://x", "JavaScript://x", "data://x", "file:///etc/passwd", "myapp://", "my app://x", "1app://x", "https://app.example.org/a b",
	} {
		if _, ok := ParseReturnURL(text); ok {
			t.Errorf("%q can be allowed", text)
		}
	}
}

func TestAnAppIsKnownByItsHost(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"https://App.example.org:443/settings?x": "app.example.org", "http://localhost:3000/": "localhost:3000", "myapp://keys/done": "myapp", "": "", "nonsense": "",
	} {
		if got := ReturnName(to); got != want {
			t.Errorf("%q is called %q", to, got)
		}
	}
}
