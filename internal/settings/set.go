package settings

import (
	"fmt"
	"reflect"
	"strings"

	"clipcalib/internal/named"
)

// Check reports the first setting of v that is out of its range, that is required
// and not set, or whose declaration makes no sense.
func Check(v any) error {
	for _, s := range Of(v) {
		if s.unset {
			return fmt.Errorf("setting %s is required (%s): set it to %s", s.Name, s.why, s.wants())
		}
	}
	return Declared(v)
}

// Declared is Check for what is not in use yet: what is required may be unset.
func Declared(v any) error {
	seen := map[string]bool{}
	for _, s := range Of(v) {
		if s.Name == "" || strings.ContainsAny(s.Name, "=. ") || seen[s.Name] {
			return fmt.Errorf("setting %q of %T: the name is empty, not a word, or there twice", s.Name, v)
		}
		seen[s.Name] = true
		if !s.auto && s.Default != "" {
			if _, err := s.parse(s.Default); err != nil {
				return fmt.Errorf("default of a setting of %T: %w", v, err)
			}
		}
		if s.unset {
			continue
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// With returns v, a struct or what holds one, with the setting of a name at the
// value that text stands for.
func With[T any](v T, name, text string) (T, error) {
	if c, ok := any(v).(Composed); ok {
		parts := c.SettingParts()
		for i, p := range parts {
			if !Has(p, name) {
				continue
			}
			var err error
			if parts[i], err = With(p, name, text); err != nil {
				return v, err
			}
			return c.WithSettingParts(parts).(T), nil
		}
	}
	for _, s := range Of(v) {
		if s.Name != name {
			continue
		}
		value, err := s.parse(text)
		if err != nil {
			return v, err
		}
		s.Value = value.Interface()
		if err := s.inRange(); err != nil { // 0 is 0, and not what stands for it
			return v, fmt.Errorf("%s=%s: want %s", name, text, s.wants())
		}
		if value.Kind() == reflect.Float64 && value.Float() == 0 && (s.Default != "" && !s.auto || s.Required) {
			value.SetFloat(Zero)
		}
		out := reflect.New(reflect.TypeOf(v)).Elem()
		out.Set(reflect.ValueOf(v))
		out.Field(s.field).Set(value)
		return out.Interface().(T), nil
	}
	return v, fmt.Errorf("no setting %q", name)
}

// Has reports whether v has a setting of a name.
func Has(v any, name string) bool {
	for _, s := range Of(v) {
		if s.Name == name {
			return true
		}
	}
	return false
}

// Owner is something that has settings, under the prefix that tells its
// settings from those of others of the same name.
type Owner struct {
	Prefix string // method, remedy, loss
	Name   string // taskres, penalty, ...
	Value  any    // the struct
	Set    func(name, text string) error
	Check  func() error // what is set by now
}

// OwnerOf returns the owner that the thing at v is, whose settings Apply sets.
func OwnerOf[T named.Thing](prefix string, v *T) Owner {
	return Owner{Prefix: prefix, Name: (*v).Name(), Value: *v, Set: func(name, text string) error {
		with, err := With(*v, name, text)
		*v = with
		return err
	}, Check: func() error { return Check(*v) }}
}

// Apply sets the owners' settings by assignments, name=value or
// prefix.name=value.
func Apply(assignments []string, owners ...Owner) error {
	seen := map[string]bool{}
	for _, a := range assignments {
		key, _, _ := strings.Cut(a, "=")
		if seen[key] {
			return fmt.Errorf("setting %s is set twice", key)
		}
		seen[key] = true
		if err := apply(a, owners); err != nil {
			return err
		}
	}
	return nil
}

func apply(assignment string, owners []Owner) error {
	key, text, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("%q is no setting: want name=value", assignment)
	}
	prefix, name, qualified := strings.Cut(key, ".")
	if !qualified {
		prefix, name = "", key
	}
	var found []Owner
	var known []string
	for _, o := range owners {
		for _, s := range Of(o.Value) {
			known = append(known, o.Prefix+"."+s.Name)
			if s.Name == name && (prefix == "" || prefix == o.Prefix) {
				found = append(found, o)
			}
		}
	}
	switch len(found) {
	case 1:
		if err := found[0].Set(name, text); err != nil {
			return fmt.Errorf("setting of %s %s: %w", found[0].Prefix, found[0].Name, err)
		}
		return nil
	case 0:
		return unknown(key, known, owners)
	}
	var names []string
	for _, o := range found {
		names = append(names, fmt.Sprintf("%s.%s (of %s)", o.Prefix, name, o.Name))
	}
	return fmt.Errorf("setting %s is ambiguous: write %s", name, strings.Join(names, " or "))
}

// unknown names the nearest of the known settings, and all of them.
func unknown(key string, known []string, owners []Owner) error {
	if len(known) == 0 {
		var names []string
		for _, o := range owners {
			names = append(names, o.Prefix+" "+o.Name)
		}
		return fmt.Errorf("unknown setting %q: %s have none", key, strings.Join(names, ", "))
	}
	near := known
	if !strings.Contains(key, ".") {
		near = nil
		for _, k := range known {
			_, name, _ := strings.Cut(k, ".")
			near = append(near, name)
		}
	}
	return fmt.Errorf("unknown setting %q%s; known are %s", key, named.Suggestion(key, near), strings.Join(known, ", "))
}

// Values returns the settings of v in force, by name, for a record; those that
// depend on other things and are not set are left out.
func Values(v any) map[string]any {
	out := map[string]any{}
	for _, s := range Of(v) {
		if !s.auto || !reflect.ValueOf(s.Value).IsZero() {
			out[s.Name] = s.Value
		}
	}
	return out
}
