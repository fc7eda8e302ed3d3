// Package exitcode is the one table of the command's exit codes, and of which
// errors mean which.
package exitcode

import (
	"errors"
	"slices"
	"syscall"

	"clipcalib/internal/engine"
)

// The exit codes. Schedulers may rely on them: 75 is worth another try, 1 and
// 2 are not, and 3 counts as done.
const (
	Done        = 0
	Failed      = 1   // trying again won't help
	Misuse      = 2   // the command line or a recipe is wrong
	Partial     = 3   // done, but something unreadable was left out; what is ignored by rule does not count
	TryAgain    = 75  // failed for want of space, memory, descriptors or a peer: the same command may succeed later
	Interrupted = 130 // by SIGINT
	Terminated  = 143 // by SIGTERM
)

// Table is the table for people, as help and the man page print it.
const Table = `  0    done
  1    failed; trying again won't help
  2    misuse
  3    done, but something unreadable was left out
  75   failed; try again
  130  interrupted
  143  terminated`

// Coder is an error that knows its exit code.
type Coder interface {
	error
	ExitCode() int
}

// LeftOut is the error of a command that did its work without what it could
// not read: its results stand, and it ends with [Partial].
type LeftOut struct{ What string } // as in "3 of 120 pictures could not be read"

func (l LeftOut) Error() string { return l.What }

// ExitCode is Partial.
func (LeftOut) ExitCode() int { return Partial }

// Busy is the error of work that another process is doing at the moment.
type Busy struct{ Err error }

func (b Busy) Error() string { return b.Err.Error() }
func (b Busy) Unwrap() error { return b.Err }

// ExitCode is TryAgain.
func (Busy) ExitCode() int { return TryAgain }

// temporary are errors of the system that may be gone a little later.
var temporary = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM,
	syscall.ETIMEDOUT, syscall.ESTALE, syscall.EIO, syscall.EBUSY, syscall.EADDRINUSE,
}

// Of is the code of an error; signals are for the caller, who saw them.
func Of(err error) int {
	if err == nil {
		return Done
	}
	var memory *engine.OutOfMemory
	again := errors.As(err, &memory)
	for _, t := range slices.Concat(temporary, ofSystem) {
		again = again || errors.Is(err, t)
	}
	var coder Coder
	switch known := errors.As(err, &coder); {
	case again:
		return TryAgain
	case known:
		return coder.ExitCode()
	}
	return Failed
}
