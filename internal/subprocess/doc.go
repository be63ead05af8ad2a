// Package subprocess runs commands of the system for connectors: their output
// arrives line by line while they run, they end when their time is over, and
// they take everything they have started with them.
//
//	result, err := subprocess.Command{
//		Args:    []string{"kubectl", "version"},
//		Timeout: 10 * time.Second,
//	}.Run(ctx)
//
// [Command.Run] collects the lines, [Command.Stream] hands each to a callback
// and [Command.All] ranges over them; [Shell] is a command line for the system's
// shell. A command that ends with a status other than zero is not an error of
// these, one that cannot be started or has to be ended is.
//
// [Tree] is the part that finds and ends a process with its descendants, for
// those who start theirs in another way, and [LineFormat] the one that reads
// lines.
package subprocess
