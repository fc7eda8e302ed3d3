// Package docfile reads and writes the small YAML and JSON files of run
// folders. Files are written whole or not at all, and equal values give equal
// bytes.
package docfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/regular"

	"go.yaml.in/yaml/v3"
)

// ReadYAML reads a YAML file into v.
func ReadYAML(path string, v any) error { return read(path, v, yaml.Unmarshal) }

// ReadJSON reads a JSON file into v.
func ReadJSON(path string, v any) error { return read(path, v, json.Unmarshal) }

func read(path string, v any, decode func([]byte, any) error) error {
	raw, err := regular.ReadFile(path)
	if err != nil {
		return err
	}
	if err := decode(raw, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// WriteYAML writes v as YAML.
func WriteYAML(path string, v any) error {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(v), enc.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.WriteBytes(path, b.Bytes())
}

// WriteJSON writes v as indented JSON.
func WriteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.WriteBytes(path, append(text, '\n'))
}
