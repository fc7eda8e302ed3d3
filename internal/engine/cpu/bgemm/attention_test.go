package bgemm

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAttendAgreesWithDefinition compares with float64 on inputs of 16 bits:
// what is left is the rounding of the softmax's numerators and of the result.
func TestAttendAgreesWithDefinition(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, s := range [][2]int{{1, 1}, {5, 64}, {12, 32}, {17, 33}, {50, 64}, {77, 48}, {197, 64}, {33, 96}} {
			checkAttend(t, r, s[0], s[1])
		}
	})
}

func checkAttend(t *testing.T, r *rand.Rand, n, dim int) {
	t.Helper()
	stride := 3*dim + 6
	x := random(r, n*stride)
	for _, wide := range []bool{false, true} {
		in := Matrix{F32: x, Stride: stride}
		out := Matrix{F32: make([]float32, n*dim), Stride: dim}
		if !wide {
			in = Matrix{BF16: narrowed(x), Stride: stride}
			out = Matrix{BF16: make([]uint16, n*dim), Stride: dim}
		}
		Attend(out, in, in.From(dim), in.From(2*dim), n, dim, 0.3)
		for i, want := range attended(x, stride, n, dim, 0.3) {
			got, tol := 0.0, 1.0/256
			if wide {
				got = float64(out.F32[i])
			} else {
				got, tol = float64(Widened(out.BF16[i])), 2.0/256
			}
			if d := math.Abs(got - want); !(d <= tol*2) {
				t.Fatalf("%d tokens, heads of %d, float32 %v, element %d: %v, want %v", n, dim, wide, i, got, want)
			}
		}
	}
}

// attended is the definition.
func attended(x []float32, stride, n, dim int, scale float64) []float64 {
	out := make([]float64, n*dim)
	for i := range n {
		p, sum, most := make([]float64, n), 0.0, math.Inf(-1)
		for j := range n {
			for c := range dim {
				p[j] += float64(x[i*stride+c]) * float64(x[j*stride+dim+c])
			}
			p[j] *= scale
			most = max(most, p[j])
		}
		for j := range n {
			p[j] = math.Exp(p[j] - most)
			sum += p[j]
		}
		for j := range n {
			for c := range dim {
				out[i*dim+c] += p[j] / sum * float64(x[j*stride+2*dim+c])
			}
		}
	}
	return out
}

func TestSoftmaxAtItsEdges(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 31, 32, 33, 64, 65} {
		whole := ceilDiv(n, depth) * depth
		scores, p := make([]float32, whole), make([]uint16, whole)
		for i := range scores {
			scores[i], p[i] = 1000, 0xffff // beyond n: no score
		}
		for i := range n {
			scores[i] = float32(-100 * (i % 3))
		}
		sum := Softmax(p, scores, n, 0.01)
		var want float64
		for i, v := range p {
			e := 0.0
			if i < n {
				e = math.Exp(-float64(i % 3))
				want += e
			}
			if d := math.Abs(float64(Widened(v)) - e); d > e/256 {
				t.Fatalf("%d scores, numerator %d: %v, want %v", n, i, Widened(v), e)
			}
		}
		if math.Abs(float64(sum)-want) > 1e-6*want {
			t.Errorf("%d scores: sum %v, want %v", n, sum, want)
		}
	}
}

// TestPathsAgreeWithDefinition attends along paths through rows in any order.
func TestPathsAgreeWithDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, heads := range []int{4, 8, 12, 20} {
		const rows, deepest = 40, 24
		width := heads * TreeHead
		x := random(r, rows*3*width)
		p, ok := NewPaths(narrowed(x), heads, deepest, 0.2)
		if !ok {
			t.Skip("this processor takes the float32 kernels")
		}
		for _, length := range []int{1, 2, 3, 7, 16, 24} {
			var path []int32
			for _, i := range r.Perm(rows)[:length] {
				path = append(path, int32(i))
			}
			out := make([]uint16, width)
			p.Attend(out, path)
			for h := range heads {
				// The rows of the path as a sequence, whose last query is the node's.
				var seq []float32
				for _, j := range path {
					for part := range 3 {
						seq = append(seq, x[(int(j)*3+part)*width+h*TreeHead:][:TreeHead]...)
					}
				}
				want := attended(seq, 3*TreeHead, length, TreeHead, 0.2)[(length-1)*TreeHead:]
				for c, w := range want {
					if d := math.Abs(float64(Widened(out[h*TreeHead+c])) - w); !(d <= 4.0/256) {
						t.Fatalf("%d heads, %d rows, head %d, value %d: %v, want %v", heads, length, h, c,
							Widened(out[h*TreeHead+c]), w)
					}
				}
			}
		}
	}
}
