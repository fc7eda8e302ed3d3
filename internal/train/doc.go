// Package train is the one trainer of all families of methods: an [Objective]
// is a loss built as a graph, whatever its logits come out of, and [Fit] takes
// it through its epochs, with batches that seed and epoch decide, optimiser,
// schedule and checkpoints.
//
// Losses and remedies live here too, in both their forms: as nodes of a graph,
// and where test-time tuning wants them on the host, as values and gradients on
// [calib.Matrix]. Packages adapt, adapt/prompt and adapt/testtime are what
// users see of it.
package train
