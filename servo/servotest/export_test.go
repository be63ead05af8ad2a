package servotest

// Unexplained is for tests of what is expected of a record.
var Unexplained = unexplained
