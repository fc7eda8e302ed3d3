package jpeg

// Fixed-point constants of the accurate integer inverse DCT (libjpeg's
// jidctint.c, after Loeffler, Ligtenberg and Moschytz): the numbers named, times
// 2 to the 13.
const (
	constBits = 13
	pass1Bits = 2

	fix0_298631336 = 2446
	fix0_390180644 = 3196
	fix0_541196100 = 4433
	fix0_765366865 = 6270
	fix0_899976223 = 7373
	fix1_175875602 = 9633
	fix1_501321110 = 12299
	fix1_847759065 = 15137
	fix1_961570560 = 16069
	fix2_053119869 = 16819
	fix2_562915447 = 20995
	fix3_072711026 = 25172
)

// idct transforms one dequantised block and writes its 8 x 8 samples. rows says
// that some coefficient outside the first row may differ from zero. Where
// damaged data exceeds 16 bits, sums wrap and results saturate as they do in
// libjpeg-turbo's code for the vector units of x86-64.
func idct(block *[64]int16, rows bool, out []uint8, stride int) {
	if !rows {
		idctFirstRow(block, out, stride)
		return
	}
	if fast {
		_ = out[7*stride+7] // the assembly does not look
		idctAVX2(block, &out[0], stride)
		return
	}
	idctGo(block, out, stride)
}

// idctGo is idctAVX2 in Go.
func idctGo(block *[64]int16, out []uint8, stride int) {
	var work [64]int32
	for x := range 8 {
		column(block, &work, x)
	}
	for y := range 8 {
		row((*[8]int32)(work[8*y:]), (*[8]uint8)(out[y*stride:]))
	}
}

// idctFirstRow transforms a block whose rows are all alike.
func idctFirstRow(block *[64]int16, out []uint8, stride int) {
	var samples [8]uint8
	if block[1]|block[2]|block[3]|block[4]|block[5]|block[6]|block[7] == 0 {
		v := sample((int32(block[0]<<pass1Bits) + 16) >> 5)
		for x := range samples {
			samples[x] = v
		}
	} else {
		var in [8]int32
		for x := range in {
			in[x] = int32(block[x] << pass1Bits)
		}
		row(&in, &samples)
	}
	for y := range 8 {
		*(*[8]uint8)(out[y*stride:]) = samples
	}
}

// row transforms one row to samples.
func row(in *[8]int32, out *[8]uint8) {
	const shift = constBits + pass1Bits + 3
	const round = 1 << (shift - 1)
	o0, o1, o2, o3, o4, o5, o6, o7 := butterfly(in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7])
	out[0], out[1] = sample((o0+round)>>shift), sample((o1+round)>>shift)
	out[2], out[3] = sample((o2+round)>>shift), sample((o3+round)>>shift)
	out[4], out[5] = sample((o4+round)>>shift), sample((o5+round)>>shift)
	out[6], out[7] = sample((o6+round)>>shift), sample((o7+round)>>shift)
}

// column transforms one column, keeping pass1Bits fractional bits.
func column(block *[64]int16, work *[64]int32, x int) {
	dc := int32(block[x])
	if block[8+x]|block[16+x]|block[24+x]|block[32+x]|block[40+x]|block[48+x]|block[56+x] == 0 {
		dc = saturate(dc << pass1Bits)
		for y := 0; y < 64; y += 8 {
			work[y+x] = dc
		}
		return
	}
	o0, o1, o2, o3, o4, o5, o6, o7 := butterfly(dc, int32(block[8+x]), int32(block[16+x]), int32(block[24+x]),
		int32(block[32+x]), int32(block[40+x]), int32(block[48+x]), int32(block[56+x]))
	const shift = constBits - pass1Bits
	const round = 1 << (shift - 1)
	work[x], work[8+x] = saturate((o0+round)>>shift), saturate((o1+round)>>shift)
	work[16+x], work[24+x] = saturate((o2+round)>>shift), saturate((o3+round)>>shift)
	work[32+x], work[40+x] = saturate((o4+round)>>shift), saturate((o5+round)>>shift)
	work[48+x], work[56+x] = saturate((o6+round)>>shift), saturate((o7+round)>>shift)
}

// saturate clips to 16 bits.
func saturate(v int32) int32 {
	if v != int32(int16(v)) {
		return v>>31 ^ 0x7fff
	}
	return v
}

// butterfly is the one-dimensional transform of 8 values, times 2 to the
// constBits.
func butterfly(i0, i1, i2, i3, i4, i5, i6, i7 int32) (o0, o1, o2, o3, o4, o5, o6, o7 int32) {
	z := (i2 + i6) * fix0_541196100
	t2 := z - i6*fix1_847759065
	t3 := z + i2*fix0_765366865
	t0 := int32(int16(i0+i4)) << constBits
	t1 := int32(int16(i0-i4)) << constBits
	e0, e3 := t0+t3, t0-t3
	e1, e2 := t1+t2, t1-t2

	z1, z2 := i7+i1, i5+i3
	z3, z4 := int32(int16(i7+i3)), int32(int16(i5+i1))
	z5 := (z3 + z4) * fix1_175875602
	z1 *= -fix0_899976223
	z2 *= -fix2_562915447
	z3 = z3*-fix1_961570560 + z5
	z4 = z4*-fix0_390180644 + z5
	d7 := i7*fix0_298631336 + z1 + z3
	d5 := i5*fix2_053119869 + z2 + z4
	d3 := i3*fix3_072711026 + z2 + z3
	d1 := i1*fix1_501321110 + z1 + z4
	return e0 + d1, e1 + d3, e2 + d5, e3 + d7, e3 - d7, e2 - d5, e1 - d3, e0 - d1
}

// sample undoes the level shift and clips.
func sample(v int32) uint8 {
	v += 128
	if uint32(v) > 255 {
		return uint8(^(v >> 31)) // 0 below the range, 255 above
	}
	return uint8(v)
}
