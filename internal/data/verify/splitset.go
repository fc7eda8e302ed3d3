package verify

import (
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
	"clipcalib/internal/imageio"
	"clipcalib/internal/regular"
)

// splitSet checks a set whose parts CoOp's split file lists.
func (c *checker) splitSet() error {
	file := c.splitPath()
	if file == "" {
		c.Form = "without a split file"
		if c.renameHint() {
			return nil
		}
		c.find(Finding{Level: Wrong, Kind: KindSplit,
			What: c.known.SplitName() + " is not there, so parts and labels are not known",
			Do:   "put CoOp's file into " + c.Path + ", or write one: clipcalib data splits " + filepath.Dir(c.Path)})
		return nil
	}
	c.Form = "CoOp's layout"
	if filepath.Dir(file) != filepath.Clean(c.Path) {
		c.Form = "TPT's layout"
	}
	splits, err := data.ReadSplits(file)
	if err != nil {
		c.find(Finding{Level: Wrong, Kind: KindSplit, What: err.Error(), Do: "fetch the file again"})
		return nil
	}
	if err := c.splitHash(file); err != nil {
		return err
	}
	if names, err := splits.Classes(); err != nil {
		c.find(Finding{Level: Wrong, Kind: KindNames, What: err.Error()})
	} else {
		c.names(names)
	}
	lists := map[string][]listed{}
	for _, part := range catalog.Parts() {
		for _, e := range splits[part] {
			lists[part] = append(lists[part], listed{e.Path, e.Class})
		}
	}
	return c.listed(lists, c.imageFolders())
}

// splitPath finds the split file: in the set's folder, or where TPT has it.
func (c *checker) splitPath() string {
	above := filepath.Dir(filepath.Clean(c.Path))
	for _, dir := range []string{c.Path, filepath.Join(above, "data_splits"), filepath.Join(above, "data",
		"data_splits"), above} {
		if f := filepath.Join(dir, c.known.SplitName()); isFile(f) {
			return f
		}
	}
	return ""
}

// renameHint finds a split file under another name.
func (c *checker) renameHint() bool {
	entries, err := os.ReadDir(c.Path)
	if err != nil {
		return false
	}
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if strings.HasSuffix(name, ".json") && strings.Contains(name, "split") {
			c.find(Finding{Level: Wrong, Kind: KindSplit, What: c.known.SplitName() + " is not there, but " + e.Name() +
				" is", Examples: []string{e.Name()}, Do: "if that is it, give it its name"})
			return true
		}
	}
	return false
}

// Published returns a split file's SHA-256, and whether its bytes are those of the
// published one.
func Published(s *catalog.Set, file string) (sum string, same bool, err error) {
	raw, err := regular.ReadFile(file)
	if err != nil {
		return "", false, err
	}
	sum = fmt.Sprintf("%x", sha256.Sum256(raw))
	blob := fmt.Sprintf("%x", sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(raw)), raw...)))
	return sum, s.Split != nil && (sum == s.Split.SHA256 || blob == s.Split.Blob), nil
}

// splitHash compares the split file's bytes with those of the published one.
func (c *checker) splitHash(file string) error {
	sum, same, err := Published(c.known, file)
	if err != nil || same {
		return err
	}
	c.find(Finding{Level: Warning, Kind: KindHash, What: fmt.Sprintf(
		"%s has other bytes than CoOp's (SHA-256 %.12s...): its parts may hold other pictures, whatever their counts, "+
			"and numbers then do not compare with published ones", filepath.Base(file), sum),
		Do: "take CoOp's file, or say in reports that the parts are others"})
	return nil
}

