package config

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/internal/app/weburl"
	"latchkey/internal/idtokens"
	"latchkey/internal/model"
)

// Providers are those whose signed tokens people sign in with.
type Providers struct {
	Tokens []idtokens.Provider
	// NewUsers has the providers whose tokens create an account for somebody who has none yet.
	NewUsers map[string]bool
	// OpenID are those with OpenID Connect at which people sign in with a browser.
	OpenID []OpenID
	// SecretFiles are the files with what signs tokens: someone who can read one can sign in as anybody.
	SecretFiles []string
}

// Names are the providers by their names.
func (p Providers) Names() []string {
	var names []string
	for _, one := range p.Tokens {
		names = append(names, one.Name)
	}
	return names
}

const (
	maxProvidersFile = 64 << 10
	maxKeyFiles      = 3

	minTokenSecret, maxTokenSecret = 32, 512 // characters, as at App Services

	maxTokenAudiences = 20
	maxTokenClaims    = 40
	maxField          = 64 // characters

	// unfilled stands in what latchkey doctor writes, where an export has nothing.
	unfilled = "FILL IN"
)

// Where Google and Apple publish the keys that they sign with, and what their tokens call them.
const (
	googleKeys   = "https://www.googleapis.com/oauth2/v3/certs"
	googleIssuer = "accounts.google.com"
	appleKeys    = "https://appleid.apple.com/auth/keys"
	appleIssuer  = "https://appleid.apple.com"
)

// parseProviders reads the file of --providers, and those that it names. None of its complaints shows a secret.
func parseProviders(c Config, registration bool) (Providers, error) {
	out := Providers{NewUsers: map[string]bool{}}
	if c.Providers == "" {
		return out, nil
	}
	content, err := readAtMost(c.Providers, maxProvidersFile)
	if err == nil {
		dir := filepath.Dir(c.Providers)
		if whole, err := filepath.Abs(dir); err == nil {
			dir = whole // for what is said of a file in it
		}
		err = out.read(content, providersSource{dir: dir, appID: c.AppID, keySets: c.KeySets, newUsers: registration})
	}
	if err != nil {
		return Providers{}, Refuse("providers", c.Providers, err.Error())
	}
	return out, nil
}

// providersSource is what the file means beside what it says.
type providersSource struct {
	dir      string // of files that it names
	appID    string
	keySets  map[string]string
	newUsers bool // where it does not say
}

// readAtMost is os.ReadFile for files that have an end.
func readAtMost(path string, most int64) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, cannotRead(err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, cannotRead(err)
	case int64(len(content)) > most:
		return nil, fmt.Errorf("it has more than %d KB", most>>10)
	}
	return bytes.TrimPrefix(content, []byte(byteOrderMark)), nil
}

// cannotRead leaves out the name of the file: it is said, or it is a secret that was put in the place of one.
func cannotRead(err error) error {
	if of, ok := errors.AsType[*os.PathError](err); ok {
		err = of.Err
	}
	return fmt.Errorf("cannot be read (%w)", err)
}

func (p *Providers) read(content []byte, from providersSource) error {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(content, &file); err != nil || file == nil {
		return errors.New("must be a JSON object with providers by their names" + notJSON(err))
	}
	if where, there := findUnfilled("", content); there {
		return fmt.Errorf("%s still says %q", where, unfilled)
	}
	for _, name := range []string{model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple} {
		raw, there := file[name]
		if !there {
			continue
		}
		delete(file, name)
		if err := p.add(name, raw, from); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if raw, there := file[openIDList]; there {
		delete(file, openIDList)
		if err := p.readOpenID(raw, from); err != nil {
			return fmt.Errorf("%s: %w", openIDList, err)
		}
	}
	for name := range file {
		return fmt.Errorf("has %+q, which is no provider that can be set: these are custom-token, oauth2-google and oauth2-apple, and the list openid", name)
	}
	if len(p.Tokens) == 0 && len(p.OpenID) == 0 {
		return errors.New("names no provider")
	}
	return nil
}

// notJSON says where a text stops being JSON, if it does.
func notJSON(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf(" (it is no JSON at byte %d)", syntax.Offset)
	}
	return ""
}

// findUnfilled finds a text that nobody has written yet.
func findUnfilled(where string, content []byte) (string, bool) {
	var object map[string]json.RawMessage
	var list []json.RawMessage
	var text string
	switch {
	case json.Unmarshal(content, &text) == nil:
		return where, text == unfilled
	case json.Unmarshal(content, &list) == nil:
		for _, one := range list {
			if found, there := findUnfilled(where, one); there {
				return found, true
			}
		}
	case json.Unmarshal(content, &object) == nil:
		for name, one := range object {
			if found, there := findUnfilled(strings.TrimPrefix(where+": "+name, ": "), one); there {
				return found, true
			}
		}
	}
	return "", false
}

