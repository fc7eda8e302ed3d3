package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"clipcalib/internal/plan"
	"clipcalib/internal/regular"
	"clipcalib/internal/run"
	"clipcalib/weights"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// notPlanned are flags of where a cell's results go, which is for the process
// that does it to say, and those that have a form of their own in a plan.
var notPlanned = slices.Concat(notInRecipes, ownWork, []string{"out", "set"})

// recipeOf lists flags by their names: those that always decides names, and
// others that have been given a value.
func recipeOf(fl *pflag.FlagSet, always []string) plan.Recipe {
	r := plan.Recipe{}
	fl.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(notPlanned, f.Name) {
			return
		}
		v := f.Value
		if l, ok := v.(*listValue); ok {
			v = l.Value
		}
		if s, ok := v.(pflag.SliceValue); ok {
			if list := s.GetSlice(); len(list) > 0 {
				r[f.Name] = slices.Clone(list)
			}
			return
		}
		text := v.String()
		if text == f.DefValue && !slices.Contains(always, f.Name) || text == "" {
			return
		}
		r[f.Name] = typed(v.Type(), text)
	})
	return r
}

// typed is a value in JSON's type.
func typed(kind, text string) any {
	switch kind {
	case "int", "uint64", "float64":
		return json.Number(text)
	case "bool":
		return text == "true"
	}
	return text
}

// setMap is assignments of --set as a recipe has them.
func setMap(assignments []string) map[string]any {
	m := map[string]any{}
	for _, s := range assignments {
		name, value, _ := strings.Cut(s, "=")
		m[name] = value
	}
	return m
}

// node is a recipe as the document of a recipe file.
func node(r plan.Recipe) *yaml.Node {
	scalar := func(v any) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: fmt.Sprint(v)}
	}
	doc := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		value := &yaml.Node{}
		switch v := r[name].(type) {
		case map[string]any:
			value.Kind = yaml.MappingNode
			for _, k := range slices.Sorted(maps.Keys(v)) {
				value.Content = append(value.Content, scalar(k), scalar(v[k]))
			}
		case []any, []string:
			value.Kind = yaml.SequenceNode
			for _, one := range r.Texts(name) {
				value.Content = append(value.Content, scalar(one))
			}
		default:
			value = scalar(v)
		}
		doc.Content = append(doc.Content, scalar(name), value)
	}
	return doc
}

// readPlanned sets a command's flags as a cell has them.
func readPlanned(c plan.Cell, fl *pflag.FlagSet, v *varied) (*recipeFile, error) {
	r := &recipeFile{path: fmt.Sprintf("cell %d", c.Number), flags: fl, vary: v, given: map[string]bool{}}
	if err := r.takeAll(node(c.Recipe)); err != nil {
		return nil, fmt.Errorf("cell %d: its recipe is not one of this program: %w", c.Number, err)
	}
	if c.Command != plan.Encode && len(r.methods) != 1 {
		return nil, usagef("cell %d: it names %d methods", c.Number, len(r.methods))
	}
	return r, nil
}

// model is the input of a checkpoint. Its hash is of the file, with what else
// tells the model.
func (in *inputs) model(s sourceFlags) (plan.Input, error) {
	o, err := s.model.options()
	if err != nil {
		return plan.Input{}, err
	}
	if s.weights == "" {
		return plan.Input{}, usagef("--weights is missing: name a checkpoint")
	}
	return in.find("weights", s.weights, plan.File, fmt.Sprintf("%+v", s.model), func(i *plan.Input) error {
		c, err := weights.OpenCLIP(s.weights, o)
		if err != nil {
			return err
		}
		defer c.Close()
		sum, err := c.File().SHA256()
		i.SHA256 = run.WeightsIdentity(sum, c)
		return err
	})
}

// file is the input of a file of features.
func (in *inputs) file(flag, path string) (plan.Input, error) {
	return in.find(flag, path, plan.File, flag, func(i *plan.Input) error {
		f, err := weights.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if flag == "targets" {
			i.Name = featuresName(path)
		}
		i.SHA256, err = f.SHA256()
		return err
	})
}

// bytes is the input of a file of any kind.
func (in *inputs) bytes(flag, path string) (plan.Input, error) {
	return in.find(flag, path, plan.File, flag, func(i *plan.Input) error {
		f, err := regular.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, f); err != nil {
			return err
		}
		i.SHA256 = hex.EncodeToString(sum.Sum(nil))
		return nil
	})
}

// set is the input of a data set.
func (in *inputs) set(flag string, s sourceFlags, spec, part string) (plan.Input, error) {
	more := fmt.Sprintf("%s %q %q %q %v %v %v", part, s.imageRoot, s.names, s.labelColumn, s.allowEmpty, s.allowNumbers,
		s.keepUnderscores)
	return in.find(flag, spec, plan.List, more, func(i *plan.Input) error {
		set, err := in.a.load(s, spec, part)
		if err != nil {
			return err
		}
		i.Name, i.Count = partName(spec, set), len(set.Items)
		i.SHA256, err = set.Listing()
		return err
	})
}

// all joins what finds inputs, up to the first error.
func (in *inputs) all(find ...func() (plan.Input, error)) (out []plan.Input, err error) {
	for _, f := range find {
		i, err := f()
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}
