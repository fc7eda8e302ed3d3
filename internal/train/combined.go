package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"clipcalib/internal/docfile"
	"clipcalib/internal/settings"
)

// Joint stands between the names of the parts of a [Combined].
const Joint = "+"

// Combined is several remedies at once, such as zs-norm+sals, which trains under
// ZS-Norm and maps the trained model's logits too. It is made by [Combine].
type Combined struct{ parts []Remedy }

// Combine makes one remedy of several. There may be several terms of the loss,
// but one map of the logits in training and one at inference at most: what two
// would do depends on their order. A term sees the logits ahead of the map.
func Combine(parts ...Remedy) (Combined, error) {
	c := Combined{slices.Clone(parts)}
	if len(parts) < 2 {
		return c, errors.New("a combination is of two remedies or more")
	}
	seen, owners := map[string]bool{}, map[string]string{}
	var maps, inference []string
	for _, p := range parts {
		name := p.Name()
		_, nested := p.(Combined)
		_, in := p.(InferenceMap)
		switch {
		case nested:
			return c, fmt.Errorf("remedy %s: it is a combination itself: name its parts", name)
		case !in && !ActsInTraining(p):
			return c, fmt.Errorf("remedy %s: %s does nothing, and combines with none", c.Name(), name)
		case seen[name]:
			return c, fmt.Errorf("remedy %s: %s is there twice", c.Name(), name)
		}
		seen[name] = true
		if _, ok := p.(LogitMap); ok {
			maps = append(maps, name)
		}
		if in {
			inference = append(inference, name)
		}
		for _, s := range settings.Of(p) {
			if other := owners[s.Name]; other != "" {
				return c, fmt.Errorf("remedy %s: %s and %s both have a setting %s, and which is meant could not be told",
					c.Name(), other, name, s.Name)
			}
			owners[s.Name] = name
		}
	}
	for what, names := range map[string][]string{"training": maps, "inference": inference} {
		if len(names) > 1 {
			return c, fmt.Errorf("remedy %s: %s each map the logits at %s, and one map at most has a meaning", c.Name(),
				strings.Join(names, " and "), what)
		}
	}
	return c, nil
}

// Name is the parts' names with + between them.
func (c Combined) Name() string {
	names := make([]string, len(c.parts))
	for i, p := range c.parts {
		names[i] = p.Name()
	}
	return strings.Join(names, Joint)
}

// Choices says in words what the parts do.
func (c Combined) Choices() []string {
	out := []string{fmt.Sprintf("remedy: %s, %d at once", c.Name(), len(c.parts))}
	for _, p := range c.parts {
		for _, line := range p.Choices() {
			out = append(out, alone.Replace(line))
		}
	}
	return out
}

// TuningChoice is Choices for test-time tuning.
func (c Combined) TuningChoice() string {
	var out []string
	for _, p := range c.parts {
		out = append(out, alone.Replace((&Host{remedy: p}).Choice()))
	}
	return strings.Join(out, "; ")
}

// alone takes from a part's words what is true of it alone.
var alone = strings.NewReplacer(" only;", ";", "; training is that of remedy none", "",
	" The trained model's logits are used as they are.", "")

// Parts are the remedies that are combined.
func (c Combined) Parts() []Remedy { return slices.Clone(c.parts) }

// SettingParts makes the settings of the parts those of the combination.
func (c Combined) SettingParts() []any {
	out := make([]any, len(c.parts))
	for i, p := range c.parts {
		out[i] = p
	}
	return out
}

// WithSettingParts returns the combination of the parts that SettingParts gave,
// with other settings.
func (c Combined) WithSettingParts(parts []any) any {
	out := Combined{make([]Remedy, len(parts))}
	for i, p := range parts {
		out.parts[i] = p.(Remedy)
	}
	return out
}

// MarshalJSON writes the fields of every part that has some set, by its name.
func (c Combined) MarshalJSON() ([]byte, error) {
	out := map[string]json.RawMessage{}
	for _, p := range c.parts {
		text, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(text, []byte("{}")) {
			out[p.Name()] = text
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote into the parts that are there.
func (c *Combined) UnmarshalJSON(text []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	parts := slices.Clone(c.parts)
	for i, p := range parts {
		v, ok := fields[p.Name()]
		if !ok {
			continue
		}
		delete(fields, p.Name())
		var err error
		if parts[i], err = docfile.WithSettings(p, string(v)); err != nil {
			return fmt.Errorf("%s: %w", p.Name(), err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		return fmt.Errorf("settings of %q, which is no part of %s", name, c.Name())
	}
	c.parts = parts
	return nil
}

// Parts are the remedies that a remedy is made of: those of a [Combined], or
// itself alone.
func Parts(r Remedy) []Remedy {
	if c, ok := r.(Combined); ok {
		return c.parts
	}
	return []Remedy{r}
}

// TrainingPart is what of a remedy decides a training: its parts without those
// that act on finished logits alone. Trainings under remedies of one such part
// are the same.
func TrainingPart(r Remedy) Remedy {
	var acting []Remedy
	for _, p := range Parts(r) {
		if ActsInTraining(p) {
			acting = append(acting, p)
		}
	}
	switch len(acting) {
	case 0:
		return None{}
	case 1:
		return acting[0]
	}
	return Combined{acting}
}

// With returns the parts of a remedy that have a hook, such as [LossTerm].
func With[Hook any](r Remedy) []Hook {
	var out []Hook
	for _, p := range Parts(r) {
		if h, ok := p.(Hook); ok {
			out = append(out, h)
		}
	}
	return out
}

// Inference returns the part of a remedy that maps finished logits, if it has
// one.
func Inference(r Remedy) (InferenceMap, bool) {
	for _, m := range With[InferenceMap](r) {
		return m, true
	}
	return nil, false
}
