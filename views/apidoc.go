package views

// Words of the document, which is in English as the names in it are.
const (
	apiTakes     = "It takes:"
	apiInAddress = "In the address. "
	apiOptional  = "Optional. "
	apiAnswers   = "It answers:"
)

// API is the model of the page about the calls for programs. Document is the address of the same for programs.
type API struct {
	Page
	Document string
	Groups   []APIGroup
	Failures []APIAnswer
}

// APIGroup is some calls that belong together.
type APIGroup struct {
	ID, Name, Text string
	Calls          []APICall
}

// APICall is one call.
type APICall struct {
	ID, Method, Path, Summary string
	Notes                     []string // sentences
	Query, Fields             []APIField
	Answers                   []APIAnswer
}

// APIField is a value that is sent or answered.
type APIField struct {
	Name, Type, Text string
	Optional         bool
}

// APIAnswer is what a status says.
type APIAnswer struct {
	Status, Text string
	Codes        []string
	Fields       []APIField
}
