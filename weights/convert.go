package weights

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// ConvertOptions say what Convert changes. The zero value keeps names and
// types and takes the container from the destination's extension.
type ConvertOptions struct {
	Format  Format  // TorchZip or Safetensors; zero goes by the extension
	Layout  Layout  // names to write; zero keeps those of the source
	DType   DType   // F32, F16 or BF16 for floating-point tensors; zero keeps each
	Deflate bool    // compress a PyTorch file
	CLIP    Options // how to read the source if the layout is changed

	// Progress, if set, is called after each tensor with its name and the
	// numbers of tensors done and in all.
	Progress func(name string, done, all int)
}

// ParseLayout accepts "keep", "openai" and "huggingface".
func ParseLayout(name string) (Layout, error) {
	switch name {
	case "keep", "":
		return 0, nil
	case "openai", "open_clip":
		return LayoutOpenAI, nil
	case "huggingface", "hf":
		return LayoutHuggingFace, nil
	}
	return 0, fmt.Errorf("unknown layout %q (use keep, openai or huggingface)", name)
}

// Convert writes the tensors of src to dst in another container, element type
// or naming, one tensor at a time. If src is a CLIP model, what shapes do not
// show (activation, heads) is kept as metadata.
func Convert(src, dst string, opts ConvertOptions) error {
	format, err := opts.format(dst)
	if err != nil {
		return err
	}
	if opts.DType != 0 && opts.DType != F32 && opts.DType != F16 && opts.DType != BF16 {
		return fmt.Errorf("convert to %s: want float32, float16 or bfloat16", opts.DType)
	}
	f, err := Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	if sameFile(f.path, dst) {
		return fmt.Errorf("convert: %s is the source itself", dst)
	}
	rs, metadata, err := opts.records(f)
	if err != nil {
		return err
	}
	opts.report(rs)
	if format == TorchZip {
		return writePyTorch(dst, rs, TorchOptions{Metadata: metadata, Deflate: opts.Deflate})
	}
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata["format"] = "pt" // transformers insists on it
	return writeSafetensors(dst, rs, metadata)
}

// report makes every record tell Progress when it is written.
func (o ConvertOptions) report(rs []record) {
	if o.Progress == nil {
		return
	}
	done := 0
	for i, r := range rs {
		rs[i].write = func(w io.Writer) error {
			err := r.write(w)
			done++
			o.Progress(r.name, done, len(rs))
			return err
		}
	}
}

func (o ConvertOptions) format(dst string) (Format, error) {
	switch o.Format {
	case TorchZip, Safetensors:
		return o.Format, nil
	case 0:
		switch strings.ToLower(filepath.Ext(dst)) {
		case ".pt", ".pth", ".bin":
			return TorchZip, nil
		case ".safetensors":
			return Safetensors, nil
		}
		return 0, fmt.Errorf("convert: cannot tell the format of %s: end its name in .pt or .safetensors", dst)
	}
	return 0, fmt.Errorf("convert: %s cannot be written, only PyTorch zip and safetensors", o.Format)
}

func sameFile(a, b string) bool {
	ia, errA := os.Stat(a)
	ib, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(ia, ib)
}

// records lists what is to be written, and the metadata.
func (o ConvertOptions) records(f *File) ([]record, map[string]string, error) {
	c, clipErr := f.CLIP(o.CLIP)
	metadata := f.Metadata()
	if clipErr == nil {
		if metadata == nil {
			metadata = map[string]string{}
		}
		maps.Copy(metadata, c.Config.Metadata())
		if err := c.CheckFinite(); err != nil {
			return nil, nil, err
		}
	}
	if o.Layout == 0 {
		var rs []record
		for _, name := range f.Names() {
			rs = append(rs, o.keep(f.tensors[name]))
		}
		return rs, metadata, nil
	}
	if clipErr != nil {
		return nil, nil, fmt.Errorf("convert to the %s layout: %w", o.Layout, clipErr)
	}
	if v := c.Config.Vision; o.Layout == LayoutHuggingFace && (v.NoPreNorm || v.AveragePool || v.ResNet()) {
		return nil, nil, errors.New("convert to the huggingface layout: transformers' CLIPModel has no image tower " +
			"without the first layer norm, with average pooling, or that is a ResNet")
	}
	var rs []record
	for _, row := range nameTable {
		for i := range c.blocksOf(row) {
			if c.view.params[row.canonical(i)] != nil {
				rs = append(rs, o.rename(c, row, i)...)
			}
		}
	}
	return rs, metadata, nil
}

