package adapt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	"clipcalib/internal/digest"
)

// fingerprint hashes everything that decides the result of the training.
func (t *Training) fingerprint(s *State) string {
	h := sha256.New()
	o := t.options
	fmt.Fprintf(h, "%s %+v %s %+v %s %d %g %d %g %s %s %g %d %s\n", t.method.Name(), t.method, t.remedy.Name(),
		t.remedy,
		o.Loss, o.Epochs, o.LR, o.Batch, o.WeightDecay, o.Optimizer, o.Schedule, o.LogitScale, o.Seed, o.Compat)
	for _, m := range []Matrix{t.data.Features, t.data.Prototypes} {
		hashFloats(h, m)
	}
	fmt.Fprintln(h, t.data.views(), t.data.Labels)
	for _, name := range slices.Sorted(maps.Keys(s.Trained)) {
		fmt.Fprintln(h, name)
		hashFloats(h, s.Trained[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func hashFloats(h hash.Hash, m Matrix) {
	fmt.Fprintln(h, m.Rows, m.Cols)
	digest.Floats(h, m.Data)
}
