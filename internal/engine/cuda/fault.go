package cuda

import (
	"encoding/binary"
	"fmt"
)

// faultBytes is the size of the word in which kernels report: code, place, value.
const faultBytes = 16

// faults are the messages, by the codes in common.cuh.
var faults = map[int32]string{
	1: "index %[2]d at place %[1]d is beyond the rows of the table",
	2: "label %[2]d of sample %[1]d is not one of the classes",
	3: "token trie: node %[1]d is not in depth-first order or deeper than 127 (%[2]d)",
}

// checkFault returns the first fault that kernels have reported since the last
// call, and clears it. It waits.
func (e *Engine) checkFault() error {
	var b [faultBytes]byte
	if err := e.d.CopyOut(b[:], e.fault); err != nil {
		return err
	}
	return e.explainFault(b)
}

// explainFault returns what kernels have noted in b, and clears it.
func (e *Engine) explainFault(b [faultBytes]byte) error {
	word := func(i int) int32 { return int32(binary.LittleEndian.Uint32(b[4*i:])) }
	code := word(0)
	if code == 0 {
		return nil
	}
	if err := e.d.Fill(e.fault, 0, faultBytes/4); err != nil {
		return err
	}
	text, ok := faults[code]
	if !ok {
		return fmt.Errorf("a kernel reported the unknown fault %d", code)
	}
	return fmt.Errorf(text, word(1), word(2))
}
