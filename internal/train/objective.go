package train

import (
	"clipcalib/internal/device"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Objective is a training loss as a graph.
type Objective struct {
	Device *device.Device
	Graph  *graph.Graph
	Loss   *graph.Node // [1]
	Params []Param
	// Gradients are those of Params, in their order, where they are not the
	// gradients of Loss; otherwise nil.
	Gradients []*graph.Node
	// Logits are the adapted ones of the batch [N, K], ahead of the remedy; nil where
	// nobody may ask for their range.
	Logits *graph.Node
	// Terms are what Loss is the sum of, for the message where it is no number.
	Terms []Term
	// Prepare, unless nil, reads on the host what Feed is about to set, with the
	// device free for others.
	Prepare func(rows []int) error
	// Feed sets the graph's inputs to a batch, with the device held. Row
	// v*samples+i is sample i in its view v.
	Feed func(rows []int) error
	// EndEpoch, unless nil, is called after every epoch, counted from 0, with the
	// device held. What it changes on the host belongs in State, which
	// checkpoints hold.
	EndEpoch func(epoch int) error
	State    map[string][]float32
	// Resumed, unless nil, is called after State was read from a checkpoint.
	Resumed func() error
	// EndStep, unless nil, is called after every step with its loss.
	EndStep func(p Progress)
	// Identity names data, method, loss and initial values: everything that decides
	// the result besides the options. A checkpoint of another is refused.
	Identity string
}

// Param is a tensor that trains, in place.
type Param struct {
	Name  string
	Node  *graph.Node
	Value *tensor.Dense
}

// Term is a part of a loss, and in words what it is.
type Term struct {
	What string
	Node *graph.Node // [1]
}
