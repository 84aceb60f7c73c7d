package authserver

import (
	"bytes"
	"encoding/json"
	"strings"
)

// hasDuplicateNames says whether an object in a JSON text has two members of one name. Of such a pair encoding/json takes the last,
// whatever the case of its letters, and others take the first: a proxy in front may have read another.
func hasDuplicateNames(body []byte) bool {
	words := json.NewDecoder(bytes.NewReader(body))
	var open []*members
	for {
		word, err := words.Token()
		if err != nil { // the end: the text is known to be JSON
			return false
		}
		if len(open) > 0 && open[len(open)-1].takes(word) {
			return true
		}
		switch word {
		case json.Delim('{'):
			open = append(open, &members{named: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &members{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// members are what was read of an object, or with no named of a list.
type members struct {
	named map[string]bool
	value bool // what comes next is a value
}

// takes says whether the word is a name that was there before.
func (m *members) takes(word json.Token) bool {
	if m.named == nil || word == json.Delim('}') {
		return false
	}
	m.value = !m.value
	if !m.value { // it was one
		return false
	}
	name, _ := word.(string)
	name = strings.ToLower(strings.ToUpper(name)) // as encoding/json compares them
	if m.named[name] {
		return true
	}
	m.named[name] = true
	return false
}
