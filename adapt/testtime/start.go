package testtime

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clipcalib/internal/settings"
	"clipcalib/weights"
)

// startTensor is the name of learned vectors in files, as CoOp and TPT have it.
const startTensor = "prompt_learner.ctx"

// StartKey names the vectors that [LearnStart] learns by what decides them: the
// SHA-256 of the checkpoint, the classes, and of the options FPP, seed, phrase and
// Truncate.
func StartKey(weightsSHA256 string, classes []string, o Options) string {
	if o.FPP == nil || weightsSHA256 == "" {
		return ""
	}
	phrase := o.Context
	if phrase == "" {
		phrase = defaultContext
	}
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %q %q %d %t %v", weightsSHA256, classes, phrase, o.Seed,
		o.Truncate, settings.Values(*o.FPP))))
}

func startFile(dir, key string) string {
	return filepath.Join(dir, fmt.Sprintf("fpp-%.12s.safetensors", key))
}

// ReadStart returns the vectors of a key that [WriteStart] wrote into a folder, nil
// where it has none.
func ReadStart(dir, key string) ([]float32, error) {
	if key == "" {
		return nil, nil
	}
	path := startFile(dir, key)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vectors of fpp: %w", err)
	}
	defer f.Close()
	t, ok := f.Lookup(startTensor)
	if !ok || f.Metadata()["key"] != key {
		return nil, fmt.Errorf("vectors of fpp: %s is not what its name says: remove it, and they are learned again",
			path)
	}
	return t.Float32()
}

// WriteStart keeps the vectors [M*W] of a key, M of them, in a folder.
func WriteStart(dir, key string, vectors []float32, count int) error {
	if key == "" {
		return errors.New("vectors of fpp: no key to keep them by")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	t := weights.NamedTensor{Name: startTensor, Shape: []int{count, len(vectors) / count}, Data: vectors}
	return weights.WriteSafetensors(startFile(dir, key), []weights.NamedTensor{t}, map[string]string{"key": key})
}
