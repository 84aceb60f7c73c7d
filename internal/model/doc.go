// Package model is what the rest of the program has in common: the things that are kept, the words for what happens to them, and
// the kinds of errors. It does nothing, and knows neither SQL nor HTTP.
package model
