package docfile

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Settings returns the exported fields of a struct that are set, for a record
// of what decides a result.
func Settings(v any) map[string]any {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var all map[string]any
	if json.Unmarshal(text, &all) != nil {
		return nil
	}
	for key, value := range all {
		if value == nil || reflect.ValueOf(value).IsZero() {
			delete(all, key)
		}
	}
	return all
}

// WithSettings returns a copy of v, a struct or what holds one, with the fields
// that are written as JSON.
func WithSettings[T any](v T, text string) (T, error) {
	p := reflect.New(reflect.TypeOf(v))
	if p.Elem().Kind() != reflect.Pointer { // whose target is not ours to change
		p.Elem().Set(reflect.ValueOf(v))
	}
	if err := json.Unmarshal([]byte(text), p.Interface()); err != nil {
		return v, fmt.Errorf("settings %.100q: %w", text, err)
	}
	return p.Elem().Interface().(T), nil
}
