package config

import (
	"cmp"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/internal/app/weburl"
	"latchkey/internal/lang"
	"latchkey/internal/model"
)

// DefaultName is what a server is called that was given no name.
const DefaultName = "Latchkey"

// maxName is what fits into a subject line and a page's title beside what they say.
const maxName = 60

// parseName checks --name. Letters that cannot be seen could turn the sentences around it, or break a header of an email.
func parseName(text string) (string, error) {
	name := cmp.Or(strings.TrimSpace(text), DefaultName)
	ok := utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxName && !strings.ContainsFunc(name, unseen)
	return name, check("name", text, ok, "must be at most 60 characters, without control characters and line ends")
}

// unseen says whether a character shows nothing, the two joiners excepted: words of some languages, and some emoji, need them.
func unseen(r rune) bool {
	const joiner, nonJoiner = '\u200d', '\u200c'
	return !unicode.IsGraphic(r) && r != joiner && r != nonJoiner
}

// parseLanguage checks --language. "" is English.
func parseLanguage(text string) (*lang.Language, error) {
	l, ok := lang.Named(cmp.Or(text, lang.English))
	return l, check("language", text, ok && text != lang.Pseudo, "must be one of "+languageTags())
}

// languageTags are those of the languages that there are.
func languageTags() string {
	var tags []string
	for _, l := range lang.All() {
		tags = append(tags, l.Tag)
	}
	return strings.Join(tags, ", ")
}

// maxContact is more than any address needs.
const maxContact = 500

// parseContact checks --contact, which becomes a link. "": there is none.
func parseContact(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	ok := err == nil && len(text) <= maxContact && !strings.ContainsFunc(text, notInURL)
	switch {
	case !ok:
	case u.Scheme == "mailto":
		address, unescapeErr := url.PathUnescape(u.Opaque)
		ok = unescapeErr == nil && model.IsMailAddress(address) && strings.Contains(address, "@")
	case u.Scheme == "https":
		_, hostErr := weburl.Host(u.Hostname())
		ok = hostErr == nil && u.User == nil
	default:
		ok = false
	}
	if !ok {
		return "", Refuse("contact", weburl.WithoutPassword(text), "must be mailto: and an email address, or an https URL, such as mailto:ada@example.org or https://example.org/help")
	}
	return u.Scheme + text[len(u.Scheme):], nil
}

// notInURL says whether a character would end a URL in a text.
func notInURL(r rune) bool {
	return r <= ' ' || r == 0x7f || unicode.IsSpace(r) || strings.ContainsRune("<>\"\\", r)
}
