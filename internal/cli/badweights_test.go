package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/weights"
)

// torchArchive packs a pickle and one storage as torch.save does.
func torchArchive(t *testing.T, method uint16, pickle, storage []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, r := range []struct {
		name    string
		content []byte
	}{{"archive/data.pkl", pickle}, {"archive/data/0", storage}, {"archive/version", []byte("3\n")}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: r.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(r.content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tinyTensors are the tensors of a tiny model, by name and in order.
func tinyTensors(t *testing.T) (tensors []weights.NamedTensor) {
	t.Helper()
	f, err := weights.Open(tinyModel())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		x, _ := f.Lookup(name)
		v, err := x.Float32()
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, weights.NamedTensor{Name: name, Shape: x.Shape, Data: v})
	}
	return tensors
}

// smallModel is a model of few bytes, for tests that damage it many times.
func smallModel(t *testing.T, path string) []byte {
	t.Helper()
	c := cliptest.Tiny()
	c.Text.Vocab, c.Text.Context = 12, 8
	if err := cliptest.Write(path, c, 1); err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

func TestBadCheckpointsAreRefusedByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := readFile(t, tinyModel())
	data := folderSet(t, filepath.Join(dir, "colours"), 1, 1)
	system := []byte("\x80\x02cos\nsystem\nX\x0a\x00\x00\x00touch owned\x85R.")
	execute := []byte("\x80\x02cbuiltins\nexec\nX\x04\x00\x00\x00pass\x85R.")
	without := func(name string) string {
		path := filepath.Join(dir, "without.pt")
		var kept []weights.NamedTensor
		for _, x := range tinyTensors(t) {
			if x.Name != name {
				kept = append(kept, x)
			}
		}
		if err := weights.WritePyTorch(path, kept, weights.TorchOptions{}); err != nil {
			t.Fatal(err)
		}
		return string(readFile(t, path))
	}
	reshaped := func(name string, shape ...int) string {
		path := filepath.Join(dir, "reshaped.pt")
		tensors := tinyTensors(t)
		for i, x := range tensors {
			if x.Name == name {
				n := 1
				for _, d := range shape {
					n *= d
				}
				tensors[i].Shape, tensors[i].Data = shape, make([]float32, n)
			}
		}
		if err := weights.WriteSafetensors(path, tensors, nil); err != nil {
			t.Fatal(err)
		}
		return string(readFile(t, path))
	}
	header := func(json string, data int) string {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(json)))
		return string(append(append(b, json...), make([]byte, data)...))
	}
	for _, c := range []struct {
		name, content string
		words         []string
	}{
		{"empty", "", []string{"empty"}},
		{"text", "hello, world\n", nil},
		{"web page", "<!DOCTYPE html><html>", []string{"HTML"}},
		{"truncated", string(whole[:len(whole)/2]), nil},
		{"truncated near the end", string(whole[:len(whole)-3]), nil},
		{"os.system", string(torchArchive(t, zip.Store, system, make([]byte, 16))), []string{"os.system"}},
		{"posix.system", string(torchArchive(t, zip.Store, bytes.Replace(system, []byte("cos\n"), []byte("cposix\n"),
			1), make([]byte, 16))), []string{"posix.system"}},
		{"exec", string(torchArchive(t, zip.Store, execute, make([]byte, 16))), []string{"builtins.exec"}},
		{"os.system without a zip", string(system), nil},
		{"zip bomb", string(torchArchive(t, zip.Deflate, make([]byte, 80<<20), nil)), []string{"zip bomb"}},
		{"pickle of nothing", string(torchArchive(t, zip.Store, []byte("\x80\x02}."), nil)), []string{"no tensors"}},
		{"missing matrix", without("transformer.resblocks.1.mlp.c_fc.weight"),
			[]string{"transformer.resblocks.1.mlp.c_fc.weight", "[32, 8]"}},
		{"missing first key", without("visual.conv1.weight"), []string{"visual.conv1.weight"}},
		{"missing projection", without("text_projection"), []string{"text_projection"}},
		{"shape", reshaped("visual.transformer.resblocks.0.attn.out_proj.weight", 16, 8),
			[]string{"visual.transformer.resblocks.0.attn.out_proj.weight", "[16, 16]", "[16, 8]"}},
		{"rank", reshaped("token_embedding.weight", 49408*8), []string{"token_embedding.weight", "[395264]"}},
		{"embedding widths", reshaped("text_projection", 8, 24), []string{"text_projection", "24"}},
		{"huge header", header(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, 8),
			[]string{"too large"}},
		{"overlapping tensors", header(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12), []string{"overlap"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, "bad.pt")
			writeFile(t, path, []byte(c.content))
			words := append([]string{path}, c.words...)
			failsClean(t, dir, []string{"zeroshot", "--weights", path, "--data", data, "--vision-heads", "2",
				"--text-heads", "2"}, words...)
			failsClean(t, dir, []string{"encode", "--weights", path, "--images", "--out", filepath.Join(dir, "f.npy"),
				data}, path)
			failsClean(t, dir, []string{"adapt", "taskres", "--weights", path, "--data", data, "--shots", "1", "--out",
				filepath.Join(dir, "run")}, path)
		})
	}
	for _, args := range [][]string{
		{"inspect", filepath.Join(dir, "absent.pt")},
		{"encode", "--weights", filepath.Join(dir, "absent.pt"), "--images", data, "--out", filepath.Join(dir,
			"f.npy")},
		{"zeroshot", "--weights", filepath.Join(dir, "absent.pt"), "--data", data},
	} {
		failsClean(t, dir, args, "absent.pt", "no such file")
	}
}

