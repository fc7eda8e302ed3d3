package engine

import (
	"context"
	"time"
)

// FastPath says whether an engine computes in the ways it is built to be fast
// in. What is slower than it need be has a reason here; no result differs.
type FastPath struct {
	// Code is the kernels' code that the driver took: machine code or PTX.
	Code string `json:"code"`
	// CodeRefused is why machine code was not taken.
	CodeRefused string `json:"code_refused,omitempty"`
	// Library multiplies matrices.
	Library string `json:"library,omitempty"`
	// Recorded is the number of programs that are queued as a whole.
	Recorded int `json:"recorded"`
	// NotRecorded has a line for each program that could not be.
	NotRecorded []string `json:"not_recorded,omitempty"`
	// BiasPasses has a line for each shape of product whose bias takes a pass of
	// its own, as the library does not add it.
	BiasPasses []string `json:"bias_passes,omitempty"`
	// PartwiseMLPs has a line for each size of MLP that is computed some rows at a time.
	PartwiseMLPs []string `json:"partwise_mlps,omitempty"`
	// Products are the shapes that were multiplied.
	Products []ProductPlan `json:"products,omitempty"`
}

// ProductPlan is how products of a shape are computed.
type ProductPlan struct {
	Shape     string `json:"shape"`     // as in the table of algorithms
	Algorithm string `json:"algorithm"` // the library's, by its settings
	Tuned     bool   `json:"tuned"`     // by the table, not the library's first choice
	Runs      int    `json:"runs"`
}

// TimedProduct is a shape of product, measured by itself.
type TimedProduct struct {
	Shape     string
	Algorithm string
	FLOP      float64 // of one
	Seconds   float64 // of one: the median of some groups of runs
	Runs      int     // that were timed
}

// ProductTimer is an engine that can measure the products it has computed so far,
// each by itself, on memory of its own, for about budget.
type ProductTimer interface {
	TimeProducts(ctx context.Context, budget time.Duration) ([]TimedProduct, error)
}

// Slow lists what is not as fast as it is meant to be, nil if nothing is.
func (f FastPath) Slow() []string {
	var out []string
	if f.CodeRefused != "" {
		out = append(out, "machine code was refused: "+f.CodeRefused)
	}
	for _, r := range f.NotRecorded {
		out = append(out, "a program is not recorded: "+r)
	}
	for _, p := range f.BiasPasses {
		out = append(out, "a bias takes a pass of its own: "+p)
	}
	return out
}

// Inspected is an engine that can say how it computes.
type Inspected interface {
	FastPath() FastPath
}
