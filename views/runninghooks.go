package views

// RunningWebhooks is the model of the page about other programs that are sent what happens.
type RunningWebhooks struct {
	Page
	List []Webhook
}

// Webhook is a webhook as administrators see one.
type Webhook struct {
	ID    string
	Place string // where it leads, without what may be secret
	// Kinds is how many kinds of events are sent, Waiting how many events wait, and Failed how many were given up.
	Kinds, Waiting, Failed int
	Delivered, Failing     When // zero: nothing was delivered; the last try did not fail
	Off                    When // zero: it is on
	Reason                 string
	Problem                string // of the last try, in the words of the log
	Full                   bool   // nothing more is queued
}

func (w Webhook) drawing() string {
	if w.Off.Machine != "" {
		return "ban"
	}
	return "link"
}