// imageFolders are where the pictures may lie: where CoOp or TPT have them, and
// every folder in the set's.
func (c *checker) imageFolders() []string {
	dirs := []string{}
	add := func(dir string) {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, l := range []catalog.Layout{c.known.CoOp, c.known.TPT, c.known.TTABC} {
		add(filepath.Join(c.Path, filepath.FromSlash(l.Images)))
	}
	entries, err := os.ReadDir(c.Path)
	if err != nil {
		return dirs
	}
	for _, e := range entries {
		if p := filepath.Join(c.Path, e.Name()); isFolder(p, e) && data.Ignored(e.Name()) == "" {
			add(p)
		}
	}
	return dirs
}

// listed is a picture that a list names.
type listed struct{ path, class string }

// listed checks the pictures that lists of parts name against the files below the
// folder, of several, that holds most of the first ones.
func (c *checker) listed(parts map[string][]listed, folders []string) error {
	at, sample := c.imageFolder(parts, folders)
	if at == "" {
		c.find(Finding{Level: Wrong, Kind: KindFolder, What: fmt.Sprintf("none of the pictures is there, such as %s",
			sample), Do: fmt.Sprintf("unpack the pictures into %s", c.relative(folders[0]))})
		for _, part := range catalog.Parts() {
			if c.known.Counts[part] > 0 {
				c.counts(part, 0, 0)
			}
		}
		return nil
	}
	found, err := walk(c.ctx, at, c.entries)
	if err != nil {
		return err
	}
	have, dirs := newIndex(found), map[string]bool{}
	for _, list := range parts {
		for _, l := range list {
			dir, _ := split(l.path)
			dirs[dir] = true
		}
	}
	have.listed(dirs)
	used := map[string]string{} // by path, the part that listed it first
	for _, part := range catalog.Parts() {
		list, known := parts[part], c.known.Counts[part]
		if len(list) == 0 {
			if known > 0 {
				c.find(Finding{Level: Wrong, Kind: KindPart, What: "no " + part + " part in the list"})
			}
			continue
		}
		c.part(part, list, have, used, at)
	}
	var unlisted []string
	for _, f := range found {
		if slices.Contains(c.known.NotClasses, path.Base(f.path)) {
			continue
		}
		for _, name := range f.pictures {
			if p := path.Join(f.path, name); used[p] == "" {
				unlisted = append(unlisted, p)
			}
		}
	}
	c.about(Note, KindUnlisted, unlisted, "pictures that no part lists", "nothing: they are not used")
	return nil
}

// part checks the pictures of one part.
func (c *checker) part(part string, list []listed, have *index, used map[string]string, at string) {
	var missing, renamed, twice, shared []string
	classes, there := map[string]bool{}, 0
	for _, l := range list {
		switch first := used[l.path]; first {
		case "":
			used[l.path] = part
		case part:
			twice = append(twice, l.path)
			continue
		default:
			shared = append(shared, l.path+" (also "+first+")")
		}
		if have.has(l.path) {
			there++
			classes[l.class] = true
			c.odd.see(split(l.path))
			c.there(part, l.class, filepath.Join(at, filepath.FromSlash(l.path)), nil)
			continue
		}
		if like := have.like(l.path); like != "" {
			renamed = append(renamed, l.path+" is there as "+like)
			used[like] = part
			continue
		}
		missing = append(missing, l.path)
	}
	c.counts(part, there, len(classes))
	c.about(Wrong, KindRenamed, renamed, part+": pictures under another name", "give them the listed names")
	c.about(Wrong, KindMissing, missing, part+": listed pictures that are not there", "unpack the archive again")
	c.about(Wrong, KindTwice, twice, part+": pictures listed twice", "take CoOp's own split file")
	c.about(Wrong, KindTwice, shared, part+": pictures that another part lists too", "take CoOp's own split file")
}

// imageFolder is the folder below which most of the first listed pictures lie, ""
// if none holds any.
func (c *checker) imageFolder(parts map[string][]listed, folders []string) (dir, sample string) {
	const tries = 50
	var first []string
	for _, part := range catalog.Parts() {
		step := max(1, len(parts[part])/tries)
		for i := 0; i < len(parts[part]); i += step {
			first = append(first, parts[part][i].path)
		}
	}
	if len(first) > 0 {
		sample = first[0]
	}
	best := 0
	for _, f := range folders {
		n := 0
		for _, p := range first {
			if isFile(filepath.Join(f, filepath.FromSlash(p))) {
				n++
			}
		}
		if n > best {
			best, dir = n, f
		}
	}
	if dir != "" {
		return dir, sample
	}
	// All of them may have been renamed: the folders may be there.
	for _, f := range folders {
		if len(first) > 0 && isDir(filepath.Join(f, filepath.FromSlash(path.Dir(first[0])))) &&
			(path.Dir(first[0]) != "." || holdsPictures(f)) {
			return f, sample
		}
	}
	return "", sample
}

func holdsPictures(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return imageio.IsPicture(e.Name()) })
}
