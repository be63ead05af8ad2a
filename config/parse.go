package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads a configuration file and hands it to [Parse]. A file that does not
// exist is an error that says so and satisfies errors.Is(err, fs.ErrNotExist).
// Only the file counts; [Sources] adds the environment.
func Load(path string) ([]*Document, error) {
	data, err := readConfiguration(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// missingFileError says it in one breath; wrapping would say it twice.
type missingFileError string

func (e missingFileError) Error() string {
	return fmt.Sprintf("config file '%s' does not exist", string(e))
}

func (e missingFileError) Unwrap() error { return fs.ErrNotExist }

// Parse reads the documents of a configuration, one per servo. The file name is
// only for messages. Empty data is one empty document; further empty documents
// are ignored. Parse checks the fixed keys completely and keeps every other key
// as a stanza for [Document.Resolve] and [Decode].
//
// The error holds every problem found, as [FieldErrors]. When the text could be
// read but has values that are wrong, the documents are returned beside the
// error, so that the stanzas can be decoded too and everything be reported at
// once with [Join]; nobody else should use them. Text that is not YAML, is
// larger than 2 MiB, nested deeper than 100 levels or expands its aliases
// beyond 200000 values gives no documents, and so do more than 1000 documents.
func Parse(filename string, data []byte) ([]*Document, error) {
	return parse(filename, data, nil)
}

func parse(filename string, data []byte, order *layers) ([]*Document, error) {
	roots, err := parseNodes(filename, data)
	if err != nil {
		return nil, err
	}
	var docs []*Document
	var problems FieldErrors
	for i, root := range roots {
		found, ok := inspect(filename, root)
		problems = append(problems, found...)
		if !ok {
			return nil, problems.asError()
		}
		doc, found, ok := newDocument(filename, i, len(roots), root, order)
		problems = append(problems, found...)
		if !ok {
			return nil, problems.asError()
		}
		docs = append(docs, doc)
	}
	if len(docs) > 1 {
		for _, doc := range docs {
			if doc.Optimizer.IsZero() && !doc.badOptimizer {
				problems = append(problems, &FieldError{
					File: filename, Line: doc.line, Path: "optimizer",
					Message: fmt.Sprintf("required: the file has %d documents, each a servo with an optimizer of its own", len(docs)),
				})
			}
		}
	}
	return docs, problems.asError()
}

// parseNodes splits data into the root nodes of its documents.
func parseNodes(filename string, data []byte) ([]*yaml.Node, error) {
	if len(data) > maxBytes {
		return nil, FieldErrors{{File: filename, Message: fmt.Sprintf("larger than %d bytes", maxBytes)}}
	}
	roots, err := readNodes(data)
	if err != nil {
		return nil, FieldErrors{syntaxProblem(filename, data, err)}
	}
	if len(roots) == 0 {
		roots = append(roots, &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1, Column: 1})
	}
	return roots, nil
}

// readNodes returns the roots that are not null.
func readNodes(data []byte) (roots []*yaml.Node, err error) {
	defer func() {
		// The YAML library reports what it expects by panicking and recovering;
		// what it did not expect must not take the servo down.
		if r := recover(); r != nil {
			err = errors.New("yaml: the text cannot be read")
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, err
		}
		if n >= maxDocuments {
			return nil, fmt.Errorf("yaml: line %d: more than %d documents", document.Line, maxDocuments)
		}
		for _, root := range document.Content {
			if !isNull(root) {
				roots = append(roots, root)
			}
		}
	}
}

var (
	yamlLine      = regexp.MustCompile(`^yaml: (?:line (-?\d+): )?`)
	unknownAnchor = regexp.MustCompile(`unknown anchor '.*' referenced`)
)

// syntaxProblem words an error of the YAML library.
func syntaxProblem(filename string, data []byte, err error) *FieldError {
	match := yamlLine.FindStringSubmatch(err.Error())
	p := &FieldError{File: filename, Line: 1, Message: err.Error()}
	if match != nil {
		p.Message = p.Message[len(match[0]):]
		if line, err := strconv.Atoi(match[1]); err == nil {
			p.Line = line
		}
	}
	// The anchor's name stays out: a password may begin with "*".
	if unknownAnchor.MatchString(p.Message) {
		p.Message = "an alias refers to an anchor that is not defined before it; quote a text that begins with \"*\""
	}
	p.Message = "not valid YAML: " + p.Message
	if line := syntaxLine(data); line > 0 {
		p.Line = line
	}
	return p
}

// syntaxLine finds the line after the longest run of lines that is valid by
// itself. The line the library names is often that of the surrounding mapping.
// The result is 0 when the search would take too long.
func syntaxLine(data []byte) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	work, end := 0, len(data)
	for k := len(lines); k > 0; k-- {
		end -= len(lines[k-1])
		work += end
		if work > maxBytes {
			return 0
		}
		if _, err := readNodes(data[:end]); err == nil {
			return k
		}
	}
	return 0
}

// kindName names what stands at n, for messages.
func kindName(n *yaml.Node) string {
	switch n = resolve(n); n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "null"
	case "!!str":
		return showText(n.Value)
	}
	if len(n.Value) > longText || strings.ContainsAny(n.Value, "\n\r") {
		return showText(n.Value)
	}
	return n.Value
}