// blocksOf is how often a row of the table occurs in a model.
func (c *Checkpoint) blocksOf(row nameRow) int {
	switch {
	case !row.perBlock():
		return 1
	case isTextName(row.openai):
		return c.Config.Text.Layers
	}
	var stage int
	if n, _ := fmt.Sscanf(row.openai, "visual.layer%d.", &stage); n == 1 {
		return c.Config.Vision.Stages[stage-1]
	}
	return c.Config.Vision.Layers
}

func (o ConvertOptions) dtype(stored DType) DType {
	if o.DType != 0 && stored.Float() {
		return o.DType
	}
	return stored
}

// keep writes a tensor under its own name, byte for byte if its type stays.
func (o ConvertOptions) keep(t *Tensor) record {
	r := record{name: t.Name, shape: t.Shape, dtype: o.dtype(t.DType)}
	r.write = func(w io.Writer) error {
		if r.dtype == t.DType {
			return t.copyTo(w)
		}
		data, err := t.Float32()
		if err != nil {
			return err
		}
		return narrow(w, data, r.dtype)
	}
	return r
}

// narrow writes numbers in a type. A finite one that the type does not reach is
// an error: it would become an infinity.
func narrow(w io.Writer, data []float32, d DType) error {
	if err := checkRange(data, d); err != nil {
		return err
	}
	return encodeFloats(w, data, d)
}

// The smallest numbers that round to an infinity.
var (
	halfEnd  = 65520.0                                   // float16 ends at 65504
	brainEnd = float64(math.Float32frombits(0x7f7f8000)) // bfloat16 ends at 0x7f7f
)

func checkRange(data []float32, d DType) error {
	var limit float64
	switch d {
	case F16:
		limit = halfEnd
	case BF16:
		limit = brainEnd
	default:
		return nil
	}
	for i, x := range data {
		if a := math.Abs(float64(x)); a >= limit && !math.IsInf(a, 1) {
			return fmt.Errorf("number %d is %g, beyond the range of %s: keep its type or use one with a wider range",
				i, x, d)
		}
	}
	return nil
}

// copyTo writes the tensor's elements as they are stored.
func (t *Tensor) copyTo(w io.Writer) error {
	var failed error
	err := t.read(func(raw []byte, _ int) {
		if failed == nil {
			_, failed = w.Write(raw)
		}
	})
	return errors.Join(err, failed)
}

// rename writes a canonical parameter under the names of the wanted layout.
func (o ConvertOptions) rename(c *Checkpoint, row nameRow, i int) []record {
	canonical := row.canonical(i)
	p := c.view.params[canonical]
	names := row.foreignNames(o.Layout, i)
	shape := p.shape
	if canonical == "logit_scale" {
		shape = nil
	}
	transpose := row.transpose && o.Layout == LayoutHuggingFace
	if transpose {
		shape = []int{shape[1], shape[0]}
	} else if len(names) > 1 {
		shape = append([]int{shape[0] / len(names)}, shape[1:]...)
	}
	out := make([]record, len(names))
	for part, name := range names {
		r := record{name: name, shape: shape, dtype: o.dtype(p.parts[0].DType)}
		r.write = func(w io.Writer) error {
			data, err := c.view.Get(canonical, p.shape...)
			if err != nil {
				return err
			}
			if transpose {
				data = transposed(data, p.shape[0], p.shape[1])
			}
			n := r.len()
			return narrow(w, data[part*n:(part+1)*n], r.dtype)
		}
		out[part] = r
	}
	return out
}
