package recipe

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"clipcalib/internal/named"

	"go.yaml.in/yaml/v3"
)

//go:embed recipes
var files embed.FS

// The commands that recipes are for.
const (
	Adapt    = "adapt"
	Tune     = "tta"
	ZeroShot = "zeroshot"
)

// commands tell the command by the folder of a recipe.
var commands = map[string]string{"zero-shot": ZeroShot, "adapters": Adapt, "prompts": Adapt, "tta": Tune}

// Flag is a flag of a command with its values; several make a grid or are named
// several times.
type Flag struct {
	Name   string
	Values []string
	list   bool // written as a list
}

// Recipe is one experiment of the paper.
type Recipe struct {
	ID      string // folder and file: adapters/rn50-taskres
	About   string // what it is and where its settings are from
	Command string
	Flags   []Flag // in the file's order, without method and settings
	Methods []string
	// Settings are constants of methods, losses and remedies, by name.
	Settings []Flag
}

// Name is the recipe's.
func (r Recipe) Name() string { return r.ID }

// Cell is one run of a recipe.
type Cell struct {
	Recipe, Method, Remedy, Seed string
}

// The flags that say which model and which data a recipe is on.
const (
	flagWeights = "weights"
	flagData    = "data"
	flagTargets = "targets"
	flagMethod  = "method"
)

var all = sync.OnceValue(func() []Recipe {
	var out []Recipe
	err := fs.WalkDir(files, "recipes", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := files.ReadFile(p)
		if err != nil {
			return err
		}
		r, err := parse(strings.TrimSuffix(strings.TrimPrefix(p, "recipes/"), ".yaml"), raw)
		out = append(out, r)
		return err
	})
	if err != nil {
		panic("recipe: " + err.Error()) // part of the program, read by every test
	}
	return out
})

// All lists the recipes, by name.
func All() []Recipe { return slices.Clone(all()) }

// Find returns the recipe of a name.
func Find(name string) (Recipe, error) { return named.Find("recipe", name, all()) }

func parse(name string, raw []byte) (Recipe, error) {
	r := Recipe{ID: name, Command: commands[path.Dir(name)]}
	if r.Command == "" {
		return r, fmt.Errorf("%s: no command is for that folder", name)
	}
	var about []string
	for line := range strings.Lines(string(raw)) {
		text, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		about = append(about, strings.TrimSpace(text))
	}
	r.About = strings.Join(about, " ")
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	for i := 0; i+1 < len(doc.Content[0].Content); i += 2 {
		key, value := doc.Content[0].Content[i], doc.Content[0].Content[i+1]
		f := Flag{Name: key.Value, list: value.Kind == yaml.SequenceNode}
		if f.list {
			for _, n := range value.Content {
				f.Values = append(f.Values, n.Value)
			}
		} else {
			f.Values = []string{value.Value}
		}
		if f.Name == flagMethod {
			r.Methods = f.Values
			continue
		}
		r.Flags = append(r.Flags, f)
	}
	return r, nil
}

// Values are a flag's, nil where the recipe does not have it.
func (r Recipe) Values(flag string) []string {
	for _, f := range r.Flags {
		if f.Name == flag {
			return f.Values
		}
	}
	return nil
}

// With is the recipe with other values of a flag; none takes it out.
func (r Recipe) With(flag string, values ...string) Recipe {
	r.Flags = slices.Clone(r.Flags)
	i := slices.IndexFunc(r.Flags, func(f Flag) bool { return f.Name == flag })
	switch {
	case flag == flagMethod:
		r.Methods = values
	case len(values) == 0 && i >= 0:
		r.Flags = slices.Delete(r.Flags, i, i+1)
	case len(values) == 0:
	case i >= 0:
		r.Flags[i] = Flag{flag, values, r.Flags[i].list || len(values) > 1}
	default:
		r.Flags = append(r.Flags, Flag{flag, values, len(values) > 1})
	}
	return r
}

// WithSetting is the recipe with a constant set.
func (r Recipe) WithSetting(name string, values ...string) Recipe {
	r.Settings = slices.DeleteFunc(slices.Clone(r.Settings), func(f Flag) bool { return f.Name == name })
	r.Settings = append(r.Settings, Flag{name, values, len(values) > 1})
	return r
}

