package app

import (
	"context"
	"strings"

	"latchkey/internal/app/config"
	"latchkey/internal/idtokens"
)

// knowIssuers gives what verifies the tokens of the providers that are set up.
func (a *App) knowIssuers(cfg config.Settings) *idtokens.Tokens {
	if len(cfg.Providers.Tokens) > 0 {
		a.issuers = idtokens.New(cfg.Now, cfg.Providers.Tokens...)
	}
	return a.issuers
}

// lookAtIssuers fetches the public keys with which tokens are verified, when it is time, and says of which issuers they are not to be had.
// The program is ready all the same: nothing else needs them, and every node would be without them at once.
func (a *App) lookAtIssuers(ctx context.Context) {
	troubles := a.openID.Look(ctx)
	for _, one := range a.issuers.Look(ctx) {
		troubles = append(troubles, one.String())
	}
	if ctx.Err() != nil {
		return
	}
	if len(troubles) == 0 {
		a.warnings.settle(warnIssuer, "the keys of all issuers are there again")
		return
	}
	a.warnings.raise(warnIssuer, strings.Join(troubles, "; "))
}
