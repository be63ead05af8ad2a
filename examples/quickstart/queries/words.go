package queries

// What people look for in the standard library.
var subjects = []string{
	"http server", "http client", "http header", "http cookie", "request body",
	"response writer", "reverse proxy", "chunked encoding", "multipart form", "url query",
	"json decoder", "json encoder", "xml token", "gob encoder", "csv reader",
	"base64 encoding", "hex dump", "binary varint", "gzip writer", "zip archive",
	"tar header", "bufio scanner", "byte buffer", "string builder", "regexp syntax",
	"template function", "tls handshake", "x509 certificate", "rsa key", "sha256 hash",
	"random source", "sql transaction", "file system", "directory walk", "process signal",
	"command pipe", "context cancel", "mutex lock", "wait group", "atomic counter",
	"timer channel", "time zone", "duration format", "garbage collector", "goroutine stack",
	"reflect struct", "slice sort", "map iteration", "heap interface", "big integer",
}

// What they want to know about it.
var questions = []string{
	"timeout", "read error", "write error", "close", "default value",
	"parse invalid input", "copy buffer", "new reader", "maximum size", "set option",
	"unexpected eof", "concurrent use", "marshal text", "return value",
}
