//go:build !linux

package operate

import (
	"errors"
	"os"
)

// hideTyping has no way that all systems share.
func hideTyping(*os.File) (show func() error, err error) {
	return nil, errors.ErrUnsupported
}
