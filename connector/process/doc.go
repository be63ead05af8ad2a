// Package process is a connector that runs a local command and optimizes it:
// the settings of the command are rendered into its environment, its flags or
// a file, an adjustment restarts it (or sends it a signal), and a measurement
// reports the CPU and memory that it and its descendants use.
//
//	process:
//	  component: search
//	  command: [./search, -listen, 127.0.0.1:8080]
//	  settings:
//	    - {name: workers, type: range, min: 1, max: 16, default: 4, env: WORKERS}
//	    - {name: gc, type: range, min: 50, max: 400, step: 50, default: 100, env: GOGC}
//	  ready: {http: "http://127.0.0.1:8080/health"}
//
// # Adjusting
//
// An adjustment either takes effect or leaves, verified, what was before. The
// running command is stopped, the new values are rendered, the command is
// started and has to become ready before a deadline, and then has to stay so for
// the settlement. If it ends or does not get ready, the adjustment is rejected
// with reason start-failed, if that happens during settlement, with unstable;
// the error ends with the last lines of its output. The previous configuration
// is then started again and has to get ready too. Values that are in force
// already change nothing and restart nothing.
//
// # Measuring
//
// All metrics cover the process and everything it has started:
//
//   - cpu_cores: CPU time per time, a series of means over the sample interval
//   - cpu_seconds: CPU time of the whole measurement, a series of one point
//   - resident_memory: resident memory in GiB, a series; pages that processes
//     share count once for each of them
//   - restarts: how often the command had to be started again after it had
//     died on its own, a series of one point
//
// CPU time has the resolution of the system; on Linux that is a nanosecond for
// a process that runs and 10 ms for one that has ended. There, processes
// that end between two samples are counted through the parent that waits for
// them; elsewhere only up to the last sample in which they were seen. A sample
// that cannot be taken is missing, not zero. If the command ends during a
// measurement, the measurement fails.
//
// # Supervision
//
// A command that dies on its own is started again with the values in force,
// at growing intervals. It runs in a process group of its own, so that Ctrl-C in
// a terminal reaches the servo only, and finds the variable SERVOKIT_PROCESS in
// its environment, by which descendants are recognized on Linux even if they
// have left the group. Shutdown stops all of them, by force if need be, and
// puts the original file back. If the servo itself is killed, a watchdog (a
// small /bin/sh process) kills all that is left; on Linux the kernel kills the
// command in any case.
package process
