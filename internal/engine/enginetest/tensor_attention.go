package enginetest

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

func (b *bench) projection(batch, tokens, heads int) projection {
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

// tensorShapes are the sequences that the kernels treat differently: rows and
// tiles that are not full, one and several tiles and blocks.
func tensorShapes() [][3]int {
	var ls [][3]int
	for _, tokens := range []int{1, 5, 16, 17, 31, 32, 33, 50, 64, 65, 128, 145} {
		ls = append(ls, [3]int{2, tokens, 2})
	}
	return append(ls, [3]int{1, 197, 3}, [3]int{1, 257, 1})
}

// float16Attention checks attention over 16-bit activations on inputs of 16
// bits. Probabilities and the result are rounded once each, and values are
// within 1: the result may be off by 2 units, and by what float32 adds.
func (b *bench) float16Attention() {
	b.projections(attention16, exact16, b.in16)
	b.expect(exact16) // by the float32 kernels, then rounded
	for _, heads := range []int{1, 3} {
		const tokens = 9
		in := []array{b.in16(b.normal(2*tokens, 3*96))}
		b.sameStored(fmt.Sprint("Attention in 16 bits, heads of ", 96/heads), in, func(e engine.Engine, i,
			o tensors) error {
			return e.Attention(o[0], i[0], 2, tokens, heads)
		}, true, sh(2*tokens, 96))
	}
	b.expect(attention16)
	p := b.projection(2, 20, 1)
	for _, input16 := range []bool{true, false} { // the input has 16 bits, and not the result
		in := b.in16(p.array)
		in.float16 = input16
		b.sameStored("Attention of mixed storage", []array{in}, func(e engine.Engine, i, o tensors) error {
			return e.Attention(o[0], i[0], 2, 20, 1)
		}, !input16, sh(40, tensorHead))
	}
}

// tf32Attention checks attention in an engine of precision TF32: on inputs that
// are exact in it, where only the probabilities are rounded, and on others.
func (b *bench) tf32Attention() {
	b.projections(tensor32, exact32, func(a array) array {
		exactTF32(a.floats)
		return a
	})
	b.projections(tensor32Any, tensor32Any, func(a array) array { return a })
}

// projections runs attention on inputs of different kinds, prepared by round;
// flat is the tolerance where all probabilities are exact.
func (b *bench) projections(any, flat group, round func(array) array) {
	b.Helper()
	for _, l := range tensorShapes() {
		for _, kind := range []string{"normal", "pointed", "large", "flat"} {
			b.expect(any)
			p := b.projection(l[0], l[1], l[2])
			switch kind {
			case "pointed":
				p.point(1)
			case "large":
				p.point(200)
			case "flat":
				p.flatten()
				b.expect(flat)
			}
			in := round(p.array)
			b.sameStored(fmt.Sprint(kind, " attention ", l), []array{in}, func(e engine.Engine, i, o tensors) error {
				return e.Attention(o[0], i[0], p.batch, p.tokens, p.heads)
			}, in.float16, sh(p.batch*p.tokens, p.heads*tensorHead))
		}
	}
}
