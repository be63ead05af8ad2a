// Package config reads servo.yaml, the file that says which optimizer a servo
// talks to, which connectors are active and how each of them is set up.
//
// # A file
//
//	optimizer:
//	  id: dev.example.com/my-app
//	  token: 00000000-0000
//	settings:
//	  timeouts: {connect: 5s}
//	vegeta:
//	  rate: 50/1s
//
// Beside a few fixed keys (name, description, servo_uid, optimizer, connectors,
// no_diagnostics, settings, checks) every top-level key is the stanza of a
// connector. A file may hold several documents, separated by "---": each is a
// servo, and each then needs an optimizer.
//
// # Reading it
//
// [Load] reads a file and [Parse] text. Both check the fixed keys and give one
// [Document] per servo. [Document.Resolve] decides which connectors are active.
// [Decode] turns a stanza into the configuration type of its connector:
//
//	docs, err := config.Load("servo.yaml")
//	stanza, ok := docs[0].Stanza("vegeta")
//	cfg, err := config.Decode[vegeta.Config](stanza)
//
// Reading is strict, because a key that is ignored is a measurement that is not
// what somebody believes it is. Unknown keys, duplicate keys and values of the
// wrong type are errors. They are found all at once, and each says where it is and
// what would be accepted:
//
//	2 problems in servo.yaml:
//	  servo.yaml:7:3: vegeta.rat: unknown key; did you mean "rate"? (known: description, rate, workers)
//	  servo.yaml:8:12: vegeta.workers: "many" is not an integer
//
// [Join] makes one such list of the errors of several stanzas.
//
// # Writing a configuration type
//
// A configuration type is a plain struct with yaml tags. Two methods are
// optional, on it and on every struct in it: SetDefaults() is called before
// decoding, and Validate() error after it. Validate builds its errors with
// [Required] and [Invalid], which take a path relative to the struct; the decoder
// adds the rest of the path and finds the line. Credentials are of type [Secret].
// The example of [Decode] shows all of it.
//
// A value with two forms, such as text or mapping, gets a type of its own with
// UnmarshalYAML(unmarshal func(any) error) error that tries one form after the
// other; whatever it unmarshals is treated as strictly as the rest.
//
// # YAML
//
// Anchors, aliases and merge keys ("<<") work. Where a boolean is wanted, yes, no,
// on and off are understood; elsewhere they are text. Tags of an application's
// own are refused. So are files beyond generous bounds (2 MiB, 100 levels, 200000
// values with aliases expanded).
package config
