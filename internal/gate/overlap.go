package gate

import (
	"hash/maphash"
	"unsafe"

	"clipcalib/calib"
)

// Shared counts the rows of fold that also occur, number for number, among
// those of measured: samples that are fitted on and measured too, whatever
// files they come from.
func Shared(fold, measured calib.Rows) (int, error) {
	_, k := fold.Shape()
	if _, other := measured.Shape(); other != k {
		return 0, nil
	}
	seed := maphash.MakeSeed()
	seen := map[uint64]struct{}{}
	err := eachRow(measured, func(row []float64) { seen[hash(seed, row)] = struct{}{} })
	if err != nil {
		return 0, err
	}
	shared := 0
	err = eachRow(fold, func(row []float64) {
		if _, ok := seen[hash(seed, row)]; ok {
			shared++
		}
	})
	return shared, err
}

func hash(seed maphash.Seed, row []float64) uint64 {
	return maphash.Bytes(seed, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), 8*len(row)))
}

func eachRow(r calib.Rows, f func(row []float64)) error {
	n, k := r.Shape()
	if k < 1 {
		return nil
	}
	step := max(1, (1<<15)/k)
	buf := make([]float64, min(step, n)*k)
	for from := 0; from < n; from += step {
		block := buf[:min(step, n-from)*k]
		if err := r.ReadRows(block, from); err != nil {
			return err
		}
		for i := 0; i < len(block); i += k {
			f(block[i : i+k])
		}
	}
	return nil
}
