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
	of, err := hashes(seed, fold)
	if err != nil {
		return 0, err
	}
	in, err := hashes(seed, measured)
	if err != nil {
		return 0, err
	}
	seen := make(map[uint64]struct{}, len(in))
	for _, h := range in {
		seen[h] = struct{}{}
	}
	shared := 0
	for _, h := range of {
		if _, ok := seen[h]; ok {
			shared++
		}
	}
	return shared, nil
}

func hashes(seed maphash.Seed, r calib.Rows) ([]uint64, error) {
	n, _ := r.Shape()
	out := make([]uint64, n)
	return out, calib.EachRow(r, func(i int, row []float64) error {
		out[i] = hash(seed, row)
		return nil
	})
}

func hash(seed maphash.Seed, row []float64) uint64 {
	return maphash.Bytes(seed, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), 8*len(row)))
}
