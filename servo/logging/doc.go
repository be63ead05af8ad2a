// Package logging holds what a servo adds to log/slog: levels, handlers and a
// few helpers. Everything takes and returns the types of log/slog, so that a
// team can leave out or replace any part.
//
// A program puts its handlers together from the inside out:
//
//	level := new(slog.LevelVar) // one threshold, changed at run time
//	ring := logging.NewRing(0, 0)
//	handler := slog.NewMultiHandler(
//		logging.NewTextHandler(os.Stderr, &logging.Options{
//			Level: level,
//			Color: logging.UseColor(os.Stderr, noColor, os.Getenv),
//		}),
//		ring.Handler(&logging.Options{Level: level}),
//	)
//	logger := slog.New(logging.NewContextHandler(logging.NewRedactHandler(handler)))
//
// [slog.NewMultiHandler] writes to several sinks: each gets every record,
// whatever the others answer, and the errors are joined. Redaction stands in
// front of it, so that no sink sees a secret. The context handler stands in
// front of that and says which servo, connector, event and command a record is
// about; a servo wraps the logger it is given with one by itself.
//
// The subpackage logfile writes to a file that rotates, and the subpackage xslog
// adapts handlers of golang.org/x/exp/slog. Each is a package of its own because
// of what it links.
package logging
