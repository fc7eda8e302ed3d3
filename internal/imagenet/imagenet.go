// Package imagenet names the classes of ImageNet-1k and of its variants.
//
// The names are those of OpenAI's notebook Prompt_Engineering_for_ImageNet,
// which CLIP's adapters use everywhere. Two names occur twice, "missile" (657
// and 744) and "sunglasses" (836 and 837): their zero-shot logits are tied.
package imagenet

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// classesText has a line for each label: WordNet id, space, class name.
//
//go:embed classes.txt
var classesText string

type classes struct {
	wnids, names []string
	label        map[string]int
}

var load = sync.OnceValue(func() classes {
	c := classes{label: map[string]int{}}
	for line := range strings.Lines(classesText) {
		wnid, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		c.label[wnid] = len(c.wnids)
		c.wnids = append(c.wnids, wnid)
		c.names = append(c.names, name)
	}
	return c
})

// Names returns the 1,000 class names in label order.
func Names() []string { return slices.Clone(load().names) }

// WordNetIDs returns the 1,000 WordNet ids ("n01440764") in label order, which
// is also their sorted order and the names of the image folders.
func WordNetIDs() []string { return slices.Clone(load().wnids) }

// Label returns the label of a WordNet id.
func Label(wnid string) (label int, ok bool) {
	label, ok = load().label[wnid]
	return label, ok
}

// SubsetA returns the 200 classes of ImageNet-A as labels of ImageNet: its
// label i is class SubsetA()[i].
func SubsetA() []int { return slices.Clone(subsetA[:]) }

// SubsetR returns the 200 classes of ImageNet-R as labels of ImageNet: its
// label i is class SubsetR()[i].
func SubsetR() []int { return slices.Clone(subsetR[:]) }
