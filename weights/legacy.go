package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"clipcalib/internal/picklescan"

	"github.com/nlpodyssey/gopickle/types"
)

// The magic number and protocol version that open a file of torch.save before
// PyTorch 1.6.
const (
	legacyMagic    = "119547037146038801333356"
	legacyProtocol = 1001
)

// readLegacy reads a file of torch.save before 1.6: pickles of a magic number,
// a protocol number, facts about the writing machine, the state dict and the
// list of storage keys, then for each key an element count and the raw
// elements.
func (f *File) readLegacy() error {
	f.format = TorchLegacy
	storages := map[string]*legacyStorage{}
	u := unpickler{}
	u.storage = func(class storageClass, key string, numel int64, rest []any) (*storage, error) {
		return legacyLookup(storages, f.src, class, key, numel, rest)
	}
	plain := unpickler{}
	pos := int64(0)
	next := func(u *unpickler, what string) (any, error) {
		data, err := f.src.bytes(pos, min(f.src.size-pos, picklescan.MaxBytes))
		if err != nil {
			return nil, err
		}
		v, n, err := u.load(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		pos += int64(n)
		return v, nil
	}

	magic, err := next(&plain, "magic number")
	if err != nil {
		return err
	}
	if m, ok := magic.(*big.Int); !ok || m.String() != legacyMagic {
		return errors.New("a plain Python pickle, not a PyTorch checkpoint: save it with torch.save")
	}
	protocol, err := next(&plain, "protocol version")
	if err != nil {
		return err
	}
	if protocol != legacyProtocol {
		return fmt.Errorf("legacy protocol version %v is not supported, want %d", protocol, legacyProtocol)
	}
	info, err := next(&plain, "system information")
	if err != nil {
		return err
	}
	for _, item := range itemsOf(info) {
		if item.key == "little_endian" && item.value == false {
			return errors.New("the file is big-endian, only little-endian files are supported")
		}
	}
	root, err := next(&u, "state dict")
	if err != nil {
		return err
	}
	keys, err := next(&plain, "storage keys")
	if err != nil {
		return err
	}
	if err := placeLegacy(f.src, pos, keys, storages); err != nil {
		return err
	}
	return f.setState(root)
}

// legacyStorage is a storage whose place in the file becomes known only after
// the pickle that refers to it.
type legacyStorage struct {
	region
	dtype DType
	numel int64
}

func legacyLookup(seen map[string]*legacyStorage, src *source, class storageClass, key string, numel int64,
	rest []any) (*storage, error) {
	s := seen[key]
	if s == nil {
		s = &legacyStorage{dtype: class.dtype, numel: numel}
		s.src, s.off = src, -1
		seen[key] = s
	}
	if s.dtype != class.dtype || s.numel != numel {
		return nil, fmt.Errorf("storage %.40q is described twice, differently", key)
	}
	whole := &storage{key: key, dtype: s.dtype, numel: s.numel, data: &s.region}
	if len(rest) == 0 || rest[0] == nil {
		return whole, nil
	}
	// A view of a storage: (key, offset, size), as written up to PyTorch 0.4.
	view, ok := rest[0].(*types.Tuple)
	if !ok || view.Len() != 3 {
		return nil, fmt.Errorf("storage %.40q has unknown view metadata", key)
	}
	at, err := asInts(types.NewTupleFromSlice((*view)[1:]))
	if err != nil {
		return nil, fmt.Errorf("storage %.40q: view: %w", key, err)
	}
	if at[0] < 0 || at[1] < 0 || at[0] > numel || at[1] > numel-at[0] {
		return nil, fmt.Errorf("storage %.40q: view of %d elements at %d is outside its %d", key, at[1], at[0], numel)
	}
	whole.data = &legacyView{whole: &s.region, off: at[0] * int64(s.dtype.Size()), n: at[1] * int64(s.dtype.Size())}
	whole.numel = at[1]
	return whole, nil
}

// legacyView is a part of a storage.
type legacyView struct {
	whole  *region
	off, n int64
}

func (v *legacyView) size() int64 { return v.n }

func (v *legacyView) done(off, n int64) { v.whole.done(v.off+off, n) }

func (v *legacyView) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > v.n || n > v.n-off {
		return nil, errors.New("tensor reaches outside its storage")
	}
	return v.whole.bytes(v.off+off, n)
}

// placeLegacy finds the storages, which follow at pos in the order of keys.
func placeLegacy(src *source, pos int64, keys any, storages map[string]*legacyStorage) error {
	list, ok := keys.(*types.List)
	if !ok {
		return fmt.Errorf("want a list of storage keys, got %T", keys)
	}
	for _, k := range *list {
		key, _ := k.(string)
		s := storages[key]
		if s == nil {
			return fmt.Errorf("storage %.40q is stored but no tensor uses it", key)
		}
		head, err := src.bytes(pos, 8)
		if err != nil {
			return fmt.Errorf("storage %.40q is missing: the file is truncated", key)
		}
		if n := binary.LittleEndian.Uint64(head); n != uint64(s.numel) {
			return fmt.Errorf("storage %.40q holds %d elements, the state dict says %d", key, n, s.numel)
		}
		s.off, s.n = pos+8, s.numel*int64(s.dtype.Size())
		if s.n > src.size-s.off {
			return fmt.Errorf("storage %.40q of %d bytes is cut off: the file is truncated", key, s.n)
		}
		pos = s.off + s.n
	}
	for key, s := range storages {
		if s.off < 0 {
			return fmt.Errorf("storage %.40q is missing", key)
		}
	}
	return nil
}
