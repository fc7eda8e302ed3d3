// Package bank keeps image features on disk, so that no image is encoded twice
// with the same weights.
//
// A bank belongs to one model, one preprocessing and one list of images; its
// folder is named by the hash of the three. The features of each pass over the
// images, plain or augmented, lie in shards, safetensors files readable from
// Python. A shard appears when it is whole, so an interrupted run has lost one
// shard at most, several processes may fill one bank, and more views only add
// files. A damaged shard is found by its checksum and made again.
package bank

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/regular"
)

// Key is what a bank's features depend on. Change one of the three and it is
// another bank.
type Key struct {
	Weights       string `json:"weights"`       // hash of the weights
	Preprocessing string `json:"preprocessing"` // of images, views included, in words; with the seed of random views
	Images        string `json:"images"`        // hash of the list of images, in order
}

// ID is the hash of the key, in 32 hexadecimal digits.
func (k Key) ID() string {
	h := sha256.New()
	for _, part := range []string{k.Weights, k.Preprocessing, k.Images} {
		fmt.Fprintf(h, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// HashList hashes a list of strings, such as images' names with their sizes or
// contents, for a [Key].
func HashList(list []string) string {
	h := sha256.New()
	for _, s := range list {
		fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// DefaultShardRows is the number of images in a shard: 2 MB at width 512, and
// at most so many encodings lost when a run is interrupted.
const DefaultShardRows = 1024

// Bank is one bank on disk.
type Bank struct {
	dir       string
	id        string
	images    int
	shardRows int
}

// manifest describes a bank to a reader of the folder.
type manifest struct {
	Key       Key    `json:"key"`
	Images    int    `json:"images"`
	ShardRows int    `json:"shard_rows"`
	Layout    string `json:"layout"`
}

const (
	manifestFile = "bank.json"
	layout       = "view-V/shard-S.safetensors: features [n, D] of images S*shard_rows.. in view V; failed: rows whose " +
		"image could not be read; missing: rows not encoded yet"
)

// Open returns the bank of a key and so many images under root, and creates it
// when it is new. A shardRows of 0 means [DefaultShardRows]; a bank that
// exists keeps its own.
func Open(root string, key Key, images, shardRows int) (*Bank, error) {
	if images < 1 || shardRows < 0 {
		return nil, fmt.Errorf("feature bank of %d images in shards of %d: counts must be positive", images, shardRows)
	}
	if shardRows == 0 {
		shardRows = DefaultShardRows
	}
	b := &Bank{dir: filepath.Join(root, key.ID()), id: key.ID(), images: images, shardRows: shardRows}
	path := filepath.Join(b.dir, manifestFile)
	raw, err := regular.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return b, b.describe(path, key)
	}
	if err != nil {
		return nil, fmt.Errorf("feature bank: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil || m.Key != key || m.ShardRows < 1 {
		return b, b.describe(path, key)
	}
	if m.Images != images {
		return nil, fmt.Errorf("feature bank %s holds %d images, not %d: the hash of the image list does not cover the list", b.dir, m.Images, images)
	}
	b.shardRows = m.ShardRows
	return b, nil
}

func (b *Bank) describe(path string, key Key) error {
	text, err := json.MarshalIndent(manifest{key, b.images, b.shardRows, layout}, "", "  ")
	if err != nil {
		return fmt.Errorf("feature bank: %w", err)
	}
	if err := atomicfile.WriteBytes(path, append(text, '\n')); err != nil {
		return fmt.Errorf("feature bank: %w", err)
	}
	return nil
}

// Dir is the bank's folder.
func (b *Bank) Dir() string { return b.dir }

func (b *Bank) shards() int { return (b.images + b.shardRows - 1) / b.shardRows }

// shard is a run of images in one view.
type shard struct {
	view, from, n int
	path          string
}

func (b *Bank) shard(view, s int) shard {
	from := s * b.shardRows
	return shard{
		view: view, from: from, n: min(b.shardRows, b.images-from),
		path: filepath.Join(b.dir, fmt.Sprintf("view-%d", view), fmt.Sprintf("shard-%05d.safetensors", s)),
	}
}

// Features returns the features of the first views passes, [views*images, D],
// row v*images+i being view v of image i, and the rows whose image could not
// be read, which are zero. Shards that are missing or damaged are an error.
func (b *Bank) Features(views int) (adapt.Matrix, []int, error) {
	var out adapt.Matrix
	var failed []int
	for v := range views {
		for s := range b.shards() {
			sh := b.shard(v, s)
			c, err := b.read(sh)
			if err != nil {
				return out, nil, fmt.Errorf("feature bank: %w", err)
			}
			if len(c.missing) > 0 {
				return out, nil, fmt.Errorf("feature bank: %d images of %s are still to be encoded", len(c.missing),
					sh.path)
			}
			if out.Data == nil {
				out = adapt.NewMatrix(views*b.images, c.features.Cols)
			}
			if c.features.Cols != out.Cols {
				return out, nil, fmt.Errorf("feature bank: %s is %d wide, others are %d", sh.path, c.features.Cols,
					out.Cols)
			}
			at := v*b.images + sh.from
			copy(out.Data[at*out.Cols:], c.features.Data)
			for _, i := range c.failed {
				failed = append(failed, at+i)
			}
		}
	}
	if out.Data == nil {
		return out, nil, fmt.Errorf("feature bank: %d views asked for", views)
	}
	return out, failed, nil
}
