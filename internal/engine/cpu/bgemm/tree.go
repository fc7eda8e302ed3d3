package bgemm

import (
	"math"
	"runtime"
	"unsafe"
)

// TreeHead is the size of heads that attention over a trie is built for.
const TreeHead = 64

// treeNode is what attendNode512 works on.
type treeNode struct {
	query   *uint16
	rows    *uintptr // where the rows of the path begin; an odd one's last is there twice
	count   int
	heads   int
	keys    uintptr // bytes from the beginning of a row
	values  uintptr
	scores  *float32 // [count, lanes]
	lanes   uintptr  // bytes: 4 times the heads, to whole sixteens
	weights *uint32  // [(count+1)/2, lanes]: pairs of numerators
	inverse *float32 // [lanes]
	out     *uint16
	scale   float32 // of scores, times log2(e)
}

// Paths attends from nodes of a token trie to the rows of their paths, in
// bfloat16 with float32 sums and softmax. It is used from one goroutine.
type Paths struct {
	qkv    []uint16
	stride int
	rows   []uintptr
	node   treeNode
}

// NewPaths prepares attention over qkv, rows of query, key and value of heads of
// TreeHead values, along paths of at most deepest rows. It says false where the
// processor or the number of heads wants the float32 kernels.
func NewPaths(qkv []uint16, heads, deepest int, scale float32) (*Paths, bool) {
	if !wide || heads%4 != 0 {
		return nil, false
	}
	width, lanes := heads*TreeHead, ceilDiv(heads, 16)*16
	p := &Paths{qkv: qkv, stride: 3 * width, rows: make([]uintptr, deepest+1)}
	scores, weights := make([]float32, deepest*lanes), make([]uint32, ceilDiv(deepest, 2)*lanes)
	p.node = treeNode{rows: &p.rows[0], heads: heads, keys: uintptr(2 * width), values: uintptr(4 * width),
		scores: &scores[0], lanes: uintptr(4 * lanes), weights: &weights[0], inverse: &make([]float32, lanes)[0],
		scale: scale * math.Log2E}
	return p, true
}

// Attend writes the attention of the last row of path to all of them to out.
func (p *Paths) Attend(out []uint16, path []int32) {
	for a, j := range path {
		p.rows[a] = uintptr(unsafe.Pointer(&p.qkv[int(j)*p.stride : (int(j)+1)*p.stride][0]))
	}
	p.rows[len(path)] = p.rows[len(path)-1]
	p.node.query, p.node.count = &p.qkv[int(path[len(path)-1])*p.stride], len(path)
	p.node.out = &out[:p.node.heads*TreeHead][0]
	attendNode512(&p.node)
	runtime.KeepAlive(p.qkv)
}
