package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
)

// folderSet checks a set of class folders: ImageNet and its kin.
func (c *checker) folderSet() error {
	parts := c.partFolders()
	if len(parts) == 0 {
		c.Form = "no class folders"
		c.find(Finding{Level: Wrong, Kind: KindFolder, What: "no class folders in it, such as " +
			c.known.ClassList()[0].Folder,
			Do: "unpack the pictures into " + filepath.Join(c.known.CoOp.Folder, c.known.CoOp.Images)})
	}
	c.Classes = 0
	for _, part := range catalog.Parts() {
		want := c.known.Counts[part]
		if want == 0 {
			continue
		}
		dir, ok := parts[part]
		if !ok {
			if len(parts) > 0 {
				c.find(Finding{Level: Warning, Kind: KindPart, What: "no " + part + " part",
					Do: "nothing, if only the others are used"})
			}
			continue
		}
		if err := c.classFolders(part, dir); err != nil {
			return err
		}
	}
	return c.classNames(parts)
}

// partFolders finds the folders of class folders, by part.
func (c *checker) partFolders() map[string]string {
	out := map[string]string{}
	for _, part := range catalog.Parts() {
		if c.known.Counts[part] == 0 {
			continue
		}
		var candidates []string
		for _, l := range []catalog.Layout{c.known.CoOp, c.known.TPT} {
			if l.Part(part) != "" {
				candidates = append(candidates, filepath.Join(c.Path, filepath.FromSlash(l.Part(part))))
			}
		}
		if len(c.known.Counts) == 1 {
			candidates = append(candidates, c.Path)
			for _, dir := range subfolders(c.Path) {
				if !slices.Contains(candidates, dir) {
					candidates = append(candidates, dir)
				}
			}
		}
		for _, dir := range candidates {
			if c.looksRight(dir) {
				out[part] = dir
				c.Form = "class folders"
				break
			}
		}
	}
	return out
}

// looksRight reports whether a folder holds class folders of the set, or loose
// pictures that should lie in such.
func (c *checker) looksRight(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	classes := map[string]bool{}
	for _, k := range c.known.ClassList() {
		classes[k.Folder] = true
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return classes[e.Name()] || strings.HasPrefix(e.Name(), "ILSVRC2012_val_")
	})
}

func subfolders(dir string) (out []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if p := filepath.Join(dir, e.Name()); isFolder(p, e) && data.Ignored(e.Name()) == "" {
			out = append(out, p)
		}
	}
	return out
}

// classFolders checks the class folders of a part.
func (c *checker) classFolders(part, dir string) error {
	found, err := walk(c.ctx, dir, c.entries)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, k := range c.known.ClassList() {
		known[k.Folder] = true
	}
	count, loose, total := map[string]int{}, 0, 0
	there := map[string]bool{}
	for _, f := range found {
		if f.path == "" {
			loose = len(f.pictures)
			continue
		}
		class, _, _ := strings.Cut(f.path, "/")
		there[class] = true
		count[class] += len(f.pictures)
		if !known[class] {
			continue
		}
		total += len(f.pictures)
		for _, name := range f.pictures {
			c.odd.see(f.path, name)
			c.there(part, class, filepath.Join(dir, filepath.FromSlash(f.path), name), nil)
		}
	}
	if loose > 0 && len(there) == 0 {
		c.find(Finding{Level: Wrong, Kind: KindFolder, Count: loose,
			What: fmt.Sprintf("%s: %d pictures lie in no class folder", part, loose),
			Do:   "sort them into a folder for each WordNet id, as ImageNet's valprep.sh does"})
	} else if loose > 0 {
		c.find(Finding{Level: Note, Kind: KindUnlisted, Count: loose,
			What: part + ": pictures beside the class folders; they are not used"})
	}
	c.classesOf(part, there, count)
	c.counts(part, total, len(count))
	return nil
}

// classesOf compares the class folders with the known ones.
func (c *checker) classesOf(part string, there map[string]bool, count map[string]int) {
	var missing, empty, uneven, unknown []string
	n := 0
	for _, k := range c.known.ClassList() {
		want := c.known.PerClass[part]
		switch got := count[k.Folder]; {
		case !there[k.Folder]:
			missing = append(missing, fmt.Sprintf("%s (%s)", k.Folder, k.Name))
			continue
		case got == 0:
			empty = append(empty, fmt.Sprintf("%s (%s)", k.Folder, k.Name))
		case want > 0 && got != want:
			uneven = append(uneven, fmt.Sprintf("%s has %d", k.Folder, got))
		}
		n++
		delete(there, k.Folder)
	}
	for folder := range there {
		unknown = append(unknown, folder)
	}
	slices.Sort(unknown)
	c.Classes = max(c.Classes, n)
	c.about(Wrong, KindClasses, missing, part+": classes without a folder",
		"unpack them; labels are ranks of the folders")
	c.about(Wrong, KindClasses, empty, part+": class folders without a picture", "unpack them again")
	c.about(Wrong, KindClasses, unknown, part+": folders that are none of the set's classes: they shift the labels",
		"take them out")
	if want := c.known.PerClass[part]; want > 0 {
		c.about(Wrong, KindCount, uneven, fmt.Sprintf("%s: classes with other than %d pictures", part, want), "")
	}
}

// classNames compares classnames.txt, where there is one, with the known names.
func (c *checker) classNames(parts map[string]string) error {
	var file string
	for _, dir := range []string{c.Path, filepath.Dir(c.Path)} {
		if f := filepath.Join(dir, "classnames.txt"); isFile(f) {
			file = f
			break
		}
	}
	if file == "" {
		if len(parts) > 0 {
			c.find(Finding{Level: Note, Kind: KindNames, What: "no classnames.txt: names are ImageNet's, as CoOp has them"})
		}
		return nil
	}
	names, err := data.ReadClassNames(file)
	if err != nil {
		c.find(Finding{Level: Wrong, Kind: KindNames, What: err.Error()})
		return nil
	}
	classes, err := names.Classes(true)
	if err != nil {
		c.find(Finding{Level: Wrong, Kind: KindNames, What: err.Error(),
			Do: "take CoOp's file: WordNet id, space, name"})
		return nil
	}
	imagenet, err := catalog.Find("ImageNet")
	if err != nil {
		return err
	}
	known := map[string]string{}
	for _, k := range imagenet.ClassList() {
		known[k.Folder] = k.Name
	}
	var other []string
	for _, cl := range classes {
		if want := known[cl.Folder]; want != cl.Name {
			other = append(other, fmt.Sprintf("%s is %q, CoOp's %q", cl.Folder, cl.Name, want))
		}
	}
	c.about(Wrong, KindNames, other, filepath.Base(file)+": names are not CoOp's: prompts, and the accuracy, differ",
		"take CoOp's file, or leave none: its names are built in")
	return nil
}
