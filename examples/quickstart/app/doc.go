// Command app is the application that the quickstart optimizes: a search
// service over the sources of the Go standard library.
//
// At start it reads a bounded part of the library, cuts it into declarations
// and builds an inverted index in memory. GET /search?q=… ranks the
// declarations (BM25, then closeness of the words) and answers with the lines
// around the matches, compressed. GET /readyz, /healthz and /stats tell how it
// is doing.
//
// Five settings trade latency, processor time and memory against each other:
// the number of workers, the size of the result cache, the pace of the garbage
// collector, the level of compression and the number of index shards. Each can
// be set by a variable (SEARCH_WORKERS, …) or by a flag, which wins. The
// defaults are the ones a careful person might write down without measuring.
//
// It exits with 0 after SIGINT or SIGTERM, with 1 when it cannot do its work
// and with 2 when the settings cannot be used.
package main
