package prompt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/digest"
)

// fingerprint hashes what decides the result of a training besides its
// options. Images stand for themselves by their labels alone: reading them all
// would cost as much as an epoch.
func (t *training) fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v %s %+v %g %q %d %v\n", t.method.Name(), t.method, t.remedy.Name(), t.remedy,
		t.options.LogitScale, t.data.Classes, t.data.views(), t.data.Labels)
	for _, m := range []adapt.Matrix{t.data.Features, t.protos, t.teacherFeatures} {
		fmt.Fprintln(h, m.Rows, m.Cols)
		digest.Floats(h, m.Data)
	}
	for _, p := range t.params {
		fmt.Fprintln(h, p.name, p.shape)
		digest.Floats(h, p.data)
	}
	return hex.EncodeToString(h.Sum(nil))
}
