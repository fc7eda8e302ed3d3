package parquetscan

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Types of Thrift's compact protocol.
const (
	typeTrue = iota + 1
	typeFalse
	typeByte
	typeInt16
	typeInt32
	typeInt64
	typeDouble
	typeBinary
	typeList
	typeSet
	typeMap
	typeStruct
	typeUUID
)

// maxDepth is far beyond the nesting of any metadata of parquet.
const maxDepth = 32

var errCut = errors.New("its metadata ends in the middle of a value")

// scanner walks a value of Thrift's compact protocol, keeping nothing.
type scanner struct {
	raw     []byte
	structs int // that may still come
}

// walk checks that a struct is whole and followed by nothing but at most rest
// bytes, that every list has the elements that it says it has, and that structs
// are no more than its bytes can mean: each takes hundreds of bytes in memory.
func walk(raw []byte, rest int) error {
	s := scanner{raw, 64 + len(raw)/4}
	if err := s.value(typeStruct, 0); err != nil {
		return err
	}
	if len(s.raw) > rest {
		return fmt.Errorf("%d bytes follow its metadata", len(s.raw))
	}
	return nil
}

func (s *scanner) value(kind byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("its metadata is nested over %d deep", maxDepth)
	}
	switch kind {
	case typeTrue, typeFalse, typeByte:
		return s.skip(1)
	case typeInt16, typeInt32, typeInt64:
		_, err := s.number()
		return err
	case typeDouble:
		return s.skip(8)
	case typeUUID:
		return s.skip(16)
	case typeBinary:
		n, err := s.number()
		if err != nil {
			return err
		}
		return s.skip(n)
	case typeList, typeSet:
		return s.list(depth)
	case typeMap:
		return s.pairs(depth)
	case typeStruct:
		return s.fields(depth)
	}
	return fmt.Errorf("its metadata has a value of the unknown type %d", kind)
}

func (s *scanner) fields(depth int) error {
	if s.structs--; s.structs < 0 {
		return errors.New("its metadata promises more than its bytes hold")
	}
	for {
		head, err := s.next()
		if err != nil {
			return err
		}
		kind := head & 0x0f
		if kind == 0 {
			return nil
		}
		if head>>4 == 0 { // the field's number follows
			if _, err := s.number(); err != nil {
				return err
			}
		}
		if kind == typeTrue || kind == typeFalse { // a field's truth value is its type
			continue
		}
		if err := s.value(kind, depth+1); err != nil {
			return err
		}
	}
}

func (s *scanner) list(depth int) error {
	head, err := s.next()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = s.number(); err != nil {
			return err
		}
	}
	return s.elements(n, depth, head&0x0f)
}

func (s *scanner) pairs(depth int) error {
	n, err := s.number()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := s.next()
	if err != nil {
		return err
	}
	return s.elements(n, depth, kinds>>4, kinds&0x0f)
}

// elements walks n elements, each a value of every kind in turn. Every value has
// a byte at least.
func (s *scanner) elements(n uint64, depth int, kinds ...byte) error {
	if n > uint64(len(s.raw)) {
		return fmt.Errorf("its metadata has a list of %d elements, and %d bytes are left", n, len(s.raw))
	}
	for range n {
		for _, kind := range kinds {
			if err := s.value(kind, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scanner) next() (byte, error) {
	if len(s.raw) == 0 {
		return 0, errCut
	}
	b := s.raw[0]
	s.raw = s.raw[1:]
	return b, nil
}

func (s *scanner) skip(n uint64) error {
	if n > uint64(len(s.raw)) {
		return errCut
	}
	s.raw = s.raw[n:]
	return nil
}

// number is a varint.
func (s *scanner) number() (uint64, error) {
	v, n := binary.Uvarint(s.raw)
	if n <= 0 {
		return 0, errCut
	}
	s.raw = s.raw[n:]
	return v, nil
}
