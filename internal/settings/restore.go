package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Restore returns v with the settings that [Values] wrote, by their names.
// Names that v does not have are an error.
func Restore[T any](v T, values map[string]any) (T, error) {
	known := Of(v)
	for name, value := range values {
		i := slices.IndexFunc(known, func(s Setting) bool { return s.Name == name })
		if i < 0 {
			return v, fmt.Errorf("no setting %q", name)
		}
		if known[i].auto && isZero(value) {
			continue // what stands for it depends on other things
		}
		var err error
		if v, err = With(v, name, written(value)); err != nil {
			return v, err
		}
	}
	return v, nil
}

func isZero(v any) bool {
	rv := reflect.ValueOf(v)
	return !rv.IsValid() || rv.IsZero() || rv.Kind() == reflect.Slice && rv.Len() == 0
}

// written is a value as the command line takes it.
func written(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = fmt.Sprint(p)
	}
	return strings.Join(parts, "|")
}
