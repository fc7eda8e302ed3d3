package weights

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written are tensors of every type that can be written, with values that do
// and do not survive rounding.
func written() []NamedTensor {
	values := []float32{0, 1, -1.5, 1.0 / 3, 65504, 65520, 2.9802322e-8, 5.9604645e-8, 1.0009766, 1.0014648, -3e-5,
		float32(math.Inf(1))}
	var out []NamedTensor
	for _, d := range []DType{F32, F16, BF16, F64} {
		out = append(out, NamedTensor{Name: "f." + d.String(), Shape: []int{3, 4}, DType: d, Data: values})
	}
	for _, d := range []DType{I8, I16, I32, I64, U8, Bool} {
		out = append(out, NamedTensor{Name: "i." + d.String(), Shape: []int{2}, DType: d, Ints: []int64{0, 1}})
	}
	return append(out,
		NamedTensor{Name: "scalar", Data: []float32{4.25}},
		NamedTensor{Name: "negative", Shape: []int{1, 1}, DType: I64, Ints: []int64{-5}},
		NamedTensor{Name: "empty", Shape: []int{0, 3}},
		NamedTensor{Name: "zeros", Shape: []int{100, 10}, DType: F16, Data: make([]float32, 1000)},
	)
}

// writeAll writes the same tensors in every way there is.
func writeAll(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	metadata := map[string]string{"activation": "gelu", "note": "é"}
	plain, deflated, safe := filepath.Join(dir, "a.pt"), filepath.Join(dir, "b.pt"), filepath.Join(dir, "c.safetensors")
	for _, err := range []error{
		WritePyTorch(plain, written(), TorchOptions{Metadata: metadata}),
		WritePyTorch(deflated, written(), TorchOptions{Metadata: metadata, Deflate: true}),
		WriteSafetensors(safe, written(), metadata),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return []string{plain, deflated, safe}
}

// stored is what a tensor holds after rounding to its type.
func stored(n NamedTensor) []float32 {
	if n.Ints != nil {
		out := make([]float32, len(n.Ints))
		for i, x := range n.Ints {
			out[i] = float32(x)
		}
		return out
	}
	d := n.DType
	if d == 0 {
		d = F32
	}
	out := make([]float32, len(n.Data))
	widen(out, appendFloats(nil, n.Data, d), d)
	return out
}

func TestWrittenFilesReadBack(t *testing.T) {
	for _, path := range writeAll(t) {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if m := f.Metadata(); m["activation"] != "gelu" || m["note"] != "é" {
			t.Errorf("%s: metadata %v", path, m)
		}
		if len(f.Names()) != len(written()) {
			t.Errorf("%s: %d tensors, want %d", path, len(f.Names()), len(written()))
		}
		for _, n := range written() {
			tensor, ok := f.Lookup(n.Name)
			if !ok {
				t.Errorf("%s: %s is missing", path, n.Name)
				continue
			}
			got, err := tensor.Float32()
			if err != nil || !slices.Equal(got, stored(n)) || !slices.Equal(tensor.Shape, append([]int{}, n.Shape...)) {
				t.Errorf("%s: %v: %v, %v; want %v", path, tensor, got, err, stored(n))
			}
		}
	}
}

func TestPayloadsAreAligned(t *testing.T) {
	path := writeAll(t)[0]
	src, err := openSource(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	a, err := openArchive(src)
	if err != nil {
		t.Fatal(err)
	}
	for name, entry := range a.entries {
		if off, err := a.raw(entry); err != nil || off%torchAlign != 0 {
			t.Errorf("%s starts at %d, %v; want a multiple of %d", name, off, err, torchAlign)
		}
	}
}

func TestEqualContentsGiveEqualFiles(t *testing.T) {
	first, second := writeAll(t), writeAll(t)
	for i := range first {
		a, _ := os.ReadFile(first[i])
		b, _ := os.ReadFile(second[i])
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s differs between two runs", filepath.Base(first[i]))
		}
	}
}

func TestWriterRefusesWhatDoesNotFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pt")
	for what, tensors := range map[string][]NamedTensor{
		"2 values of float32 do not fill": {{Name: "a", Shape: []int{3}, Data: []float32{1, 2}}},
		"given twice":                     {{Name: "a", Data: []float32{1}}, {Name: "a", Data: []float32{1}}},
		"no tensors":                      nil,
		"cannot be written":               {{Name: "", Data: []float32{1}}},
		"uint16 cannot be written":        {{Name: "u", DType: U16, Shape: []int{1}, Ints: []int64{1}}},
	} {
		err := WritePyTorch(path, tensors, TorchOptions{})
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want one with %q", err, what)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a refused file was written")
	}
}

// torchPython finds a Python that has torch and safetensors.
func torchPython(t *testing.T) string {
	t.Helper()
	for _, python := range []string{os.Getenv("CLIPCALIB_PYTHON"), "python3"} {
		if python == "" {
			continue
		}
		if exec.Command(python, "-c", "import torch, safetensors").Run() == nil {
			return python
		}
	}
	t.Skip("no Python with torch and safetensors (set CLIPCALIB_PYTHON to one)")
	return ""
}

func TestPyTorchReadsWhatIsWritten(t *testing.T) {
	python := torchPython(t)
	paths := writeAll(t)
	out, err := exec.Command(python, append([]string{fixture("check_written.py")}, paths...)...).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, path := range paths {
		var read struct {
			Tensors  map[string]expectedTensor
			Metadata map[string]string
		}
		if err := json.Unmarshal([]byte(lines[i]), &read); err != nil {
			t.Fatal(err)
		}
		if i < 2 && !maps.Equal(read.Metadata, map[string]string{"activation": "gelu", "note": "é"}) {
			t.Errorf("%s: metadata %v", path, read.Metadata)
		}
		for _, n := range written() {
			got := read.Tensors[n.Name]
			for j, want := range stored(n) {
				if got.Bits[j] != math.Float32bits(want) {
					t.Errorf("%s: %s[%d] = %v, want %v", path, n.Name, j, math.Float32frombits(got.Bits[j]), want)
				}
			}
			if !slices.Equal(got.Shape, append([]int{}, n.Shape...)) {
				t.Errorf("%s: %s has shape %v, want %v", path, n.Name, got.Shape, n.Shape)
			}
		}
	}
}
