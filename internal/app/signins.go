package app

import (
	"time"

	"latchkey/handlers"
	"latchkey/internal/app/config"
	"latchkey/internal/authserver"
)

// signIns lets the dashboard count tries of passwords as the embedded server does.
type signIns struct{ limits *authserver.Limits }

func (s signIns) Take(account, address, knownBrowser string) (succeeded func(), wait time.Duration) {
	return s.limits.Take(authserver.Attempt{Account: account, Address: address, KnownDevice: knownBrowser})
}

// signInsAt is what counts tries at an upstream; the embedded server needs nobody to.
func signInsAt(cfg config.Settings) handlers.SignIns {
	if cfg.Upstream == nil {
		return nil
	}
	return signIns{authserver.NewLimits(cfg.Now)}
}
