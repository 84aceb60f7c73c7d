package handlers

import (
	"strings"
	"testing"
)

func TestAProgramIsCalledWhatItCallsItself(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"curl/8.5.0":                             "curl 8.5.0",
		"Wget/1.21.4":                            "Wget 1.21.4",
		"Wget":                                   "",
		"latchkey/1.2.0 (linux; arm64)":          "latchkey 1.2.0 on Linux",
		"Go-http-client/1.1":                     "a Go program",
		"node":                                   "a Node.js program",
		"undici":                                 "a Node.js program",
		"oauth4webapi/v3.8.8":                    "oauth4webapi 3.8.8",
		"python-requests/2.31.0":                 "a Python program",
		"okhttp/4.12.0":                          "a Java program",
		"Mozilla/5.0 (X11; Linux x86_64) Gecko":  "a browser on Linux",
		"Mozilla/5.0 (Linux; Android 14; Pixel)": "a browser on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)": "a browser on iOS",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Gecko":  "a browser on macOS",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) like Gecko":   "a browser on Windows",
		"MyCam/2.0 CFNetwork/1485 Darwin/23.1.0":                 "MyCam 2.0 on macOS",
		"curl/8.5.0<script>":                                     "",
		"curl/<script>":                                          "",
		"<script>alert(1)</script>":                              "",
		"approved by Latchkey":                                   "",
		"your own device, really":                                "",
		"":                                                       "",
		" ":                                                      "",
		"1.0":                                                    "",
		strings.Repeat("x", 200):                                 "",
		"cam/" + strings.Repeat("1", 200):                        "",
		"câm/1.0":                                                "",
	} {
		if got := programOf(t.Context(), agent); got != want {
			t.Errorf("%q is called %q, want %q", agent, got, want)
		}
	}
}
