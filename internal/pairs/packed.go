package pairs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"math"

	"clipcalib/internal/data"
)

// A packed pool is a safetensors file whose metadata says format
// "clipcalib-pairs", version "1", with the tensors
//
//	images          U8  [N, S, S, 3]  RGB rows
//	kind            U8  [N]           a Kind each; may be missing
//	caption_start   I64 [N+1]         picture i has captions start[i] ... start[i+1]-1
//	caption_offset  I64 [M+1]         caption j is bytes[offset[j]:offset[j+1]]
//	caption_bytes   U8  [B]           UTF-8
const packedFormat, packedVersion = "clipcalib-pairs", "1"

// maxHeader bounds the JSON header: the five entries take under 1,000 bytes.
const maxHeader = 1 << 20

type packed struct {
	file       io.ReaderAt
	close      func() error
	n          int
	side, size int   // of the stored and of the delivered pictures
	images     int64 // where they start in the file
	kinds      []byte
	starts     []int64
	offsets    []int64
	text       []byte
}

// looksPacked tells a safetensors file: eight bytes of length, then "{".
func looksPacked(head []byte) bool {
	return len(head) > 9 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= math.MaxInt32
}

type readerAtCloser interface {
	io.ReaderAt
	io.Closer
}

// openPacked reads the index of a packed pool of size bytes.
func openPacked(f readerAtCloser, fileSize int64, size int) (Pairs, error) {
	h, err := readHeader(f, fileSize)
	if err != nil {
		return nil, err
	}
	p := &packed{file: f, close: f.Close}
	images, err := h.find("images", "U8", 4)
	if err != nil {
		return nil, err
	}
	side := images.Shape[1]
	if side != images.Shape[2] || images.Shape[3] != 3 || side < 1 || side > maxSize {
		return nil, fmt.Errorf("tensor images has shape %v, want [N, S, S, 3] with S at most %d", images.Shape, maxSize)
	}
	if images.Shape[0] < 1 {
		return nil, errors.New("no pictures in it")
	}
	p.n, p.side, p.images = int(images.Shape[0]), int(side), images.at
	if p.size = size; size == 0 {
		p.size = p.side
	}
	if p.kinds, err = h.kinds(p.n); err != nil {
		return nil, err
	}
	if p.starts, err = h.indices("caption_start", p.n+1); err != nil {
		return nil, err
	}
	if p.offsets, err = h.indices("caption_offset", -1); err != nil {
		return nil, err
	}
	if p.text, err = h.bytes("caption_bytes"); err != nil {
		return nil, err
	}
	return p, p.check()
}

// check makes sure that no caption lies outside the text.
func (p *packed) check() error {
	captions := int64(len(p.offsets) - 1)
	if p.starts[0] != 0 || p.starts[p.n] != captions {
		return fmt.Errorf("caption_start runs from %d to %d, want 0 to %d", p.starts[0], p.starts[p.n], captions)
	}
	for i, s := range p.starts[:p.n] {
		if p.starts[i+1] <= s {
			return fmt.Errorf("picture %d has no caption", i)
		}
	}
	if p.offsets[0] != 0 || p.offsets[captions] != int64(len(p.text)) {
		return fmt.Errorf("caption_offset runs from %d to %d, want 0 to %d", p.offsets[0], p.offsets[captions],
			len(p.text))
	}
	for j, o := range p.offsets[:captions] {
		if length := p.offsets[j+1] - o; length < 0 || length > maxCaption {
			return fmt.Errorf("caption %d has %d bytes, want 0 to %d", j, length, maxCaption)
		}
	}
	return nil
}

func (p *packed) Len() int     { return p.n }
func (p *packed) Size() int    { return p.size }
func (p *packed) Close() error { return p.close() }

func (p *packed) Ignored() []data.LeftOut { return nil }

func (p *packed) Kind(i int) Kind {
	if p.kinds == nil || i < 0 || i >= p.n {
		return Coloured
	}
	return Kind(p.kinds[i])
}

func (p *packed) Captions(i int) ([]string, error) {
	if err := checkIndex(i, p.n); err != nil {
		return nil, err
	}
	var out []string
	for j := p.starts[i]; j < p.starts[i+1]; j++ {
		out = append(out, string(p.text[p.offsets[j]:p.offsets[j+1]]))
	}
	return out, nil
}

func (p *packed) Image(i int, dst []byte) error {
	if err := checkIndex(i, p.n); err != nil {
		return err
	}
	if err := checkRoom(dst, p.size); err != nil {
		return err
	}
	raw := dst
	if p.side != p.size {
		raw = make([]byte, 3*p.side*p.side)
	}
	if _, err := p.file.ReadAt(raw, p.images+int64(i)*int64(len(raw))); err != nil {
		return fmt.Errorf("picture %d: %w", i, err)
	}
	if p.side == p.size {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, p.side, p.side))
	for k := range p.side * p.side {
		copy(img.Pix[4*k:], raw[3*k:3*k+3])
		img.Pix[4*k+3] = 255
	}
	return fit(dst, img, p.size)
}

