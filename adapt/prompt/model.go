package prompt

import "clipcalib/internal/clip"

// Model is a CLIP model with both towers on one device, opened by
// clipcalib.Open; see clipcalib.Model for its fields and methods.
type Model = clip.Model
