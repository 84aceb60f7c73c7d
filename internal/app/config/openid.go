package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/internal/app/weburl"
	"latchkey/internal/idtokens"
	"latchkey/internal/model"
	"latchkey/internal/openid"
)

const (
	openIDList = "openid"

	maxOpenID        = 5
	maxProviderName  = 40
	maxClientID      = 255
	maxClientSecret  = 2048
	clientSecretFile = "client_secret_file"
)

var openIDName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// OpenID is another provider at which people sign in with a browser.
type OpenID struct {
	openid.Provider

	NewUsers bool // somebody who has no account gets one
}

type openIDSettings struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Issuer     string `json:"issuer"`
	ClientID   string `json:"client_id"`
	SecretFile string `json:"client_secret_file"`
	NewUsers   *bool  `json:"new_users"`
	Provider   string `json:"provider"`
}

// readOpenID reads the list of other providers, once those whose tokens are taken are read.
func (p *Providers) readOpenID(raw json.RawMessage, from providersSource) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) < 1 || len(list) > maxOpenID {
		return fmt.Errorf("must be a list of 1 to %d providers", maxOpenID)
	}
	for i, one := range list {
		var in openIDSettings
		err := strictly(one, &in, clientSecretFile)
		if err == nil {
			err = p.addOpenID(in, from)
		}
		if err != nil {
			return fmt.Errorf("number %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *Providers) addOpenID(in openIDSettings, from providersSource) error {
	taken := func(same func(OpenID) bool) bool { return slices.ContainsFunc(p.OpenID, same) }
	switch name := strings.TrimSpace(in.Name); {
	case !openIDName.MatchString(in.ID):
		return fmt.Errorf("id is %+q, and must be 1 to 32 small letters, digits and hyphens, such as acme: it is part of an address", in.ID)
	case taken(func(o OpenID) bool { return o.ID == in.ID }):
		return fmt.Errorf("id is %+q, as that of another in the list", in.ID)
	case name == "" || name != in.Name || utf8.RuneCountInString(name) > maxProviderName || strings.ContainsFunc(name, isNotShown):
		return fmt.Errorf("name is %+q, and must be 1 to %d characters, as people know the provider", in.Name, maxProviderName)
	case taken(func(o OpenID) bool { return strings.EqualFold(o.Name, in.Name) }):
		return fmt.Errorf("name is %+q, as that of another in the list: people could not tell them apart", in.Name)
	case in.ClientID == "" || utf8.RuneCountInString(in.ClientID) > maxClientID:
		return fmt.Errorf("client_id must be 1 to %d characters: what the provider calls this server", maxClientID)
	case in.SecretFile == "":
		return fmt.Errorf("%s is missing: the file with the secret that the provider gave this server", clientSecretFile)
	}
	if err := checkIssuer(in.Issuer); err != nil {
		return err
	}
	path := from.path(in.SecretFile)
	secret, err := readSecret(path, 1, maxClientSecret)
	if err != nil {
		return fmt.Errorf("the file of %s: %w", clientSecretFile, err)
	}
	out := OpenID{openid.Provider{
		OpenID: model.OpenID{ID: in.ID, Name: in.Name}, Issuer: in.Issuer, ClientID: in.ClientID, Secret: secret,
	}, from.newUsers}
	if out.Identities, err = p.identitiesOf(in); err != nil {
		return err
	}
	if taken(func(o OpenID) bool { return o.Identities == out.Identities }) {
		return fmt.Errorf("provider is %s, as that of another in the list: of each person there can be only one under it", out.Identities)
	}
	if in.NewUsers != nil {
		out.NewUsers = *in.NewUsers
	}
	p.OpenID, p.SecretFiles = append(p.OpenID, out), append(p.SecretFiles, path)
	return nil
}

func isNotShown(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// checkIssuer wants an issuer as its tokens call it, to every letter.
func checkIssuer(text string) error {
	u, err := url.Parse(text)
	ok := err == nil && u.Host != "" && u.User == nil && u.Opaque == "" && !strings.ContainsAny(text, "?#\\ ") &&
		(u.Scheme == "https" || u.Scheme == "http" && weburl.IsLoopback(u.Hostname()))
	if !ok {
		return fmt.Errorf("issuer is %+q, and must be the https URL that the provider calls itself, such as https://id.example.org/realms/acme (http only to this machine)",
			weburl.WithoutPassword(text))
	}
	return nil
}

// identitiesOf is the provider under which identities are kept. With that of an app a person is the same there and here: so both must
// mean people by what the same issuer calls them.
func (p *Providers) identitiesOf(in openIDSettings) (string, error) {
	if in.Provider == "" {
		return model.OpenIDPrefix + in.ID, nil
	}
	if !slices.Contains([]string{model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple}, in.Provider) {
		return "", fmt.Errorf("provider is %+q, and must be custom-token, oauth2-google or oauth2-apple, or not there", in.Provider)
	}
	i := slices.IndexFunc(p.Tokens, func(one idtokens.Provider) bool { return one.Name == in.Provider })
	switch {
	case i < 0:
		return "", fmt.Errorf("provider is %s, which this file does not set up", in.Provider)
	case len(p.Tokens[i].Issuers) == 0:
		return "", fmt.Errorf("provider is %s, which has no issuer: give it %+q, so that nobody else can mean a person by the same subject", in.Provider, in.Issuer)
	case !slices.Contains(p.Tokens[i].Issuers, in.Issuer):
		return "", fmt.Errorf("provider is %s, whose issuer is %+q and not %+q: the same subject would be two people", in.Provider, p.Tokens[i].Issuers[0], in.Issuer)
	}
	return in.Provider, nil
}

// parsePasswords leaves people a way in.
func parsePasswords(c Config, s Settings) (bool, error) {
	on, err := oneOf("passwords", c.Passwords, choice[bool]{"on", true}, choice[bool]{"off", false})
	switch {
	case err != nil || on:
		return on, err
	case s.Upstream != nil:
		err = errors.New("cannot be used with --upstream: how people sign in is decided by the server that keeps them")
	case len(s.Providers.OpenID) == 0:
		err = errors.New("takes a provider in the list openid of --providers: nobody could sign in with a browser")
	}
	if err != nil {
		return on, Refuse("passwords", c.Passwords, err.Error())
	}
	return on, nil
}
