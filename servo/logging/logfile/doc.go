// Package logfile writes a log to a file that rotates by size. It is a package
// of its own so that nobody links the rotation who does not want it:
//
//	file, err := logfile.Open(logfile.Options{Path: "logs/servo.log"})
//	…
//	defer file.Close()
//	handler := logging.NewTextHandler(file, nil)
package logfile
