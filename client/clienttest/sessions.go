package clienttest

import (
	"net/http"
	"testing"

	"latchkey/client"
)

func (s *suite) testSessions(t *testing.T) {
	t.Run("a refresh token gets another access token", s.refreshes)
	t.Run("a session resumes from its refresh token alone", s.resumes)
	t.Run("signing out ends this session and no other", s.signsOut)
	t.Run("empty calls may say they are JSON, as core's do", s.contentTypes)
}

func (s *suite) refreshes(t *testing.T) {
	p := s.newPerson(t)
	a := s.send(t, request{method: http.MethodPost, path: "/auth/session", bearer: p.refresh()})
	if code := choice(s, http.StatusCreated); a.status/100 != 2 || code != 0 && a.status != code {
		t.Fatalf("status %d, want 201", a.status)
	}
	object := a.object(t)
	if _, has := object["refresh_token"]; has {
		t.Error("renewing gave a refresh token, which no SDK would keep")
	}
	access, _ := object["access_token"].(string)
	a = s.send(t, request{method: http.MethodGet, path: "/auth/profile", bearer: access})
	if a.status != http.StatusOK || a.object(t)["user_id"] != p.session.UserID() {
		t.Errorf("the new access token gave %d %s", a.status, a.body)
	}
}

func (s *suite) resumes(t *testing.T) {
	p := s.newPerson(t)
	again := s.newClient(t).Resume(p.session.UserID(), p.session.RefreshToken())
	profile, err := again.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if profile.Email() != p.email {
		t.Errorf("the resumed session is of %q, want %q", profile.Email(), p.email)
	}
}

func (s *suite) signsOut(t *testing.T) {
	p := s.newPerson(t)
	other := p.login(t)
	a := s.send(t, request{method: http.MethodDelete, path: "/auth/session", bearer: other.RefreshToken().Reveal()})
	if code := choice(s, http.StatusNoContent); a.status/100 != 2 || code != 0 && a.status != code {
		t.Errorf("status %d, want 204", a.status)
	}
	refused(t, other.Refresh(t.Context()), goneSession)
	_, err := other.APIKeys().FetchAll(t.Context())
	refused(t, err, goneSession)
	err = other.Logout(t.Context())
	refused(t, err, goneSession)
	if !client.IsUnauthorized(err) {
		t.Errorf("IsUnauthorized is false for %v", err)
	}
	if err := p.session.Refresh(t.Context()); err != nil {
		t.Errorf("the other session of the same user: %v", err)
	}
}

// contentTypes sends what core sends on every request, and .NET on most.
func (s *suite) contentTypes(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	asCore := http.Header{"Content-Type": {"application/json;charset=utf-8"}}
	for _, r := range []request{
		{method: http.MethodGet, path: "/auth/api_keys"},
		{method: http.MethodPut, path: "/auth/api_keys/" + key.ID + "/disable"},
		{method: http.MethodPut, path: "/auth/api_keys/" + key.ID + "/enable"},
		{method: http.MethodDelete, path: "/auth/api_keys/" + key.ID},
		{method: http.MethodPost, path: "/auth/api_keys", body: `{"name":"n"}`},
		{method: http.MethodPost, path: "/auth/session"},
		{method: http.MethodDelete, path: "/auth/session"},
	} {
		r.bearer, r.header = p.refresh(), asCore
		if a := s.send(t, r); a.status/100 != 2 {
			t.Errorf("%s %s answered %d %s", r.method, r.path, a.status, a.body)
		}
	}
}
