package story

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// Grant is a device that is no process: it shows a code, and asks when the test says so.
type Grant struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Address    string `json:"verification_uri_complete"`
	ExpiresIn  int    `json:"expires_in"`
	Interval   int    `json:"interval"`
}

// Grant asks for a code as a device does.
func (p *Program) Grant(t *testing.T, name string) Grant {
	t.Helper()
	var g Grant
	if status := p.askFor(Within(t), "/oauth/device_authorization", url.Values{"client_id": {p.AppID}, "device_name": {name}}, &g); status != http.StatusOK {
		t.Fatalf("no device grant: %d", status)
	}
	return g
}

// Token is the answer to a poll.
type Token struct {
	Error       string `json:"error"`
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	KeyID       string `json:"key_id"`
	KeyName     string `json:"key_name"`
}

// Poll asks once whether the person has decided.
func (p *Program) Poll(ctx context.Context, g Grant) (Token, int) {
	var got Token
	status := p.askFor(ctx, "/oauth/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {p.AppID}, "device_code": {g.DeviceCode},
	}, &got)
	return got, status
}

func (p *Program) askFor(ctx context.Context, path string, form url.Values, out any) int {
	a, err := p.TrySend(ctx, http.MethodPost, path, form, nil)
	if err != nil || json.Unmarshal([]byte(a.Body), out) != nil {
		return 0
	}
	return a.StatusCode
}
