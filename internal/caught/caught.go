// Package caught turns panics into errors of one line, so that a defect in one
// piece of work ends that piece alone, and carries them from goroutines to who
// waits for these.
package caught

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic as an error.
type Panic struct {
	Value any // of the panic
	stack []byte
}

// Error is the panic in one line.
func (p *Panic) Error() string { return fmt.Sprintf("internal error: %v (please report it)", p.Value) }

// Stack is the trace of the goroutine that panicked.
func (p *Panic) Stack() []byte { return p.stack }

// From makes an error of what recover returned. It must be called by the
// deferred function itself, whose stack still shows where the panic was.
func From(recovered any) *Panic {
	if p, ok := recovered.(*Panic); ok { // carried here from a goroutine
		return p
	}
	return &Panic{recovered, debug.Stack()}
}

// Call is f, with a panic of it as an error.
func Call(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = From(r)
		}
	}()
	return f()
}

// Value is Call for a function that also returns a value.
func Value[T any](f func() (T, error)) (v T, err error) {
	err = Call(func() (err error) {
		v, err = f()
		return err
	})
	return v, err
}