// tokenSettings are the settings of any provider as the file has them. Each provider knows some.
type tokenSettings struct {
	NewUsers *bool          `json:"new_users"`
	Data     []claimSetting `json:"data"`
}

type claimSetting struct {
	Claim    string `json:"claim"`
	Field    string `json:"field"`
	Required bool   `json:"required"`
}

type customSettings struct {
	tokenSettings
	Algorithm      string   `json:"algorithm"`
	SecretFiles    []string `json:"secret_files"`
	PublicKeyFiles []string `json:"public_key_files"`
	JWKS           string   `json:"jwks"`
	Issuer         string   `json:"issuer"`
	Audience       []string `json:"audience"`
	AudienceMatch  string   `json:"audience_match"`
}

type clientSettings struct {
	tokenSettings
	ClientIDs []string `json:"client_ids"`
}

func (p *Providers) add(name string, raw json.RawMessage, from providersSource) error {
	provider := idtokens.Provider{Name: name}
	var common tokenSettings
	if name == model.ProviderCustomToken {
		var in customSettings
		if err := strictly(raw, &in, "secret_files"); err != nil {
			return err
		}
		common = in.tokenSettings
		if err := p.custom(&provider, in, from); err != nil {
			return err
		}
	} else {
		var in clientSettings
		if err := strictly(raw, &in, "secret_files"); err != nil {
			return err
		}
		common = in.tokenSettings
		if err := texts("client_ids", in.ClientIDs, 1, maxTokenAudiences); err != nil {
			return err
		}
		provider.Audience = in.ClientIDs
		provider.Issuers, provider.KeySet = []string{appleIssuer}, appleKeys
		if name == model.ProviderGoogle {
			provider.Issuers, provider.KeySet, provider.Party = []string{googleIssuer, "https://" + googleIssuer}, googleKeys, true
		}
		provider.KeySet = cmp.Or(from.keySets[name], provider.KeySet)
	}
	var err error
	if provider.Data, err = claimsOf(common.Data); err != nil {
		return err
	}
	p.NewUsers[name] = from.newUsers
	if common.NewUsers != nil {
		p.NewUsers[name] = *common.NewUsers
	}
	p.Tokens = append(p.Tokens, provider)
	return nil
}

// strictly reads one provider. A field that is not known may be a rule that somebody counts on, and a secret belongs in a file that a
// field names.
func strictly(raw json.RawMessage, into any, secretsIn string) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s must not be a JSON %s", cmp.Or(mismatch.Field, "it"), mismatch.Value)
	}
	if err == nil {
		return nil
	}
	_, field, unknown := strings.Cut(err.Error(), "unknown field ")
	switch {
	case !unknown:
		return errors.New("it is not as it should be")
	case slices.Contains(secretFields, strings.Trim(field, `"`)):
		return fmt.Errorf("has %s: a secret does not belong in this file, which names the file of one in %s", field, secretsIn)
	}
	return fmt.Errorf("has the field %s, which is not known", field)
}

// secretFields are what somebody would call a secret who has put it into the file.
var secretFields = []string{"secret", "secrets", "key", "keys", "signing_key", "signing_keys", "client_secret", "private_key", "password"}

func (p *Providers) custom(to *idtokens.Provider, in customSettings, from providersSource) (err error) {
	given := 0
	for _, there := range []bool{len(in.SecretFiles) > 0, len(in.PublicKeyFiles) > 0, in.JWKS != ""} {
		if there {
			given++
		}
	}
	switch hmac := len(in.SecretFiles) > 0; {
	case in.Algorithm != "HS256" && in.Algorithm != "RS256":
		return fmt.Errorf("algorithm is %+q, and must be HS256 or RS256", in.Algorithm)
	case in.Algorithm == "HS256" && (!hmac || given != 1):
		return errors.New("HS256 takes secret_files, and neither public_key_files nor jwks")
	case in.Algorithm == "RS256" && (hmac || given != 1):
		return errors.New("RS256 takes either public_key_files or jwks, and no secret_files")
	case len(in.SecretFiles) > maxKeyFiles:
		return fmt.Errorf("secret_files can be at most %d", maxKeyFiles)
	case len(in.PublicKeyFiles) > maxKeyFiles:
		return fmt.Errorf("public_key_files can be at most %d", maxKeyFiles)
	}
	for i, file := range in.SecretFiles {
		path := from.path(file)
		secret, err := tokenSecret(path)
		if err != nil {
			return fmt.Errorf("%s: %w", nth("secret_files", i), err)
		}
		to.Secrets, p.SecretFiles = append(to.Secrets, secret), append(p.SecretFiles, path)
	}
	for i, file := range in.PublicKeyFiles {
		key, err := publicKey(from.path(file))
		if err != nil {
			return fmt.Errorf("%s: %w", nth("public_key_files", i), err)
		}
		to.PublicKeys = append(to.PublicKeys, key)
	}
	if in.JWKS != "" {
		if to.KeySet, err = keySetURL(in.JWKS); err != nil {
			return err
		}
	}
	if in.Issuer != "" {
		to.Issuers = []string{in.Issuer}
	}
	if to.Audience = in.Audience; in.Audience == nil {
		to.Audience = []string{from.appID}
	}
	if err := texts("audience", to.Audience, 1, maxTokenAudiences); err != nil {
		return err
	}
	switch in.AudienceMatch {
	case "", "any":
	case "all":
		to.AllAudiences = true
	default:
		return fmt.Errorf("audience_match is %+q, and must be any or all", in.AudienceMatch)
	}
	return nil
}

