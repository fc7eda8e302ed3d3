package prompt

import (
	"clipcalib/internal/clip"
	"clipcalib/weights"
)

// Model is a CLIP model with both towers on one engine. It serves one call at
// a time.
type Model = clip.Model

// ModelOptions say where and how a model computes. The zero value is the
// processor, all its cores, in float32.
type ModelOptions = clip.Options

// OpenModel loads the checkpoint at path; see [weights.OpenCLIP] for the files
// it takes. The caller closes the model.
func OpenModel(path string, w weights.Options, o ModelOptions) (*Model, error) {
	return clip.Open(path, w, o)
}
