package app

import (
	"time"

	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
)

// signIns lets the dashboard count tries of passwords as the embedded server does.
type signIns struct{ limits *accounts.Limits }

func (s signIns) Take(account, address, knownBrowser string) (succeeded func(), wait time.Duration) {
	return s.limits.Take(accounts.Attempt{Account: account, Address: address, KnownBrowser: knownBrowser})
}

// signInsAt is what counts tries at an upstream; the embedded server needs nobody to.
func signInsAt(cfg config.Settings) handlers.SignIns {
	if cfg.Upstream == nil {
		return nil
	}
	return signIns{accounts.NewLimits(cfg.Now)}
}
