//go:build !windows

package data

import "syscall"

// wants are the errors of a process that lacks descriptors or memory.
var wants = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM}
