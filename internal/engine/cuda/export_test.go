//go:build linux

package cuda

import "testing"

// OpenFake opens an engine on the fake device for tests outside the package.
func OpenFake(t testing.TB, o Options) *Engine {
	e, _ := open(t, o)
	return e
}

// Launches counts the kernels that an engine on a fake device has launched one
// by one.
func Launches(e *Engine) int { return len(e.d.(*fake).launches) }

// Waits counts how often the host has waited for a fake device.
func Waits(e *Engine) int { return e.d.(*fake).waits }

// AfterLaunches calls f once a fake device has been given n more pieces of work,
// replayed ones included.
func AfterLaunches(e *Engine, n int, f func()) { d := e.d.(*fake); d.alarm, d.ring = n, f }

// Busy says whether the fake device of e has work that nothing has waited for.
func Busy(e *Engine) bool { return len(e.d.(*fake).queues[Main]) > 0 }

// Limit lets the fake device of e have n bytes more than it holds, or fewer if n
// is negative: another program has the rest.
func Limit(e *Engine, n int64) {
	f := e.d.(*fake)
	f.limit = f.held + n
}

// Trim gives what an engine holds and does not use back to its device.
func Trim(t testing.TB, e *Engine) {
	if err := e.pool.trim(); err != nil {
		t.Fatal(err)
	}
}

// Products returns the products that an engine has asked its fake device for.
func Products(e *Engine) []Product { return e.d.(*fake).products }

// KernelsRun counts the kernels that an engine on a fake device has launched one
// by one, by name.
func KernelsRun(e *Engine) map[string]int {
	n := map[string]int{}
	for _, l := range e.d.(*fake).launches {
		n[l.Kernel]++
	}
	return n
}
