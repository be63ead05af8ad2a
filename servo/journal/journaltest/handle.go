package journaltest

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"syscall"
)

// node is a file: as programs see it, as it is on the medium, and what was
// written in between.
type node struct {
	now, durable []byte
	pending      []change
}

// change is a write at an offset, or a truncation to it.
type change struct {
	at   int64
	data []byte
	cut  bool
	// lost: a sync has failed since, and a later one does not make up for it.
	lost bool
}

func (c change) apply(to []byte) []byte {
	if size := int(c.at) + len(c.data); size > len(to) {
		to = append(to, make([]byte, size-len(to))...)
	}
	if c.cut {
		return to[:c.at]
	}
	copy(to[c.at:], c.data)
	return to
}

// torn is the part of a change that reached the medium.
func (c change) torn(r *rand.Rand, to []byte) []byte {
	if c.cut {
		if r.IntN(2) == 0 {
			return to
		}
		return c.apply(to)
	}
	data := slices.Clone(c.data)
	kept := r.IntN(len(data) + 1)
	switch r.IntN(4) {
	case 0: // the length is there already
		clear(data[kept:])
	case 1:
		for i := kept; i < len(data); i++ {
			data[i] = byte(r.Uint32())
		}
	case 2: // the end is there, the beginning is not
		clear(data[:kept])
	default:
		data = data[:kept]
	}
	return change{at: c.at, data: data}.apply(to)
}

func (n *node) write(at int64, data []byte) {
	c := change{at: at, data: slices.Clone(data)}
	n.now = c.apply(n.now)
	n.pending = append(n.pending, c)
}

func (n *node) truncate(size int64) {
	c := change{at: size, cut: true}
	n.now = c.apply(n.now)
	n.pending = append(n.pending, c)
}

func (n *node) sync(r *rand.Rand) {
	for _, c := range n.pending {
		if c.lost {
			n.durable = c.torn(r, n.durable)
		} else {
			n.durable = c.apply(n.durable)
		}
	}
	n.pending = nil
}

func (n *node) syncFailed() {
	for i := range n.pending {
		n.pending[i].lost = !n.pending[i].cut
	}
}

// crash keeps some of the pending changes, the last of them in part.
func (n *node) crash(r *rand.Rand) {
	if len(n.pending) > 0 {
		kept := r.IntN(len(n.pending) + 1)
		rest := n.pending[kept:]
		n.pending = n.pending[:kept]
		n.sync(r)
		if len(rest) > 0 {
			n.durable = rest[0].torn(r, n.durable)
		}
	}
	n.now = slices.Clone(n.durable)
	n.pending = nil
}

// handle is an open file.
type handle struct {
	disk   *Disk
	node   *node
	name   string
	boot   int
	offset int
	closed bool
}

// begin is that of the disk, for a file that is open.
func (h *handle) begin(kind OpKind) error {
	err := h.disk.begin(kind, h.name, h.boot)
	if err == nil && h.closed {
		err = fs.ErrClosed
	}
	return err
}

func (h *handle) failure(kind OpKind, err error) error {
	return &fs.PathError{Op: string(kind), Path: h.name, Err: err}
}

func (h *handle) Read(into []byte) (int, error) {
	defer h.disk.mu.Unlock()
	if err := h.begin(OpRead); err != nil {
		return 0, h.failure(OpRead, err)
	}
	if h.offset >= len(h.node.now) {
		return 0, io.EOF
	}
	n := copy(into, h.node.now[h.offset:])
	h.offset += n
	return n, nil
}

func (h *handle) WriteAt(data []byte, at int64) (int, error) {
	defer h.disk.mu.Unlock()
	err := h.begin(OpWrite)
	if errors.Is(err, ErrCrashed) || errors.Is(err, fs.ErrClosed) {
		return 0, h.failure(OpWrite, err)
	}
	if err != nil {
		data = data[:h.disk.rand.IntN(len(data)+1)]
	}
	if fits := int64(len(h.node.now)) - at + h.disk.room(); int64(len(data)) > fits {
		data, err = data[:max(0, fits)], syscall.ENOSPC
	}
	h.node.write(at, data)
	if err != nil {
		return len(data), h.failure(OpWrite, err)
	}
	return len(data), nil
}

func (h *handle) Truncate(size int64) error {
	defer h.disk.mu.Unlock()
	if err := h.begin(OpTruncate); err != nil {
		return h.failure(OpTruncate, err)
	}
	h.node.truncate(size)
	return nil
}

func (h *handle) Sync() error {
	defer h.disk.mu.Unlock()
	if err := h.begin(OpSync); err != nil {
		if !errors.Is(err, ErrCrashed) && !h.closed {
			h.node.syncFailed()
		}
		return h.failure(OpSync, err)
	}
	h.node.sync(h.disk.rand)
	return nil
}

func (h *handle) Close() error {
	defer h.disk.mu.Unlock()
	if err := h.begin(OpClose); err != nil {
		return h.failure(OpClose, err)
	}
	h.closed = true
	return nil
}
