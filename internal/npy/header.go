package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"
	// maxHeader bounds the header text, which NumPy itself writes in about a
	// hundred bytes.
	maxHeader = 1 << 16
	maxDims   = 32 // NumPy's own limit for years
)

type header struct {
	descr   string
	fortran bool
	shape   []int
}

// readHeader returns the header's text and the bytes read so far.
func readHeader(r io.Reader) (text string, used int64, err error) {
	start := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, start); err != nil || string(start[:len(magic)]) != magic {
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return "", 0, err
		}
		return "", 0, errors.New("not an .npy file (its first bytes are not \\x93NUMPY)")
	}
	major := start[len(magic)]
	length := make([]byte, 4)
	switch major {
	case 1:
		length = length[:2]
	case 2, 3:
	default:
		return "", 0, fmt.Errorf("npy: format version %d.%d is not known (1.0 to 3.0 are)", major, start[len(magic)+1])
	}
	if _, err := io.ReadFull(r, length); err != nil {
		return "", 0, fmt.Errorf("npy: header cut short: %w", err)
	}
	n := uint32(binary.LittleEndian.Uint16(length))
	if major > 1 {
		n = binary.LittleEndian.Uint32(length)
	}
	if n > maxHeader {
		return "", 0, fmt.Errorf("npy: header of %d bytes; at most %d are read", n, maxHeader)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return "", 0, fmt.Errorf("npy: header cut short: %w", err)
	}
	return string(body), int64(len(start)+len(length)) + int64(n), nil
}

// parseHeader reads the header's text, a Python literal such as
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
func parseHeader(text string) (header, error) {
	var h header
	s := &scanner{rest: text}
	s.expect("{")
	seen := map[string]bool{}
	for s.err == nil && !s.accept("}") {
		key := s.quoted()
		s.expect(":")
		switch {
		case s.err != nil:
		case seen[key]:
			s.fail("key %q twice", key)
		case key == "descr":
			h.descr = s.quoted()
		case key == "fortran_order":
			h.fortran = s.boolean()
		case key == "shape":
			h.shape = s.tuple()
		default:
			s.fail("unknown key %q", key)
		}
		seen[key] = true
		if !s.accept(",") {
			s.expect("}")
			break
		}
	}
	if s.space(); s.err == nil && s.rest != "" {
		s.fail("text after the dictionary: %.20q", s.rest)
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if s.err == nil && !seen[key] {
			s.fail("no %q", key)
		}
	}
	return h, s.err
}

// scanner reads Python literals; after the first error every method returns at
// once.
type scanner struct {
	rest string
	err  error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
	s.rest = ""
}

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t\r\n") }

func (s *scanner) accept(token string) bool {
	s.space()
	rest, ok := strings.CutPrefix(s.rest, token)
	if ok {
		s.rest = rest
	}
	return ok
}

func (s *scanner) expect(token string) {
	if s.err == nil && !s.accept(token) {
		s.fail("%q where %q should be", fmt.Sprintf("%.20s", s.rest), token)
	}
}

// quoted reads a string without escapes, the only kind NumPy writes here for
// plain element types.
func (s *scanner) quoted() string {
	s.space()
	if s.err != nil {
		return ""
	}
	if strings.HasPrefix(s.rest, "[") {
		s.fail("structured element types are not supported")
		return ""
	}
	if s.rest != "" && (s.rest[0] == '\'' || s.rest[0] == '"') {
		if end := strings.IndexByte(s.rest[1:], s.rest[0]); end >= 0 {
			text := s.rest[1 : 1+end]
			s.rest = s.rest[end+2:]
			return text
		}
	}
	s.fail("%q where a quoted string should be", fmt.Sprintf("%.20s", s.rest))
	return ""
}

func (s *scanner) boolean() bool {
	if s.accept("True") {
		return true
	}
	s.expect("False")
	return false
}

// tuple reads the dimensions; Python 2 wrote them with an L behind.
func (s *scanner) tuple() []int {
	s.expect("(")
	dims := []int{}
	for s.err == nil && !s.accept(")") {
		s.space()
		end := 0
		for end < len(s.rest) && s.rest[end] >= '0' && s.rest[end] <= '9' {
			end++
		}
		d, err := strconv.Atoi(s.rest[:end])
		if leading := end > 1 && s.rest[0] == '0' && d != 0; err != nil || leading { // as in Python
			s.fail("shape: %q is not a dimension", fmt.Sprintf("%.20s", s.rest))
			return nil
		}
		s.rest = s.rest[end:]
		s.accept("L")
		if dims = append(dims, d); len(dims) > maxDims {
			s.fail("shape: more than %d dimensions", maxDims)
			return nil
		}
		if !s.accept(",") {
			s.expect(")")
			break
		}
	}
	return dims
}
