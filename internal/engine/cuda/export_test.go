//go:build linux

package cuda

import "testing"

// OpenFake opens an engine on the fake device for tests outside the package.
func OpenFake(t testing.TB, o Options) *Engine {
	e, _ := open(t, o)
	return e
}
