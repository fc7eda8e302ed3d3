//go:build (!amd64 && !arm64) || noasm

package sgemm

import "unsafe"

var (
	active  = portable
	kernels = []*kernel{portable}
)

// interleave4 moves four rows of length k into columns:
//
//	for l in [0, k), r in [0, 4):
//	    dst[l*width+r] = src[r*ld+l]
func interleave4(k int, src *float32, ld int, dst *float32, width int) {
	s := unsafe.Slice(src, 3*ld+k)
	d := unsafe.Slice(dst, (k-1)*width+4)
	s0, s1, s2, s3 := s[:k], s[ld:ld+k], s[2*ld:2*ld+k], s[3*ld:3*ld+k]
	for l := range s0 {
		q := d[l*width : l*width+4]
		q[0], q[1], q[2], q[3] = s0[l], s1[l], s2[l], s3[l]
	}
}
