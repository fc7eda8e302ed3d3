package exitcode

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"clipcalib/internal/engine"
)

type misused struct{ error }

func (misused) ExitCode() int { return Misuse }

func TestOf(t *testing.T) {
	plain := errors.New("no")
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, Done},
		{plain, Failed},
		{fmt.Errorf("flag: %w", misused{plain}), Misuse},
		{LeftOut{"2 of 9 pictures could not be read"}, Partial},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, TryAgain},
		{errors.Join(LeftOut{"2"}, &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}), TryAgain},
		{fmt.Errorf("encode: %w", &engine.OutOfMemory{}), TryAgain},
		{Busy{plain}, TryAgain},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, Failed},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

func TestTableHasEveryCode(t *testing.T) {
	for _, code := range []int{Done, Failed, Misuse, Partial, TryAgain, Interrupted, Terminated} {
		if !strings.Contains("\n"+Table, fmt.Sprintf("\n  %d ", code)) {
			t.Errorf("%d is not in the table", code)
		}
	}
}
