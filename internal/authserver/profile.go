package authserver

import (
	"encoding/json"
	"net/http"
	"strings"

	"latchkey/internal/model"
)

// profile says who somebody is: the SDKs ask right after every sign-in, and a failure here fails the sign-in.
func (s *Server) profile(r *http.Request, who principal) (answer, error) {
	p, err := s.accounts.Profile(r.Context(), who.userID)
	if err != nil {
		return answer{}, inWords(err, model.KindSessionOver, kindUserGone)
	}
	out := s.profileOf(who, p.Identities, p.Keys)
	if p.Server {
		out.Type = "server"
	}
	if p.CustomData != "" {
		out.CustomData = json.RawMessage(p.CustomData)
	}
	return answer{status: http.StatusOK, body: out}, nil
}

// profileOf lists identities as App Services does: those the person linked first, then one for each key. A session opened with
// a key shows the key's name too. Keys are for devices of a person, so the type stays normal; a server key is nobody's.
func (s *Server) profileOf(who principal, identities []model.Identity, keys []model.Key) profileAnswer {
	out := profileAnswer{
		UserID:     who.userID,
		DomainID:   s.ids.domain,
		Identities: make([]wireIdentity, 0, len(identities)+len(keys)),
		Data:       map[string]any{},
		Type:       "normal",
	}
	for _, id := range identities {
		if strings.HasPrefix(id.Provider, model.OpenIDPrefix) { // some SDKs end at a provider that they do not know
			continue
		}
		w := wireIdentity{ID: id.ID, ProviderType: id.Provider, ProviderID: s.ids.provider(id.Provider)}
		switch {
		case id.Provider == model.ProviderEmailPassword:
			w.ProviderData = map[string]any{"email": id.Subject}
			out.Data["email"] = id.Subject
		case byToken.has(id.Provider):
			w.ID = id.Subject
			w.ProviderData = saidBy(id)
			addMissing(out.Data, w.ProviderData)
		}
		out.Identities = append(out.Identities, w)
	}
	for _, k := range keys {
		out.Identities = append(out.Identities, wireIdentity{ID: k.ID, ProviderType: model.ProviderAPIKey, ProviderID: s.ids.keys})
		if who.identity.provider == model.ProviderAPIKey && who.identity.id == k.ID {
			out.Data["name"] = k.Name
		}
	}
	return out
}

// deleteUser deletes the account of the caller, with everything that belongs to it.
func (s *Server) deleteUser(r *http.Request, who principal) (answer, error) {
	err := s.as(r, who).DeleteAccount(r.Context())
	return answer{status: http.StatusNoContent}, inWords(err, model.KindSessionOver, kindUserGone)
}
