package app

import (
	"context"
	"fmt"

	"latchkey/internal/model"
)

// passkeysElsewhere are the hosts that the server had before and for which passkeys of people were created. Browsers use those nowhere else,
// which pages and the log say.
func (a *App) passkeysElsewhere(ctx context.Context) ([]string, error) {
	hosts, err := a.store.PasskeyHosts(ctx, model.PasskeyHost(a.url))
	if err != nil {
		return nil, fmt.Errorf("look for passkeys of another host: %w", err)
	}
	for _, host := range hosts {
		a.log.WarnContext(ctx, "passkeys were created for "+host+" and work there only", "public_url", a.url)
	}
	return hosts, nil
}
