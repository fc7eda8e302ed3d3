package gate

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"

	"clipcalib/calib"
)

// sketchColumns is how many columns of logits a sketch keeps, at most.
const sketchColumns = 12

// Sketch is what samples are known by where nothing but their logits is: some columns
// of every row, and its range.
type Sketch struct {
	classes int
	width   int       // of a row of values: the range, then columns
	values  []float64 // [n, width], in ascending order of the range
	slack   tolerance // of the file's rounding
	widest  float64   // range
	largest float64   // value, in size
}

// SketchOf reads logits [N, K].
func SketchOf(r calib.Rows) (*Sketch, error) {
	n, k := r.Shape()
	s := &Sketch{classes: k, width: 1 + min(k, sketchColumns)}
	s.values = make([]float64, n*s.width)
	var mu sync.Mutex
	all := newRounding()
	err := calib.EachRow(r, func(i int, row []float64) error {
		seen := newRounding()
		for _, v := range row {
			seen.add(v)
		}
		out := s.row(i)
		out[0] = slices.Max(row) - slices.Min(row)
		for j := range out[1:] {
			out[1+j] = row[j*k/(s.width-1)]
		}
		mu.Lock()
		all.join(seen)
		mu.Unlock()
		return nil
	})
	s.slack = all.slack()
	s.index()
	return s, err
}

func (s *Sketch) len() int { return len(s.values) / s.width }

func (s *Sketch) row(i int) []float64 { return s.values[i*s.width : (i+1)*s.width] }

func (s *Sketch) index() {
	order := make([]int, s.len())
	for i := range order {
		order[i] = i
		s.widest = max(s.widest, s.row(i)[0])
		for _, v := range s.row(i)[1:] {
			s.largest = max(s.largest, math.Abs(v))
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.row(a)[0], s.row(b)[0]) })
	sorted := make([]float64, 0, len(s.values))
	for _, i := range order {
		sorted = append(sorted, s.row(i)...)
	}
	s.values = sorted
}

// Saved is the sketch in the form that a calibrator keeps, in float32.
func (s *Sketch) Saved() *calib.FoldRows {
	out := &calib.FoldRows{Classes: s.classes, Width: s.width, SlackAbs: s.slack.abs, SlackRel: s.slack.rel}
	for _, v := range s.values {
		out.Values = binary.LittleEndian.AppendUint32(out.Values, math.Float32bits(float32(v)))
	}
	return out
}

// OpenSketch is the sketch that a calibrator kept.
func OpenSketch(f *calib.FoldRows) (*Sketch, error) {
	if f.Classes < 1 || f.Width != 1+min(f.Classes, sketchColumns) || len(f.Values)%(4*f.Width) != 0 ||
		!(f.SlackAbs >= 0 && f.SlackRel >= 0) {
		return nil, fmt.Errorf("%d bytes, %d values a row, of %d classes are no record of its samples", len(f.Values),
			f.Width, f.Classes)
	}
	s := &Sketch{classes: f.Classes, width: f.Width, slack: tolerance{f.SlackAbs, f.SlackRel + 0x1p-23}}
	for i := 0; i < len(f.Values); i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(f.Values[i:]))
		if v-v != 0 {
			return nil, fmt.Errorf("value %d of the record of its samples is %v", i/4, v)
		}
		s.values = append(s.values, float64(v))
	}
	s.index()
	return s, nil
}

// match is when rows are twins: by how much values may differ, and whether they may also
// differ by a constant, which changes no probability.
type match struct {
	tolerance
	shifted bool
}

// has says that a row has a twin, but for the one of number but: every value within so
// many times the tolerance.
func (s *Sketch) has(row []float64, t match, times float64, but int) bool {
	window := 2 * times * t.at(s.largest)
	from := sort.Search(s.len(), func(i int) bool { return s.row(i)[0] >= row[0]-window })
	for i := from; i < s.len(); i++ {
		other := s.row(i)
		if other[0] > row[0]+window {
			break
		}
		same := i != but
		shift, each := 0.0, times
		if t.shifted {
			shift, each = row[1]-other[1], 2*times
		}
		for k := 1; same && k < len(row); k++ {
			same = math.Abs(row[k]-other[k]-shift) <= each*t.at(max(math.Abs(row[k]), math.Abs(other[k])))
		}
		if same {
			return true
		}
	}
	return false
}
