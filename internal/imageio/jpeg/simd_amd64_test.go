//go:build amd64 && !noasm

package jpeg

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestAssemblyEqualsGo: every coefficient of 16 bits, so that sums wrap and
// results saturate as well.
func TestAssemblyEqualsGo(t *testing.T) {
	if !fast {
		t.Skip("this processor has no AVX2")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const stride = 11
	for i := range 20_000 {
		var block [64]int16
		for range 1 + i%64 {
			block[rng.IntN(64)] = int16(rng.Uint32()) >> (i % 16)
		}
		got, want := make([]uint8, 8*stride), make([]uint8, 8*stride)
		idctAVX2(&block, &got[0], stride)
		idctGo(&block, want, stride)
		if !bytes.Equal(got, want) {
			t.Fatalf("block %v:\n%v, want\n%v", block, got, want)
		}
	}
	rows := make([][]uint8, 3)
	for i := range rows {
		rows[i] = make([]uint8, 1<<16)
		for k := range rows[i] {
			rows[i][k] = uint8(rng.Uint32())
		}
	}
	got := make([]uint8, 4<<16)
	yccRow(got, rows)
	for k := range rows[0] {
		r, g, b := ycc(rows[0][k], rows[1][k], rows[2][k])
		if want := []uint8{r, g, b, 255}; !bytes.Equal(got[4*k:4*k+4], want) {
			t.Fatalf("pixel %d is %v, want %v", k, got[4*k:4*k+4], want)
		}
	}
	for _, n := range []int{3, 15, 16, 17, 18, 33, 34, 250, 1000} {
		near, far, sums := rows[0][:n], rows[1][:n], make([]uint16, n)
		out := make([]uint8, 2*n)
		fancyH2V2(out, near, far, sums)
		at := func(x int) int { return int(near[x])*3 + int(far[x]) }
		for x := 1; x < n-1; x++ {
			even, odd := uint8((at(x)*3+at(x-1)+8)>>4), uint8((at(x)*3+at(x+1)+7)>>4)
			if out[2*x] != even || out[2*x+1] != odd {
				t.Fatalf("%d samples: sample %d gives %d and %d, want %d and %d", n, x, out[2*x], out[2*x+1], even, odd)
			}
		}
	}
}
