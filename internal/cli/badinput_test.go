package cli

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// widePNG claims to be so many pixels wide and high and holds next to nothing.
func widePNG(width, height uint32) []byte {
	chunk := func(name string, body []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
		b = append(append(b, name...), body...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	head := binary.BigEndian.AppendUint32(nil, width)
	head = append(binary.BigEndian.AppendUint32(head, height), 8, 2, 0, 0, 0)
	return bytes.Join([][]byte{[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head),
		chunk("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1}), chunk("IEND", nil)}, nil)
}

func TestPicturesThatCannotBeReadAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var whole bytes.Buffer
	writePNG(t, filepath.Join(dir, "whole.png"), picture(0, 1))
	whole.Write(readFile(t, filepath.Join(dir, "whole.png")))
	for name, content := range map[string][]byte{
		"empty":     nil,
		"text":      []byte("not a picture"),
		"cut":       whole.Bytes()[:whole.Len()-40],
		"wide":      widePNG(20000, 20000),
		"wider":     widePNG(1<<31-1, 1<<31-1),
		"flat":      widePNG(0, 5),
		"jpeg head": []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"),
		"gif head":  []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00"),
		"webp head": []byte("RIFF\xff\xff\xff\x7fWEBPVP8L\xff\xff\xff\x7f"),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "set", "grass", "bad.png")
			writeFile(t, path, content)
			failsClean(t, dir, []string{"encode", "--strict", "--weights", tinyModel(), "--images", path, "--out",
				filepath.Join(dir, "f.npy")}, path)
			failsClean(t, dir, []string{"zeroshot", "--weights", tinyModel(), "--data", filepath.Join(dir, "set"),
				"--out", filepath.Join(dir, "zs")}, "set", "could be read")
		})
	}
}

func TestAPicture20000PixelsWideIsReadAndOneAsHighRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wide, huge, out := filepath.Join(dir, "wide.png"), filepath.Join(dir, "huge.png"), filepath.Join(dir, "f.npy")
	writePNG(t, wide, image.NewNRGBA(image.Rect(0, 0, 20000, 40)))
	mustRun(t, "encode", "--weights", tinyModel(), "--images", wide, "--out", out)
	if rows := npyRows(t, out); len(rows) != 1 || rows[0][0] != rows[0][0] {
		t.Errorf("rows %v", rows)
	}
	writeFile(t, huge, widePNG(20000, 20000))
	fails(t, []string{"encode", "--weights", tinyModel(), "--images", huge, "--out", out}, huge, "20000 x 20000",
		"limit")
}

func TestDataSetsThatCannotServeAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 3, 2)
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) string {
		writeFile(t, in(name), []byte(content))
		return in(name)
	}
	os.MkdirAll(in("hollow"), 0o755)
	os.MkdirAll(in("classless/grass"), 0o755)
	pic := "train/grass/00.png"
	long := strings.Repeat("very ", 100) + "long"
	for i, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"nothing there", []string{"--data", in("absent")}, []string{"absent", "no such file"}},
		{"no class folders", []string{"--data", in("hollow")}, []string{"hollow", "no class folders"}},
		{"no pictures", []string{"--data", in("classless")}, []string{"classless", "no images"}},
		{"no such part", []string{"--data", root + "#val"}, []string{"colours", "val"}},
		{"labels from 1", []string{"--data", write("colours/one.tsv", pic+"\t1\tgrass\n")},
			[]string{"one.tsv", "count from 0", "--class-names"}},
		{"gap in labels", []string{"--data", write("colours/gap.tsv", pic+"\t0\n"+pic+"\t3\n")},
			[]string{"gap.tsv", "no line has label 1, 2"}},
		{"columns of unknown names", []string{"--data", write("colours/head.tsv", "bild\tart\n"+pic+"\tgrass\n")},
			[]string{"head.tsv", "names of columns", "bild"}},
		{"numbers for names", []string{"--data", write("colours/numbers.tsv", pic+"\t0\ntrain/red_rose/00.png\t1\n")},
			[]string{"numbers", "--class-names"}},
		{"WordNet ids for names", []string{"--data", write("colours/ids.tsv", pic+"\tn01440764\n")},
			[]string{"ids", "WordNet", "n01440764", "--class-names"}},
		{"label beyond", []string{"--data", write("colours/beyond.tsv", pic+"\t7\n"), "--class-names",
			write("names.txt", "sky sky\ngrass grass\n")}, []string{"beyond.tsv", "line 1", "label 7", "0 to 1"}},
		{"label below 0", []string{"--data", write("colours/below.tsv", pic+"\t-1\n")}, []string{"below.tsv", "-1"}},
		{"no label", []string{"--data", write("colours/plain.tsv", pic+"\n")}, []string{"plain.tsv", "line 1"}},
		{"empty list", []string{"--data", write("colours/empty.tsv", "")}, []string{"empty.tsv", "no pictures"}},
		{"JSON cut short", []string{"--data", write("colours/cut.json", `{"train": [["a`)}, []string{"cut.json",
			"JSON"}},
		{"JSON of another kind", []string{"--data", write("colours/kind.json", `[1, 2]`)}, []string{"kind.json"}},
		{"split file's label", []string{"--data", write("colours/neg.json", `{"train": [["`+pic+`", -3, "x"]]}`)},
			[]string{"neg.json", "label -3"}},
		{"path that leaves", []string{"--data", write("colours/up.json", `{"train": [["../../etc/x.png", 0, "x"]]}`)},
			[]string{"up.json", "leaves"}},
		{"no pictures beside", []string{"--data", write("alone.json", `{"train": [["nowhere/x.png", 0, "x"]]}`)},
			[]string{"alone.json", "nowhere/x.png"}},
		{"picture list of strangers", []string{"--data", write("colours/gone.tsv", "gone.png\tgrass\n"), "--shots",
			"1"}, []string{"gone", "could be read"}},
		{"name of nothing", []string{"--data", write("colours/blank.tsv", pic+"\t0\t\x01\n"), "--shots", "1"},
			[]string{"class", `"\x01"`, "no tokens"}},
		{"name too long", []string{"--data", write("colours/long.tsv", pic+"\t0\t"+long+"\n"), "--shots", "1"},
			[]string{"very very", "77"}},
		{"template without a slot", []string{"--data", root, "--shots", "1", "--template", "a photo"},
			[]string{"a photo", "{}"}},
		{"class names too few", []string{"--data", root, "--shots", "1", "--class-names",
			write("few.txt", "blue_sky sky\n")}, []string{"few.txt", "grass"}},
		{"class names absent", []string{"--data", root, "--shots", "1", "--class-names", in("gone.txt")},
			[]string{"gone.txt"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := in(fmt.Sprint("run", i))
			failsClean(t, dir, append([]string{"adapt", "taskres", "--weights", tinyModel(), "--views", "-1", "--out",
				out}, c.args...), c.words...)
		})
	}
}

func TestPromptsThatCannotBeEncodedAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		content string
		words   []string
	}{
		"none":       {"", []string{"no prompts"}},
		"empty line": {"a dog\n\na cat\n", []string{"line 2"}},
		"too long":   {"a dog\n" + strings.Repeat("word ", 90) + "\n", []string{"line 2", "77", "92"}},
		"huge line":  {strings.Repeat("x", 2<<20), []string{"line 1", "1 MB"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "p.txt")
			writeFile(t, path, []byte(c.content))
			args := []string{"encode", "--weights", tinyModel(), "--texts", path, "--out", filepath.Join(dir, "f.npy")}
			failsClean(t, dir, args, append(c.words, path)...)
		})
	}
}

