package prompt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"

	"clipcalib/adapt"
)

// fingerprint hashes what decides the result of a training besides its
// options. Images stand for themselves by their labels alone: reading them all
// would cost as much as an epoch.
func (t *task) fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v %s %+v %g %q %d %v\n", t.method.Name(), t.method, t.remedy.Name(), t.remedy,
		t.options.LogitScale, t.data.Classes, t.data.views(), t.data.Labels)
	for _, m := range []adapt.Matrix{t.data.Features, t.protos, t.mentor} {
		fmt.Fprintln(h, m.Rows, m.Cols)
		hashFloats(h, m.Data)
	}
	for _, p := range t.params {
		fmt.Fprintln(h, p.name, p.shape)
		hashFloats(h, p.data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func hashFloats(h hash.Hash, values []float32) {
	buf := make([]byte, 0, 1<<16)
	for i, v := range values {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		if len(buf) == cap(buf) || i == len(values)-1 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
}
