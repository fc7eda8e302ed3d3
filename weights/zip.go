package weights

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"
	"sync"
)

const (
	// maxDirectory bounds the central directory, and with it the number of
	// entries that are listed in memory.
	maxDirectory = 32 << 20
	// An archive may unpack to 64 MiB plus a hundred times its own size.
	// Whole checkpoints of random-looking numbers stay far below; a zip bomb
	// does not.
	bombBase, bombRatio = 64 << 20, 100
)

// archive is the index of a torch.save or torch.jit.save archive.
type archive struct {
	src     *source
	root    string // the one top folder
	entries map[string]*zip.File
	script  bool
}

// budgetReader stops a parser that reads more than it can need.
type budgetReader struct {
	r    io.ReaderAt
	left int64
}

func (b *budgetReader) ReadAt(p []byte, off int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("central directory is larger than %d MiB", maxDirectory>>20)
	}
	return b.r.ReadAt(p, off)
}

func openArchive(src *source) (*archive, error) {
	r, err := zip.NewReader(&budgetReader{src, maxDirectory}, src.size)
	if err != nil {
		return nil, fmt.Errorf("zip archive is damaged or truncated: %w", err)
	}
	a := &archive{src: src, entries: make(map[string]*zip.File, len(r.File))}
	var packed, unpacked uint64
	for _, f := range r.File {
		if _, twice := a.entries[f.Name]; twice {
			return nil, fmt.Errorf("zip archive holds two entries named %.100q", f.Name)
		}
		a.entries[f.Name] = f
		packed += f.CompressedSize64
		unpacked += f.UncompressedSize64
		if f.UncompressedSize64 > 1<<50 || packed > uint64(src.size) || unpacked > uint64(src.size)*bombRatio+bombBase {
			return nil, fmt.Errorf("zip archive of %d bytes claims to hold far more than it can (at entry %.100q): refused "+
				"as a zip bomb", src.size, f.Name)
		}
		if dir, base := path.Split(f.Name); base == "data.pkl" && strings.Count(dir, "/") == 1 {
			if a.root != "" {
				return nil, fmt.Errorf("zip archive holds both %sdata.pkl and %sdata.pkl", a.root, dir)
			}
			a.root = dir
		}
	}
	if a.root == "" {
		return nil, errors.New("zip archive without a data.pkl record: not a PyTorch checkpoint")
	}
	_, a.script = a.entries[a.root+"constants.pkl"]
	return a, nil
}

// raw returns the file offset of an entry that is stored uncompressed.
func (a *archive) raw(f *zip.File) (int64, error) {
	off, err := f.DataOffset()
	if err != nil {
		return 0, fmt.Errorf("record %s: %w", f.Name, err)
	}
	size := int64(f.UncompressedSize64)
	if f.CompressedSize64 != f.UncompressedSize64 || off < 0 || off > a.src.size || size > a.src.size-off {
		return 0, fmt.Errorf("record %s lies outside the file", f.Name)
	}
	return off, nil
}

// read returns the whole of a small record.
func (a *archive) read(name string, limit int64) ([]byte, error) {
	f := a.entries[a.root+name]
	if f == nil {
		return nil, fmt.Errorf("record %s%s is missing", a.root, name)
	}
	if f.UncompressedSize64 > uint64(limit) {
		return nil, fmt.Errorf("record %s of %d bytes is larger than %d", f.Name, f.UncompressedSize64, limit)
	}
	p, err := a.payload(f)
	if err != nil {
		return nil, err
	}
	return p.bytes(0, p.size())
}

// payload is the content of an entry, wherever it lies.
func (a *archive) payload(f *zip.File) (payload, error) {
	if f.Flags&1 != 0 {
		return nil, fmt.Errorf("record %s is encrypted", f.Name)
	}
	switch f.Method {
	case zip.Store:
		off, err := a.raw(f)
		if err != nil {
			return nil, err
		}
		r := &region{src: a.src, off: off, n: int64(f.UncompressedSize64), once: new(sync.Once)}
		if f.CRC32 != 0 {
			r.verify = func() error { return checkCRC(r, f) }
		}
		return r, nil
	case zip.Deflate:
		return &deflated{entry: f}, nil
	}
	return nil, fmt.Errorf("record %s uses compression method %d, want stored or deflated", f.Name, f.Method)
}

// checkCRC compares a stored record with its checksum. torch.save can be told
// to leave the checksum out, and then records zero.
func checkCRC(r *region, f *zip.File) error {
	const chunk = 4 << 20
	sum := uint32(0)
	for off := int64(0); off < r.n; off += chunk {
		b, err := r.src.bytes(r.off+off, min(chunk, r.n-off))
		if err != nil {
			return err
		}
		sum = crc32.Update(sum, crc32.IEEETable, b)
	}
	if sum != f.CRC32 {
		return fmt.Errorf("record %s does not match its checksum: the file is damaged", f.Name)
	}
	return nil
}

// deflated is a compressed record, inflated when read. It is kept afterwards
// only if several tensors share it.
type deflated struct {
	entry *zip.File
	users int // tensors on this storage

	mu   sync.Mutex
	data []byte
}

func (d *deflated) size() int64 { return int64(d.entry.UncompressedSize64) }

func (d *deflated) done(int64, int64) {}

func (d *deflated) bytes(off, n int64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	data := d.data
	if data == nil {
		var err error
		if data, err = inflate(d.entry); err != nil {
			return nil, fmt.Errorf("record %s: %w", d.entry.Name, err)
		}
		if d.users > 1 {
			d.data = data
		}
	}
	if off < 0 || n < 0 || off > int64(len(data)) || n > int64(len(data))-off {
		return nil, errors.New("tensor reaches outside its storage")
	}
	return data[off : off+n], nil
}

// inflate unpacks an entry to exactly the size its header gives. The buffer
// grows with what really comes out, so a false size reserves nothing.
func inflate(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	want := int64(f.UncompressedSize64)
	buf := make([]byte, 0, min(want, int64(f.CompressedSize64)*4+512))
	for int64(len(buf)) < want {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(want, int64(cap(buf))*2+4096))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF && int64(len(buf)) == want {
			return buf, nil
		}
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	// One more read reports the checksum and data past the promised end.
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		if err == nil {
			err = errors.New("holds more than its header says")
		}
		return nil, err
	}
	return buf, nil
}
