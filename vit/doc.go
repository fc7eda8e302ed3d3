// Package vit is CLIP's image side: reading pictures, preprocessing them to
// exactly the numbers the reference code gets from Pillow and torchvision,
// augmented views, and the vision transformer that encodes them.
//
// The encoder computes on a device of clipcalib.OpenDevice, in the precision of
// that device: float32 by default; bfloat16 products with frozen weights on a
// processor; TF32, bfloat16 or IEEE half on a GPU. Features come back
// as float32 in all of them, and pictures are preprocessed alike.
package vit
