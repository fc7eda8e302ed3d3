package train

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"clipcalib/internal/named"
	"clipcalib/internal/settings"
)

// Registry is what names stand for: what is built in, and what a program adds.
// It is safe for concurrent use.
type Registry[T named.Thing] struct {
	kind  string
	mu    sync.RWMutex
	known []T
}

// NewRegistry returns the registry of a kind of thing.
func NewRegistry[T named.Thing](kind string, builtin ...T) *Registry[T] {
	return &Registry[T]{kind: kind, known: builtin}
}

// Add adds a thing under its name. A name that is taken, or is no word for a
// command line, is an error, and so are settings that make no sense.
func (r *Registry[T]) Add(v T) error {
	name := v.Name()
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("register %s %q: a name is of the letters a to z, digits and hyphens", r.kind, name)
	}
	if reflect.TypeOf(v).Kind() == reflect.Pointer {
		return fmt.Errorf("register %s %s: register the struct itself, not a pointer to it", r.kind, name)
	}
	if err := settings.Declared(v); err != nil {
		return fmt.Errorf("register %s %s: %w", r.kind, name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(named.Names(r.known), name) {
		return fmt.Errorf("register %s %s: the name is taken; known are %s", r.kind, name,
			strings.Join(named.Names(r.known), ", "))
	}
	r.known = append(r.known, v)
	return nil
}

// All lists what is known, what is built in first.
func (r *Registry[T]) All() []T {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.known)
}

// Find returns the thing of a name, with its default settings.
func (r *Registry[T]) Find(name string) (T, error) { return named.Find(r.kind, name, r.All()) }
