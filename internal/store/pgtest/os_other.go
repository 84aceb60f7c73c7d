//go:build !unix

package pgtest

import "syscall"

// supported says that servers can be started here.
const supported = false

// account is of no use here.
type account struct{}

func serverAccount() (*account, error)           { return nil, errNone }
func (in *place) asServer() *syscall.SysProcAttr { return nil }
func (in *place) giveAway(string) error          { return errNone }
func (s *server) freeze() error                  { return errNone }
func (s *server) thaw() error                    { return errNone }
func kill(int) error                             { return errNone }
