package run

import (
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/docfile"
)

// TargetDir is the folder below a run for the logits of a target: that of its
// name, or of its name and the start of its data's hash where the results of
// other data lie under the name. A data set finds its own results again, in
// whatever order several of one name are evaluated. The hash is Inputs.DataHash.
func TargetDir(run, name, hash string) string {
	dir := filepath.Join(run, "targets", name)
	if hash == "" || !heldByOther(dir, hash) {
		return dir
	}
	return dir + "-" + ShortHash(hash)
}

// ShortHash is the part of a hash that names of folders and columns show.
func ShortHash(hash string) string { return hash[:min(8, len(hash))] }

// DataHash tells the data that an evaluation is of from any other: the hash of
// the data set, or of the feature files where no more is known.
func (in Inputs) DataHash() string {
	if in.DataSHA256 != "" {
		return in.DataSHA256
	}
	return strings.Join(in.FeaturesSHA256, " ")
}

// heldByOther reports whether a target's folder holds results of other data, or
// the beginning of such, which test-time tuning names by the hash.
func heldByOther(dir, hash string) bool {
	var t Target
	if docfile.ReadYAML(filepath.Join(dir, targetFile), &t) == nil {
		return t.Inputs.DataHash() != hash
	}
	entries, _ := os.ReadDir(dir) // nothing to read: nobody's
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".partial" && !strings.Contains(e.Name(), ShortHash(hash)) {
			return true
		}
	}
	return false
}
