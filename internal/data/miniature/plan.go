package miniature

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/data/catalog"
)

// picture is one picture of a set, before it is drawn.
type picture struct {
	part  string
	label int    // among the classes that are written
	path  string // below the folder of the set's pictures, with slashes
	kind  string // of an odd file
	row   int    // among the pictures of its class
}

// planned is a set as it is to be written.
type planned struct {
	*catalog.Set
	classes  []catalog.Class
	labels   []int // of the real set
	pictures []picture
}

// plan lists the pictures of a set, part by part and class by class.
func (o Options) plan(s *catalog.Set) planned {
	p := planned{Set: s, labels: o.chosen(s)}
	for _, l := range p.labels {
		p.classes = append(p.classes, s.ClassList()[l])
	}
	odd := p.oddNames(o.Bad)
	name := p.namer(odd)
	next := make([]int, len(p.classes)) // number of the next picture of a class
	for _, part := range catalog.Parts() {
		if s.Counts[part] == 0 {
			continue
		}
		for k := range p.classes {
			for range o.count(s, part, k) {
				pic := picture{part: part, label: k, row: next[k]}
				pic.path, pic.kind = name(part, k, next[k])
				next[k]++
				p.pictures = append(p.pictures, pic)
			}
		}
	}
	return p
}

// count is the number of a part's pictures in the k-th class.
func (o Options) count(s *catalog.Set, part string, k int) int {
	if o.Real {
		total := s.Counts[part]
		n := total / s.Classes
		if k < total%s.Classes {
			n++
		}
		return n
	}
	return map[string]int{catalog.Train: o.Train, catalog.Val: o.Val, catalog.Test: o.Test}[part]
}

// oddFile is an odd file of the real set.
type oddFile struct{ stem, ext, kind string }

// oddNames are the odd files by class.
func (p planned) oddNames(wanted bool) map[int][]oddFile {
	out := map[int][]oddFile{}
	for _, b := range p.Bad {
		for _, file := range b.Files {
			ext := path.Ext(file)
			stem := strings.TrimSuffix(file, ext)
			k := slices.IndexFunc(p.classes, func(c catalog.Class) bool {
				i := strings.LastIndexByte(stem, '_')
				return i > 0 && c.Folder == stem[:i]
			})
			if k >= 0 && wanted {
				out[k] = append(out[k], oddFile{stem, ext, b.Kind})
			}
		}
	}
	return out
}

// namer returns the function that names picture i of class k, and says its kind.
// Odd files come first.
func (p planned) namer(odd map[int][]oddFile) func(part string, k, i int) (file, kind string) {
	serial := 0
	train := map[bool]int{} // of StanfordCars, by whether it is the test part
	return func(part string, k, i int) (string, string) {
		serial++
		folder := p.classes[k].Folder
		numbered := func(format string) (string, string) {
			// Numbers of odd files are theirs alone.
			stems := odd[k]
			if i < len(stems) && part != catalog.Val {
				return path.Join(folderOf(p.Set, folder), stems[i].stem+stems[i].ext), stems[i].kind
			}
			number := 1000 + i
			if slices.ContainsFunc(stems, func(o oddFile) bool { return strings.HasSuffix(o.stem, "_"+strconv.Itoa(number)) }) {
				number += 1_000_000
			}
			return path.Join(folderOf(p.Set, folder), fmt.Sprintf(format, path.Base(folder), number)), ""
		}
		switch p.ID {
		case "ImageNet":
			if part == catalog.Val {
				return path.Join(folder, fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", serial)), ""
			}
			return numbered("%s_%d.JPEG")
		case "ImageNetV2":
			return path.Join(folder, fmt.Sprintf("%040x.jpeg", serial)), ""
		case "ImageNetSketch":
			return path.Join(folder, fmt.Sprintf("sketch_%d.JPEG", i)), ""
		case "ImageNetA", "ImageNetR":
			return path.Join(folder, fmt.Sprintf("%07d.jpg", serial)), ""
		case "OxfordPets":
			return numbered("%s_%d.jpg")
		case "StanfordCars":
			test := part == catalog.Test
			train[test]++
			return fmt.Sprintf("%s/%05d.jpg", map[bool]string{false: "cars_train", true: "cars_test"}[test],
				train[test]), ""
		case "OxfordFlowers":
			return fmt.Sprintf("image_%05d.jpg", serial), ""
		case "FGVCAircraft":
			return fmt.Sprintf("%07d.jpg", serial), ""
		case "SUN397":
			if o := p.Bad[0].Files[0]; k == 0 && i == 0 && len(odd) == 0 {
				return path.Join(folder, o), p.Bad[0].Kind
			}
			return path.Join(folder, fmt.Sprintf("sun_a%07d.jpg", serial)), ""
		case "EuroSAT":
			return path.Join(folder, fmt.Sprintf("%s_%d.jpg", folder, i+1)), ""
		case "UCF101":
			return path.Join(folder, fmt.Sprintf("v_%s_g%02d_c%02d.jpg", strings.ReplaceAll(folder, "_", ""), i/7+1,
				i%7+1)), ""
		case "DescribableTextures":
			return path.Join(folder, fmt.Sprintf("%s_%04d.jpg", folder, i+1)), ""
		case "Food101":
			return path.Join(folder, fmt.Sprintf("%d.jpg", 1000+serial)), ""
		}
		return path.Join(folder, fmt.Sprintf("image_%04d.jpg", i+1)), "" // Caltech101
	}
}

// folderOf is the folder of a class's pictures: OxfordPets has none.
func folderOf(s *catalog.Set, folder string) string {
	if s.ID == "OxfordPets" {
		return ""
	}
	return folder
}
