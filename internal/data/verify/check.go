package verify

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"clipcalib/internal/data"
)

// checker checks one set.
type checker struct {
	*Set
	ctx     context.Context
	deep    bool
	entries *atomic.Int64
	odd     odd
}

func (c *checker) check() error {
	if !isFile(filepath.Join(c.Path, c.known.SplitName())) {
		if done, err := c.archives(); done || err != nil {
			return err
		}
	}
	c.odd = c.newOdd()
	how := c.folderSet
	switch {
	case c.known.Variants:
		how = c.variants
	case c.known.Split != nil:
		how = c.splitSet
	}
	if err := how(); err != nil {
		return err
	}
	c.oddFiles()
	return nil
}

// sort puts what is wrong before the rest.
func (s *Set) sort() {
	order := map[Level]int{Wrong: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(s.Findings, func(a, b Finding) int { return order[a.Level] - order[b.Level] })
}

// names compares class names, by label, with the known ones.
func (c *checker) names(names []string) {
	c.Classes = len(names)
	known := c.known.ClassList()
	if len(names) != len(known) {
		c.find(Finding{Level: Wrong, Kind: KindClasses, Count: len(names),
			What: fmt.Sprintf("%d classes, the published set has %d", len(names), len(known))})
	}
	at := map[string]int{}
	for k, cl := range known {
		at[plain(cl.Name)] = k
	}
	var moved, unknown []string
	last := -1 // known label of the class before
	for k, name := range names {
		i, ok := at[plain(name)]
		rising := ok && i > last && len(names) < len(known)
		if ok {
			last = i
		}
		switch {
		case k < len(known) && plain(known[k].Name) == plain(name), rising:
		case ok:
			moved = append(moved, fmt.Sprintf("label %d is %q, published %d", k, name, i))
		case k < len(known) && len(names) == len(known):
			unknown = append(unknown, fmt.Sprintf("label %d is %q, published %q", k, name, known[k].Name))
		default:
			unknown = append(unknown, fmt.Sprintf("label %d is %q", k, name))
		}
	}
	c.about(Wrong, KindNames, moved, "classes are in another order than the published one",
		"prompts and labels still agree, but numbers by class and subsets of classes will not compare")
	c.about(Wrong, KindNames, unknown, "classes have other names than CoOp's: their prompts, and the accuracy, differ",
		"take CoOp's names, or say in reports that the names are others")
}

// plain is a name as prompts have it.
func plain(name string) string { return strings.ReplaceAll(name, "_", " ") }

// odd collects the files that are known to be odd among those that are there.
type odd struct {
	kind  map[string]string // by name
	found map[string][]string
}

func (c *checker) newOdd() odd {
	o := odd{map[string]string{}, map[string][]string{}}
	for _, b := range c.known.Bad {
		for _, f := range b.Files {
			o.kind[f] = b.Kind
		}
	}
	return o
}

func (o odd) see(dir, name string) {
	if k := o.kind[name]; k != "" {
		o.found[k] = append(o.found[k], path.Join(dir, name))
	}
}

// oddFiles notes what was seen.
func (c *checker) oddFiles() {
	for _, k := range []struct{ kind, what, do string }{
		{"damaged", "known to be damaged in the published set",
			"decoders differ on them: --deep says what happens here"},
		{"png", "PNG files under names of JPEG", "nothing: the content decides how a file is read"},
		{"gif", "GIF files under names of JPEG", "nothing: the content decides how a file is read"},
		{"cmyk", "JPEG files of four inks", "nothing: they are read as Pillow reads them"},
		{"odd", "refused by some other readers", "nothing, if --deep decodes them"},
	} {
		files := c.odd.found[k.kind]
		slices.Sort(files)
		c.about(Note, KindKnown, files, k.what, k.do)
	}
}

// there notes a picture for [Options].Deep.
func (c *checker) there(part, class, path string, item *data.Item) {
	if c.deep {
		c.files = append(c.files, picture{name: c.relative(path), item: item, class: class, part: part})
	}
}

// relative is a path below the set's folder, with slashes.
func (c *checker) relative(path string) string {
	rel, err := filepath.Rel(c.Path, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// archives checks a set in parquet or tar files; done says that it is one.
func (c *checker) archives() (done bool, err error) {
	kind, at := data.Archived(c.Path)
	if kind == "" {
		return false, nil
	}
	c.Form = map[string]string{".parquet": "Hugging Face parquet", ".tar": "webdataset"}[kind]
	found := 0
	for _, part := range []string{"train", "val", "test"} {
		set, err := data.LoadWith(c.Path, data.Options{Split: part, KeepUnderscores: true})
		if err != nil && strings.Contains(err.Error(), "it has no parts") && part == "test" && found == 0 {
			set, err = data.LoadWith(c.Path, data.Options{KeepUnderscores: true})
		}
		if err != nil {
			if !slices.Contains(at, part) {
				continue
			}
			c.find(Finding{Level: Wrong, Kind: KindDamaged, What: err.Error(), Do: "fetch the file again"})
			continue
		}
		found++
		if c.Classes == 0 {
			c.containerNames(set.Classes)
		}
		counts := set.Counts()
		want := c.known.Counts[part]
		c.Parts = append(c.Parts, Part{part, len(set.Items), want, nonZero(counts)})
		if len(set.Items) != want {
			c.find(Finding{Level: Warning, Kind: KindCount, Count: len(set.Items), What: fmt.Sprintf(
				"%s has %d pictures, CoOp's split %d: numbers do not compare with the paper's", part, len(set.Items),
				want)})
		}
		for i, it := range set.Items {
			c.there(part, set.Classes[it.Label], it.Path, &set.Items[i])
		}
	}
	if found == 0 {
		c.find(Finding{Level: Wrong, Kind: KindPart, What: "no part of it can be read"})
	}
	return true, nil
}

// containerNames compares names of a copy on a hub, which may be spelt otherwise.
func (c *checker) containerNames(names []string) {
	before := len(c.Findings)
	c.names(names)
	for i := before; i < len(c.Findings); i++ {
		if c.Findings[i].Kind == KindNames {
			c.Findings[i].Level = Warning
		}
	}
}

func nonZero(counts []int) (n int) {
	for _, k := range counts {
		if k > 0 {
			n++
		}
	}
	return n
}
