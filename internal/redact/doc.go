// Package redact finds secrets in what is about to be written: by the names
// beside them, by what they look like within a text, and by their exact texts.
// It is the one mechanism behind the redacting handler of servo/logging and the
// record of decisions.
//
// It is a last line of defence: a secret without a telling name, whose text
// nobody gave, cannot be found. Values that may be printed should mask
// themselves, as a config.Secret does.
package redact
