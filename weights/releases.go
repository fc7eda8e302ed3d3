package weights

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// releasesCSV is written by scripts/openclip_releases.py.
//
//go:embed releases.csv
var releasesCSV string

// release is one published checkpoint: what its hash or its name tells.
type release struct {
	arch, tag                              string
	activation                             Activation
	width, layers, patch, image, textWidth int
	stages                                 [4]int // of a ResNet
	averagePool                            bool
	preprocess                             Preprocess
	hashes                                 []string // SHA-256, whole or the first eight digits
	keys                                   []string // names it is kept under, spelt as plain does, the longest first
	tagKey                                 string
}

var releases = sync.OnceValue(func() []release {
	rows, err := csv.NewReader(strings.NewReader(releasesCSV)).ReadAll()
	if err != nil {
		panic("weights: releases.csv: " + err.Error()) // part of the program, read by every test
	}
	out := make([]release, 0, len(rows))
	for _, row := range rows[1:] {
		r, err := parseRelease(rows[0], row)
		if err != nil {
			panic("weights: releases.csv: " + err.Error())
		}
		out = append(out, r)
	}
	return out
})

func parseRelease(head, row []string) (r release, err error) {
	cell := map[string]string{}
	for i, name := range head {
		cell[name] = row[i]
	}
	r.arch, r.tag = cell["arch"], cell["tag"]
	if r.activation, err = ParseActivation(cell["activation"]); err != nil {
		return r, err
	}
	sizes := map[string]*int{"width": &r.width, "image": &r.image, "text_width": &r.textWidth}
	if stages := strings.Fields(cell["layers"]); len(stages) == len(r.stages) {
		if _, err := fmt.Sscan(cell["layers"], &r.stages[0], &r.stages[1], &r.stages[2], &r.stages[3]); err != nil {
			return r, fmt.Errorf("layers: %w", err)
		}
	} else {
		sizes["layers"], sizes["patch"] = &r.layers, &r.patch
	}
	for name, dst := range sizes {
		if *dst, err = strconv.Atoi(cell[name]); err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	r.averagePool = cell["pool"] == "avg"
	if err := r.preprocess.Resize.UnmarshalText([]byte(cell["resize"])); err != nil {
		return r, err
	}
	r.preprocess.Bilinear = cell["interpolation"] == "bilinear"
	p := &r.preprocess
	for name, dst := range map[string]*[3]float32{"mean": &p.Mean, "std": &p.Std} {
		if _, err := fmt.Sscan(cell[name], &dst[0], &dst[1], &dst[2]); err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	if p.Mean == openaiMean && p.Std == openaiStd {
		p.Mean, p.Std = [3]float32{}, [3]float32{}
	}
	r.hashes = strings.Fields(cell["sha256"])
	r.tagKey = plain(r.tag)
	r.keys = []string{plain(r.arch + " " + r.tag)}
	for _, name := range []string{filepath.Base(cell["hub"]), stem(cell["file"])} {
		// OpenAI's file names, such as ViT-B-16.pt, are also open_clip's names of architectures.
		if key := plain(name); key != "" && !(r.tag == "openai" && name == stem(cell["file"])) {
			r.keys = append(r.keys, key)
		}
	}
	return r, nil
}

// fits reports whether a release has the sizes of a model.
func (r release) fits(c Config) bool {
	v := c.Vision
	if c.HasImages() && (r.width != v.Width || r.image != v.ImageSize || r.stages != v.Stages) {
		return false
	}
	if c.HasImages() && !v.ResNet() && (r.layers != v.Layers || r.patch != v.Patch || r.averagePool != v.NoPreNorm) {
		return false
	}
	return !c.HasTexts() || r.textWidth == c.Text.Width
}

// plain is a name in lower case with single dashes between its words.
func plain(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "-")
}

// stem is a file's name without its extension.
func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// within reports whether the words of key stand in name one after the other.
func within(name, key string) bool {
	return key != "" && strings.Contains("-"+name+"-", "-"+key+"-")
}

// nameDepth is how many folders above a file may name the release: the
// hub's cache keeps models--ORG--NAME/snapshots/REVISION/FILE.
const nameDepth = 3

// namesOf are the plain names of a file and of the folders above it.
func namesOf(path string) []string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	names := []string{plain(stem(filepath.Base(path)))}
	for dir := filepath.Dir(path); len(names) <= nameDepth; dir = filepath.Dir(dir) {
		names = append(names, plain(filepath.Base(dir)))
	}
	return names
}

// releasesNamed are the published checkpoints of a model's sizes that names say,
// those of the longest such name.
func releasesNamed(path string, c Config) (found []release) {
	if path == "" {
		return nil
	}
	names, best := namesOf(path), 0
	try := func(r release, name, key string) {
		if len(key) < best || !within(name, key) {
			return
		}
		if len(key) > best {
			best, found = len(key), found[:0]
		}
		found = append(found, r)
	}
	for _, r := range releases() {
		if !r.fits(c) {
			continue
		}
		try(r, names[0], r.tagKey)
		for _, name := range names {
			for _, key := range r.keys {
				try(r, name, key)
			}
		}
	}
	return found
}

// statedByName goes by the names of the file and of its folders: those of a
// published checkpoint of the same sizes, and open_clip's "quickgelu".
func statedByName(path string, c Config) (s stated) {
	if path == "" {
		return s
	}
	names := namesOf(path)
	found := releasesNamed(path, c)
	s = statedByReleases(found, "its name is that of open_clip's ")
	quick := false
	for _, name := range names {
		quick = quick || within(name, "quickgelu")
	}
	switch {
	case quick && s.vision.activation == 0:
		s.vision.activation, s.text.activation = QuickGELU, QuickGELU
		s.reason = `its name says "quickgelu"`
	case quick && s.vision.activation != QuickGELU: // the name contradicts itself
		s.vision.activation, s.text.activation, s.reason = 0, 0, ""
	}
	return s
}

// statedByHash compares the file with the hashes that are published.
func statedByHash(sum string, c Config) stated {
	var found []release
	for _, r := range releases() {
		for _, h := range r.hashes {
			if strings.HasPrefix(sum, h) && r.fits(c) {
				found = append(found, r)
			}
		}
	}
	return statedByReleases(found, "its SHA-256 is that of ")
}

// statedByReleases is what releases agree on.
func statedByReleases(found []release, why string) (s stated) {
	if len(found) == 0 {
		return s
	}
	first := found[0]
	act, pre := true, true
	for _, r := range found[1:] {
		act = act && r.activation == first.activation
		pre = pre && r.preprocess == first.preprocess
	}
	why += first.arch + " " + first.tag
	if act {
		s.vision.activation, s.text.activation, s.reason = first.activation, first.activation, why
		s.vision.averagePool, s.vision.normAfter = first.averagePool, first.averagePool
	}
	if pre {
		s.preprocess, s.preprocessReason = &first.preprocess, why
	}
	return s
}
