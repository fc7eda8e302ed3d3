package recipe

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/data/catalog"
)

// Missing is a set that is not below a root, or is there more than once.
type Missing struct {
	Set    string   `json:"set"`
	Wanted []string `json:"wanted"`          // folders that it goes by
	Found  []string `json:"found,omitempty"` // several that it could be
}

// Words says it in a line.
func (m Missing) Words() string {
	if len(m.Found) > 0 {
		return fmt.Sprintf("%s is there more than once, as %s: leave one of them", m.Set, strings.Join(m.Found,
			" and "))
	}
	return fmt.Sprintf("%s is missing: it goes by %s", m.Set, strings.Join(m.Wanted, ", "))
}

// Locate finds sets in the folders right below a root that bear one of their
// names, whatever the case: CoOp's folder first, then TPT's and those of copies.
func Locate(root string, sets []string) (paths map[string]string, missing []Missing) {
	paths = map[string]string{}
	entries, err := os.ReadDir(root)
	var folders []string
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(root, e.Name())); err == nil && info.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	for _, name := range sets {
		s, findErr := catalog.Find(name)
		if findErr != nil {
			missing = append(missing, Missing{Set: name, Wanted: []string{"no name of the catalog"}})
			continue
		}
		wanted := wantedFolders(s)
		var found []string
		for _, folder := range folders {
			if slices.ContainsFunc(wanted, func(w string) bool { return bare(w) == bare(folder) }) {
				found = append(found, folder)
			}
		}
		switch {
		case err != nil || len(found) == 0:
			missing = append(missing, Missing{Set: name, Wanted: wanted})
		case len(found) > 1 && !slices.Contains(found, s.CoOp.Folder):
			missing = append(missing, Missing{Set: name, Wanted: wanted, Found: found})
		case len(found) > 1:
			paths[name] = filepath.Join(root, s.CoOp.Folder)
		default:
			paths[name] = filepath.Join(root, found[0])
		}
	}
	return paths, missing
}

// bare is a folder's name without the case and what hubs put before it.
func bare(folder string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(folder), "wds_"), "vtab-")
}

func wantedFolders(s *catalog.Set) (out []string) {
	for _, f := range append([]string{s.CoOp.Folder, s.TPT.Folder, s.TTABC.Folder, s.ID}, s.Aliases...) {
		if f != "" && !slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, f) }) {
			out = append(out, f)
		}
	}
	return out
}
