// Package logitfile reads logits and labels from the files that people keep
// them in: .npy, .npz, .csv, .tsv, PyTorch's .pt, .safetensors and .parquet. A
// path may end in #NAME, which picks an array of a file that holds several, or
// columns of a table (patterns such as logit_*, separated by commas).
//
// Rows are read when they are asked for where the format allows it, so that
// neither the file nor a copy need fit into memory.
package logitfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/regular"
)

// Role is what an array is wanted for: it decides among several arrays of one
// file by their names.
type Role []string

// The roles and the names they go by.
var (
	Logits    = Role{"logits"}
	ZeroShot  = Role{"zero_shot_logits", "zero_shot"}
	FitLogits = Role{"fit_logits", "cal_logits", "logits"}
	Labels    = Role{"labels", "label", "targets", "target", "y", "y_true"}
	FitLabels = Role{"fit_labels", "cal_labels", "labels", "label", "targets", "target", "y", "y_true"}
)

// Matrix is an open file of logits.
type Matrix struct {
	calib.Rows
	Path  string
	Notes []string // what of the file was not used

	close func() error
}

// Close releases the file.
func (m *Matrix) Close() error {
	if m.close == nil {
		return nil
	}
	return m.close()
}

// array is one named array as a format offers it.
type array struct {
	name  string
	shape []int
	truth bool                       // of true and false, as a mask is
	rows  func() (calib.Rows, error) // of a matrix
	ints  func() ([]int, error)      // of a vector
}

// contents is what a format makes of a file.
type contents struct {
	arrays []array
	table  *table // in place of arrays
	close  func() error
}

// Open opens logits. The context stops reading.
func Open(ctx context.Context, spec string, role Role) (*Matrix, error) {
	path, key := split(spec)
	c, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Path: path, close: c.close}
	if c.table != nil {
		m.Rows, m.Notes, err = c.table.matrix(key)
	} else {
		var a array
		if a, err = choose(c.arrays, key, role, isMatrix, "a matrix [samples, classes]"); err == nil {
			m.Rows, err = a.rows()
		}
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.Rows = stoppable{m.Rows, ctx, path}
	return m, nil
}

// ReadLabels reads a vector of class indices.
func ReadLabels(ctx context.Context, spec string, role Role) ([]int, error) {
	path, key := split(spec)
	c, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	if c.close != nil {
		defer c.close()
	}
	var labels []int
	if c.table != nil {
		labels, err = c.table.labels(key, role)
	} else {
		var a array
		if a, err = choose(c.arrays, key, role, isVector, "a vector of labels [samples]"); err == nil {
			labels, err = a.ints()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return labels, nil
}

// Path is a file's path without the #NAME.
func Path(spec string) string {
	path, _ := split(spec)
	return path
}

// SHA256 is the hash of a file's bytes, without the #NAME.
func SHA256(spec string) (string, error) {
	path, _ := split(spec)
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// split takes #NAME off, unless a file has that very name.
func split(spec string) (path, key string) {
	at := strings.LastIndexByte(spec, '#')
	if at <= 0 {
		return spec, ""
	}
	if _, err := os.Stat(spec); err == nil {
		return spec, ""
	}
	return spec[:at], spec[at+1:]
}

// open tells the format by content where that is possible, else by name.
func open(ctx context.Context, path string) (contents, error) {
	f, err := regular.Open(path)
	if err != nil {
		return contents{}, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: want a regular file", path)
	}
	head := make([]byte, 16)
	if err == nil {
		var n int
		if n, err = f.ReadAt(head, 0); errors.Is(err, io.EOF) {
			err = nil
		}
		head = head[:n]
	}
	if err != nil {
		f.Close()
		return contents{}, err
	}
	if len(head) == 0 {
		f.Close()
		return contents{}, fmt.Errorf("%s: the file is empty", path)
	}
	name := strings.ToLower(path)
	var c contents
	switch {
	case bytes.HasPrefix(head, []byte("\x93NUMPY")) || strings.HasSuffix(name, ".npy"):
		c, err = openNPY(f, info.Size())
	case bytes.HasPrefix(head, []byte("PAR1")):
		c, err = openParquet(ctx, f, info.Size())
	case strings.HasSuffix(name, ".npz"):
		c, err = openNPZ(f, info.Size())
	case strings.HasSuffix(name, ".csv"):
		c, err = readTable(ctx, f, ',')
	case strings.HasSuffix(name, ".tsv"):
		c, err = readTable(ctx, f, '\t')
	case len(head) > 8 && head[8] == '{', bytes.HasPrefix(head, []byte("PK")), head[0] == 0x80:
		f.Close()
		if c, err = openTensors(path); err != nil {
			return contents{}, err
		}
		return c, nil
	default:
		err = errors.New("not a file of logits: .npy, .npz, .csv, .tsv, .pt, .safetensors and .parquet are read")
	}
	if err != nil {
		f.Close()
		return contents{}, fmt.Errorf("%s: %w", path, err)
	}
	if c.close == nil {
		c.close = f.Close
	}
	return c, nil
}

func isMatrix(shape []int) bool { return len(shape) == 2 }

func isVector(shape []int) bool {
	return len(shape) == 1 || len(shape) == 2 && shape[1] == 1
}

// choose picks the array of a role. Truth values are refused: a mask of right
// answers is as long as its labels, and would be taken for them.
func choose(arrays []array, key string, role Role, fits func([]int) bool, want string) (array, error) {
	a, err := pick(arrays, key, role, fits, want)
	if err == nil && a.truth {
		return array{}, fmt.Errorf("%s %v holds true and false; %s is wanted: if they stand for 1 and 0, save "+
			"them as integers",
			a.name, a.shape, want)
	}
	return a, err
}

// pick is the array of a name, the only one that fits, or the one whose name is
// that of the role.
func pick(arrays []array, key string, role Role, fits func([]int) bool, want string) (array, error) {
	if key != "" {
		for _, a := range arrays {
			if a.name == key {
				if !fits(a.shape) {
					return array{}, fmt.Errorf("%s has shape %v; %s is wanted", key, a.shape, want)
				}
				return a, nil
			}
		}
		return array{}, fmt.Errorf("no array %q; there are %s", key, list(arrays))
	}
	var fitting []array
	for _, a := range arrays {
		if fits(a.shape) {
			fitting = append(fitting, a)
		}
	}
	if len(fitting) == 1 {
		return fitting[0], nil
	}
	for _, name := range role {
		if i := slices.IndexFunc(fitting, func(a array) bool { return a.name == name }); i >= 0 {
			return fitting[i], nil
		}
	}
	if len(arrays) == 1 {
		return array{}, fmt.Errorf("shape %v; %s is wanted", arrays[0].shape, want)
	}
	return array{}, fmt.Errorf("%s is wanted, and there are %s; name it behind the path, as in file#name", want,
		list(arrays))
}

func list(arrays []array) string {
	var names []string
	for i, a := range arrays {
		if i == 8 {
			names = append(names, fmt.Sprintf("%d more", len(arrays)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s %v", a.name, a.shape))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// stoppable ends reading when the context does, and names the file.
type stoppable struct {
	calib.Rows
	ctx  context.Context
	path string
}

func (s stoppable) ReadRows(dst []float64, from int) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err := s.Rows.ReadRows(dst, from); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return nil
}
