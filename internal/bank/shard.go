package bank

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"strconv"

	"clipcalib/adapt"
	"clipcalib/internal/digest"
	"clipcalib/internal/gate"
	"clipcalib/weights"
)

// content is what a shard holds.
type content struct {
	features adapt.Matrix
	failed   []int // rows whose image could not be read, in order; they are zero
	missing  []int // rows that are still to be encoded, in order; they are zero
}

const (
	keyBank = "bank"
	keyView = "view"
	keyFrom = "first_image"
	keySum  = "sha256" // of features and failed
)

func (b *Bank) write(s shard, c content) error {
	tensors := []weights.NamedTensor{{Name: "features", Shape: []int{s.n, c.features.Cols}, Data: c.features.Data}}
	for name, rows := range c.lists() {
		if len(*rows) == 0 {
			continue
		}
		wide := make([]int64, len(*rows))
		for i, row := range *rows {
			wide[i] = int64(row)
		}
		tensors = append(tensors, weights.NamedTensor{Name: name, Shape: []int{len(wide)}, DType: weights.I64,
			Ints: wide})
	}
	return weights.WriteSafetensors(s.path, tensors, map[string]string{
		keyBank: b.id, keyView: strconv.Itoa(s.view), keyFrom: strconv.Itoa(s.from), keySum: c.checksum(),
	})
}

// read returns a shard's content, or an error when the file is missing,
// damaged or belongs elsewhere.
func (b *Bank) read(s shard) (content, error) {
	var c content
	f, err := weights.Open(s.path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	t, ok := f.Lookup("features")
	if !ok || len(t.Shape) != 2 || t.Shape[0] != s.n || t.Shape[1] < 1 || t.DType != weights.F32 {
		return c, fmt.Errorf("%s holds no features of %d images", s.path, s.n)
	}
	values, err := t.Float32()
	if err != nil {
		return c, fmt.Errorf("%s: %w", s.path, err)
	}
	if err := gate.Finite(s.path, values, t.Shape[1]); err != nil {
		return c, err
	}
	c.features = adapt.Matrix{Rows: s.n, Cols: t.Shape[1], Data: values}
	for name, rows := range c.lists() {
		t, ok := f.Lookup(name)
		if !ok {
			continue
		}
		wide, err := t.Int64()
		if err != nil {
			return c, fmt.Errorf("%s: %w", s.path, err)
		}
		for _, i := range wide {
			if i < 0 || i >= int64(s.n) {
				return c, fmt.Errorf("%s: %s row %d is outside 0 to %d", s.path, name, i, s.n-1)
			}
			*rows = append(*rows, int(i))
		}
	}
	meta := f.Metadata()
	if meta[keyBank] != b.id || meta[keyView] != strconv.Itoa(s.view) || meta[keyFrom] != strconv.Itoa(s.from) {
		return c, fmt.Errorf("%s belongs to another bank or place", s.path)
	}
	if meta[keySum] != c.checksum() {
		return c, fmt.Errorf("%s is damaged: its checksum does not fit its content", s.path)
	}
	return c, nil
}

// lists yields the lists of rows in the order they are written, by name.
func (c *content) lists() iter.Seq2[string, *[]int] {
	return func(yield func(string, *[]int) bool) {
		_ = yield("failed", &c.failed) && yield("missing", &c.missing)
	}
}

// checksum covers shape, features and lists.
func (c content) checksum() string {
	h := sha256.New()
	fmt.Fprintln(h, c.features.Rows, c.features.Cols, c.failed)
	if len(c.missing) > 0 {
		fmt.Fprintln(h, "missing", c.missing)
	}
	digest.Floats(h, c.features.Data)
	return hex.EncodeToString(h.Sum(nil))
}
