// Package journaltest has a disk for tests of what keeps a journal: it crashes,
// fills up, fails and decays when a test says so, and the same seed does the same
// every time.
//
//	disk := journaltest.NewDisk(seed)
//	disk.Before(func(op journaltest.Op) error {
//		if op.N == 7 {
//			disk.Crash()
//		}
//		return nil
//	})
//	file, err := journal.Open(journal.Options{Path: "state/journal", FS: disk})
//	… // until an error is journaltest.ErrCrashed
//	disk.Before(nil)
//	disk.Restart()
//	file, err = journal.Open(…) // what has survived?
//
// A disk keeps everything in memory, starts no goroutine and knows no time, so it
// works inside a bubble of testing/synctest.
package journaltest
