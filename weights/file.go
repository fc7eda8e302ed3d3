package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"sync"
)

// Format is the container a checkpoint came in.
type Format uint8

// The containers Open understands.
const (
	TorchZip    Format = iota + 1 // torch.save since PyTorch 1.6
	TorchScript                   // torch.jit.save, as OpenAI published CLIP
	TorchLegacy                   // torch.save before PyTorch 1.6
	Safetensors
)

// String names the format as a person would.
func (f Format) String() string {
	switch f {
	case TorchZip:
		return "PyTorch zip"
	case TorchScript:
		return "TorchScript archive"
	case TorchLegacy:
		return "PyTorch legacy pickle"
	case Safetensors:
		return "safetensors"
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// File is an open checkpoint: an index of named tensors whose numbers are read
// on demand. It is safe for concurrent use until Close.
type File struct {
	path     string // "" for one in memory
	name     string // for errors
	src      *source
	format   Format
	nested   string
	metadata map[string]string
	tensors  map[string]*Tensor
	suspects []string // keys of several state dicts, one as good as the other
	script   *archive // of a TorchScript archive, for its code
	shards   []*File  // the files the tensors lie in, if they are several

	hash   sync.Once
	sum    string
	sumErr error
}

// Open reads the index of a checkpoint. The format is told by content, never
// by name. Of a training checkpoint the state dict is taken (it is looked for
// under keys such as "state_dict" or "model"), and prefixes put before every
// name by wrappers ("module.") are removed.
//
// A path may also be a folder that open_clip or transformers' from_pretrained
// reads, the index of a checkpoint in shards, or one of the shards: it is the
// whole checkpoint that is opened.
func Open(path string) (*File, error) {
	file, err := weightsOf(path)
	var src *source
	if err == nil {
		src, err = openSource(file)
	}
	if err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, fmt.Errorf("open weights: %w", err)
		}
		return nil, fmt.Errorf("open weights: %s %w", path, err)
	}
	return newFile(file, file, src)
}

// OpenBytes is Open for a checkpoint in memory, such as one embedded in a
// program. The name is used in errors only; data must not change while the
// file is open.
func OpenBytes(name string, data []byte) (*File, error) {
	return newFile("", name, bytesSource(data))
}

func newFile(path, name string, src *source) (*File, error) {
	f := &File{path: path, name: name, src: src}
	err := guard("index", f.readIndex)
	if err == nil && len(f.tensors) == 0 {
		err = errors.New("holds no tensors")
	}
	if err != nil {
		src.close()
		f.closeShards()
		return nil, fmt.Errorf("open weights %s: %w", name, err)
	}
	return f, nil
}

// readIndex tells the format from the first bytes and reads the index.
func (f *File) readIndex() error {
	if f.src.size == 0 {
		return errors.New("file is empty")
	}
	head, err := f.src.bytes(0, min(f.src.size, 512))
	if err != nil {
		return err
	}
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case starts("PK\x03\x04"):
		return f.readArchive()
	case len(head) > 8 && head[8] == '{': // before pickles: a header's length may begin as they do
		return f.readSafetensors()
	case starts("\x80") || starts("L"+legacyMagic):
		return f.readLegacy()
	}
	if err := otherFormat(head, f.path); err != nil {
		return err
	}
	if head[0] == '{' && f.src.size <= maxIndex {
		data, err := f.src.bytes(0, f.src.size)
		if err != nil {
			return err
		}
		return f.readShards(data)
	}
	return errors.New("not a PyTorch, TorchScript or safetensors file")
}

// Close releases the file. Slices already read stay valid.
func (f *File) Close() error { return errors.Join(f.src.close(), f.closeShards()) }

// Path is the path of the file that was opened, in a folder if one was given,
// or "" for one in memory.
func (f *File) Path() string { return f.path }

// Format is the container the tensors came in.
func (f *File) Format() Format { return f.format }

// Nested is the key the state dict was found under, or "".
func (f *File) Nested() string { return f.nested }

// Metadata returns a copy of the strings kept beside the tensors: the
// __metadata__ of a safetensors file, the metadata WritePyTorch keeps on a
// state dict, or a "metadata" dict beside a nested one.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Size is the length of the file in bytes, with its shards.
func (f *File) Size() int64 {
	n := f.src.size
	for _, s := range f.shards {
		n += s.src.size
	}
	return n
}

// Names lists the tensors in byte order.
func (f *File) Names() []string { return sortedKeys(f.tensors) }

// Lookup finds a tensor by its full name.
func (f *File) Lookup(name string) (*Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// SHA256 hashes the whole file and returns lower-case hex, as sha256sum
// prints it; of a checkpoint in shards, the index and behind it the shards in
// the order of their names. The file is read once, however often it is asked.
func (f *File) SHA256() (string, error) {
	f.hash.Do(func() {
		h := sha256.New()
		buf := make([]byte, 1<<20)
		for _, part := range append([]*File{f}, f.shards...) {
			r := io.NewSectionReader(part.src, 0, part.src.size)
			if _, err := io.CopyBuffer(struct{ io.Writer }{h}, r, buf); err != nil {
				f.sumErr = fmt.Errorf("hash %s: %w", part.name, err)
				return
			}
		}
		f.sum = hex.EncodeToString(h.Sum(nil))
	})
	return f.sum, f.sumErr
}
