package demo

import (
	"fmt"
	"image"
	"sync"

	"clipcalib/internal/data"
)

// emojiIndex is packs/emoji.json.
type emojiIndex struct {
	Tile    int      `json:"tile"`
	Columns int      `json:"columns"`
	Classes []string `json:"classes"`
	Styles  []struct {
		Name  string `json:"name"`
		Title string `json:"title"`
		File  string `json:"file"`
	} `json:"styles"`
	// Concepts lists the tiles of every sheet, in order.
	Concepts []struct {
		Name  string `json:"name"` // CLDR's, such as "red apple"
		Code  string `json:"code"` // code points in hex
		Label int    `json:"label"`
		Fold  Fold   `json:"fold"`
	} `json:"concepts"`
}

// EmojiPack returns the emoji task: 32 x 32 drawings on white, Noto's the
// source, Twemoji's and Microsoft's three Fluent styles the drift. Item paths
// are "style/concept", such as "noto/red apple". Sheets are decoded when a
// picture is first asked for.
func EmojiPack() (*Task, error) { return emojiTask() }

var emojiTask = sync.OnceValues(func() (*Task, error) {
	var index emojiIndex
	if err := readIndex("emoji.json", &index); err != nil {
		return nil, err
	}
	task := &Task{
		Name:    "emoji",
		Title:   "Emoji, 34 kinds",
		Classes: index.Classes,
		Templates: []string{
			"an icon of a {}.",
			"a {} emoji",
			"a picture of a {}.",
			"a drawing of a {}.",
		},
	}
	for _, style := range index.Styles {
		d := &Domain{Name: style.Name, Title: style.Title, sets: map[Fold]*data.Set{}}
		for _, f := range Folds {
			d.sets[f] = &data.Set{Name: "emoji " + style.Name + " " + string(f), Classes: index.Classes}
		}
		tiles := sync.OnceValues(func() (*sheet, error) {
			return openSheet(style.File, index.Tile, index.Columns, len(index.Concepts))
		})
		for i, c := range index.Concepts {
			set, ok := d.sets[c.Fold]
			if !ok {
				return nil, fmt.Errorf("demo pack emoji.json: concept %q has fold %q, want one of %v", c.Name, c.Fold,
					Folds)
			}
			set.Items = append(set.Items, data.Item{
				Path:  style.Name + "/" + c.Name,
				Label: c.Label,
				Load: func() (image.Image, error) {
					s, err := tiles()
					if err != nil {
						return nil, err
					}
					return s.at(i), nil
				},
			})
		}
		if err := checkSets(d); err != nil {
			return nil, err
		}
		task.Domains = append(task.Domains, d)
	}
	return task, nil
})
