package train

import (
	"slices"

	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/tensor"
)

// Compose puts a classification loss and a remedy on logits [B, K]: the only
// place where the two meet. Labels are int32 [B]. It returns the loss [1] and
// what that is the sum of. Texts are nil where training changes none. What a hook
// does wrong sticks to the graph, with its name.
func Compose(l Loss, r Remedy, logits, labels *graph.Node, zs *Reference, texts *Texts) (*graph.Node, []Term) {
	g, ok := graph.Of(logits)
	if !ok {
		return logits, nil // of a graph that is closed
	}
	seen := mapped(g, r, logits, zs)
	who := "loss " + l.Name()
	loss := one(g, who, hook(g, who, func() *graph.Node { return l.Build(seen, labels) }))
	terms := []Term{{who, loss}}
	for _, t := range added(g, r, logits, labels, zs, texts) {
		loss = ops.Add(g, loss, t.Node)
		terms = append(terms, t)
	}
	return loss, terms
}

// mapped is the logits as the loss sees them.
func mapped(g *graph.Graph, r Remedy, logits *graph.Node, zs *Reference) *graph.Node {
	maps := With[LogitMap](r)
	if len(maps) == 0 {
		return logits
	}
	who := "remedy " + r.Name()
	n := hook(g, who, func() *graph.Node { return maps[0].MapLogits(logits, zs) })
	if g.Err() == nil && !n.Shape().Eq(logits.Shape()) {
		g.Fail("%s: maps logits %v to %v: the shape must stay", who, logits.Shape(), n.Shape())
		return logits
	}
	return n
}

// added are the terms that the remedy adds to the loss.
func added(g *graph.Graph, r Remedy, logits, labels *graph.Node, zs *Reference, texts *Texts) (terms []Term) {
	add := func(p Remedy, build func() *graph.Node) {
		who := "remedy " + p.Name()
		terms = append(terms, Term{who, OneOf(g, who, build)})
	}
	for _, p := range Parts(r) {
		if t, ok := p.(LossTerm); ok {
			add(p, func() *graph.Node { return t.LossTerm(logits, zs) })
		}
		t, ok := p.(TextTerm)
		switch {
		case !ok:
		case texts == nil:
			if err := CheckTexts(p, "this training"); err != nil {
				g.Fail("%w", err)
			}
		default:
			add(p, func() *graph.Node { return t.TextTerm(logits, labels, texts) })
		}
	}
	return terms
}

// hook calls what builds a node, and sees that it is one of the graph's; an
// error says who made it.
func hook(g *graph.Graph, who string, build func() *graph.Node) *graph.Node {
	if g.Err() != nil {
		return g.Input("after error", tensor.Float32, 1)
	}
	n := g.Try("its hook", nil, func(*graph.Graph) *graph.Node { return build() })
	g.Blame(who)
	return n
}

// Hook calls a method's hook, which gives a node of the shape wanted; in words
// it says whose hook it is.
func Hook(g *graph.Graph, who string, want []int, build func() *graph.Node) *graph.Node {
	n := hook(g, who, build)
	if g.Err() == nil && !slices.Equal(n.Shape(), want) {
		g.Fail("%s: gives %v, want %v", who, n.Shape(), want)
	}
	return n
}

// OneOf calls a hook that gives one number.
func OneOf(g *graph.Graph, who string, build func() *graph.Node) *graph.Node {
	return one(g, who, hook(g, who, build))
}

// one makes a node of one number [1], as which stock operations may give it in
// other shapes.
func one(g *graph.Graph, who string, n *graph.Node) *graph.Node {
	if g.Err() != nil || slices.Equal(n.Shape(), []int{1}) {
		return n
	}
	if n.Shape().TotalSize() != 1 {
		g.Fail("%s: gives %v, want one number", who, n.Shape())
		return n
	}
	return reshape(g, n, 1)
}

// reshape is the same numbers in another shape.
func reshape(g *graph.Graph, n *graph.Node, shape ...int) *graph.Node {
	return g.Apply(graph.Op{
		Name: "reshape",
		Out:  shape,
		Run:  func(c graph.Call) error { return c.Engine.Concat(c.Out, c.In[0]) },
		Grad: func(g *graph.Graph, in []*graph.Node, _, dy *graph.Node, _ []bool) []*graph.Node {
			return []*graph.Node{reshape(g, dy, in[0].Shape()...)}
		},
	}, n)
}
