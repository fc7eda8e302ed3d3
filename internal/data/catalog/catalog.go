package catalog

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"clipcalib/internal/imagenet"
	"clipcalib/internal/named"

	"go.yaml.in/yaml/v3"
)

//go:embed sets.yaml
var setsYAML []byte

// classesText is written by testdata/make_classes.py: a section for each set, in
// it a line for each class in label order, the name and, after a tab, the folder
// where it is another.
//
//go:embed classes.txt
var classesText string

// The parts of a data set.
const (
	Train = "train"
	Val   = "val"
	Test  = "test"
)

// Parts lists the parts in their order.
func Parts() []string { return []string{Train, Val, Test} }

// Set is what is known of a data set.
type Set struct {
	ID       string         `yaml:"name" json:"name"` // CoOp's name, by which commands take it
	Title    string         `yaml:"title" json:"title"`
	Source   string         `yaml:"source" json:"source"`
	Licence  string         `yaml:"licence" json:"licence"`
	Classes  int            `yaml:"classes" json:"classes"`
	Counts   map[string]int `yaml:"counts" json:"counts"`                           // pictures, by part
	PerClass map[string]int `yaml:"per_class,omitempty" json:"per_class,omitempty"` // where all classes have as many
	CoOp     Layout         `yaml:"coop" json:"coop"`
	TPT      Layout         `yaml:"tpt" json:"tpt"`
	TTABC    Layout         `yaml:"ttabc,omitempty" json:"ttabc,omitzero"` // where it is not TPT's
	Aliases  []string       `yaml:"aliases" json:"aliases"`                // names of copies, in lower case
	Split    *SplitFile     `yaml:"split,omitempty" json:"split,omitempty"`
	Archives []Archive      `yaml:"archives,omitempty" json:"archives,omitempty"`
	Bad      []Bad          `yaml:"bad,omitempty" json:"bad,omitempty"`
	Notes    []string       `yaml:"notes,omitempty" json:"notes,omitempty"`

	Subset     string   `yaml:"subset,omitempty" json:"-"`      // of ImageNet's classes: A or R
	Numbered   bool     `yaml:"numbered,omitempty" json:"-"`    // class folders are labels
	Variants   bool     `yaml:"variants,omitempty" json:"-"`    // parts are lists of FGVC-Aircraft's kind
	Rule       string   `yaml:"rule,omitempty" json:"-"`        // by which CoOp made the split file
	NotClasses []string `yaml:"not_classes,omitempty" json:"-"` // folders of pictures that are no classes
}

// Name is the set's name.
func (s *Set) Name() string { return s.ID }

// Layout is where a reader wants a set, below the folder of all sets. Paths have
// forward slashes.
type Layout struct {
	Folder string `yaml:"folder" json:"folder"`
	// Images is the folder that paths of the split file start from, "" for Folder.
	Images string `yaml:"images,omitempty" json:"images,omitempty"`
	// Train, Val and Test are the folders of class folders, where the set has no
	// split file; all empty if Folder holds them itself.
	Train string `yaml:"train,omitempty" json:"train,omitempty"`
	Val   string `yaml:"val,omitempty" json:"val,omitempty"`
	Test  string `yaml:"test,omitempty" json:"test,omitempty"`
	Names string `yaml:"names,omitempty" json:"names,omitempty"` // file of class names
}

// Part is the folder of a part's class folders.
func (l Layout) Part(part string) string {
	return map[string]string{Train: l.Train, Val: l.Val, Test: l.Test}[part]
}

// SplitFile is what CoOp's split file hashes to. One of the two is set; Blob is
// git's, a SHA-1 with a head. Copies with other bytes may hold the same.
type SplitFile struct {
	SHA256 string `yaml:"sha256,omitempty" json:"sha256,omitempty"`
	Blob   string `yaml:"blob,omitempty" json:"git_blob,omitempty"`
}

