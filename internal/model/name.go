package model

// Bounds of a person's keys, as App Services had them.
const (
	MaxKeys       = 20 // of a person, those turned off included
	MaxNameLength = 64 // characters of a key's name
)

// ValidName says whether a key can be called that: ASCII letters, digits, hyphens and underscores.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxNameLength {
		return false
	}
	for _, c := range name {
		if !InName(c) {
			return false
		}
	}
	return true
}

// InName says whether a name can have the character.
func InName(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
