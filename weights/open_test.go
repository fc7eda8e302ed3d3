package weights

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func fixture(name string) string { return filepath.Join("testdata", name) }

func open(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(fixture(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// expectedTensor is a value as testdata/make_fixtures.py wrote it.
type expectedTensor struct {
	DType string   `json:"dtype"`
	Shape []int    `json:"shape"`
	Bits  []uint32 `json:"bits"`
	Ints  []int64  `json:"ints"`
}

func expectedValues(t *testing.T, name string) map[string]expectedTensor {
	t.Helper()
	data, err := os.ReadFile(fixture(name))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]expectedTensor{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryTensorHasPyTorchsBits(t *testing.T) {
	for _, tc := range []struct {
		file, values string
		format       Format
	}{
		{"views.pt", "views.json", TorchZip},
		{"views_protocol4.pt", "views.json", TorchZip},
		{"views_legacy.pt", "views.json", TorchLegacy},
		{"dtypes.pt", "dtypes.json", TorchZip},
		{"dtypes.safetensors", "dtypes.json", Safetensors},
	} {
		t.Run(tc.file, func(t *testing.T) {
			f := open(t, tc.file)
			if f.Format() != tc.format {
				t.Errorf("format %v, want %v", f.Format(), tc.format)
			}
			want := expectedValues(t, tc.values)
			if got := f.Names(); !slices.Equal(got, sortedKeys(want)) {
				t.Errorf("names %v, want %v", got, sortedKeys(want))
			}
			for name, w := range want {
				checkTensor(t, f, name, w)
			}
		})
	}
}

func checkTensor(t *testing.T, f *File, name string, want expectedTensor) {
	t.Helper()
	tensor, ok := f.Lookup(name)
	if !ok {
		t.Errorf("%s is missing", name)
		return
	}
	if tensor.DType.String() != want.DType || !slices.Equal(tensor.Shape, want.Shape) {
		t.Errorf("%v, want %s %v", tensor, want.DType, want.Shape)
	}
	got, err := tensor.Float32()
	if err != nil {
		t.Error(err)
		return
	}
	if len(got) != len(want.Bits) {
		t.Errorf("%s: %d elements, want %d", name, len(got), len(want.Bits))
		return
	}
	for i, x := range got {
		w := math.Float32frombits(want.Bits[i])
		if math.Float32bits(x) != want.Bits[i] && !(x != x && w != w) {
			t.Errorf("%s[%d] = %v (%#x), want %v (%#x)", name, i, x, math.Float32bits(x), w, want.Bits[i])
		}
	}
	if want.Ints == nil {
		return
	}
	ints, err := tensor.Int64()
	if err != nil || !slices.Equal(ints, want.Ints) {
		t.Errorf("%s: integers %v, %v; want %v", name, ints, err, want.Ints)
	}
}

func TestStateDictIsFoundAndUnwrapped(t *testing.T) {
	f := open(t, "clip_nested.pt")
	if f.Nested() != "state_dict" {
		t.Errorf("nested under %q, want state_dict", f.Nested())
	}
	plain := open(t, "clip_zip.pt")
	if !slices.Equal(f.Names(), plain.Names()) {
		t.Errorf("names differ from the plain state dict: %v", f.Names())
	}
}
