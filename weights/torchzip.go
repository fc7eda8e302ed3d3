package weights

import (
	"fmt"
	"strings"

	"clipcalib/internal/picklescan"
)

// readArchive reads the index of a torch.save or torch.jit.save archive. Both
// keep a pickle that describes the tensors, and one record for each storage
// under data/; a TorchScript archive is known by its constants.pkl, and its
// pickle's root is a module object instead of a dict.
func (f *File) readArchive() error {
	a, err := openArchive(f.src)
	if err != nil {
		return err
	}
	f.format = TorchZip
	if a.script {
		f.format, f.script = TorchScript, a
	}
	if a.entries[a.root+"byteorder"] != nil {
		order, err := a.read("byteorder", 64)
		if err != nil {
			return err
		}
		if s := strings.TrimSpace(string(order)); s != "little" {
			return fmt.Errorf("byte order %.20q is not supported, only little-endian files are", s)
		}
	}
	index, err := a.read("data.pkl", picklescan.MaxBytes)
	if err != nil {
		return err
	}
	// Records are found by their full path: constants/0 shares its base name
	// with data/0.
	payloads := map[string]payload{}
	u := unpickler{script: a.script}
	u.storage = func(class storageClass, key string, numel int64, _ []any) (*storage, error) {
		p, seen := payloads[key]
		if !seen {
			entry := a.entries[a.root+"data/"+key]
			if entry == nil {
				return nil, fmt.Errorf("record %sdata/%.40s is missing", a.root, key)
			}
			if p, err = a.payload(entry); err != nil {
				return nil, err
			}
			payloads[key] = p
		}
		if need := numel * int64(class.dtype.Size()); need > p.size() {
			return nil, fmt.Errorf("record %sdata/%.40s holds %d bytes, its %d elements of %s need %d",
				a.root, key, p.size(), numel, class.dtype, need)
		}
		return &storage{key: key, dtype: class.dtype, numel: numel, data: p}, nil
	}
	root, _, err := u.load(index)
	if err != nil {
		return fmt.Errorf("record %sdata.pkl: %w", a.root, err)
	}
	return f.setState(root)
}

// setState turns a pickle's root into the file's tensors.
func (f *File) setState(root any) error {
	s, err := stateDict(root)
	if err != nil {
		return err
	}
	f.nested, f.metadata, f.suspects = s.key, s.metadata, s.suspects
	f.tensors = make(map[string]*Tensor, len(s.tensors))
	for name, t := range s.tensors {
		if d, ok := t.storage.data.(*deflated); ok {
			d.users++
		}
		f.tensors[name] = newTensor(name, t)
	}
	return nil
}
