package data

import (
	"bufio"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/imageio"
	"clipcalib/internal/regular"
)

func isPicture(name string) bool { return imageio.IsPicture(name) }

// publishedRoot recognises the root of a data set as CoOp, TPT or the makers
// of FGVC-Aircraft lay it out: by its split file, by one beside it, or by the
// lists of variants. The rest of CoOp's fifteen are folders of classes.
func publishedRoot(dir string, files []string, opt Options) (layout, bool, error) {
	splits := splitsIn(dir, files)
	switch len(splits) {
	case 0:
	case 1:
		l, err := splitFile(splits[0], []string{dir}, opt)
		l.notes = append(l.notes, fmt.Sprintf("%s: read by %s", dir, filepath.Base(splits[0])))
		return l, true, err
	default:
		return layout{}, true, fmt.Errorf("data set %s: several split files in it (%s): name one of them", dir,
			baseNames(splits))
	}
	for _, at := range []string{dir, filepath.Join(dir, "data")} {
		if fileExists(filepath.Join(at, variantsFile)) && isDir(filepath.Join(at, "images")) {
			return aircraft(at), true, nil
		}
	}
	if split := splitBeside(dir); split != "" {
		l, err := splitFile(split, []string{dir}, opt)
		l.notes = append(l.notes, fmt.Sprintf("%s: read by %s", dir, split))
		return l, true, err
	}
	return layout{}, false, nil
}

func splitsIn(dir string, files []string) (out []string) {
	for _, f := range files {
		if ok, _ := filepath.Match("split_zhou_*.json", f); ok {
			out = append(out, filepath.Join(dir, f))
		}
	}
	return out
}

func baseNames(paths []string) string {
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return strings.Join(names, ", ")
}

// splitNames are CoOp's names of its split files, by the folders that CoOp, TPT
// and TTABC keep the pictures in, in lower case.
var splitNames = map[string]string{
	"caltech-101": "Caltech101", "caltech101": "Caltech101", "oxford_pets": "OxfordPets", "oxfordpets": "OxfordPets",
	"stanford_cars": "StanfordCars", "stanfordcars": "StanfordCars", "oxford_flowers": "OxfordFlowers",
	"flower102": "OxfordFlowers",
	"food-101":  "Food101", "food101": "Food101", "sun397": "SUN397", "dtd": "DescribableTextures",
	"eurosat": "EuroSAT",
	"ucf101":  "UCF101",
}

// splitBeside finds the split file of a root that has none in it, as TPT's: in
// the folder data_splits beside it or one above.
func splitBeside(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	name := splitNames[strings.ToLower(filepath.Base(abs))]
	if name == "" {
		return ""
	}
	for _, at := range []string{filepath.Dir(abs), filepath.Dir(filepath.Dir(abs))} {
		for _, folder := range []string{"data_splits", filepath.Join("data", "data_splits"), "."} {
			if p := filepath.Join(at, folder, "split_zhou_"+name+".json"); fileExists(p) {
				return p
			}
		}
	}
	return ""
}

// The lists of FGVC-Aircraft: a line for each variant, and for each picture a
// line of its number and variant.
const variantsFile = "variants.txt"

func aircraft(dir string) layout {
	l := layout{path: dir, name: "FGVCAircraft"}
	list := func(part string) string { return filepath.Join(dir, "images_variant_"+part+".txt") }
	for _, part := range []string{"train", "val", "test"} {
		if fileExists(list(part)) {
			l.parts = append(l.parts, part)
		}
	}
	l.read = func(part string) (*Set, error) {
		classes, err := ReadClassNames(filepath.Join(dir, variantsFile))
		if err != nil {
			return nil, err
		}
		set := &Set{Root: filepath.Join(dir, "images"), Classes: slices.Clone(classes.Lines)}
		if err := set.addVariants(list(part)); err != nil {
			return nil, fmt.Errorf("list %s: %w", list(part), err)
		}
		return set, nil
	}
	return l
}

func (s *Set) addVariants(path string) error {
	f, err := regular.Open(path)
	if err != nil {
		return cause(err)
	}
	defer f.Close()
	return eachLine(bufio.NewReader(f), func(_ int, line string) error {
		picture, variant, ok := cutSpace(line)
		if !ok || !filepath.IsLocal(picture) {
			return errors.New("want the number of a picture, a space and a variant")
		}
		label := slices.Index(s.Classes, variant)
		if label < 0 {
			return fmt.Errorf("variant %q is not in %s", variant, variantsFile)
		}
		s.Items = append(s.Items, Item{Path: filepath.Join(s.Root, picture+".jpg"), Label: label})
		return nil
	})
}
