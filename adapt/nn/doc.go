// Package nn holds the operations of clipcalib that a remedy, a loss, an
// adapter or a graph of one's own is built of, as functions from node to node.
// The language is Gorgonia's: a [Node] is a gorgonia.Node, and Gorgonia's own
// operations (gorgonia.Add, Square, Sum, SoftMax and so on) may stand before,
// between and behind those of this package.
//
// Values are float32 matrices [rows, columns], vectors [n] or single values
// [1]; labels and indices are int32 leaves. No function returns an error: the
// first mistake sticks to the graph, names the node, and comes out where the
// graph is compiled, so that a formula reads as one.
//
// # Where it computes
//
// Operations of this package run on the graph's device. Gorgonia's run on the
// host: in the same memory on the processor; on a GPU their inputs are read back
// and their results sent there, and the program says so in its notes. The same
// holds for [Entropy], [EntropyOfMean], [RowMax], [RowMin], [Softmax] and
// [LogSoftmax].
//
// # What Gorgonia 0.9.18 does in silence
//
// Gorgonia makes one node of two that it takes for the same, and does so by
// hashes that leave things out. Nobody can tell afterwards, so mind:
//
//   - Leaves of one name and shape are one leaf, with the first one's value. The
//     library's own leaves cannot be hit.
//   - Constants that print alike are one constant: large tensors print their
//     corners only. Use [Constant], or a leaf, for anything but a number.
//   - Slices of one node whose bounds are equal but for multiples of 256 are one
//     slice: x[:, 0] and x[:, 256]. Use [Slice] or [Gather] for rows, of the
//     [Transpose] for columns.
//   - SoftMax, LogSoftMax and Log(SoftMax) of one node are one node. What is a
//     LogSoftMax is refused when the graph is compiled; use [Softmax] and
//     [LogSoftmax].
//
// # Kinks and ties
//
// Gorgonia 0.9.18 differentiates at kinks in its own way: Rectify has derivative
// 1 at 0, and Max gives every entry of a tie the full gradient. PyTorch's relu
// and max, and [ReLU], [RowMax] and [RowMin] here, have derivative 0 at 0 and one
// entry that takes the gradient. A remedy meant to train as the library's own do
// uses those.
package nn
