// Package locales holds the translations: one file a language, named by its tag. See internal/lang for what is in them and how they are
// kept true.
package locales

import "embed"

// Files are de.json, ar.json and what else there is.
//
//go:embed *.json
var Files embed.FS
