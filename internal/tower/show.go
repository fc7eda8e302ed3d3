package tower

import (
	"reflect"

	"clipcalib/internal/graph"
)

// shown are the parameters of encoders, by the encoders' type: what packages of
// this module see of them, and their users do not.
var shown = map[reflect.Type]func(encoder any) *Weights{}

// Show lets [Of] see the parameters of encoders of type E, nil for a closed one.
// It is for the init function of E's package.
func Show[E any](parameters func(*E) *Weights) {
	shown[reflect.TypeFor[E]()] = func(e any) *Weights { return parameters(e.(*E)) }
}

// Of shows an encoder's parameters, which are frozen, as leaves of g, a graph on
// the encoder's device. The graph must not run after the encoder is closed.
func Of[E any](g *graph.Graph, e *E) Scope {
	if w := shown[reflect.TypeFor[E]()](e); w != nil {
		return w.Bind(g)
	}
	g.Fail("the encoder is closed")
	return NewWeights(g.Engine).Bind(g)
}
