package bgemm

import (
	"math"
	"runtime"
	"unsafe"
)

// treeGradient is what gradNode512 works on. Its treeNode's out is the gradient
// of the query, its inverse is of ones.
type treeGradient struct {
	treeNode
	slopes    *float32 // gradient times values, as the scores
	of        *uint16  // the gradient of the node's result
	p, ds     *uint32  // of the pair of nodes, by depth
	depthStep uintptr
	odd       int
	raw       float32 // the scale of scores
}

// treeRun is what sumRun512 works on: one head of one row.
type treeRun struct {
	queries   *uint16
	queryStep uintptr
	grads     *uint16
	gradStep  uintptr
	p, ds     *uint32 // of the row's depth
	lanes     uintptr // bytes from pair to pair of nodes
	from, to  int
	key       *uint16
	value     *uint16
}

// PathsGradient is the backward pass of attention over a token trie: first
// Node for every node, then Row for every row and head.
type PathsGradient struct {
	qkv, dqkv []uint16
	dout      []float32
	p, ds     []uint32 // [depth, pair of nodes, lanes]: probabilities and gradients of scores
	// Copies of queries and of gradients in the order [head, node, 64]: Row reads
	// those of one head node by node, and rows lie pages apart.
	queries, grads []uint16
	nodes          int
	heads, width   int
	pairs, lanes   int
	scale          float32
}

// NewPathsGradient prepares the gradient dqkv of attention over qkv, given that
// of its result, of nodes rows of heads of TreeHead values and paths of at most
// deepest rows. lent is memory of LentToPaths values.
func NewPathsGradient(dqkv, qkv []uint16, dout, lent []float32, nodes, heads, deepest int,
	scale float32) (*PathsGradient, bool) {
	if !wide || heads%4 != 0 {
		return nil, false
	}
	g := &PathsGradient{qkv: qkv, dqkv: dqkv, dout: dout, nodes: nodes, heads: heads, width: heads * TreeHead,
		pairs: ceilDiv(nodes, 2), lanes: ceilDiv(heads, 16) * 16, scale: scale}
	n, c := nodes*g.width, deepest*g.pairs*g.lanes
	copies := unsafe.Slice((*uint16)(unsafe.Pointer(&lent[:n][0])), 2*n)
	g.queries, g.grads = copies[:n], copies[n:]
	words := unsafe.Slice((*uint32)(unsafe.Pointer(&lent[n : n+2*c][0])), 2*c)
	g.p, g.ds = words[:c], words[c:]
	return g, true
}

// LentToPaths is the number of values that NewPathsGradient wants lent.
func LentToPaths(nodes, heads, deepest int) int {
	return nodes*heads*TreeHead + 2*deepest*ceilDiv(nodes, 2)*ceilDiv(heads, 16)*16
}

// Worker computes nodes on one goroutine.
type Worker struct {
	g    *PathsGradient
	rows []uintptr
	grad []uint16
	node treeGradient
}

// NewWorker returns a worker for paths of at most deepest rows.
func (g *PathsGradient) NewWorker(deepest int) *Worker {
	w := &Worker{g: g, rows: make([]uintptr, deepest+1), grad: make([]uint16, g.width)}
	scores, slopes := make([]float32, deepest*g.lanes), make([]float32, deepest*g.lanes)
	weights, ones := make([]uint32, ceilDiv(deepest, 2)*g.lanes), make([]float32, g.lanes)
	for i := range ones {
		ones[i] = 1
	}
	w.node = treeGradient{treeNode: treeNode{rows: &w.rows[0], heads: g.heads, keys: uintptr(2 * g.width),
		values: uintptr(4 * g.width), scores: &scores[0], lanes: uintptr(4 * g.lanes), weights: &weights[0],
		inverse: &ones[0], scale: g.scale * math.Log2E}, slopes: &slopes[0], of: &w.grad[0],
		depthStep: uintptr(4 * g.lanes * g.pairs), raw: g.scale}
	return w
}

// Node computes the gradient of a node's query, given the path that ends in it.
// The two nodes of a pair, an even one and the next, are one worker's, in order.
func (w *Worker) Node(i int, path []int32) {
	g, n := w.g, &w.node
	for a, j := range path {
		w.rows[a] = uintptr(unsafe.Pointer(&g.qkv[int(j)*3*g.width : (int(j)+1)*3*g.width][0]))
	}
	w.rows[len(path)] = w.rows[len(path)-1]
	n.count, n.odd = len(path), i&1
	n.query, n.out = &g.qkv[i*3*g.width], &g.dqkv[i*3*g.width : (i+1)*3*g.width][0]
	Round(w.grad, g.dout[i*g.width:(i+1)*g.width])
	for h := range g.heads {
		to := (h*g.nodes + i) * TreeHead
		copy(g.queries[to:to+TreeHead], g.qkv[i*3*g.width+h*TreeHead:])
		copy(g.grads[to:to+TreeHead], w.grad[h*TreeHead:])
	}
	at := i / 2 * g.lanes
	n.p, n.ds = &g.p[at], &g.ds[at]
	_ = g.p[(len(path)-1)*g.pairs*g.lanes+at+g.lanes-1]
	gradNode512(n)
	runtime.KeepAlive(g.qkv)
}

// Row computes the gradients of the key and value of head h of row j, which is
// depth rows deep and whose descendants end before end.
func (g *PathsGradient) Row(j, depth, end, h int) {
	at, from := depth*g.pairs*g.lanes+h, h*g.nodes*TreeHead
	_ = g.p[at+(end-1)/2*g.lanes]
	d := g.dqkv[j*3*g.width : (j+1)*3*g.width]
	sumRun512(&treeRun{queries: &g.queries[from:][:end*TreeHead][0], queryStep: 2 * TreeHead,
		grads: &g.grads[from:][:end*TreeHead][0], gradStep: 2 * TreeHead, p: &g.p[at], ds: &g.ds[at],
		lanes: uintptr(4 * g.lanes), from: j, to: end, key: &d[g.width+h*TreeHead], value: &d[2*g.width+h*TreeHead]})
}