// Archive is a file that a set is published as.
type Archive struct {
	File   string `yaml:"file" json:"file"`
	MD5    string `yaml:"md5,omitempty" json:"md5,omitempty"`
	SHA256 string `yaml:"sha256,omitempty" json:"sha256,omitempty"`
	Bytes  int64  `yaml:"bytes,omitempty" json:"bytes,omitempty"`
}

// Bad is a kind of odd files: damaged, png or gif (whatever the name says), cmyk,
// or odd (refused by some other reader).
type Bad struct {
	Kind  string   `yaml:"kind" json:"kind"`
	Files []string `yaml:"files" json:"files"` // names without folders
}

// SplitName is the name of CoOp's split file, "" of a set without one.
func (s *Set) SplitName() string {
	if s.Split == nil {
		return ""
	}
	return "split_zhou_" + s.ID + ".json"
}

// Class is a class of a set.
type Class struct {
	Name string // as the set's files have it, with underscores
	// Folder is the class's folder below the pictures, with slashes; of OxfordPets
	// what file names start with; "" where neither tells the class.
	Folder string
}

type known struct {
	sets    []*Set
	classes map[string][]Class
}

var load = sync.OnceValue(func() known {
	k := known{classes: map[string][]Class{}}
	if err := yaml.Unmarshal(setsYAML, &k.sets); err != nil {
		panic("catalog: sets.yaml: " + err.Error()) // part of the program, read by every test
	}
	section := ""
	for line := range strings.Lines(classesText) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			section = name
			continue
		}
		name, folder, _ := strings.Cut(line, "\t")
		if folder == "" {
			folder = name
		}
		k.classes[section] = append(k.classes[section], Class{name, folder})
	}
	for _, name := range []string{"StanfordCars", "OxfordFlowers", "FGVCAircraft"} {
		for i := range k.classes[name] {
			k.classes[name][i].Folder = ""
		}
	}
	for _, s := range k.sets {
		if k.classes[s.ID] == nil {
			k.classes[s.ID] = ofImageNet(s)
		}
	}
	return k
})

// ofImageNet are the classes of ImageNet and its kin.
func ofImageNet(s *Set) []Class {
	names, ids := imagenet.Names(), imagenet.WordNetIDs()
	var out []Class
	for _, label := range s.ImageNetLabels() {
		c := Class{names[label], ids[label]}
		if s.Numbered {
			c.Folder = strconv.Itoa(label)
		}
		out = append(out, c)
	}
	return out
}

// ImageNetLabels are the classes of a set of ImageNet's kind as labels of
// ImageNet; nil for others.
func (s *Set) ImageNetLabels() []int {
	switch {
	case s.Subset == "A":
		return imagenet.SubsetA()
	case s.Subset == "R":
		return imagenet.SubsetR()
	case !strings.HasPrefix(s.ID, "ImageNet"):
		return nil
	}
	all := make([]int, s.Classes)
	for i := range all {
		all[i] = i
	}
	return all
}

// Sets lists the data sets: ImageNet, its four kin, the ten fine-grained ones. They
// must not be changed.
func Sets() []*Set { return load().sets }

// Find returns the set of a name, one of its aliases or folders, whatever the case.
func Find(name string) (*Set, error) {
	for _, s := range Sets() {
		if s.Called(name) {
			return s, nil
		}
	}
	return named.Find("data set", name, Sets())
}

// Called reports whether name is the set's, or one that its folder or a copy has;
// copies in webdataset's form have "wds_" before it.
func (s *Set) Called(name string) bool {
	if rest, ok := strings.CutPrefix(strings.ToLower(name), "wds_"); ok {
		name = strings.TrimPrefix(rest, "vtab-")
	}
	for _, n := range append([]string{s.ID, s.CoOp.Folder, s.TPT.Folder, s.TTABC.Folder}, s.Aliases...) {
		if n != "" && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// ClassList returns the set's classes in label order. It must not be changed.
func (s *Set) ClassList() []Class { return load().classes[s.ID] }
