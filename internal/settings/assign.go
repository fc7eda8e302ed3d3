package settings

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Assignments are what --set takes to give v, a struct or what holds one, the
// fields that a recipe has, by the names of the fields. One that is no setting is
// an error.
func Assignments(v any, fields map[string]any) ([]string, error) {
	names := map[string]string{}
	for _, s := range Of(v) {
		names[reflect.TypeOf(v).Field(s.field).Name] = s.Name
	}
	var out []string
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		name, ok := names[field]
		if !ok {
			return nil, fmt.Errorf("%s of %T is no setting that --set takes", field, v)
		}
		value := fields[field]
		if value == Zero {
			value = 0
		}
		out = append(out, name+"="+written(value))
	}
	return out, nil
}
