// Package fileowner knows whose files are.
package fileowner

import (
	"io/fs"
	"os/user"
	"strconv"
)

// User is the number of a user of the machine.
type User uint32

// Root is who may do everything.
const Root User = 0

// String is the user's name, for the operator.
func (u User) String() string {
	number := strconv.FormatUint(uint64(u), 10)
	if known, err := user.LookupId(number); err == nil {
		return known.Username + " (" + number + ")"
	}
	return "user " + number
}

// Same says whether two files are known to belong to one user.
func Same(a, b fs.FileInfo) bool {
	one, ok := Of(a)
	other, also := Of(b)
	return ok && also && one == other
}
