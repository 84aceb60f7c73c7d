package authserver

import (
	"context"
	"net/http"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// link gives the caller, who says who they are with their access token, one more way to sign in: POST …/login?link=true. What the SDKs'
// own tests assert of it, and what it answers:
//
//	                                         the SDKs' tests                                 here
//	an account that was registered for it    200, user_id of the caller (all)                200
//	the same once more                       200, nothing changes (.NET)                     200
//	an account that somebody uses            "unauthorized" (.NET, Kotlin), before that      400 InvalidParameter, with both texts
//	                                         "a user already exists with the specified
//	                                         provider" (.NET); 401 (.NET), InvalidSession
//	                                         (Java)
//	a second email address                   "unauthorized" (.NET, Kotlin), before that      400 InvalidParameter, with both texts
//	                                         "linking a local-userpass identity is not
//	                                         allowed when one is already linked", 500 (.NET)
//	an API key                               "invalid user link request",                    400 InvalidParameter
//	                                         InvalidParameter (Java)
//	no credentials                           refused by the SDK (Kotlin, .NET)               400 InvalidParameter
//
// The status is never 401 for what the caller wants to link: realm-web renews its access token on a 401 that says InvalidSession, or
// "unauthorized" and nothing else, and sends the call again, without end, and Stitch signs the user out.
func (s *Server) link(r *http.Request, who principal) (answer, error) {
	provider := r.PathValue("provider")
	session, err := s.linked(r, who, provider)
	if err != nil {
		return answer{}, notUnauthorized(err, provider)
	}
	access, err := s.tokens.sign(s.accessClaims(principalOf(session)))
	return answer{status: http.StatusOK, body: linkAnswer{access, session.UserID, session.DeviceID}}, err
}

// linked is the session of the caller once what the request holds is linked.
func (s *Server) linked(r *http.Request, who principal, provider string) (model.Session, error) {
	switch provider {
	case model.ProviderAPIKey, model.ProviderAnonymous:
		return model.Session{}, refuse(kindBadLinkRequest)
	}
	if err := s.offers(provider); err != nil {
		return model.Session{}, err
	}
	var in loginRequest
	if err := decode(r, &in); err != nil {
		return model.Session{}, err
	}
	return s.linkTo(r.Context(), s.as(r, who), provider, in)
}

// linkTo asks for a provider that is offered.
func (s *Server) linkTo(ctx context.Context, p *accounts.Person, provider string, in loginRequest) (model.Session, error) {
	switch provider {
	case model.ProviderEmailPassword:
		email, password, err := in.emailPassword()
		if err != nil {
			return model.Session{}, err
		}
		return p.LinkPassword(ctx, email, password)
	default:
		proved, err := s.proved(ctx, provider, in)
		if err != nil {
			return model.Session{}, err
		}
		return p.LinkToken(ctx, proved)
	}
}

// linkRefusals are the answers to what the caller wants to link, in place of those to somebody who wants to sign in with it.
var linkRefusals = map[kind]kind{
	kindWrongPassword: kindLinkWrongPassword,
	kindNotConfirmed:  kindLinkUnproved,
	kindWrongToken:    kindLinkUnproved,
	kindNotOffered:    kindLinkUnproved,
	kindUserDisabled:  kindLinkDisabled,
}

// notUnauthorized is the refusal of what was to be linked, never with the status that tells programs that their own session is over.
func notUnauthorized(err error, provider string) error {
	f := failureOf(err)
	if as, ok := linkRefusals[f.kind]; ok {
		f.kind = as
	}
	if f.kind == kindIdentityLimit && provider == model.ProviderEmailPassword {
		f.kind = kindSecondEmail
	}
	return f
}
