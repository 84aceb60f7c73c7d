package views

// Adopt is the model of the page on which people take over the value that a device has. The value itself is in none.
type Adopt struct {
	Page
	Quota Quota
	// FormID is used once.
	FormID string
	Name   string
	// ValueError and NameError say what is wrong with each. Suggestion is a name close to Name that would be accepted.
	ValueError, NameError, Suggestion string
	// Holder is the key that has the value or the name already.
	Holder *Key
	// Again says that the form was sent before: the value has to be pasted again.
	Again bool
}

// describedBy is the element that explains the field of the value, for aria-describedby.
func (m Adopt) describedBy() string {
	switch {
	case m.ValueError != "":
		return "adopt-value-error"
	case m.Again:
		return "adopt-value-hint"
	default:
		return "adopt-what"
	}
}