// Bits are flipped everywhere in a small checkpoint: a command may fail with a
// line that names the file, or take the numbers as they are, no more.
func TestFlippedBitsFailClearlyOrNotAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, ext := range []string{".pt", ".safetensors"} {
		path := filepath.Join(dir, "flip"+ext)
		whole := smallModel(t, filepath.Join(dir, "whole.pt"))
		if ext != ".pt" {
			mustRun(t, "convert", filepath.Join(dir, "whole.pt"), path)
			whole = readFile(t, path)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range 150 {
			flipped := bytes.Clone(whole)
			at := rng.IntN(len(flipped))
			if i%2 == 0 { // the end of an archive, the header of safetensors
				if at = rng.IntN(min(3000, len(flipped))); ext == ".pt" {
					at = len(flipped) - 1 - at
				}
			}
			flipped[at] ^= 1 << rng.IntN(8)
			writeFile(t, path, flipped)
			o := command("inspect", path)
			switch {
			case o.code == 0:
			case o.code == 1 && strings.HasPrefix(o.err, "clipcalib: ") && strings.Contains(o.err, path) &&
				strings.Count(o.err, "\n") == 1 && !strings.Contains(o.err, "internal error"):
			default:
				t.Errorf("%s with byte %d flipped: exit code %d, %s", ext, at, o.code, o.err)
			}
		}
	}
}

func TestFeatureFilesThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := makeClusters(3, 4, 8, 0.3, 1)
	train := good.write(t, filepath.Join(dir, "good.safetensors"))
	run := filepath.Join(dir, "done")
	mustRun(t, "adapt", "clip-adapter", "--features", train, "--epochs", "2", "--out", run)
	file := func(name string, change func(c *clusters)) string {
		c := makeClusters(3, 4, 8, 0.3, 1)
		change(&c)
		return c.write(t, filepath.Join(dir, name+".safetensors"))
	}
	nan := float32(0)
	nan /= nan
	for _, c := range []struct {
		name  string
		both  bool // wrong for a target too
		path  string
		words []string
	}{
		{"no labels", true, file("unlabelled", func(c *clusters) { c.labels = nil }), []string{"labels"}},
		{"no prototypes", false, file("unnamed", func(c *clusters) { c.prototypes = nil }), []string{"text_features"}},
		{"fewer labels", true, file("fewer", func(c *clusters) { c.labels = c.labels[:5] }), []string{"5", "12"}},
		{"label out of range", true, file("beyond", func(c *clusters) { c.labels[3] = 3 }), []string{"label 3",
			"0 to 2"}},
		{"negative label", true, file("below", func(c *clusters) { c.labels[3] = -1 }), []string{"label -1"}},
		{"width", true, file("wide", func(c *clusters) {
			for k := range c.prototypes {
				c.prototypes[k] = append(c.prototypes[k], 1)
			}
		}), []string{"8", "9"}},
		{"NaN feature", true, file("nan", func(c *clusters) { c.features[2][3] = nan }), []string{"NaN", "2"}},
		{"NaN prototype", true, file("nanproto", func(c *clusters) { c.prototypes[1][0] = nan }), []string{"NaN"}},
		{"absent", true, filepath.Join(dir, "absent.safetensors"), []string{"absent.safetensors", "no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.words = append(c.words, c.path)
			failsClean(t, dir, []string{"adapt", "taskres", "--features", c.path, "--epochs", "2", "--out",
				filepath.Join(dir, "new")}, c.words...)
			if c.both {
				failsClean(t, dir, []string{"eval", run, "--features", c.path, "--out", filepath.Join(dir, "out")},
					c.words...)
			}
		})
	}
	failsClean(t, dir, []string{"adapt", "taskres", "--features", train, "--features", train, "--out",
		filepath.Join(dir, "new")}, train, "in both")
	other := makeClusters(5, 2, 8, 0.3, 1).write(t, filepath.Join(dir, "five.safetensors"))
	failsClean(t, dir, []string{"eval", run, "--features", other, "--out", filepath.Join(dir, "out")}, "3 classes")
	narrow := makeClusters(3, 2, 6, 0.3, 1).write(t, filepath.Join(dir, "narrow.safetensors"))
	failsClean(t, dir, []string{"eval", run, "--features", narrow, "--out", filepath.Join(dir, "out")}, "6", "8")
	raw := readFile(t, filepath.Join(run, "adapter.safetensors"))
	for i, damaged := range [][]byte{nil, raw[:len(raw)/2], raw[:len(raw)-1], []byte("x"), readFile(t, train)} {
		broken := filepath.Join(dir, fmt.Sprint("broken", i))
		writeFile(t, filepath.Join(broken, "adapter.safetensors"), damaged)
		failsClean(t, dir, []string{"eval", broken, "--features", train, "--out", filepath.Join(dir, "out")},
			filepath.Join(broken, "adapter.safetensors"))
	}
}
