package weights

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipcalib/internal/printable"
)

// The names that open_clip and transformers keep weights under, in the order
// they are looked for. A folder with open_clip's own configuration is taken as
// open_clip reads it.
var (
	openclipWeights = []string{"open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
		"open_clip_pytorch_model.bin"}
	hfWeights = []string{"model.safetensors", "model" + indexTail, "pytorch_model.bin",
		"pytorch_model.bin.index.json"}
)

const indexTail = ".safetensors.index.json"

// weightsOf resolves a path as a user gives it to the file to open: the weights
// in a folder, the index of a shard.
func weightsOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return weightsIn(path)
	}
	if index := indexOfShard(path); index != "" {
		if _, err := os.Stat(index); err != nil {
			return "", fmt.Errorf("is one of several shards, and their index %s is not beside it: get the whole folder",
				filepath.Base(index))
		}
		return index, nil
	}
	return path, nil
}

func weightsIn(dir string) (string, error) {
	names := slices.Concat(hfWeights, openclipWeights)
	if exists(filepath.Join(dir, openclipFile)) {
		names = slices.Concat(openclipWeights, hfWeights)
	}
	for _, name := range names {
		if path := filepath.Join(dir, name); exists(path) {
			return path, nil
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var found []string
	var other error
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".pt", ".pth", ".bin", ".safetensors":
			if e.Type().IsRegular() && e.Name() != "training_args.bin" {
				found = append(found, e.Name())
			}
		default:
			if err := otherFormat(nil, e.Name()); err != nil && other == nil {
				other = fmt.Errorf("%s is %w", printable.Escape(e.Name()), err)
			}
		}
	}
	switch {
	case len(found) == 1:
		return weightsOf(filepath.Join(dir, found[0]))
	case len(found) > 1 && indexOfShard(found[0]) != "":
		return weightsOf(filepath.Join(dir, found[0]))
	case len(found) > 1:
		return "", fmt.Errorf("is a folder with several files of weights: name one of %s",
			printable.Escape(strings.Join(found, ", ")))
	case exists(filepath.Join(dir, "adapter_config.json")):
		return "", errors.New("is a folder of LoRA deltas: merge them into their model first (peft: merge_and_unload) and " +
			"save that")
	case other != nil:
		return "", other
	}
	return "", errors.New("is a folder without weights: none of " + strings.Join(names, ", ") + " is there")
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// shardName is what transformers calls the shards of a checkpoint.
var shardName = regexp.MustCompile(`^(.+)-\d{5}-of-\d{5}\.(safetensors|bin)$`)

// indexOfShard is the path of the index that a shard belongs to, "" if the
// file is none.
func indexOfShard(path string) string {
	m := shardName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return ""
	}
	return filepath.Join(filepath.Dir(path), m[1]+"."+m[2]+".index.json")
}
