package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/named"
	"clipcalib/internal/run"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// maxRecipe bounds a recipe file.
const maxRecipe = 1 << 20

// recipeFile is a YAML file of a command's flags by their names. What the
// command line gives goes before it.
type recipeFile struct {
	path  string
	flags *pflag.FlagSet
	vary  *varied
	given map[string]bool // flags of the command line
	sets  []string        // names of settings of the command line

	asGiven bool        // paths are as the command line takes them
	same    *run.Recipe // that is repeated with nothing changed

	// What is no flag of the command line alone.
	methods  []string
	settings []axis
}

// recipeAliases are names that a run's recipe.yaml has for flags.
var recipeAliases = map[string]string{"learning_rate": "lr"}

// notInRecipes are flags of how a command talks, not of what it does.
var notInRecipes = []string{"recipe", "help", "json", "quiet"}

// pathFlags name files and folders; in a recipe they start from its folder.
var pathFlags = []string{"weights", "bank", "class-names", "image-root", "features", "data", "targets", "init", "picks",
	"out", "tensorboard", "pin", "record"}

// read sets the flags that the file names.
func (r *recipeFile) read() error {
	doc, err := r.parse()
	if err != nil {
		return err
	}
	if ofRun(doc) {
		return r.repeat(doc)
	}
	return r.takeAll(doc)
}

// takeAll takes the keys of a document.
func (r *recipeFile) takeAll(doc *yaml.Node) error {
	if doc.Kind != yaml.MappingNode {
		return r.wrong(doc, "want keys and values, as in: seed: [1, 2, 3]")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		key, value := doc.Content[i], doc.Content[i+1]
		name := r.flag(key.Value)
		if seen[name] {
			return r.wrong(key, "%s is there twice", key.Value)
		}
		seen[name] = true
		if err := r.take(name, key, value); err != nil {
			return err
		}
	}
	return nil
}

func (r *recipeFile) parse() (*yaml.Node, error) {
	f, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("--recipe %s: there is no such file", r.path)
	}
	if err != nil {
		return nil, fmt.Errorf("--recipe: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxRecipe+1))
	if err != nil {
		return nil, fmt.Errorf("--recipe %s: %w", r.path, err)
	}
	if len(raw) > maxRecipe {
		return nil, usagef("--recipe %s: longer than a recipe is (%d bytes)", r.path, maxRecipe)
	}
	dec := yaml.NewDecoder(strings.NewReader(string(raw)))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, usagef("--recipe %s: it is empty", r.path)
	case err != nil:
		return nil, usagef("--recipe %s: %w", r.path, err)
	case !errors.Is(dec.Decode(&more), io.EOF):
		return nil, usagef("--recipe %s: it holds more than one document: make a file of each", r.path)
	}
	return doc.Content[0], nil
}

// wrong is an error at a node.
func (r *recipeFile) wrong(at *yaml.Node, format string, args ...any) error {
	return usagef("%s:%d: %w", r.path, at.Line, fmt.Errorf(format, args...))
}

// flag is the name of the flag that a key means.
func (r *recipeFile) flag(key string) string {
	if name := recipeAliases[key]; name != "" {
		return name
	}
	return strings.ReplaceAll(key, "_", "-")
}

// take takes one key.
func (r *recipeFile) take(name string, key, value *yaml.Node) error {
	switch name {
	case axisMethod:
		methods, err := r.texts(key, value)
		if len(r.methods) == 0 {
			r.methods = methods
		}
		return err
	case strings.TrimSpace(axisSet):
		return r.takeSettings(key, value)
	}
	f := r.flags.Lookup(name)
	if f == nil || slices.Contains(notInRecipes, name) {
		return r.wrong(key, "unknown key %q%s", key.Value, named.Suggestion(name, r.known()))
	}
	texts, err := r.texts(key, value)
	if err != nil || r.given[name] {
		return err
	}
	if !r.asGiven && slices.Contains(pathFlags, name) {
		for i, t := range texts {
			if !filepath.IsAbs(t) {
				texts[i] = filepath.Join(filepath.Dir(r.path), t)
			}
		}
	}
	if l := r.vary.lists[name]; l != nil {
		err = l.take(texts)
	} else if s, ok := f.Value.(pflag.SliceValue); ok {
		err = s.Replace(texts)
	} else if len(texts) != 1 {
		return r.wrong(key, "%s takes one value", key.Value)
	} else {
		err = f.Value.Set(texts[0])
	}
	if err != nil {
		return r.wrong(value, "%s: %w", key.Value, err)
	}
	f.Changed = true
	return nil
}

// takeSettings takes the mapping of constants to values.
func (r *recipeFile) takeSettings(key, value *yaml.Node) error {
	if value.Kind != yaml.MappingNode {
		return r.wrong(key, "set wants names and values, as in: set: {lambda: 10}")
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		name := value.Content[i]
		texts, err := r.texts(name, value.Content[i+1])
		if err != nil {
			return err
		}
		if slices.Contains(r.sets, name.Value) {
			continue
		}
		a := axis{name: axisSet + name.Value}
		for _, t := range texts {
			a.values = append(a.values, name.Value+"="+t)
		}
		if slices.ContainsFunc(r.settings, func(b axis) bool { return a.name == b.name }) {
			return r.wrong(name, "setting %s is there twice", name.Value)
		}
		r.settings = append(r.settings, a)
	}
	return nil
}

// texts are the values of a key: one, or a list.
func (r *recipeFile) texts(key, value *yaml.Node) ([]string, error) {
	nodes := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		nodes = value.Content
	}
	var out []string
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return nil, r.wrong(n, "%s wants a value or a list of values", key.Value)
		}
		out = append(out, n.Value)
	}
	if len(out) == 0 {
		return nil, r.wrong(value, "%s: the list is empty", key.Value)
	}
	return out, nil
}

// known lists the keys there are.
func (r *recipeFile) known() []string {
	known := []string{axisMethod, strings.TrimSpace(axisSet)}
	r.flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(notInRecipes, f.Name) {
			known = append(known, f.Name)
		}
	})
	return known
}
