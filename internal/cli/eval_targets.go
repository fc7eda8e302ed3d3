package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/run"
)

// partName is a set's name, with the part where one was asked for that is not
// the usual one, and with the half of the classes.
func partName(spec string, set *data.Set) string {
	name := set.Name
	if set.Split != "test" && strings.Contains(spec+"#", "#"+set.Split+"#") {
		name += "-" + set.Split
	}
	if set.Half != "" {
		name += "-" + set.Half
	}
	return name
}

// halfName is a set's name, with the half of the classes.
func halfName(set *data.Set) string {
	if set.Half == "" {
		return set.Name
	}
	return set.Name + "-" + set.Half
}

// tunedName is the folder's name of a target that is tuned on below dir: that which
// eval gives it, or where earlier versions put results of this data, without the part.
func tunedName(dir, spec string, set *data.Set, hash string) string {
	earlier := folderName(halfName(set))
	if _, err := os.Stat(run.TargetDir(dir, earlier, hash)); err == nil {
		return earlier
	}
	return folderName(partName(spec, set))
}

// folderName is a set's name as that of a folder.
func folderName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:#`, r) {
			return '-'
		}
		return r
	}, name)
}

// noteTarget says where a target's results are when its name was taken.
func (a *app) noteTarget(name, dir string) {
	if filepath.Base(dir) != name {
		a.note("%s holds other data of that name; these results are in %s", filepath.Join(filepath.Dir(dir), name), dir)
	}
}

// matchClasses finds a target's classes among the run's by their keys. It
// returns nil when the two lists are the same.
func matchClasses(of []run.Class, set *data.Set) ([]int, error) {
	at, err := data.Join(run.Keys(of), set.Keys())
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", set.Name, err)
	}
	same := len(at) == len(of)
	for i, k := range at {
		same = same && i == k
	}
	if same {
		return nil, nil
	}
	return at, nil
}