// Weights is the model's name in the paper, "RN50".
func (r Recipe) Weights() string {
	if v := r.Values(flagWeights); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Source is the set that the recipe learns from, "" for none.
func (r Recipe) Source() string {
	if r.Command == Adapt {
		return r.Values(flagData)[0]
	}
	return ""
}

// Targets are the sets that it is measured on.
func (r Recipe) Targets() []string {
	if r.Command == Adapt {
		return r.Values(flagTargets)
	}
	return r.Values(flagData)
}

// WithTargets is the recipe on some of its targets, or others.
func (r Recipe) WithTargets(sets []string) Recipe {
	if r.Command == Adapt {
		return r.With(flagTargets, sets...)
	}
	return r.With(flagData, sets...)
}

// Sets are all sets that it reads, the source first.
func (r Recipe) Sets() []string {
	sets := r.Targets()
	if s := r.Source(); s != "" && !slices.Contains(sets, s) {
		sets = append([]string{s}, sets...)
	}
	return sets
}

// Remedies are the recipe's, "none" where it does not say.
func (r Recipe) Remedies() []string {
	if v := r.Values("remedy"); len(v) > 0 {
		return v
	}
	return []string{"none"}
}

// Seeds are the recipe's, one "" for what has none.
func (r Recipe) Seeds() []string {
	if v := r.Values("seed"); len(v) > 0 {
		return v
	}
	return []string{""}
}

// Cells are the runs of the recipe.
func (r Recipe) Cells() (cells []Cell) {
	methods := r.Methods
	if len(methods) == 0 {
		methods = []string{ZeroShotMethod}
	}
	for _, seed := range r.Seeds() {
		for _, method := range methods {
			for _, remedy := range r.Remedies() {
				cells = append(cells, Cell{r.ID, method, remedy, seed})
			}
		}
	}
	return cells
}

// ZeroShotMethod is the method of cells of the unadapted model.
const ZeroShotMethod = "zero-shot"

// Resolve is the recipe with files in place of the names of weights and sets.
func (r Recipe) Resolve(weights string, sets func(name string) string) Recipe {
	if weights != "" {
		r = r.With(flagWeights, weights)
	}
	for _, flag := range []string{flagData, flagTargets} {
		var paths []string
		for _, name := range r.Values(flag) {
			paths = append(paths, sets(name))
		}
		if len(paths) > 0 {
			r = r.With(flag, paths...)
		}
	}
	return r
}

// YAML is the recipe as a file, with what it is for at the top.
func (r Recipe) YAML() []byte {
	doc := yaml.Node{Kind: yaml.MappingNode}
	if len(r.Methods) > 0 {
		add(&doc, Flag{Name: flagMethod, Values: r.Methods})
	}
	for _, f := range r.Flags {
		add(&doc, f)
	}
	if len(r.Settings) > 0 {
		of := yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for _, f := range r.Settings {
			add(&of, f)
		}
		doc.Content = append(doc.Content, scalar("set"), &of)
	}
	var b bytes.Buffer
	for line := range wrapped(r.About, 92) {
		b.WriteString("# " + line + "\n")
	}
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		panic(err) // of scalars and lists
	}
	return b.Bytes()
}

// add adds a flag to a mapping.
func add(to *yaml.Node, f Flag) {
	value := scalar(strings.Join(f.Values, ""))
	if f.list || len(f.Values) > 1 {
		value = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, v := range f.Values {
			value.Content = append(value.Content, scalar(v))
		}
	}
	to.Content = append(to.Content, scalar(f.Name), value)
}

// scalar is a value as YAML reads it back.
func scalar(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	var plain yaml.Node
	if yaml.Unmarshal([]byte(text), &plain) == nil && len(plain.Content) == 1 {
		if read := plain.Content[0]; read.Kind == yaml.ScalarNode && read.Value == text {
			return &yaml.Node{Kind: yaml.ScalarNode, Value: text, Tag: read.Tag}
		}
	}
	return n
}

// wrapped yields a text in lines.
func wrapped(text string, width int) func(func(string) bool) {
	return func(yield func(string) bool) {
		line := ""
		for word := range strings.FieldsSeq(text) {
			if line != "" && len(line)+1+len(word) > width {
				if !yield(line) {
					return
				}
				line = ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		if line != "" {
			yield(line)
		}
	}
}
