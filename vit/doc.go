// Package vit is CLIP's image side: reading pictures, preprocessing them to
// exactly the numbers the reference code gets from Pillow and torchvision,
// augmented views, and the vision transformer that encodes them.
package vit