func TestWrongUsageNamesTheFlagOrTheWord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, _ := featureFiles(t, dir)
	out := filepath.Join(dir, "run")
	adapt := func(args ...string) []string {
		return append([]string{"adapt", "taskres", "--features", train, "--out", out}, args...)
	}
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{[]string{"adopt"}, []string{"adopt"}},
		{[]string{"--verbosity"}, []string{"--verbosity"}},
		{[]string{"inspect"}, []string{"WEIGHTS is missing"}},
		{[]string{"inspect", "a", "b"}, []string{`"b"`}},
		{[]string{"adapt", "--features", train, "--out", out}, []string{"METHOD"}},
		{[]string{"adapt", "taskress", "--features", train, "--out", out}, []string{"taskress", "taskres",
			"tip-adapter-f"}},
		{[]string{"adapt", "taskres", "--features", train}, []string{"out"}},
		{[]string{"adapt", "taskres", "--out", out}, []string{"--data", "--features"}},
		{[]string{"adapt", "taskres", "--out", out, "--features", train, "--data", dir}, []string{"--data",
			"--features"}},
		{[]string{"adapt", "taskres", "--out", out, "--weights", tinyModel(), "--data", dir, "--shots", "-1"},
			[]string{"--shots", "-1"}},
		{adapt("--remedy", "prayer"), []string{"prayer", "zs-norm", "penalty", "sals"}},
		{adapt("--loss", "hinge"), []string{"hinge"}},
		{adapt("--compat", "other"), []string{"other", "textbook", "clipcalib"}},
		{adapt("--optimizer", "lion"), []string{"lion", "sgd"}},
		{adapt("--schedule", "steps"), []string{"steps", "cosine"}},
		{adapt("--epochs", "-1"), []string{"-1"}},
		{adapt("--epochs", "many"), []string{"--epochs", "many"}},
		{adapt("--lr", "-0.5"), []string{"-0.5"}},
		{adapt("--lr", "NaN"), []string{"NaN"}},
		{adapt("--batch", "-3"), []string{"-3"}},
		{adapt("--seed", "-3"), []string{"--seed", "-3"}},
		{adapt("--weight-decay", "-1"), []string{"-1"}},
		{adapt("--logit-scale", "-1"), []string{"-1"}},
		{adapt("--device", "tpu"), []string{"tpu", "cpu"}},
		{adapt("--device", "cuda"), []string{"cuda"}},
		{adapt("--precision", "fp8"), []string{"fp8", "fp32", "bf16"}},
		{adapt("--threads", "-2"), []string{"-2"}},
		{[]string{"eval"}, []string{"RUN is missing"}},
		{[]string{"eval", dir}, []string{"--data", "--features"}},
		{[]string{"eval", filepath.Join(dir, "absent"), "--features", train}, []string{"absent"}},
		{[]string{"eval", filepath.Join(dir, "absent"), "--data", dir}, []string{"absent", "no run"}},
		{[]string{"eval", dir, "--features", train, "--bins", "0"}, []string{"--bins"}},
		{[]string{"encode", "--weights", tinyModel(), "--out", "x.npy"}, []string{"--images", "--texts"}},
		{[]string{"encode", "--weights", tinyModel(), "--out", "x.npy", "--images"}, []string{"--images"}},
		{[]string{"encode", "--weights", tinyModel(), "--out", "x.csv", "--images", dir},
			[]string{"x.csv", ".npy", ".safetensors"}},
		{[]string{"encode", "--weights", tinyModel(), "--out", filepath.Join(dir, "x.npy"), "--images",
			filepath.Join(dir, "absent.png")}, []string{"absent.png"}},
		{[]string{"encode", "--weights", tinyModel(), "--out", filepath.Join(dir, "x.npy"), "--images", dir},
			[]string{dir, ".png"}},
		{[]string{"encode", "--weights", tinyModel(), "--out", filepath.Join(dir, "x.npy"), "--texts",
			filepath.Join(dir, "absent.txt")}, []string{"absent.txt"}},
		{[]string{"encode", "--out", "x.npy", "--images", dir}, []string{"weights"}},
		{[]string{"zeroshot", "--weights", tinyModel()}, []string{"data"}},
		{[]string{"zeroshot", "--data", dir}, nil},
		{[]string{"zeroshot", "--data", dir, "--weights", tinyModel(), "--activation", "swish"}, nil},
		{[]string{"inspect", tinyModel(), "--activation", "swish"}, []string{"--activation", "swish", "gelu"}},
		{[]string{"bench", "--batches", "0"}, []string{"--batches"}},
		{[]string{"bench", "--models", "ViT-Z/9"}, []string{"ViT-Z/9", "ViT-B/32"}},
		{[]string{"bench", "--steps", "-1"}, []string{"--steps"}},
		{[]string{"bench", "--what", "images,tea"}, []string{`"tea"`, "prompts"}},
		{[]string{"bench", "--precision", "fp32,int3"}, []string{"int3", "bf16"}},
		{[]string{"bench", "--classes", "2000", "--models", "tiny", "--what", "tpt", "--time", "1ms"},
			[]string{"2000", "1000"}},
		{[]string{"bench", "--compare", "a.json"}, []string{"B.json"}},
		{[]string{"bench", "--compare", "nowhere.json", "b.json"}, []string{"nowhere.json"}},
		{[]string{"bench", "--time", "-5s"}, []string{"--time"}},
		{[]string{"bench", "--time", "soon"}, []string{"--time", "soon"}},
		{[]string{"pretrain", "--out", out}, []string{"data"}},
		{[]string{"pretrain", "--data", filepath.Join(dir, "absent"), "--out", out}, []string{"absent",
			"no such file"}},
		{[]string{"doctor", "please"}, []string{"please"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) { failsClean(t, dir, c.args, c.words...) })
	}
}

func TestWrongUsageIsExitCode2(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"adopt"}, {"adapt"}, {"inspect", "--what"}, {"report"},
		{"adapt", "x", "--out", "y"}, {"calibrate"}, {"bench", "--batches", "0"}} {
		if o := command(args...); o.code != 2 {
			t.Errorf("%q: exit code %d: %s", args, o.code, o.err)
		}
	}
	if o := command("inspect", "/nowhere/at/all.pt"); o.code != 1 {
		t.Errorf("a file that is not there: exit code %d", o.code)
	}
}
