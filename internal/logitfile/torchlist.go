package logitfile

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxList bounds the pickle of a list of labels.
const maxList = 256 << 20

// torchList reads a Python list of whole numbers as torch.save writes it, as the
// paper's code keeps labels. It knows the few opcodes that such a list has and
// refuses all others, so nothing of the file is ever called.
func torchList(path string) ([]int, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	for _, e := range z.File {
		if e.Name != "data.pkl" && !strings.HasSuffix(e.Name, "/data.pkl") {
			continue
		}
		r, err := e.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return pickledList(bufio.NewReader(io.LimitReader(r, maxList)))
	}
	return nil, errors.New("no pickle in it")
}

// The opcodes of a pickled list of whole numbers.
const (
	opProto, opStop, opMark                       = 0x80, '.', '('
	opEmptyList, opAppend, opAppends              = ']', 'a', 'e'
	opBinPut, opLongBinPut, opMemoize             = 'q', 'r', 0x94
	opBinInt, opBinInt1, opBinInt2, opLong1       = 'J', 'K', 'M', 0x8a
	opFrame, maxLong                        int64 = 0x95, 8
)

func pickledList(r *bufio.Reader) (list []int, err error) {
	begun := false
	number := func(n int, signed bool) error {
		var b [8]byte
		if _, err := io.ReadFull(r, b[:n]); err != nil {
			return err
		}
		v := int64(binary.LittleEndian.Uint64(b[:]))
		if signed && n > 0 {
			v = v << (64 - 8*n) >> (64 - 8*n)
		}
		list = append(list, int(v))
		return nil
	}
	for {
		op, err := r.ReadByte()
		if err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		if !begun && op != opProto && op != opEmptyList && int64(op) != opFrame {
			return nil, errors.New("it holds no list")
		}
		switch int64(op) {
		case opProto, opBinPut:
			_, err = r.Discard(1)
		case opLongBinPut:
			_, err = r.Discard(4)
		case opFrame:
			_, err = r.Discard(8)
		case opMark, opAppend, opAppends, opMemoize:
		case opEmptyList:
			if begun {
				return nil, errors.New("it holds a list of lists")
			}
			begun = true
		case opBinInt:
			err = number(4, true)
		case opBinInt1:
			err = number(1, false)
		case opBinInt2:
			err = number(2, false)
		case opLong1:
			var n byte
			if n, err = r.ReadByte(); err == nil && int64(n) > maxLong {
				return nil, fmt.Errorf("a label of %d bytes", n)
			}
			if err == nil {
				err = number(int(n), true)
			}
		case opStop:
			if len(list) == 0 {
				return nil, errors.New("the list is empty")
			}
			return list, nil
		default:
			return nil, fmt.Errorf("it holds something else than whole numbers (opcode %#x)", op)
		}
		if err != nil {
			return nil, err
		}
	}
}
