package cudatest

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"
)

const tensorHead = 64 // the size of heads that attention on tensor cores is for

// projection is the packed input of an attention: rows of query, key and value.
type projection struct {
	array
	batch, tokens, heads int
}

func (b *Bench) projection(batch, tokens, heads int) projection {
	p := projection{b.normal(batch*tokens, 3*heads*tensorHead), batch, tokens, heads}
	for i := range p.floats {
		if i/(heads*tensorHead)%3 == 2 { // values within 1, so that results are
			p.floats[i] = float32(math.Tanh(float64(p.floats[i])))
		}
	}
	return p
}

// part is the query, the key or the value (0, 1, 2) of a head of a token.
func (p projection) part(which, sequence, token, head int) []float32 {
	at := (((sequence*p.tokens+token)*3+which)*p.heads + head) * tensorHead
	return p.floats[at : at+tensorHead]
}

// each calls f for every sequence, token and head.
func (p projection) each(f func(s, t, h int)) {
	for s := range p.batch {
		for t := range p.tokens {
			for h := range p.heads {
				f(s, t, h)
			}
		}
	}
}

// point makes the query of every token size times the key of another one, and
// keys of neighbours equal, so that two keys share nearly all of its attention,
// and every key has some.
func (p projection) point(size float32) {
	p.each(func(s, t, h int) {
		if t%2 == 1 {
			copy(p.part(1, s, t, h), p.part(1, s, t-1, h))
		}
	})
	p.each(func(s, t, h int) {
		q, k := p.part(0, s, t, h), p.part(1, s, (7*t+3)%p.tokens, h)
		for c := range q {
			q[c] = size * k[c]
		}
	})
}

// flatten makes all scores 0, and the result a count of tokens: a key too many
// or too few shows.
func (p projection) flatten() {
	p.each(func(s, t, h int) {
		clear(p.part(0, s, t, h))
		v := p.part(2, s, t, h)
		clear(v)
		v[t%tensorHead] = float32(p.tokens)
	})
}

// lengths returns the sequences that the kernels treat differently: rows and
// tiles that are not full, one and several tiles and blocks.
func lengths() [][3]int {
	var ls [][3]int
	for _, tokens := range []int{1, 5, 16, 17, 31, 32, 33, 50, 64, 65, 128, 145} {
		ls = append(ls, [3]int{2, tokens, 2})
	}
	return append(ls, [3]int{1, 197, 3}, [3]int{1, 257, 1})
}

// NarrowAttention checks attention over 16-bit activations on inputs of 16
// bits. Probabilities and the result are rounded once each, and values are
// within 1: the result may be off by 2 units, and by what float32 adds.
func (b *Bench) NarrowAttention() {
	unit := b.Unit()
	b.attentions(2.1*unit, 1.1*unit, b.narrow)
	b.Tol = 1.1 * unit // by the float32 kernels, then rounded
	for _, heads := range []int{1, 3} {
		const tokens = 9
		in := []array{b.narrow(b.normal(2*tokens, 3*96))}
		b.sameStored(fmt.Sprint("narrow Attention, heads of ", 96/heads), in, func(e engine.Engine, i, o tensors) error {
			return e.Attention(o[0], i[0], 2, tokens, heads)
		}, true, sh(2*tokens, 96))
	}
	b.Tol = 2.1 * unit
	p := b.projection(2, 20, 1)
	for _, narrow := range []bool{true, false} { // of the input, and not of the result
		in := b.narrow(p.array)
		in.narrow = narrow
		b.sameStored("Attention of mixed storage", []array{in}, func(e engine.Engine, i, o tensors) error {
			return e.Attention(o[0], i[0], 2, 20, 1)
		}, !narrow, sh(40, tensorHead))
	}
}

// TF32Attention checks attention in an engine of precision TF32: on inputs that
// are exact in it, where only the probabilities are rounded, and on others.
func (b *Bench) TF32Attention() {
	unit := math.Ldexp(1, -11)
	b.attentions(1.1*unit, 1e-6, func(a array) array {
		for i, v := range a.floats {
			a.floats[i] = math.Float32frombits(math.Float32bits(v) &^ 0x1fff)
		}
		return a
	})
	// The scores are 64 products of rounded factors, of which all may be 2 units off.
	b.attentions(12*unit, 2*unit, func(a array) array { return a })
}

// attentions runs attention on inputs of different kinds, prepared by round;
// flat is the tolerance where all probabilities are exact.
func (b *Bench) attentions(tol, flat float64, round func(array) array) {
	b.Helper()
	for _, l := range lengths() {
		for _, kind := range []string{"normal", "pointed", "large", "flat"} {
			b.Tol = tol
			p := b.projection(l[0], l[1], l[2])
			switch kind {
			case "pointed":
				p.point(1)
			case "large":
				p.point(200)
			case "flat":
				p.flatten()
				b.Tol = flat
			}
			in := round(p.array)
			b.sameStored(fmt.Sprint(kind, " attention ", l), []array{in}, func(e engine.Engine, i, o tensors) error {
				return e.Attention(o[0], i[0], p.batch, p.tokens, p.heads)
			}, in.narrow, sh(p.batch*p.tokens, p.heads*tensorHead))
		}
	}
}
