// Package clipcalib adapts CLIP.
package clipcalib
