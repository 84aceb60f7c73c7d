package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/internal/model"
)

const (
	maxAudiencesFile = 64 << 10
	maxAudiences     = 32 // each is a label in the metrics
	maxAudience      = 255
	maxClaims        = 2 << 10 // a token goes into a header

	minTokenLifetime, maxTokenLifetime = time.Minute, time.Hour
)

var audienceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// readAudiences reads the file of --audiences: services by name, each with the audience, the lifetime and further claims of its tokens. A
// misunderstanding here would be one about whom a service lets in, and so nothing is passed over.
func readAudiences(file string) ([]model.Audience, error) {
	if file == "" {
		return nil, nil
	}
	content, err := readAtMost(file, maxAudiencesFile)
	if err != nil {
		return nil, Refuse("audiences", file, err.Error())
	}
	audiences, err := parseAudiences(content)
	if err != nil {
		return nil, Refuse("audiences", file, err.Error())
	}
	return audiences, nil
}

func parseAudiences(content []byte) ([]model.Audience, error) {
	if !utf8.Valid(content) {
		return nil, errors.New("it is not UTF-8")
	}
	services, err := members(content)
	if err != nil {
		return nil, fmt.Errorf("it must be a JSON object with services by name (%w)", err)
	}
	if len(services) == 0 || len(services) > maxAudiences {
		return nil, fmt.Errorf("it must name 1 to %d services", maxAudiences)
	}
	audiences := make([]model.Audience, 0, len(services))
	for _, s := range services {
		if !audienceName.MatchString(s.name) {
			return nil, fmt.Errorf("the name %q must be 1 to 64 letters, digits and . _ -, and begin with a letter or digit", s.name)
		}
		a, err := parseAudience(s)
		if err != nil {
			return nil, fmt.Errorf("%q %w", s.name, err)
		}
		audiences = append(audiences, a)
	}
	return audiences, nil
}

// parseAudience reads one service. Its complaints go on after the name.
func parseAudience(service member) (model.Audience, error) {
	a := model.Audience{Name: service.name}
	fields, err := members(service.value)
	if err != nil {
		return a, fmt.Errorf("must be a JSON object (%w)", err)
	}
	for _, f := range fields {
		switch f.name {
		case "audience":
			err = parseAudienceValue(f.value, &a)
		case "lifetime":
			err = parseLifetime(f.value, &a)
		case "claims":
			err = parseClaims(f.value, &a)
		default:
			err = fmt.Errorf("has the field %q: there are audience, lifetime and claims", f.name)
		}
		if err != nil {
			return a, err
		}
	}
	switch {
	case a.Audience == "":
		return a, errors.New("has no audience: the aud that the service expects")
	case a.Lifetime == 0:
		return a, errors.New("has no lifetime, such as 10m")
	}
	return a, nil
}

func parseAudienceValue(value json.RawMessage, a *model.Audience) error {
	invisible := func(r rune) bool { return r <= ' ' || r == 0x7f }
	if json.Unmarshal(value, &a.Audience) != nil || a.Audience == "" || utf8.RuneCountInString(a.Audience) > maxAudience || strings.ContainsFunc(a.Audience, invisible) {
		return fmt.Errorf("has an audience that is not a text of 1 to %d characters without spaces", maxAudience)
	}
	return nil
}

func parseLifetime(value json.RawMessage, a *model.Audience) error {
	var text string
	err := json.Unmarshal(value, &text)
	if err == nil {
		a.Lifetime, err = time.ParseDuration(text)
	}
	if err != nil || a.Lifetime < minTokenLifetime || a.Lifetime > maxTokenLifetime || a.Lifetime%time.Second != 0 {
		return errors.New(`has a lifetime that is not "1m" to "60m"`)
	}
	return nil
}

// ownClaims are what this server says itself in each token. Receivers may not tell capitals apart, as Go's encoding/json does not.
var ownClaims = []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "typ", "latchkey_key"}

func parseClaims(value json.RawMessage, a *model.Audience) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return err
	}
	if compact.Len() > maxClaims {
		return fmt.Errorf("has claims of more than %d KB", maxClaims>>10)
	}
	claims, err := members(compact.Bytes())
	if err != nil {
		return fmt.Errorf("has claims that are not a JSON object (%w)", err)
	}
	for _, c := range claims {
		if c.name == "" || slices.ContainsFunc(ownClaims, func(own string) bool { return strings.EqualFold(own, c.name) }) {
			return fmt.Errorf("has the claim %q, which this server sets itself", c.name)
		}
		if err := constant(c.value); err != nil {
			return fmt.Errorf("has the claim %q: %w", c.name, err)
		}
	}
	a.Claims = strings.TrimSuffix(strings.TrimPrefix(compact.String(), "{"), "}")
	return nil
}

// placeholder matches what is a variable in other programs, and would here be the same text in the tokens of everybody.
var placeholder = regexp.MustCompile(`\{\{|\$\{|<%|^\$\.`)

// constant looks at a value in depth.
func constant(value json.RawMessage) error {
	switch value = bytes.TrimSpace(value); value[0] {
	case '{':
		inside, err := members(value)
		if err != nil {
			return err
		}
		for _, m := range inside {
			if err := constant(m.value); err != nil {
				return err
			}
		}
	case '[':
		var inside []json.RawMessage
		if err := json.Unmarshal(value, &inside); err != nil {
			return err
		}
		for _, v := range inside {
			if err := constant(v); err != nil {
				return err
			}
		}
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return err
		}
		if found := placeholder.FindString(text); found != "" {
			return fmt.Errorf("claims are constants, and %s… would be replaced by nothing (the user's id is in sub)", found)
		}
	case 'n':
		return errors.New("null says nothing: leave it out")
	}
	return nil
}

// member is one of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// members reads one JSON object whose names are all different. Package json would take the last of two.
func members(object []byte) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil, errors.New("it does not begin with {")
	}
	var all []member
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		m := member{}
		m.name, _ = name.(string) // what else would be an error
		if err := decoder.Decode(&m.value); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(other member) bool { return other.name == m.name }) {
			return nil, fmt.Errorf("%q is there twice", m.name)
		}
		all = append(all, m)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its end")
	}
	return all, nil
}
