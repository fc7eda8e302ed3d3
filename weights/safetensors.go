package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
)

// maxSafetensorsHeader bounds the header, which takes 100 KB for the largest
// CLIP. The format itself would allow 100 MB.
const maxSafetensorsHeader = 16 << 20

// readSafetensors reads the index of a safetensors file: an 8-byte
// little-endian length, a JSON object of that length, and the tensors' bytes,
// which must follow without gaps or overlaps.
func (f *File) readSafetensors() error {
	f.format = Safetensors
	head, err := f.src.bytes(0, 8)
	if err != nil {
		return errors.New("file is too short for a safetensors header")
	}
	n := binary.LittleEndian.Uint64(head)
	if n > maxSafetensorsHeader {
		return fmt.Errorf("safetensors header of %d bytes is larger than %d", n, maxSafetensorsHeader)
	}
	if int64(n) > f.src.size-8 {
		return fmt.Errorf("safetensors header of %d bytes reaches past the end: the file is truncated", n)
	}
	header, err := f.src.bytes(8, int64(n))
	if err != nil {
		return err
	}
	if err := f.parseSafetensors(header, 8+int64(n)); err != nil {
		return fmt.Errorf("safetensors header: %w", err)
	}
	f.tensors = stripPrefixes(f.tensors)
	for name, t := range f.tensors {
		t.Name = name
	}
	return nil
}

type safetensorsEntry struct {
	DType   string    `json:"dtype"`
	Shape   []int64   `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// parseSafetensors walks the header's keys one by one: a plain map would hide
// a key that occurs twice.
func (f *File) parseSafetensors(header []byte, base int64) error {
	dec := json.NewDecoder(bytes.NewReader(header))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	f.tensors = map[string]*Tensor{}
	var spans [][2]uint64
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if name == "__metadata__" {
			if err := dec.Decode(&f.metadata); err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		var e safetensorsEntry
		if err := dec.Decode(&e); err != nil {
			return fmt.Errorf("tensor %.100q: %w", name, err)
		}
		if _, twice := f.tensors[name]; twice {
			return fmt.Errorf("tensor %.100q occurs twice", name)
		}
		if f.tensors[name], err = f.safetensor(name, e, base); err != nil {
			return fmt.Errorf("tensor %.100q: %w", name, err)
		}
		spans = append(spans, e.Offsets)
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("not a whole JSON object: %w", err)
	}
	if rest, _ := io.ReadAll(dec.Buffered()); len(bytes.TrimRight(rest, " ")) > 0 {
		return errors.New("data after the JSON object")
	}
	return checkSpans(spans, uint64(f.src.size-base))
}

func (f *File) safetensor(name string, e safetensorsEntry, base int64) (*Tensor, error) {
	dtype, ok := dtypeBySafetensors(e.DType)
	if !ok {
		return nil, fmt.Errorf("element type %.20q is not supported", e.DType)
	}
	n, err := elements(e.Shape)
	if err != nil {
		return nil, err
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if end < begin || end > uint64(f.src.size-base) {
		return nil, fmt.Errorf("data_offsets [%d, %d] reach outside the %d bytes of data", begin, end, f.src.size-base)
	}
	if size := uint64(n) * uint64(dtype.Size()); size != end-begin {
		return nil, fmt.Errorf("shape %v of %s needs %d bytes, data_offsets give %d", e.Shape, dtype, size, end-begin)
	}
	data := &region{src: f.src, off: base + int64(begin), n: int64(end - begin)}
	return newTensor(name, &strided{
		storage: &storage{key: name, dtype: dtype, numel: n, data: data},
		shape:   e.Shape, strides: rowMajor(e.Shape),
	}), nil
}

// checkSpans makes sure the tensors cover the data exactly once.
func checkSpans(spans [][2]uint64, size uint64) error {
	sort.Slice(spans, func(i, j int) bool {
		if spans[i][0] != spans[j][0] {
			return spans[i][0] < spans[j][0]
		}
		return spans[i][1] < spans[j][1]
	})
	at := uint64(0)
	for _, s := range spans {
		if s[0] != at {
			return fmt.Errorf("data_offsets overlap or leave a gap at byte %d", min(at, s[0]))
		}
		at = s[1]
	}
	if at != size {
		return fmt.Errorf("the tensors cover %d of %d bytes of data", at, size)
	}
	return nil
}
