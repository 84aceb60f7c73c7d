package upstream

import "context"

// KeepLanguage keeps nothing: emails are in the language of the page on which a person acts, and users are the other server's.
func (p *Person) KeepLanguage(context.Context) error { return nil }
