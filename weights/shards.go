package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"clipcalib/internal/printable"
)

// maxIndex bounds an index of shards, which takes 100 KB for the largest CLIP.
const maxIndex = 16 << 20

// maxShards bounds how many files an index may name.
const maxShards = 1 << 10

// shardIndex is a *.index.json: which file holds which tensor.
type shardIndex struct {
	WeightMap map[string]string `json:"weight_map"`
}

// readShards opens the files an index names, as one.
func (f *File) readShards(data []byte) (err error) {
	var index shardIndex
	if err := json.Unmarshal(data, &index); err != nil || len(index.WeightMap) == 0 {
		return errors.New("a JSON file that is no index of shards (it has no weight_map): name the weights")
	}
	if f.path == "" {
		return errors.New("an index of shards, whose files are not at hand in memory")
	}
	files := map[string]*File{}
	for _, name := range index.WeightMap {
		if name != filepath.Base(name) || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
			return fmt.Errorf("weight_map names %.80q, which is no file beside the index", name)
		}
		files[name] = nil
	}
	if len(files) > maxShards {
		return fmt.Errorf("weight_map names %d files, more than %d", len(files), maxShards)
	}
	f.tensors = map[string]*Tensor{}
	defer func() {
		if err != nil {
			f.closeShards()
		}
	}()
	for _, name := range sortedKeys(files) {
		src, err := openSource(filepath.Join(filepath.Dir(f.path), name))
		if err != nil {
			return fmt.Errorf("shard %s: %w", printable.Escape(name), err)
		}
		part := &File{name: name, src: src}
		f.shards = append(f.shards, part)
		if err := part.readIndex(); err != nil {
			return fmt.Errorf("shard %s: %w", printable.Escape(name), err)
		}
		f.format = part.format
		for tensor, t := range part.tensors {
			if said := index.WeightMap[tensor]; said != name {
				return fmt.Errorf("shard %s holds %s, which weight_map has in %q", printable.Escape(name),
					printable.Escape(tensor), said)
			}
			f.tensors[tensor] = t
		}
		if f.metadata == nil {
			f.metadata = part.metadata
		}
	}
	for tensor, name := range index.WeightMap {
		if f.tensors[tensor] == nil {
			return fmt.Errorf("shard %s does not hold %s, which weight_map has in it", printable.Escape(name),
				printable.Escape(tensor))
		}
	}
	return nil
}

func (f *File) closeShards() error {
	var errs []error
	for _, s := range f.shards {
		errs = append(errs, s.src.close())
	}
	return errors.Join(errs...)
}
