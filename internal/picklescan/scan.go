// Package picklescan walks a pickle's opcodes without interpreting them, so that
// one from elsewhere can be interpreted in bounded memory.
package picklescan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds on one pickle. The index of the largest CLIP is below 1 MB and 50,000
// opcodes, an optimiser's state included below ten times that.
const (
	MaxBytes = 16 << 20
	MaxOps   = 1 << 20
	MaxLine  = 1 << 10 // bytes of a name
	maxMarks = 256
	maxLong  = 64
)

// pickleArg says how an opcode's argument is laid out in the stream.
type pickleArg uint8

const (
	argRefused pickleArg = iota // not an opcode we let through
	argNone
	arg1 // so many bytes
	arg2
	arg4
	arg8
	argLine  // up to a newline
	argLines // two lines: module and name
	argData1 // a length in so many bytes, then data
	argData4
	argData8
	argLong1 // the same, holding an integer
	argLong4
	argFrame
)

// pickleArgs covers protocols 0 to 5 as in Python's pickletools, less the
// extension registry and out-of-band buffers, which no checkpoint uses.
var pickleArgs = func() (t [256]pickleArg) {
	for _, c := range []byte("(012NRabdelost]})u\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94Q") {
		t[c] = argNone
	}
	for _, c := range []byte("FILSVPgp") {
		t[c] = argLine
	}
	t['c'], t['i'] = argLines, argLines
	for _, c := range []byte("Khq\x80") {
		t[c] = arg1
	}
	t['M'] = arg2
	t['J'], t['j'], t['r'] = arg4, arg4, arg4
	t['G'] = arg8
	t['U'], t['C'], t[0x8c] = argData1, argData1, argData1
	t['T'], t['X'], t['B'] = argData4, argData4, argData4
	t[0x8d], t[0x8e], t[0x96] = argData8, argData8, argData8
	t[0x8a], t[0x8b] = argLong1, argLong4
	t[0x95] = argFrame
	t['.'] = argNone
	return t
}()

// Scan walks the opcodes of the pickle at the start of data without
// interpreting them and returns its length. What passes holds no length that
// reaches outside the data and stays within the bounds above, so interpreting
// it takes memory in proportion to its size.
func Scan(data []byte) (int, error) {
	if len(data) > MaxBytes {
		data = data[:MaxBytes]
	}
	marks := 0
	pos := 0
	for ops := 0; ; ops++ {
		if ops >= MaxOps {
			return 0, fmt.Errorf("pickle has more than %d opcodes", MaxOps)
		}
		if pos >= len(data) {
			return 0, errTruncatedPickle(data)
		}
		op := data[pos]
		n, err := pickleArgLen(op, data[pos+1:])
		if err != nil {
			return 0, fmt.Errorf("pickle opcode 0x%02x at byte %d: %w", op, pos, err)
		}
		if n < 0 || n > len(data)-pos-1 {
			return 0, errTruncatedPickle(data)
		}
		pos += 1 + n
		switch op {
		case '.':
			return pos, nil
		case '(':
			if marks++; marks > maxMarks {
				return 0, fmt.Errorf("pickle nests more than %d deep", maxMarks)
			}
		case '1', 'd', 'e', 'l', 't', 'u', 'i', 'o', 0x90, 0x91:
			marks--
		}
	}
}

func errTruncatedPickle(data []byte) error {
	if len(data) == MaxBytes {
		return fmt.Errorf("pickle is longer than %d MiB", MaxBytes>>20)
	}
	return errors.New("pickle is truncated")
}

// pickleArgLen is the number of bytes op's argument takes at the start of
// rest. A negative number stands for one too large to be true.
func pickleArgLen(op byte, rest []byte) (int, error) {
	counted := func(width int, limit uint64) (int, error) {
		if len(rest) < width {
			return -1, nil
		}
		var b [8]byte
		copy(b[:], rest[:width])
		n := binary.LittleEndian.Uint64(b[:])
		if n > limit {
			return -1, nil
		}
		return width + int(n), nil
	}
	switch pickleArgs[op] {
	case argNone:
		return 0, nil
	case arg1:
		return 1, nil
	case arg2:
		return 2, nil
	case arg4:
		return 4, nil
	case arg8:
		return 8, nil
	case argLine:
		return lineLen(rest)
	case argLines:
		first, err := lineLen(rest)
		if err != nil || first < 0 {
			return first, err
		}
		second, err := lineLen(rest[first:])
		if err != nil || second < 0 {
			return second, err
		}
		return first + second, nil
	case argData1:
		return counted(1, MaxBytes)
	case argData4:
		return counted(4, MaxBytes)
	case argData8:
		return counted(8, MaxBytes)
	case argLong1, argLong4:
		width := 1
		if pickleArgs[op] == argLong4 {
			width = 4
		}
		n, err := counted(width, MaxBytes)
		if n > width+maxLong || n == width {
			return 0, fmt.Errorf("integer of %d bytes", n-width)
		}
		return n, err
	case argFrame:
		// The frame's length only promises where the next one starts.
		if n, _ := counted(8, MaxBytes); n < 0 || n > len(rest) {
			return -1, nil
		}
		return 8, nil
	}
	return 0, errors.New("not allowed in a checkpoint")
}

func lineLen(rest []byte) (int, error) {
	if len(rest) > MaxLine {
		rest = rest[:MaxLine]
	}
	i := bytes.IndexByte(rest, '\n')
	if i < 0 {
		if len(rest) == MaxLine {
			return 0, fmt.Errorf("line longer than %d bytes", MaxLine)
		}
		return -1, nil
	}
	return i + 1, nil
}
