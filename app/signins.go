package app

import (
	"time"

	"latchkey/authserver"
	"latchkey/handlers"
)

// signIns lets the dashboard count tries of passwords as the embedded server does.
type signIns struct{ limits *authserver.Limits }

func (s signIns) Take(account, address, knownDevice string) (wait time.Duration, ok bool) {
	return s.limits.Take(authserver.Attempt{Account: account, Address: address, KnownDevice: knownDevice})
}

func (s signIns) Succeeded(account, address, knownDevice string) {
	s.limits.Succeeded(authserver.Attempt{Account: account, Address: address, KnownDevice: knownDevice})
}

// signInsAt is what counts tries at an upstream; the embedded server needs nobody to.
func signInsAt(cfg Config) handlers.SignIns {
	if cfg.Upstream == "" {
		return nil
	}
	return signIns{authserver.NewLimits(cfg.Now)}
}
