package pubsub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Message is a value that channels carry: content with its type, the time it
// was made, and metadata. Make one with [Bytes], [Text], [JSON] or [YAML]. It
// never changes, so it may be shared and kept; copying it is cheap. The zero
// Message has no content and cannot be published.
type Message struct{ body *body }

type body struct {
	content     string
	contentType string
	created     time.Time
	metadata    map[string]string
}

// Bytes returns a message with a copy of content. The content type has no
// default, so it is required: a MIME type such as "application/octet-stream".
// Nil content is an error, empty content is not.
func Bytes(content []byte, contentType string) (Message, error) {
	if content == nil {
		return Message{}, errors.New("making a message: content is missing")
	}
	return newMessage(string(content), "").WithContentType(contentType)
}

// Text returns a message of the type "text/plain".
func Text(text string) Message { return newMessage(text, "text/plain") }

// JSON returns a message of the type "application/json". A [json.Marshaler]
// gives its own text; anything else is encoded in ASCII with a blank after
// commas and colons. The error says what cannot be encoded.
func JSON(v any) (Message, error) {
	content, err := encodeJSON(v)
	if err != nil {
		return Message{}, fmt.Errorf("making a JSON message: %w", err)
	}
	return newMessage(string(content), "application/json"), nil
}

// YAML returns a message of the type "application/x-yaml", indented by two. A
// [yaml.Marshaler] decides on its form. The error says what cannot be encoded.
func YAML(v any) (Message, error) {
	var buffer bytes.Buffer
	err := guarded(func() error {
		encoder := yaml.NewEncoder(&buffer)
		encoder.SetIndent(2)
		if err := encoder.Encode(v); err != nil {
			return err
		}
		return encoder.Close()
	})
	if err != nil {
		return Message{}, fmt.Errorf("making a YAML message: %w", err)
	}
	return newMessage(buffer.String(), "application/x-yaml"), nil
}

func newMessage(content, contentType string) Message {
	return Message{&body{content: content, contentType: contentType, created: time.Now()}}
}

// WithContentType returns the message with another content type. Anything but
// a MIME type is an error.
func (m Message) WithContentType(contentType string) (Message, error) {
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		return Message{}, fmt.Errorf("making a message: content type %q: %w: give one such as %q", contentType, err, "text/plain")
	}
	changed := m.copied()
	changed.contentType = contentType
	return Message{changed}, nil
}

// With returns the message with a key of its metadata set.
func (m Message) With(key, value string) Message {
	changed := m.copied()
	changed.metadata = maps.Clone(changed.metadata)
	if changed.metadata == nil {
		changed.metadata = map[string]string{}
	}
	changed.metadata[key] = value
	return Message{changed}
}

// WithCreatedAt returns the message with another creation time, for one that
// is replayed or converted.
func (m Message) WithCreatedAt(t time.Time) Message {
	changed := m.copied()
	changed.created = t
	return Message{changed}
}

func (m Message) copied() *body {
	if m.body == nil {
		return &body{}
	}
	changed := *m.body
	return &changed
}

// IsZero reports whether this is no message at all.
func (m Message) IsZero() bool { return m.body == nil }

// Len returns the number of bytes of the content.
func (m Message) Len() int { return len(m.get().content) }

// Bytes returns a copy of the content.
func (m Message) Bytes() []byte { return []byte(m.get().content) }

// ContentType returns the MIME type of the content.
func (m Message) ContentType() string { return m.get().contentType }

// CreatedAt returns when the message was made.
func (m Message) CreatedAt() time.Time { return m.get().created }

// Metadata returns a copy of the metadata, never nil.
func (m Message) Metadata() map[string]string {
	metadata := make(map[string]string, len(m.get().metadata))
	maps.Copy(metadata, m.get().metadata)
	return metadata
}

// String describes the message without showing its content, which may be
// large or confidential.
func (m Message) String() string {
	if m.IsZero() {
		return "Message()"
	}
	return fmt.Sprintf("Message(content_type=%s, length=%d)", m.ContentType(), m.Len())
}

// Text returns the content as text, whatever the content type. Content that is
// not UTF-8 is an error.
func (m Message) Text() (string, error) {
	content := m.get().content
	if !utf8.ValidString(content) {
		return "", errors.New("reading a message as text: the content is not UTF-8")
	}
	return content, nil
}

// JSON decodes the content into v as [json.Unmarshal] does, whatever the
// content type.
func (m Message) JSON(v any) error {
	if err := json.Unmarshal(m.Bytes(), v); err != nil {
		return fmt.Errorf("reading a message as JSON: %w", err)
	}
	return nil
}

// YAML decodes the content, a single document, into v, whatever the content
// type.
func (m Message) YAML(v any) error {
	err := guarded(func() error {
		decoder := yaml.NewDecoder(bytes.NewReader(m.Bytes()))
		if err := decoder.Decode(v); err != nil {
			if errors.Is(err, io.EOF) {
				return errors.New("there is no document")
			}
			return err
		}
		if err := decoder.Decode(new(yaml.Node)); err == nil {
			return errors.New("there is more than one document")
		} else if !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading a message as YAML: %w", err)
	}
	return nil
}

var nothing body

func (m Message) get() *body {
	if m.body == nil {
		return &nothing
	}
	return m.body
}
