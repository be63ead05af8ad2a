// Embed shows a servo inside of an existing HTTP service, with the service's own
// slog handler: the servo adjusts the cache of the running service and measures
// what its requests make of it.
package main
