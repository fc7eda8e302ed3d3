package clipcalib

import (
	"clipcalib/internal/clip"
	"clipcalib/weights"
)

// Options say where and how a [Model] computes. The zero value is the
// processor, all its cores, in float32.
type Options struct {
	Device  *Device         // nil opens the processor for this model alone
	Batch   int             // images encoded at a time; 0 is vit's default
	Nodes   int             // trie nodes computed at a time; 0 is text's default
	Weights weights.Options // what a checkpoint may not say of itself, such as its activation
}

// Model is a CLIP model.
type Model = clip.Model

// Open loads both towers of the checkpoint at path; see [weights.OpenCLIP] for
// the files it takes. The caller closes the model.
func Open(path string, o Options) (*Model, error) { return clip.Open(path, clip.Options(o)) }
