package docfile

import (
	"encoding/json"
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
