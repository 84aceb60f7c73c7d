package authserver

import (
	"encoding/json"

	"latchkey/internal/model"
)

// textFields are those of a profile that Realm's core hands to an app as texts, and ends the app when they are none.
var textFields = map[string]bool{
	"name": true, "email": true, "picture_url": true, "first_name": true, "last_name": true, "gender": true, "birthday": true,
	"min_age": true, "max_age": true,
}

// saidBy is what the issuer of an identity last said of the person.
func saidBy(id model.Identity) map[string]any {
	if id.Data == "" {
		return nil
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal([]byte(id.Data), &raw) != nil {
		return nil
	}
	data := make(map[string]any, len(raw))
	for field, value := range raw {
		switch {
		case !textFields[field] || value[0] == '"':
			data[field] = value
		case value[0] != '{' && value[0] != '[': // a number, or true or false
			data[field] = string(value)
		}
	}
	return data
}

// addMissing adds what is not there: what was linked first counts.
func addMissing(to, data map[string]any) {
	for field, value := range data {
		if _, there := to[field]; !there {
			to[field] = value
		}
	}
}
