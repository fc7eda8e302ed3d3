package cli

import (
	"archive/tar"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"clipcalib/internal/exitcode"
	"clipcalib/internal/npy"
)

// made is a random data set, with what was put into it as it was made.
type made struct {
	dir      string
	rng      *rand.Rand
	classes  []string
	read     []string // "label class" of every sample, sorted at the end
	broken   int
	ignored  int
	parquet  []parquetRow
	lines    []string
	pictures []picked
}

// picked is a picture of a made set.
type picked struct {
	path, class string
	label       int
	whole       bool
}

type parquetRow struct {
	Image struct {
		Bytes []byte `parquet:"bytes"`
		Path  string `parquet:"path"`
	} `parquet:"image"`
	Label int64 `parquet:"label"`
}

// encoded is a small picture in one of the formats, with the end of its name.
func (m *made) encoded() (content []byte, ext string) {
	img := image.NewNRGBA(image.Rect(0, 0, 3+m.rng.IntN(20), 3+m.rng.IntN(20)))
	for i := range img.Pix {
		img.Pix[i] = byte(m.rng.IntN(256)) | byte(255*(i%4/3))
	}
	var b bytes.Buffer
	var err error
	switch ext = []string{".png", ".PNG", ".jpg", ".jpeg", ".gif"}[m.rng.IntN(5)]; strings.ToLower(ext) {
	case ".png":
		err = png.Encode(&b, img)
	case ".gif":
		err = gif.Encode(&b, img, nil)
	default:
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes(), ext
}

// picture makes a picture, now and then one that cannot be read.
func (m *made) picture() (content []byte, ext string, whole bool) {
	content, ext = m.encoded()
	switch m.rng.IntN(12) {
	case 0:
		return nil, ext, false
	case 1:
		return []byte("no picture at all"), ext, false
	case 2:
		return content[:8], ext, false
	}
	return content, ext, true
}

func (m *made) count(p picked) {
	if !p.whole {
		m.broken++
		return
	}
	m.read = append(m.read, fmt.Sprintf("%d %s", p.label, p.class))
}

// noise puts files that rules ignore into a folder.
func (m *made) noise(t *testing.T, dir string) {
	for _, name := range []string{".DS_Store", "Thumbs.db", "notes.txt", "sub/._x.png", ".hidden/x.png",
		"sub/model.bin"} {
		if m.rng.IntN(4) == 0 {
			writeFile(t, filepath.Join(dir, name), []byte("x"))
			m.ignored++
		}
	}
}

// folders makes class folders, of which one may be empty.
func (m *made) folders(t *testing.T) string {
	for k, class := range m.classes {
		dir := filepath.Join(m.dir, class)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if k == len(m.classes)-1 && m.rng.IntN(3) == 0 {
			continue
		}
		for i := range 1 + m.rng.IntN(4) {
			content, ext, whole := m.picture()
			writeFile(t, filepath.Join(dir, []string{"", "deeper"}[m.rng.IntN(2)], fmt.Sprint(i)+ext), content)
			m.count(picked{class: class, label: k, whole: whole})
		}
		m.noise(t, dir)
	}
	m.noise(t, filepath.Join(m.dir, "__MACOSX"))
	if m.rng.IntN(2) == 0 {
		writeFile(t, filepath.Join(m.dir, "loose.png"), []byte("x"))
		m.ignored++
	}
	return m.dir
}

// listed makes pictures in no order, for lists and split files: with missing
// ones, and ones that are listed twice.
func (m *made) listed(t *testing.T) {
	for k, class := range m.classes {
		for i := range 1 + m.rng.IntN(4) {
			content, ext, whole := m.picture()
			p := picked{fmt.Sprintf("img/%d-%d%s", k, i, ext), class, k, whole}
			if m.rng.IntN(10) > 0 {
				writeFile(t, filepath.Join(m.dir, p.path), content)
			} else {
				p.whole = false
			}
			m.pictures = append(m.pictures, p)
			for m.rng.IntN(5) == 0 {
				m.pictures = append(m.pictures, p)
			}
		}
	}
	m.pictures = append(m.pictures, picked{"img/sure.png", m.classes[0], 0, true})
	writePNG(t, filepath.Join(m.dir, "img", "sure.png"), picture(0, 0))
	m.rng.Shuffle(len(m.pictures), func(i, j int) { m.pictures[i], m.pictures[j] = m.pictures[j], m.pictures[i] })
	for _, p := range m.pictures {
		m.count(p)
	}
}

func (m *made) list(t *testing.T) string {
	m.listed(t)
	sep := []string{"\t", ","}[m.rng.IntN(2)]
	form := m.rng.IntN(3)
	if form == 0 {
		m.lines = append(m.lines, "file"+sep+"class")
	}
	for _, p := range m.pictures {
		fields := []string{p.path, p.class}
		if form == 1 {
			fields = []string{p.path, strconv.Itoa(p.label), p.class}
		}
		m.lines = append(m.lines, strings.Join(fields, sep))
	}
	path := filepath.Join(m.dir, "list.tsv")
	writeFile(t, path, []byte(strings.Join(m.lines, "\n")+"\n"))
	return path
}

func (m *made) split(t *testing.T) string {
	m.listed(t)
	var entries [][]any
	for _, p := range m.pictures {
		entries = append(entries, []any{strings.ReplaceAll(strings.TrimPrefix(p.path, "img/"), "/", `\`), p.label,
			p.class})
	}
	text, err := json.Marshal(map[string]any{"test": entries})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(m.dir, "split_zhou_Made.json"), text)
	return m.dir
}

// contained makes the pictures of a container.
func (m *made) contained(each func(k int, class string, content []byte, ext string)) {
	for k, class := range m.classes {
		for range 1 + m.rng.IntN(4) {
			content, ext, whole := m.picture()
			if len(content) == 0 {
				content = []byte("?")
			}
			m.count(picked{class: class, label: k, whole: whole})
			each(k, class, content, ext)
		}
	}
	content, ext := m.encoded()
	m.count(picked{class: m.classes[0], whole: true})
	each(0, m.classes[0], content, ext)
}

func (m *made) shards(t *testing.T) string {
	m.contained(func(k int, _ string, content []byte, _ string) {
		row := parquetRow{Label: int64(k)}
		row.Image.Bytes = content
		m.parquet = append(m.parquet, row)
	})
	meta, _ := json.Marshal(map[string]any{"info": map[string]any{"features": map[string]any{
		"image": map[string]any{"_type": "Image"}, "label": map[string]any{"_type": "ClassLabel", "names": m.classes},
	}}})
	half := len(m.parquet) / 2
	for i, rows := range [][]parquetRow{m.parquet[:half], m.parquet[half:]} {
		var b bytes.Buffer
		w := parquet.NewGenericWriter[parquetRow](&b, parquet.KeyValueMetadata("huggingface", string(meta)),
			parquet.MaxRowsPerRowGroup(3))
		if _, err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(m.dir, "data", fmt.Sprintf("test-%05d-of-00002.parquet", i)), b.Bytes())
	}
	return m.dir
}

func (m *made) archive(t *testing.T) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, content []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	m.contained(func(_ int, class string, content []byte, ext string) {
		n++
		put(fmt.Sprintf("s%04d%s", n, ext), content)
		put(fmt.Sprintf("s%04d.txt", n), []byte(class))
		if m.rng.IntN(4) == 0 {
			put(fmt.Sprintf("._s%04d%s", n, ext), []byte("x"))
			m.ignored++
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(m.dir, "set.tar")
	writeFile(t, path, b.Bytes())
	return path
}

// For random data sets, what is printed, what is in JSON and what is in the
// files agree with what was put into them.
func TestEveryFileIsAccountedFor(t *testing.T) {
	t.Parallel()
	bank := t.TempDir()
	for seed := range 60 {
		m := &made{dir: t.TempDir(), rng: rand.New(rand.NewPCG(uint64(seed), 11))}
		m.classes = []string{"ape", "Bear", "cat fish", "dingo"}[:2+seed%3]
		slices.Sort(m.classes)
		form := seed % 5
		spec := []func(*testing.T) string{m.folders, m.list, m.split, m.shards, m.archive}[form](t)
		if len(m.read) == 0 {
			continue // nothing to measure
		}
		out := filepath.Join(t.TempDir(), "out")
		args := []string{"zeroshot", "--weights", tinyModel(), "--bank", bank, "--data", spec, "--allow-empty-classes"}
		o := command(append(args, "--json", "--out", out)...)
		if want := map[bool]int{true: exitcode.Partial}[m.broken > 0]; o.code != want {
			t.Fatalf("seed %d: exit code %d, want %d: %s", seed, o.code, want, o.err)
		}
		m.check(t, fmt.Sprintf("seed %d", seed), o, out)
		quiet := command(append(args, "-q")...)
		if said := strings.Contains(quiet.err, fmt.Sprintf("%d of %d pictures could not be read", m.broken,
			m.broken+len(m.read))); said != (m.broken > 0) {
			t.Errorf("seed %d: -q said %q", seed, quiet.err)
		}
		if !strings.Contains(quiet.out, fmt.Sprintf(": %d images, %d classes", len(m.read), len(m.classes))) {
			t.Errorf("seed %d: %s", seed, quiet.out)
		}
	}
}

// skippedCounts are the counts of JSON.
type skippedCounts struct {
	Samples, Classes int
	Skipped          struct {
		Unreadable, Ignored int
		Reasons             []struct {
			Kind  string
			Count int
		}
	}
}

func (m *made) check(t *testing.T, name string, o outcome, out string) {
	t.Helper()
	for what, text := range map[string][]byte{"printed": []byte(o.out), "metrics.json": readFile(t, filepath.Join(out,
		"metrics.json"))} {
		var c skippedCounts
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		byReason := map[string]int{}
		for _, r := range c.Skipped.Reasons {
			byReason[r.Kind] += r.Count
		}
		if c.Samples != len(m.read) || c.Classes != len(m.classes) || c.Skipped.Unreadable != m.broken ||
			c.Skipped.Ignored != m.ignored ||
			byReason["unreadable"] != m.broken || byReason["ignored"] != m.ignored {
			t.Errorf("%s: %s: %+v; want %d samples, %d unreadable, %d ignored", name, what, c, len(m.read), m.broken,
				m.ignored)
		}
	}
	word := func(n int, w string) string {
		if n != 1 {
			w += "s"
		}
		return fmt.Sprintf("%d %s", n, w)
	}
	line := fmt.Sprintf("%s read of %d", word(len(m.read), "picture"), len(m.read)+m.broken)
	if m.broken > 0 {
		line += fmt.Sprintf("; %d unreadable", m.broken)
	}
	if m.ignored > 0 {
		line += fmt.Sprintf("; %s ignored", word(m.ignored, "file"))
	}
	if !strings.Contains(o.err, line) {
		t.Errorf("%s: no %q in %s", name, line, o.err)
	}
	labels, err := npy.ReadLabels(filepath.Join(out, "labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	n, k, _, err := npy.ReadMatrix(filepath.Join(out, "logits.npy"))
	if err != nil || n != len(m.read) || k != len(m.classes) {
		t.Errorf("%s: logits [%d, %d], %v", name, n, k, err)
	}
	var got []string
	for i, row := range csvRows(t, filepath.Join(out, "rows.csv")) {
		if row["row"] != strconv.Itoa(i) || i < len(labels) && row["label"] != strconv.Itoa(labels[i]) {
			t.Errorf("%s: row %d is %v, label %d", name, i, row, labels[i])
		}
		got = append(got, row["label"]+" "+row["class"])
	}
	slices.Sort(got)
	slices.Sort(m.read)
	if !slices.Equal(got, m.read) {
		t.Errorf("%s: rows %q, want %q", name, got, m.read)
	}
	kinds := map[string]int{}
	for _, row := range csvRows(t, filepath.Join(out, "left_out.csv")) {
		kinds[row["kind"]]++
		if row["file"] == "" || row["reason"] == "" || row["kind"] == "unreadable" && row["class"] == "" {
			t.Errorf("%s: %v", name, row)
		}
	}
	if kinds["unreadable"] != m.broken || kinds["ignored"] != m.ignored {
		t.Errorf("%s: left_out.csv has %v, want %d and %d", name, kinds, m.broken, m.ignored)
	}
}

// csvRows reads a table by its columns' names.
func csvRows(t *testing.T, path string) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(readFile(t, path))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		out = append(out, row)
	}
	return out
}