// path is where a file is that the file names.
func (s providersSource) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, name)
}

// nth says which file of a list is meant, and not what it is called: that may be the secret itself, put in the place of a file's name.
func nth(list string, i int) string { return fmt.Sprintf("file %d of %s", i+1, list) }

// tokenSecret reads a secret that signs tokens. A line may end behind it.
func tokenSecret(path string) (model.Secret, error) {
	return readSecret(path, minTokenSecret, maxTokenSecret)
}

// readSecret reads a secret of so many characters.
func readSecret(path string, least, most int) (model.Secret, error) {
	content, err := readAtMost(path, maxProvidersFile)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if n := utf8.RuneCountInString(secret); n < least || n > most {
		return "", fmt.Errorf("has %d characters, and must have %d to %d", n, least, most)
	}
	return model.Secret(secret), nil
}

// publicKey reads an RSA key in PEM, by itself or in a certificate.
func publicKey(path string) (*rsa.PublicKey, error) {
	content, err := readAtMost(path, maxProvidersFile)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("is no PEM file")
	}
	var key any
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = certificate.PublicKey
		}
	default:
		return nil, fmt.Errorf("has a %+q, and must have a public key", block.Type)
	}
	public, ok := key.(*rsa.PublicKey)
	switch {
	case err != nil || !ok:
		return nil, errors.New("has no RSA public key")
	case public.N.BitLen() < idtokens.MinKeyBits:
		return nil, fmt.Errorf("has a key of %d bits, and must have at least %d", public.N.BitLen(), idtokens.MinKeyBits)
	}
	return public, nil
}

// keySetURL checks where keys are fetched from. It may have a query, as some issuers want; plain http may not leave the machine.
func keySetURL(text string) (string, error) {
	address, query, _ := strings.Cut(text, "?")
	u, ok := weburl.Parse(address)
	if _, err := url.ParseQuery(query); err != nil || strings.ContainsAny(query, "#\\ ") {
		ok = false
	}
	if !ok || u.Scheme == "http" && !weburl.IsLoopback(u.Hostname()) {
		return "", fmt.Errorf("jwks is %+q, and must be an https URL without a user, such as https://id.example.org/jwks.json (http only to this machine)",
			weburl.WithoutPassword(text))
	}
	u.RawQuery = query
	return u.String(), nil
}

func claimsOf(list []claimSetting) ([]idtokens.Claim, error) {
	if len(list) > maxTokenClaims {
		return nil, fmt.Errorf("data can have at most %d claims", maxTokenClaims)
	}
	var claims []idtokens.Claim
	taken := map[string]bool{}
	for _, one := range list {
		path, ok := idtokens.ParsePath(one.Claim)
		if !ok {
			return nil, fmt.Errorf("data has the claim %+q, and must have one such as name, profile.name or id\\.example\\.org", one.Claim)
		}
		field := cmp.Or(one.Field, path[len(path)-1])
		if taken[field] || utf8.RuneCountInString(field) > maxField {
			return nil, fmt.Errorf("data has the field %+q twice, or it has more than %d characters", field, maxField)
		}
		taken[field] = true
		claims = append(claims, idtokens.Claim{Path: path, Field: field, Required: one.Required})
	}
	return claims, nil
}

func texts(name string, list []string, least, most int) error {
	if len(list) < least || len(list) > most || slices.Contains(list, "") {
		return fmt.Errorf("%s must be a list of %d to %d texts", name, least, most)
	}
	return nil
}
