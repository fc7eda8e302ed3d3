package demo

import _ "embed"

// ModelName is the file name of the shipped model.
const ModelName = "clip-icons-32.pt"

//go:embed model/clip-icons-32.pt
var model []byte

// Model returns the shipped model: a small CLIP trained by `clipcalib pretrain`
// on icons, as a PyTorch state dict in half precision. model/CARD.md says on
// what and how.
func Model() []byte { return model }
