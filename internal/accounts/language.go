package accounts

import (
	"context"
)

// KeepLanguage remembers that the person chose the language of the page. It is that of emails to them from now on.
func (p *Person) KeepLanguage(ctx context.Context) error {
	if err := p.accounts.store.KeepLanguage(ctx, p.who.UserID, p.from.Language); err != nil {
		return unavailable("keep language", err)
	}
	return nil
}
