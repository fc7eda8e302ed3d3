package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"clipcalib/internal/dataset"
	"clipcalib/internal/run"
)

// partName is a set's name, with the part where one was asked for that is not
// the usual one.
func partName(spec string, set *dataset.Set) string {
	if set.Split == "test" || !strings.HasSuffix(spec, "#"+set.Split) {
		return set.Name
	}
	return set.Name + "-" + set.Split
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

// matchClasses finds a target's classes among the run's by name. It returns nil
// when the two lists are the same.
func matchClasses(run []run.Class, set *dataset.Set) ([]int, error) {
	at := map[string]int{}
	for k := len(run) - 1; k >= 0; k-- { // the first of equal names wins
		at[strings.ToLower(run[k].Name)] = k
	}
	out := make([]int, len(set.Classes))
	same := len(run) == len(set.Classes)
	var unknown []string
	for i, name := range set.Classes {
		if same && run[i].Name == name {
			out[i] = i // also the second of two equal names
			continue
		}
		same = false
		k, ok := at[strings.ToLower(name)]
		if !ok {
			unknown = append(unknown, name)
		}
		out[i] = k
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("target %s has %d classes the run does not know, such as %q", set.Name, len(unknown), unknown[0])
	}
	if same {
		return nil, nil
	}
	return out, nil
}
