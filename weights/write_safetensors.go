package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"clipcalib/internal/atomicfile"
)

// WriteSafetensors writes tensors, and optionally strings of metadata, as a
// safetensors file. Wider types come first, so that every tensor is aligned;
// within a type the names are sorted, and equal contents give equal files.
func WriteSafetensors(path string, tensors []NamedTensor, metadata map[string]string) error {
	rs, err := records(tensors)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writeSafetensors(path, rs, metadata)
}

func writeSafetensors(path string, rs []record, metadata map[string]string) error {
	rs = slices.Clone(rs)
	slices.SortFunc(rs, func(a, b record) int {
		return cmp.Or(cmp.Compare(b.dtype.Size(), a.dtype.Size()), cmp.Compare(a.name, b.name))
	})
	header, err := safetensorsHeader(rs, metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		for _, r := range rs {
			if err := r.write(w); err != nil {
				return fmt.Errorf("tensor %s: %w", r.name, err)
			}
		}
		return nil
	})
}

// safetensorsHeader is the length and the JSON object, padded with spaces so
// that the data starts at a multiple of 8.
func safetensorsHeader(rs []record, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	if len(metadata) > 0 {
		m, err := json.Marshal(metadata)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `"__metadata__":%s,`, m)
	}
	at := uint64(0)
	for i, r := range rs {
		if i > 0 {
			b.WriteByte(',')
		}
		end := at + uint64(r.bytes())
		shape := make([]int64, len(r.shape))
		for j, d := range r.shape {
			shape[j] = int64(d)
		}
		name, err := json.Marshal(r.name)
		if err != nil {
			return nil, err
		}
		entry, err := json.Marshal(safetensorsEntry{DType: dtypeFacts[r.dtype].safe, Shape: shape,
			Offsets: [2]uint64{at, end}})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%s", name, entry)
		at = end
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len()-8 > maxSafetensorsHeader {
		return nil, fmt.Errorf("header of %d bytes is larger than %d", b.Len()-8, maxSafetensorsHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), nil
}