// header is the index of a safetensors file.
type header struct {
	file    io.ReaderAt
	tensors map[string]*tensorEntry
}

type tensorEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
	at      int64    // in the file
}

func readHeader(f io.ReaderAt, fileSize int64) (*header, error) {
	var length [8]byte
	if _, err := f.ReadAt(length[:], 0); err != nil {
		return nil, fmt.Errorf("header: %w", truncated(err))
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > fileSize-8 {
		return nil, fmt.Errorf("header of %d bytes in a file of %d, want at most %d", n, fileSize, maxHeader)
	}
	raw := make([]byte, n)
	if _, err := f.ReadAt(raw, 8); err != nil {
		return nil, fmt.Errorf("header: %w", truncated(err))
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var meta map[string]string
	if m, ok := entries["__metadata__"]; ok {
		if err := json.Unmarshal(m, &meta); err != nil {
			return nil, fmt.Errorf("header: __metadata__: %w", err)
		}
		delete(entries, "__metadata__")
	}
	if meta["format"] != packedFormat || meta["version"] != packedVersion {
		return nil, fmt.Errorf("a safetensors file of format %q, version %q; want %q, version %q",
			meta["format"], meta["version"], packedFormat, packedVersion)
	}
	h := &header{f, map[string]*tensorEntry{}}
	for name, entry := range entries {
		e := &tensorEntry{}
		if err := json.Unmarshal(bytes.TrimSpace(entry), e); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		e.at = 8 + int64(n) + e.Offsets[0]
		if err := e.check(fileSize - 8 - int64(n)); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		h.tensors[name] = e
	}
	return h, nil
}

// check compares the shape with the bytes, and both with the file.
func (e *tensorEntry) check(room int64) error {
	width := int64(1)
	if e.DType == "I64" {
		width = 8
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || end < begin || end > room {
		return fmt.Errorf("bytes %d to %d of %d: file is truncated or damaged", begin, end, room)
	}
	count := int64(1)
	for _, d := range e.Shape {
		if d < 0 || d > 0 && count > room/d {
			return fmt.Errorf("shape %v does not fit its %d bytes", e.Shape, end-begin)
		}
		count *= d
	}
	if count > room/width || count*width != end-begin {
		return fmt.Errorf("shape %v of %s does not fit its %d bytes", e.Shape, e.DType, end-begin)
	}
	return nil
}

func (h *header) find(name, dtype string, axes int) (*tensorEntry, error) {
	e, ok := h.tensors[name]
	if !ok {
		return nil, fmt.Errorf("no tensor %s", name)
	}
	if e.DType != dtype || len(e.Shape) != axes {
		return nil, fmt.Errorf("tensor %s is %s with shape %v, want %s with %d axes", name, e.DType, e.Shape, dtype,
			axes)
	}
	return e, nil
}

func (h *header) bytes(name string) ([]byte, error) {
	e, err := h.find(name, "U8", 1)
	if err != nil {
		return nil, err
	}
	return h.read(name, e)
}

func (h *header) read(name string, e *tensorEntry) ([]byte, error) {
	raw := make([]byte, e.Offsets[1]-e.Offsets[0])
	if _, err := h.file.ReadAt(raw, e.at); err != nil && len(raw) > 0 {
		return nil, fmt.Errorf("tensor %s: %w", name, truncated(err))
	}
	return raw, nil
}

// indices reads an I64 vector of n numbers, of any positive length for n < 0.
func (h *header) indices(name string, n int) ([]int64, error) {
	e, err := h.find(name, "I64", 1)
	if err != nil {
		return nil, err
	}
	if n >= 0 && e.Shape[0] != int64(n) || e.Shape[0] < 1 {
		return nil, fmt.Errorf("tensor %s has %d numbers, want %d", name, e.Shape[0], max(n, 1))
	}
	raw, err := h.read(name, e)
	if err != nil {
		return nil, err
	}
	out := make([]int64, e.Shape[0])
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return out, nil
}

// kinds reads the optional kinds and refuses unknown ones.
func (h *header) kinds(n int) ([]byte, error) {
	if h.tensors["kind"] == nil {
		return nil, nil
	}
	kinds, err := h.bytes("kind")
	if err != nil {
		return nil, err
	}
	if len(kinds) != n {
		return nil, fmt.Errorf("tensor kind has %d numbers, want %d", len(kinds), n)
	}
	for i, k := range kinds {
		if Kind(k) > Emoji {
			return nil, fmt.Errorf("picture %d has kind %d, want 0 to %d", i, k, Emoji)
		}
	}
	return kinds, nil
}

func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("file is truncated")
	}
	return err
}
