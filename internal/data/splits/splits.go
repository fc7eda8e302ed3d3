// Package splits makes CoOp's split files from a data set's own lists, by the rules
// and with the random numbers that CoOp made them with.
//
// CoOp drew with seed 1. So the published files of OxfordPets, StanfordCars,
// OxfordFlowers, SUN397 and UCF101, which start from lists, come out as they are.
// Those of Caltech101, Food101, DescribableTextures and EuroSAT started from the
// order of a folder's files on the authors' disk, which nobody knows: files made
// for them here start from the sorted names, and have other parts.
package splits

import (
	"fmt"
	"math"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
	"clipcalib/internal/pyrand"
)

// Seed is the one that CoOp drew with.
const Seed = 1

// AsPublished reports whether the split file of a set is CoOp's if its seed is.
func AsPublished(s *catalog.Set) bool { return s.Rule != "" && s.Rule != shuffle }

// shuffle is the rule of sets that start from a folder's files.
const shuffle = "shuffle"

// Make makes the split file of a set that lies in dir, as CoOp lays it out or TPT.
func Make(s *catalog.Set, dir string, seed int64) (data.Splits, error) {
	how, ok := map[string]func(*catalog.Set, string, *pyrand.Rand) (data.Splits, error){
		shuffle: fromFolders, "pets": fromPets, "cars": fromCars, "flowers": fromFlowers, "sun": fromSUN,
		"ucf": fromUCF,
	}[s.Rule]
	if !ok {
		return nil, fmt.Errorf("%s has no split file: its parts are folders or lists of its own", s.ID)
	}
	out, err := how(s, dir, pyrand.New(seed))
	if err != nil {
		return nil, fmt.Errorf("%s in %s: %w", s.ID, dir, err)
	}
	return out, nil
}

// byLabel groups entries by label, labels in the order of their first entry.
func byLabel(entries []data.SplitEntry) [][]data.SplitEntry {
	at := map[int]int{}
	var out [][]data.SplitEntry
	for _, e := range entries {
		i, ok := at[e.Label]
		if !ok {
			i = len(out)
			at[e.Label] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], e)
	}
	return out
}

// fifth moves a fifth of every class of the training part into val.
func fifth(trainval, test []data.SplitEntry, r *pyrand.Rand) (data.Splits, error) {
	out := data.Splits{"test": test}
	for _, class := range byLabel(trainval) {
		n := round(float64(len(class)) * 0.2)
		if n < 1 {
			return nil, fmt.Errorf("class %q has %d pictures for training: a fifth of them is none", class[0].Class,
				len(class))
		}
		r.Shuffle(len(class), func(i, j int) { class[i], class[j] = class[j], class[i] })
		out["val"] = append(out["val"], class[:n]...)
		out["train"] = append(out["train"], class[n:]...)
	}
	return out, nil
}

// halves parts every class into 50, 20 and 30 percent.
func halves(classes [][]data.SplitEntry, r *pyrand.Rand) (data.Splits, error) {
	out := data.Splits{}
	for _, class := range classes {
		r.Shuffle(len(class), func(i, j int) { class[i], class[j] = class[j], class[i] })
		train, val := round(float64(len(class))*0.5), round(float64(len(class))*0.2)
		if train < 1 || val < 1 || train+val >= len(class) {
			return nil, fmt.Errorf("class %q has %d pictures: too few for three parts", class[0].Class, len(class))
		}
		out["train"] = append(out["train"], class[:train]...)
		out["val"] = append(out["val"], class[train:train+val]...)
		out["test"] = append(out["test"], class[train+val:]...)
	}
	return out, nil
}

// round is Python's: halves go to the even number.
func round(x float64) int { return int(math.RoundToEven(x)) }
