package app

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// hostileForm is a form of 60 KB with every field that any route reads. What may be long is; what has a shape has it, and is new each
// time, so that nothing is refused before it is looked at.
func hostileForm() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	form := url.Values{
		"form_id": {base64.RawURLEncoding.EncodeToString(id)}, "tokenId": {"0123456789abcdef01234567"}, "device_code": {rand.Text()},
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {"latchkey-local"},
	}
	names := []string{"name", "email", "password", "current", "code", "next", "token", "value", "theme", "device_name", "sealing_key"}
	for _, name := range names {
		form.Set(name, rand.Text()+strings.Repeat("x", 60<<10/len(names)))
	}
	return form.Encode()
}

// hostileJSON is the same for programs.
func hostileJSON() string {
	long := rand.Text() + strings.Repeat("x", 5<<10)
	device := fmt.Sprintf(`{"device":{"deviceId":%[1]q,"platform":%[1]q,"platformVersion":%[1]q,"appId":%[1]q,"sdkVersion":%[1]q}}`, long)
	return fmt.Sprintf(`{"username":%[1]q,"email":%[1]q,"password":%[1]q,"key":%[1]q,"name":%[1]q,"token":%[1]q,"tokenId":%[1]q,"options":%s}`, long, device)
}

// liveHeap is how many bytes are in use once everything is collected that can be.
func liveHeap() uint64 {
	var m runtime.MemStats
	for range 3 { // what a finalizer or a pool holds goes with the one after
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Not parallel: what other tests hold would be counted.
func TestWhatHostileRequestsSendIsNotKept(t *testing.T) {
	if testing.Short() {
		t.Skip("asks six thousand times, and weighs the memory after each sixty")
	}
	s := newStage(t, "")
	c := s.newCast(false)
	long := http.Header{
		"User-Agent": {strings.Repeat("a", 4<<10)}, "Hx-Current-Url": {s.at + "/keys?" + strings.Repeat("b", 4<<10)}, "Hx-Request": {"true"},
		"X-Forwarded-For": {strings.Repeat("1.2.3.4, ", 300)}, "Sec-Fetch-Site": {"same-origin"},
	}
	ask := func(method, path string, by principal) int {
		header := long.Clone()
		header.Set("X-Made-Up", rand.Text())
		body, kind := hostileForm(), "application/x-www-form-urlencoded"
		if strings.HasPrefix(path, "/api/") {
			body, kind = hostileJSON(), "application/json"
			if by != nobody {
				header.Set("Authorization", "Bearer "+c.tokens[by].Refresh)
			}
		} else if by != nobody {
			header.Set("Cookie", c.cookies[by].Name+"="+c.cookies[by].Value)
		}
		return s.request(method, path, body, kind, header).Status
	}
	const times = 60
	endsTheSession := []string{"POST /logout", "DELETE /api/client/v2.0/auth/session", "DELETE /api/client/v2.0/auth/delete", "POST /sessions/end-others", "DELETE /api/latchkey/v1/sessions"}
	for _, by := range []principal{nobody, owner} {
		for path, has := range tables() {
			for _, method := range []string{"POST", "PUT", "DELETE"} {
				if !slices.Contains(has, method) || slices.Contains(endsTheSession, method+" "+path) {
					continue
				}
				ask(method, concrete(path), by) // what is created once, for the first request, is no hoard
				before := liveHeap()
				for range times {
					if status := ask(method, concrete(path), by); status >= 500 && status != http.StatusServiceUnavailable {
						t.Errorf("%s %s by %s: %d", method, path, by, status)
					}
				}
				// Ten megabytes in 1,500 requests is 7 KB each: a tenth of what each of these sent.
				if grown := int64(liveHeap()) - int64(before); grown > times*7<<10 {
					t.Errorf("%s %s by %s: %d bytes stay of each request", method, path, by, grown/times)
				}
			}
		}
	}
}
