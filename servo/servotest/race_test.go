//go:build race

package servotest_test

func init() { defaultSeeds /= 8 } // the race detector takes that much longer
