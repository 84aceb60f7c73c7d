package doctor

import (
	"crypto/md5" //nolint:gosec // it is how Android names these files, and protects nothing here
	_ "embed"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// android7 are the names of the root certificates that Android 7.0 came with (2016): the files of platform/system/ca-certificates as
// of its last change before that release, c36d8eb of 2016-03-21. The next one, of August 2016, brought ISRG Root X1, the root of Let's
// Encrypt, to Android 7.1.1. Older Androids have fewer.
//
//go:embed android7.txt
var android7 string

var android7Roots = strings.Fields(android7)

// isAndroid7Root says whether there is a root of that name, in DER. The files are named by it: four bytes of its MD5, as OpenSSL did
// before 1.0.
func isAndroid7Root(name []byte) bool {
	sum := md5.Sum(name) //nolint:gosec // see above
	_, found := slices.BinarySearch(android7Roots, fmt.Sprintf("%08x", binary.LittleEndian.Uint32(sum[:4])))
	return found
}
