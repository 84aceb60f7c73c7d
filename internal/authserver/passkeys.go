package authserver

import (
	"encoding/json"
	"net/http"

	"latchkey/internal/model"
)

// The calls about passkeys are for programs outside: a program of one's own, with a page at the origin of this server, or a client that
// speaks for a browser. The dashboard has its own way, and no SDK knows them.

// passkeyOptions is what a browser is given to sign somebody in.
func (s *Server) passkeyOptions(r *http.Request, _ principal) (answer, error) {
	return optionsAnswer(s.accounts.PasskeyOptions(r.Context(), s.from(r, model.ProviderPasskey)))
}

// loginWithPasskey opens a session with what the browser answered.
func (s *Server) loginWithPasskey(r *http.Request, _ principal) (answer, error) {
	in, err := decodePasskey(r)
	if err != nil {
		return answer{}, err
	}
	from, device := s.from(r, model.ProviderPasskey), in.Options.Device.described()
	session, err := s.accounts.OpenWithPasskey(r.Context(), from, in.Challenge, in.Passkey, device)
	if err != nil {
		return answer{}, inWords(err, model.KindNotOffered, kindPasskeysNotOffered)
	}
	out, err := s.loginAnswerOf(session)
	return answer{status: http.StatusOK, body: out}, err
}

// proofOptions is what a browser is given for the caller to show that it is they.
func (s *Server) proofOptions(r *http.Request, who principal) (answer, error) {
	options, challenge, err := s.as(r, who).ProofOptions(r.Context())
	return optionsAnswer(options, challenge, ofPasskeys(err))
}

// newPasskeyOptions is what a browser is given to create a passkey.
func (s *Server) newPasskeyOptions(r *http.Request, who principal) (answer, error) {
	options, challenge, err := s.as(r, who).NewPasskeyOptions(r.Context())
	return optionsAnswer(options, challenge, ofPasskeys(err))
}

// addPasskey keeps what the browser answered.
func (s *Server) addPasskey(r *http.Request, who principal) (answer, error) {
	in, err := decodePasskey(r)
	if err != nil {
		return answer{}, err
	}
	added, err := s.as(r, who).AddPasskey(r.Context(), in.Challenge, in.Name, in.Passkey)
	return answer{status: http.StatusCreated, body: wirePasskeyOf(added)}, ofPasskeys(err)
}

// listPasskeys lists those of the caller.
func (s *Server) listPasskeys(r *http.Request, who principal) (answer, error) {
	all, err := s.as(r, who).Passkeys(r.Context())
	out := make([]wirePasskey, 0, len(all))
	for _, one := range all {
		out = append(out, wirePasskeyOf(one))
	}
	return answer{status: http.StatusOK, body: map[string][]wirePasskey{"passkeys": out}}, err
}

// renamePasskey calls one something else.
func (s *Server) renamePasskey(r *http.Request, who principal) (answer, error) {
	var in struct {
		Name *string `json:"name"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.Name == nil {
		return answer{}, refuse(kindMissingField, "name")
	}
	renamed, err := s.as(r, who).RenamePasskey(r.Context(), r.PathValue("id"), *in.Name)
	return answer{status: http.StatusOK, body: wirePasskeyOf(renamed)}, ofPasskeys(err)
}

// removePasskey removes one.
func (s *Server) removePasskey(r *http.Request, who principal) (answer, error) {
	_, err := s.as(r, who).RemovePasskey(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusNoContent}, ofPasskeys(err)
}

// ofPasskeys says of a refusal what it means to somebody who is signed in: a 401 would have programs throw their session away.
func ofPasskeys(err error) error {
	err = inWords(err, model.KindBadPasskey, kindNotOwnPasskey)
	err = inWords(err, model.KindNotOffered, kindPasskeysNotOffered)
	err = inWords(err, model.KindBadLabel, kindPasskeyRule)
	return inWords(err, model.KindNotFound, kindPasskeyNotFound)
}

func optionsAnswer(options []byte, challenge string, err error) (answer, error) {
	return answer{status: http.StatusOK, body: passkeyOptionsAnswer{Options: options, Challenge: challenge}}, inWords(err, model.KindNotOffered, kindPasskeysNotOffered)
}

// passkeyOptionsAnswer has the argument of navigator.credentials.get or create, with base64url in place of bytes, and what has to come back
// beside its answer.
type passkeyOptionsAnswer struct {
	Options   json.RawMessage `json:"options"`
	Challenge string          `json:"challenge"`
}

// passkeyRequest has what the browser answered: a PublicKeyCredential as toJSON writes it.
type passkeyRequest struct {
	Challenge string          `json:"challenge"`
	Passkey   json.RawMessage `json:"passkey"`
	Name      string          `json:"name"`
	Options   struct {
		Device *device `json:"device"`
	} `json:"options"`
}

func decodePasskey(r *http.Request) (in passkeyRequest, err error) {
	if err := decode(r, &in); err != nil {
		return in, err
	}
	switch {
	case in.Challenge == "":
		return in, refuse(kindMissingField, "challenge")
	case !isObject(in.Passkey):
		return in, refuse(kindMissingField, "passkey")
	}
	return in, nil
}

func isObject(member json.RawMessage) bool { return len(member) > 0 && member[0] == '{' }

// wirePasskey is one of the caller's. One that works at another host alone is elsewhere.
type wirePasskey struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Host       string    `json:"host"`
	Elsewhere  bool      `json:"elsewhere"`
	Synced     bool      `json:"synced"`
	CreatedAt  wireTime  `json:"created_at"`
	LastUsedAt *wireTime `json:"last_used_at,omitempty"`
}

func wirePasskeyOf(p model.Passkey) wirePasskey {
	return wirePasskey{
		ID: p.ID, Name: p.Name, Host: p.RPID, Elsewhere: p.Elsewhere, Synced: p.Synced(),
		CreatedAt: wireTime(p.CreatedAt), LastUsedAt: wireTimeIf(p.LastUsedAt),
	}
}
