package demo

import (
	"fmt"
	"image"
	"sync"

	"clipcalib/internal/data"
)

// fashionIndex is packs/fashion.json.
type fashionIndex struct {
	Tile    int      `json:"tile"`
	Columns int      `json:"columns"`
	Classes []string `json:"classes"`
	Folds   []struct {
		Fold   Fold   `json:"fold"`
		File   string `json:"file"`
		Part   string `json:"part"`   // "train" or "t10k" of Fashion-MNIST
		Labels []int  `json:"labels"` // by tile
		IDs    []int  `json:"ids"`    // position in the part
	} `json:"folds"`
}

// corruptionSeed fixes the noise of the shipped domains.
const corruptionSeed = 1

// FashionPack returns the fashion task: 28 x 28 grey photographs of garments
// on black from Fashion-MNIST, the clean ones the source, each corruption at
// each severity a drifted domain named "KIND-SEVERITY". Item paths are
// "part/number" in the original files, such as "t10k/417". Corrupted pictures
// are computed whenever they are asked for and are the same every time.
func FashionPack() (*Task, error) { return fashionTask() }

var fashionTask = sync.OnceValues(func() (*Task, error) {
	var index fashionIndex
	if err := readIndex("fashion.json", &index); err != nil {
		return nil, err
	}
	clean := &Domain{Name: "clean", Title: "clean", sets: map[Fold]*data.Set{}}
	for _, part := range index.Folds {
		if len(part.IDs) != len(part.Labels) {
			return nil, fmt.Errorf("demo pack fashion.json: %d ids for %d labels", len(part.IDs), len(part.Labels))
		}
		tiles := sync.OnceValues(func() (*sheet, error) {
			return openSheet(part.File, index.Tile, index.Columns, len(part.Labels))
		})
		set := &data.Set{Name: "fashion clean " + string(part.Fold), Classes: index.Classes}
		for i, label := range part.Labels {
			set.Items = append(set.Items, data.Item{
				Path:  fmt.Sprintf("%s/%d", part.Part, part.IDs[i]),
				Label: label,
				Load: func() (image.Image, error) {
					s, err := tiles()
					if err != nil {
						return nil, err
					}
					return s.at(i), nil
				},
			})
		}
		clean.sets[part.Fold] = set
	}
	for _, f := range Folds {
		if clean.sets[f] == nil {
			return nil, fmt.Errorf("demo pack fashion.json: no fold %q", f)
		}
	}
	if err := checkSets(clean); err != nil {
		return nil, err
	}
	task := &Task{
		Name:    "fashion",
		Title:   "Fashion-MNIST, 10 garments",
		Classes: index.Classes,
		Templates: []string{
			"a photo of a {}, a type of clothing.",
			"an icon of a {}.",
			"a {}, a type of clothing.",
			"a picture of a {}.",
		},
		Domains: []*Domain{clean},
	}
	for _, kind := range Corruptions {
		for severity := 1; severity <= MaxSeverity; severity++ {
			task.Domains = append(task.Domains, corrupted(clean, kind, severity))
		}
	}
	return task, nil
})

// corrupted is a domain with the pictures of another, corrupted.
func corrupted(of *Domain, kind Corruption, severity int) *Domain {
	d := &Domain{
		Name:     fmt.Sprintf("%s-%d", kind, severity),
		Title:    fmt.Sprintf("%s %d", kind, severity),
		Severity: severity,
		sets:     map[Fold]*data.Set{},
	}
	for f, from := range of.sets {
		set := &data.Set{Name: "fashion " + d.Name + " " + string(f), Classes: from.Classes}
		for i, item := range from.Items {
			set.Items = append(set.Items, data.Item{
				Path:  item.Path,
				Label: item.Label,
				Load: func() (image.Image, error) {
					img, err := item.Image()
					if err != nil {
						return nil, err
					}
					return Corrupt(img, kind, severity, corruptionSeed, i)
				},
			})
		}
		d.sets[f] = set
	}
	return d
}
