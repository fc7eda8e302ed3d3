package run

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// partial keeps the logits of the images done so far in a file, so that an
// interrupted run goes on where it stopped: a line with the identity of what is
// being computed, then for each image its logits and its zero-shot logits,
// float32, little-endian. The file of a killed process may end in a part of an
// image, which is dropped.
type partial struct {
	file    *os.File
	classes int
	logits  []float32 // [done, K]
	zs      []float32 // [done, K]
}

// openPartial opens or begins the file at path.
func openPartial(path, identity string, classes, images int) (*partial, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	p := &partial{file: f, classes: classes}
	if err := p.load(identity, images); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func (p *partial) load(identity string, images int) error {
	head := identity + "\n"
	r := bufio.NewReader(p.file)
	found := make([]byte, len(head))
	n, err := io.ReadFull(r, found)
	if n == 0 && errors.Is(err, io.EOF) {
		_, err := p.file.WriteAt([]byte(head), 0)
		if err == nil {
			_, err = p.file.Seek(0, io.SeekEnd)
		}
		return err
	}
	if err != nil || string(found) != head {
		return errors.New("holds part of another evaluation: remove it to start anew")
	}
	row := make([]byte, 8*p.classes)
	for p.done() < images {
		if _, err := io.ReadFull(r, row); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			return err
		}
		for k := range 2 * p.classes {
			v := math.Float32frombits(binary.LittleEndian.Uint32(row[4*k:]))
			if k < p.classes {
				p.logits = append(p.logits, v)
			} else {
				p.zs = append(p.zs, v)
			}
		}
	}
	end := int64(len(head)) + int64(p.done())*int64(len(row))
	if err := p.file.Truncate(end); err != nil {
		return err
	}
	_, err = p.file.Seek(end, io.SeekStart)
	return err
}

// done is the number of images done.
func (p *partial) done() int { return len(p.zs) / p.classes }

// add appends one image.
func (p *partial) add(logits, zeroShot []float32) error {
	row := make([]byte, 0, 8*p.classes)
	for _, values := range [][]float32{logits, zeroShot} {
		for _, v := range values {
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
		}
	}
	if _, err := p.file.Write(row); err != nil {
		return err
	}
	p.logits, p.zs = append(p.logits, logits...), append(p.zs, zeroShot...)
	return nil
}

func (p *partial) close() error { return p.file.Close() }
