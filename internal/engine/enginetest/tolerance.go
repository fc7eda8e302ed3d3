package enginetest

import "math"

// tolerance is how far a value may be from the reference's: of times the largest
// value of the result (or 1, if that is more), and each times the value itself.
type tolerance struct{ of, each float64 }

// group is a kind of comparison with a tolerance of its own.
type group int

const (
	elementwise   group = iota // one rounding or two; rows that are moved; optimisers
	products                   // sums of up to some hundred products
	norms                      // and sums over rows
	attentions                 // of values in float32
	losses                     // softmax over scaled cosines
	quotients                  // a gradient along a direction and the difference quotient
	frozenProduct              // by a frozen weight, of the root of the mean square
	stored16                   // one rounding of the result to 16 bits
	product16                  // of 16-bit activations: product, residual and result are rounded
	attention16                // of 16-bit activations: probabilities and result are rounded
	exact16                    // of 16-bit activations, all probabilities being exact
	gradient16                 // of attention over 16-bit activations, by the part's largest value
	exact32                    // of values exact in TF32, all probabilities being exact
	tensor32                   // attention on tensor cores in TF32, inputs exact in it
	tensor32Any                // and inputs that are rounded to it first: 64 products, 2 units each
	gradient32                 // of attention in TF32, inputs exact in it, of the part's largest value
	gradient32Any              // and inputs that are rounded to it first
)

// The unit roundoffs. TF32 has as many bits of significand as IEEE half.
var (
	unitTF32 = math.Ldexp(1, -11)
	unitBF16 = math.Ldexp(1, -8)
	unitFP16 = math.Ldexp(1, -11)
)

// tolerances is the table of all tolerances by precision. Where activations are
// in float32, a precision changes only what it multiplies in another form:
// products in TF32, products by frozen weights, attention on tensor cores.
var tolerances = map[group]map[string]tolerance{
	elementwise: all(2e-5),
	norms:       all(1e-4),
	losses:      all(5e-5),
	products:    {"fp32": {of: 1e-4}, "tf32": {of: 5 * unitTF32}, "bf16": {of: 1e-4}, "fp16": {of: 1e-4}},
	attentions: {"fp32": {of: 1e-4}, "tf32": {of: 12 * unitTF32}, "bf16": {of: 12 * unitTF32},
		"fp16": {of: 12 * unitTF32}},
	quotients:     {"fp32": {of: 2e-3}, "tf32": {of: 4e-3}, "bf16": {of: 4e-3}, "fp16": {of: 4e-3}},
	frozenProduct: {"fp32": {of: 1e-6}, "tf32": {of: 2 * unitTF32}, "bf16": {of: 1e-2}, "fp16": {of: 2 * unitFP16}},
	stored16:      {"bf16": {each: unitBF16}, "fp16": {each: unitFP16}},
	product16:     {"bf16": {of: 3 * unitBF16}, "fp16": {of: 3 * unitFP16}},
	attention16:   {"bf16": {of: 2.1 * unitBF16}, "fp16": {of: 2.1 * unitFP16}},
	exact16:       {"bf16": {of: 1.1 * unitBF16}, "fp16": {of: 1.1 * unitFP16}},
	gradient16:    {"bf16": {of: 2 * unitBF16}},
	exact32:       {"tf32": {of: 1e-6}},
	tensor32:      {"tf32": {of: 1.1 * unitTF32}},
	tensor32Any:   {"tf32": {of: 12 * unitTF32}},
	gradient32:    {"tf32": {of: 2.5 * unitTF32}},
	gradient32Any: {"tf32": {of: 4 * unitTF32}},
}

// all is one tolerance in all precisions.
func all(of float64) map[string]tolerance {
	return map[string]tolerance{"fp32": {of: of}, "tf32": {of: of}, "bf16": {of: of}, "fp16": {of: of}}
}

// expect makes the tolerance that of a group in the engine's precision.
func (b *bench) expect(g group) {
	b.Helper()
	tol, ok := tolerances[g][b.precision]
	if !ok {
		b.Fatalf("no tolerance for group %d in precision %s", g, b.precision)
	}
	b.tol = tol
}
