// Package local is an optimizer that needs no service: an [Engine] runs a study
// of one application in the process of the caller, or behind HTTP with
// [optimizer.NewHandler].
//
// A study has an [Objective], such as the least cost, and [Constraint] values
// that must be kept, such as a latency of at most 80 ms. It goes through these
// phases:
//
//   - Describe. The servo says what can be adjusted and measured. An objective
//     or constraint that does not fit ends the study with an error that says
//     what is known.
//   - Baseline. The configuration is measured as it was found.
//   - Search. Candidates first, then configurations that fill the space evenly,
//     then those that the [Sampler] expects most of. A configuration that was
//     rejected or aborted, that failed twice or that gave no data is infeasible;
//     it never counts as a number.
//   - Validate. Baseline and best configuration are measured again, in turns,
//     and compared; see [Validation]. That nothing beat the baseline is a
//     valid outcome.
//   - Apply. The servo adjusts to the validated configuration or back to the
//     baseline. After that it is told to sleep.
//
// The engine does nothing on its own: it has no goroutines, opens files only for
// a moment, and takes its randomness from [Options.Seed]. The same seed and the
// same measurements give the same study.
//
// # The study file
//
// With [Options.Study] set, an engine keeps a file of JSON lines, each written
// and synced before the servo gets its reply. The first line says what the study
// is about:
//
//	{"study":1,"objective":"minimize: cost","constraints":["latency <= 80ms"],
//	 "formulas":[],"control":"{…}","seed":1,"description":{…}}
//
// The description is that of the servo when the study began; its values are the
// baseline. Every further line is one measurement, with the trial in the form of
// [Trial.MarshalJSON]:
//
//	{"kind":"baseline","time":"…","trial":{…}}
//	{"kind":"trial","time":"…","trial":{…}}
//	{"kind":"validation","time":"…","candidate":7,"of_baseline":true,"trial":{…}}
//
// A new engine with the same options goes on after the last line. A last line
// without its end is what a crash left; it is removed. More trials than before
// may be asked for; another objective, other constraints, formulas, control,
// seed or settings make it another study, and that is an error which wraps
// [ErrOtherStudy].
package local
