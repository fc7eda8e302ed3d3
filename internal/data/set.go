package data

import (
	"errors"
	"fmt"
	"image"

	"clipcalib/internal/imageio"
)

// Set is an ordered list of labelled pictures.
type Set struct {
	Name    string   // short name for reports, such as the folder's
	Split   string   // "train", "val" or "test" where that is known
	Root    string   // folder that relative item paths start from; "" for sets in memory
	Classes []string // class names by label
	Folders []string // folder or id of every class by label; nil where classes have names only
	Items   []Item

	// Half is "base" or "new" of the first or second half of a set's classes, as CoOp
	// parts them; "" of all.
	Half string

	Ignored []LeftOut // files that a rule left out
	Notes   []string  // choices made in reading it, for people
	Doubts  []string  // what may be wrong with it, for people and records

	whole  *Set  // that this is a half of
	labels []int // of the half's classes in it
}

// Item is one labelled picture.
type Item struct {
	// Path is the picture's file, "container#row" for one among others in a
	// file, or for a picture in memory any text that names it uniquely.
	Path  string
	Label int // index into Set.Classes
	// Load returns the picture of an item in memory; nil for others.
	Load func() (image.Image, error)
	// Bytes returns the encoded picture of an item in a container; nil for
	// others. Container is that file.
	Bytes     func() ([]byte, error)
	Container string
}

// Image reads the item's picture as opaque RGB. Errors name the item.
func (it Item) Image() (*image.NRGBA, error) {
	switch {
	case it.Bytes != nil:
		encoded, err := it.Content()
		if err != nil {
			return nil, err
		}
		img, err := imageio.Decode(encoded)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", it.Path, err)
		}
		return img, nil
	case it.Load == nil:
		return imageio.Open(it.Path)
	}
	img, err := it.Load()
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", it.Path, err)
	}
	if img == nil || img.Bounds().Empty() {
		return nil, fmt.Errorf("image %s: no pixels", it.Path)
	}
	return imageio.ToRGB(img), nil
}

// Keys returns the key of every class, by label.
func (s *Set) Keys() []Class {
	keys := make([]Class, len(s.Classes))
	for i, name := range s.Classes {
		keys[i].Name = name
		if s.Folders != nil {
			keys[i].Folder = s.Folders[i]
		}
	}
	return keys
}

// Labels returns the label of every item, in order.
func (s *Set) Labels() []int {
	labels := make([]int, len(s.Items))
	for i, it := range s.Items {
		labels[i] = it.Label
	}
	return labels
}

// Counts returns the number of items per class.
func (s *Set) Counts() []int {
	counts := make([]int, len(s.Classes))
	for _, it := range s.Items {
		if it.Label >= 0 && it.Label < len(counts) {
			counts[it.Label]++
		}
	}
	return counts
}

// Check reports the first thing wrong with the set: no items, no classes, an
// empty class name or a label out of range.
func (s *Set) Check() error {
	if len(s.Items) == 0 {
		return fmt.Errorf("data set %s: no images%s", s.Name, afterCount(s.Ignored))
	}
	if len(s.Classes) == 0 {
		return fmt.Errorf("data set %s: no classes", s.Name)
	}
	for i, name := range s.Classes {
		if name == "" {
			return fmt.Errorf("data set %s: class %d has an empty name", s.Name, i)
		}
	}
	for i, it := range s.Items {
		if it.Label < 0 || it.Label >= len(s.Classes) {
			return fmt.Errorf("data set %s: item %d (%s) has label %d, want 0 to %d", s.Name, i, it.Path, it.Label,
				len(s.Classes)-1)
		}
	}
	return nil
}

// With returns a set of the same classes with other items.
func (s *Set) With(items []Item) *Set {
	out := *s
	out.Items, out.whole = items, nil
	return &out
}

// Subset returns the items of the given classes, relabelled to their position
// in labels: a 200-class target of a 1,000-class source, for instance.
func (s *Set) Subset(labels []int) (*Set, error) {
	position := make(map[int]int, len(labels))
	out := s.With(nil)
	out.Classes, out.Folders = nil, nil
	for i, l := range labels {
		if l < 0 || l >= len(s.Classes) {
			return nil, fmt.Errorf("data set %s: class %d, want 0 to %d", s.Name, l, len(s.Classes)-1)
		}
		if _, twice := position[l]; twice {
			return nil, fmt.Errorf("data set %s: class %d is named twice", s.Name, l)
		}
		position[l] = i
		out.Classes = append(out.Classes, s.Classes[l])
		if s.Folders != nil {
			out.Folders = append(out.Folders, s.Folders[l])
		}
	}
	for _, it := range s.Items {
		if l, ok := position[it.Label]; ok {
			it.Label = l
			out.Items = append(out.Items, it)
		}
	}
	return out, nil
}

// ErrNoSplit is wrapped by the error of a set with several parts when the
// caller has not said which one is wanted.
var ErrNoSplit = errors.New("several splits")

// Open reads the picture of item i; it is what a loader asks for.
func (s *Set) Open(i int) (image.Image, error) {
	if i < 0 || i >= len(s.Items) {
		return nil, fmt.Errorf("data set %s: item %d of %d", s.Name, i, len(s.Items))
	}
	img, err := s.Items[i].Image()
	if err != nil {
		return nil, err // not img, which would be a non-nil interface of a nil picture
	}
	return img, nil
}

func (s *Set) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}
