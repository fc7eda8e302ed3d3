package settings

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Setting is one constant of a method, loss or remedy.
type Setting struct {
	Name    string
	Default string // as it is written on the command line, or what it depends on
	Range   string // see inRange
	From    string // where the default is from
	Help    string // what it is, in a few words
	Value   any    // in force
	// Required says that there is no default: the setting must be set.
	Required bool

	field int
	auto  bool
	unset bool   // although it is required
	why   string // it is required
	kind  reflect.Type
}

// Composed is what has no settings of its own: they are those of its parts, no two
// of which have one of the same name.
type Composed interface {
	SettingParts() []any
	WithSettingParts(parts []any) any
}

// Of lists the settings that v, a struct, declares, or those of its parts.
func Of(v any) []Setting {
	c, ok := v.(Composed)
	if !ok {
		return own(v)
	}
	var out []Setting
	for _, p := range c.SettingParts() {
		out = append(out, Of(p)...)
	}
	return out
}

// own lists what v declares itself.
func own(v any) []Setting {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Struct {
		return nil
	}
	var out []Setting
	for i := range rv.NumField() {
		f := rv.Type().Field(i)
		name, ok := f.Tag.Lookup("set")
		if !ok || !f.IsExported() {
			continue
		}
		s := Setting{Name: name, Default: f.Tag.Get("default"), Range: f.Tag.Get("range"), From: f.Tag.Get("from"),
			Help: f.Tag.Get("help"), field: i, kind: f.Type}
		s.Default, s.auto = strings.CutPrefix(s.Default, auto)
		s.why, s.Required = strings.CutPrefix(s.Default, required)
		if s.Required {
			s.Default = ""
			s.unset = rv.Field(i).IsZero()
		}
		s.Value = s.resolve(rv.Field(i)).Interface()
		out = append(out, s)
	}
	return out
}

// Resolved returns v, a struct, with defaults in place of zero values and 0 in
// place of [Zero]. A declaration that is wrong counts as none; see [Check].
func Resolved[T any](v T) T {
	rv := reflect.ValueOf(&v).Elem()
	if rv.Kind() == reflect.Interface { // of a method, loss or remedy: its struct
		inner := reflect.New(rv.Elem().Type()).Elem()
		inner.Set(rv.Elem())
		fill(inner)
		rv.Set(inner)
		return v
	}
	fill(rv)
	return v
}

func fill(rv reflect.Value) {
	if rv.Kind() != reflect.Struct {
		return
	}
	for _, s := range own(rv.Interface()) {
		rv.Field(s.field).Set(reflect.ValueOf(s.Value))
	}
}

// resolve returns the value in force of a field.
func (s Setting) resolve(field reflect.Value) reflect.Value {
	if field.Kind() == reflect.Float64 && field.Float() == Zero {
		return reflect.Zero(field.Type())
	}
	if !field.IsZero() || s.auto || s.Default == "" {
		return field
	}
	v, err := s.parse(s.Default)
	if err != nil {
		return field
	}
	return v
}

// parse reads a value of the field's type.
func (s Setting) parse(text string) (reflect.Value, error) {
	v := reflect.New(s.kind).Elem()
	var err error
	switch s.kind.Kind() {
	case reflect.Float64:
		var f float64
		if f, err = strconv.ParseFloat(text, 64); err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = strconv.ErrRange
		}
		v.SetFloat(f)
	case reflect.Int:
		var n int
		n, err = strconv.Atoi(text)
		v.SetInt(int64(n))
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		if s.kind.Elem().Kind() != reflect.String {
			return v, fmt.Errorf("%s: a list of %s cannot be set", s.Name, s.kind.Elem())
		}
		for part := range strings.SplitSeq(text, "|") {
			v = reflect.Append(v, reflect.ValueOf(part).Convert(s.kind.Elem()))
		}
	default:
		return v, fmt.Errorf("%s: a %s cannot be set", s.Name, s.kind)
	}
	if err != nil {
		return v, fmt.Errorf("%s=%s: want %s", s.Name, text, s.wants())
	}
	return v, nil
}

// wants says in words what values a setting takes.
func (s Setting) wants() string {
	what := map[reflect.Kind]string{
		reflect.Float64: "a number", reflect.Int: "a whole number", reflect.Bool: "true or false",
		reflect.String: "a text", reflect.Slice: "texts, with | between them",
	}[s.kind.Kind()]
	number := s.kind.Kind() == reflect.Float64 || s.kind.Kind() == reflect.Int
	switch {
	case s.Range == "":
		return what
	case !number:
		return strings.ReplaceAll(s.Range, "|", ", ")
	case strings.HasPrefix(s.Range, ">="):
		return fmt.Sprintf("%s of %s or more", what, s.Range[2:])
	case strings.HasPrefix(s.Range, ">"):
		return fmt.Sprintf("%s above %s", what, s.Range[1:])
	}
	return fmt.Sprintf("%s, %s", what, strings.Replace(s.Range, "..", " to ", 1))
}

// check reports a value in force that is out of the setting's range: ">a",
// ">=a" or "a..b" for numbers, "a|b|c" for texts.
func (s Setting) check() error {
	if s.auto && reflect.ValueOf(s.Value).IsZero() {
		return nil
	}
	return s.inRange()
}

// inRange reports a value, be it that of a field that is not set, out of the range.
func (s Setting) inRange() error {
	v := reflect.ValueOf(s.Value)
	ok := true
	switch v.Kind() {
	case reflect.Float64:
		ok = !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0) && within(s.Range, v.Float())
	case reflect.Int:
		ok = within(s.Range, float64(v.Int()))
	case reflect.String:
		ok = s.Range == "" || slices.Contains(strings.Split(s.Range, "|"), v.String())
	}
	if !ok {
		return fmt.Errorf("%s is %v: want %s", s.Name, s.Value, s.wants())
	}
	return nil
}

func within(bounds string, v float64) bool {
	number := func(text string) float64 {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return math.NaN() // compares false: a bad declaration refuses all
		}
		return f
	}
	if bounds == "" {
		return true
	}
	if low, ok := strings.CutPrefix(bounds, ">="); ok {
		return v >= number(low)
	}
	if low, ok := strings.CutPrefix(bounds, ">"); ok {
		return v > number(low)
	}
	low, high, _ := strings.Cut(bounds, "..")
	return v >= number(low) && v <= number(high)
}
