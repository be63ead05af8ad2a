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
// # Where values come from
//
// [Sources] adds what deployments set elsewhere. The first of these that gives a
// value wins: options of the command line, the environment, the nearest file
// ".env", the configuration file, the default of the key. Sources.FileFirst puts
// the file first, as the Python servo did. Mappings are merged key by key.
//
//	SERVO_NAME, SERVO_DESCRIPTION, SERVO_UID   name, description, servo_uid
//	SERVO_NO_DIAGNOSTICS                       no_diagnostics
//	SERVO_CONNECTORS                           connectors, and it selects them
//	SERVO_OPTIMIZER                            optimizer, as JSON
//	OPSANI_OPTIMIZER, OPSANI_TOKEN,            id, token,
//	OPSANI_BASE_URL, OPSANI_URL                base_url, url
//	APPD_OPTIMIZER_ID and the like             keys of the other kind of optimizer
//	SERVO_SETTINGS, COMMON_TIMEOUTS            settings as JSON, settings.timeouts
//	SERVO_CHECKS, CHECKS_WAIT                  checks as JSON, checks.wait
//	BACKOFF_SETTINGS_MAX_TIME, …_MAX_TRIES     of the contexts that leave it open
//	SERVO_VEGETA, SERVO_VEGETA_RATE            stanza as JSON, vegeta.rate
//
// The part after SERVO_ is the name of the instance in upper case, so an alias
// has variables of its own. Single values are plain text, lists and mappings
// JSON. SERVO_NAME only names a servo whose file holds one document and no name;
// in a file of several documents what identifies a servo (servo_uid, the ids and
// the url of its optimizer) is likewise only filled in. Names of the command
// line, such as SERVO_LOG_LEVEL, never belong to a connector.
//
// A [Secret] can be given as its value, as {file: path}, which suits mounted
// Kubernetes Secrets, or as {env: NAME}; and by a variable that ends in _FILE and
// names a file, which goes before the variable with the value. White space around
// the content of a file does not count. Secrets are masked wherever they are
// printed, passwords of URLs and the like in other texts too; [Model.Print] says
// how such a document is completed.
//
// # Describing, generating and checking files
//
// A [Model] knows the configuration types of all connectors of a program. It
// gives the JSON Schema of the file, sample files with comments, a check of a
// whole file, the effective configuration, a Kubernetes ConfigMap, and a hash that
// tells whether a configuration has changed.
//
// # Writing a configuration type
//
// A configuration type is a plain struct with yaml tags. Two methods are
// optional, on it and on every struct in it: SetDefaults() is called before
// decoding, and Validate() error after it. Validate builds its errors with
// [Required] and [Invalid], which take a path relative to the struct; the decoder
// adds the rest of the path and finds the line. Credentials are of type [Secret].
//
// Struct tags tell the rest: description and example are for the schema and for
// generated files, jsonschema limits values ("enum=a,enum=b", "minimum=1",
// "pattern=…", "required") and is enforced, env renames the variable of a key.
//
// The example of [Decode] shows all of it. Connectors that measure share two
// blocks: [SamplePolicies] under the key samples says what becomes of missing
// samples, [FastFail] under fast_fail when to give a measurement up.
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
