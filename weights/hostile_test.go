package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"clipcalib/internal/picklescan"
)

// archiveOf packs records into a PyTorch archive, deflated if asked.
func archiveOf(t testing.TB, method uint16, records map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range sortedKeys(records) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(records[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// torchFile is an archive with the given pickle and one storage of 16 bytes.
func torchFile(t testing.TB, index []byte) []byte {
	return archiveOf(t, zip.Store, map[string][]byte{"data.pkl": index, "data/0": make([]byte, 16)})
}

// pickleOf builds a pickle from what build writes.
func pickleOf(build func(p *pickler)) []byte {
	p := &pickler{}
	p.op("\x80\x02")
	build(p)
	p.op(".")
	return p.out
}

// tensorPickle describes one tensor "t" on storage 0 of numel float32.
func tensorPickle(numel, offset int64, shape, strides []int64) []byte {
	return pickleOf(func(p *pickler) {
		p.op("}")
		p.text("t")
		p.global("torch._utils", "_rebuild_tensor_v2")
		p.op("((")
		p.text("storage")
		p.global("torch", "FloatStorage")
		p.text("0")
		p.text("cpu")
		p.int(numel)
		p.op("tQ")
		p.int(offset)
		p.ints(shape)
		p.ints(strides)
		p.op("\x89N")
		p.op("tRs")
	})
}

func refuse(t *testing.T, data []byte, want string) {
	t.Helper()
	f, err := OpenBytes("hostile", data)
	if err == nil {
		f.Close()
		t.Fatalf("opened, want an error with %q", want)
	}
	if !strings.Contains(err.Error(), want) || len(err.Error()) > 600 || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %q, want one line with %q", err, want)
	}
}

func TestPickleMayOnlyNameWhatCheckpointsNeed(t *testing.T) {
	for _, name := range []string{"os.system", "posix.system", "builtins.eval", "builtins.getattr", "subprocess.Popen",
		"torch.load", "torch._utils.evil", "torch.hub.load", "__torch__.Model", "numpy.load",
		"torch.ComplexFloatStorage"} {
		t.Run(name, func(t *testing.T) {
			dot := strings.LastIndex(name, ".")
			call := pickleOf(func(p *pickler) {
				p.global(name[:dot], name[dot+1:])
				p.text("touch /nowhere/x")
				p.op("\x85R")
			})
			refuse(t, torchFile(t, call), fmt.Sprintf("refused: the pickle refers to %q", name))
			stacked := pickleOf(func(p *pickler) {
				p.text(name[:dot])
				p.text(name[dot+1:])
				p.op("\x93)R")
			})
			refuse(t, torchFile(t, stacked), fmt.Sprintf("refused: the pickle refers to %q", name))
			refuse(t, append(pickleOf(func(p *pickler) { p.op("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") }),
				append(pickleOf(func(p *pickler) { p.int(legacyProtocol) }), call...)...), name)
		})
	}
}

func TestTensorsMustLieInTheirStorage(t *testing.T) {
	for _, tc := range []struct {
		numel, offset  int64
		shape, strides []int64
		want           string
	}{
		{4, 0, []int64{5}, []int64{1}, "needs 5 elements"},
		{4, 1, []int64{4}, []int64{1}, "needs 5 elements"},
		{4, -1, []int64{1}, []int64{1}, "offset -1"},
		{4, 5, []int64{0}, []int64{1}, "offset 5"},
		{4, 0, []int64{2, 2}, []int64{3, 1}, "needs 5 elements"},
		{4, 3, []int64{2}, []int64{-1}, "negative stride"},
		{4, 0, []int64{-2}, []int64{1}, "negative size"},
		{4, 0, []int64{2}, []int64{1, 1}, "differ in length"},
		{4, 0, []int64{1 << 32, 1 << 32}, []int64{0, 0}, "too large"},
		{4, 0, []int64{2, 2}, []int64{1 << 62, 1 << 62}, "too large"},
		{4, 0, []int64{1 << 30}, []int64{0}, "too often"},
		{4, 0, make([]int64, 17), make([]int64, 17), "dimensions"},
		{5, 0, []int64{5}, []int64{1}, "holds 16 bytes"},
		{1 << 62, 0, []int64{5}, []int64{1}, "out of range"},
		{-1, 0, []int64{5}, []int64{1}, "out of range"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			refuse(t, torchFile(t, tensorPickle(tc.numel, tc.offset, tc.shape, tc.strides)), tc.want)
		})
	}
}

// torch keeps x.neg() of some views, and what torch._neg_view makes, as a bit
// beside the storage.
func TestTensorsThatNegateTheirStorageAreRefused(t *testing.T) {
	tensor := func(bit string) []byte {
		return pickleOf(func(p *pickler) {
			p.op("}")
			p.text("t")
			p.global("torch._utils", "_rebuild_tensor_v2")
			p.op("((")
			p.text("storage")
			p.global("torch", "FloatStorage")
			p.text("0")
			p.text("cpu")
			p.int(4)
			p.op("tQ")
			p.int(0)
			p.ints([]int64{4})
			p.ints([]int64{1})
			p.op("\x89N}")
			p.text("neg")
			p.op(bit + "stRs")
		})
	}
	refuse(t, torchFile(t, tensor("\x88")), `("neg"): save tensor.resolve_neg()`)
	f, err := OpenBytes("plain", torchFile(t, tensor("\x89")))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestPicklesThatWouldEatMemoryAreRefused(t *testing.T) {
	long := func(op string, n uint64, width int) []byte {
		return pickleOf(func(p *pickler) {
			p.op(op)
			p.out = append(p.out, binary.LittleEndian.AppendUint64(nil, n)[:width]...)
		})
	}
	selfList := pickleOf(func(p *pickler) { p.op("}"); p.text("a"); p.op("]q\x00h\x00as") })
	doubling := pickleOf(func(p *pickler) { // each list holds the one before twice
		p.op("]")
		for range 60 {
			p.op("q\x00](h\x00h\x00e")
		}
	})
	for _, tc := range []struct {
		name, want string
		index      []byte
	}{
		{"string of 4 GB", "truncated", long("X", 1<<32-1, 4)},
		{"string of 8 EB", "truncated", long("\x8d", 1<<63, 8)},
		{"bytes of 2^64", "truncated", long("\x8e", 1<<64-1, 8)},
		{"frame of 1 TB", "truncated", long("\x95", 1<<40, 8)},
		{"integer of 2 GB", "truncated", long("\x8b", 1<<31-1, 4)},
		{"integer of 100 bytes", "integer of", append(long("\x8a", 100, 1), make([]byte, 100)...)},
		{"empty integer", "integer of 0 bytes", long("\x8a", 0, 1)},
		{"nested marks", "deep", bytes.Repeat([]byte("("), 1<<16)},
		{"nested tuples", "nests more than", append(append([]byte(")"), bytes.Repeat([]byte("\x85"), 1000)...), '.')},
		{"endless opcodes", "opcodes", bytes.Repeat([]byte("N"), picklescan.MaxOps+1)},
		{"list in itself", "nests more than", selfList},
		{"list of lists, doubling", "more than", append(doubling[:len(doubling)-1], '.')},
		{"unknown opcode", "not allowed", []byte("\xff.")},
		{"extension registry", "not allowed", []byte("\x82\x01.")},
		{"empty stack", "stack", []byte(".")},
		{"unhashable key", "malformed", pickleOf(func(p *pickler) { p.emptyOrderedDict(); p.op("C\x01aNs") })},
		{"odd number of items", "malformed", pickleOf(func(p *pickler) { p.op("}(Nu") })},
	} {
		t.Run(tc.name, func(t *testing.T) { refuse(t, torchFile(t, tc.index), tc.want) })
	}
}

func TestZipBombsAreRefused(t *testing.T) {
	zeros := make([]byte, 128<<20)
	refuse(t, archiveOf(t, zip.Deflate, map[string][]byte{"data.pkl": tensorPickle(4, 0, []int64{4}, []int64{1}),
		"data/0": zeros}), "zip bomb")
	refuse(t, archiveOf(t, zip.Deflate, map[string][]byte{"data.pkl": zeros[:picklescan.MaxBytes+1]}), "larger than")

	// A record whose directory entry promises less than it inflates to.
	lying := archiveOf(t, zip.Deflate, map[string][]byte{"data.pkl": tensorPickle(4, 0, []int64{4}, []int64{1}),
		"data/0": zeros[:1<<20]})
	entry := bytes.Index(lying, []byte("PK\x01\x02"))
	entry += 1 + bytes.Index(lying[entry+1:], []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lying[entry+24:], 16)
	f, err := OpenBytes("lying", lying)
	if err != nil {
		t.Fatal(err)
	}
	tensor, _ := f.Lookup("t")
	if _, err := tensor.Float32(); err == nil || !strings.Contains(err.Error(), "data/0") {
		t.Errorf("reading a record with a false size: %v", err)
	}
}

func TestArchivesThatAreNotCheckpointsAreRefused(t *testing.T) {
	pkl := tensorPickle(4, 0, []int64{4}, []int64{1})
	refuse(t, archiveOf(t, zip.Store, map[string][]byte{"x.npy": nil}), "without a data.pkl")
	refuse(t, archiveOf(t, zip.Store, map[string][]byte{"data.pkl": pkl}), "data/0 is missing")
	refuse(t, archiveOf(t, zip.Store, map[string][]byte{"data.pkl": pkl, "data/0": make([]byte, 16),
		"byteorder": []byte("big")}), "byte order")
	refuse(t, archiveOf(t, zip.Store, map[string][]byte{"data.pkl": pickleOf(func(p *pickler) { p.op("}") })}),
		"no tensors")
	module := pickleOf(func(p *pickler) { p.op("("); p.text("module"); p.op("NNNNtQ") })
	refuse(t, torchFile(t, module), "whole pickled module")
}

func TestSafetensorsHeadersAreChecked(t *testing.T) {
	file := func(header string, data int) []byte {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(b, header...), make([]byte, data)...)
	}
	const a = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for _, tc := range []struct {
		want   string
		header string
		data   int
	}{
		{"overlap", `{` + a + `,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12},
		{"gap", `{` + a + `,"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}`, 20},
		{"cover 8 of 9 bytes", `{` + a + `}`, 9},
		{"outside", `{` + a + `}`, 7},
		{"needs 12 bytes", `{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8},
		{"occurs twice", `{` + a + `,` + a + `}`, 8},
		{"outside", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8},
		{"too large", `{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, 8},
		{"negative size", `{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}`, 8},
		{"F8_E4M3", `{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}`, 8},
		{"after the JSON", `{` + a + `}x`, 8},
		{"no tensors", `{}`, 0},
		{"header", `{"a":`, 0},
		{"header", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[-1,8]}}`, 8},
		{"metadata", `{"__metadata__":{"a":1},` + a + `}`, 8},
	} {
		t.Run(tc.want, func(t *testing.T) { refuse(t, file(tc.header, tc.data), tc.want) })
	}
	huge := file(`{`+a+`}`, 8)
	binary.LittleEndian.PutUint64(huge, 1<<62)
	refuse(t, huge, "larger than")
	binary.LittleEndian.PutUint64(huge, 1<<20)
	refuse(t, huge, "truncated")
}

func TestOtherFilesAreNamedForWhatTheyAre(t *testing.T) {
	tar := make([]byte, 600)
	copy(tar[257:], "ustar")
	for want, data := range map[string]string{
		"empty":           "",
		"git lfs pull":    "version https://git-lfs.github.com/spec/v1\n",
		"HTML":            "<!DOCTYPE html>",
		"gzip":            "\x1f\x8b\x08",
		"tar archive":     string(tar),
		"plain Python":    "\x80\x03}q\x00.",
		"not a PyTorch":   "hello, world",
		"damaged":         "PK\x03\x04",
		"pickle is trunc": "\x80",
	} {
		refuse(t, []byte(data), want)
	}
	if _, err := Open("testdata"); err == nil || !strings.Contains(err.Error(),
		"a folder with several files of weights: name one of clip.safetensors") {
		t.Errorf("opening a folder: %v", err)
	}
}
