package cuda

import "gorgonia.org/tensor"

// From tensor_attention.cuh and tensor_attention.cu.
const (
	tensorHead    = 64 // HEAD
	tensorQueries = 16 // WARP_QUERIES
	mostWarps     = 8  // MOST_WARPS
)

// tensorAttention is a kernel of attention on tensor cores, for heads of
// tensorHead.
type tensorAttention struct {
	kernel  string
	keys    int // of a tile
	element int // bytes
}

var tensorAttentions = map[Kind]tensorAttention{
	BFloat: {"attention_bf16", 64, 2},
	Half:   {"attention_fp16", 64, 2},
	Float:  {"attention_tf32", 32, 4},
}

// tensorAttention returns the kernel for operands of one storage. The one for
// float32 rounds them to TF32, whose mantissa is as long as a half's, so it
// stands in where the 16-bit precisions keep float32, too.
func (e *Engine) tensorAttention(out, qkv *tensor.Dense, h heads) (tensorAttention, bool) {
	return tensorAttentions[e.kind(qkv)], e.tensorCores(h) && out.Dtype() == qkv.Dtype()
}

// tensorCores says whether the precision and the device allow attention on tensor
// cores, and the kernels are built for the size of head.
func (e *Engine) tensorCores(h heads) bool {
	return e.precision != FP32 && e.d.Info().Capability >= mixedFrom && h.dim == tensorHead
}

// shared is the shared memory in bytes: two tiles of keys and values, in rows
// that are 16 bytes longer than a head.
func (a tensorAttention) shared() int { return 2 * 2 * a.keys * (a.element*tensorHead + 16) }

// gradShared is that of the gradient of keys and values, which also holds two
// numbers of each of a tile's queries.
func (a tensorAttention) gradShared() int { return a.shared() + 2*2*a.keys*4 }

func (a tensorAttention) grid(h heads, batch, tokens int) dims3 {
	_, blocks := tensorBlocks(tokens)
	return dims3{uint32(blocks), uint32(h.count), uint32(batch)}
}

func (a tensorAttention) block(tokens int) dims3 {
	warps, _ := tensorBlocks(tokens)
	return dims3{uint32(warps * warp), 1, 1}
}

// tensorBlocks chooses the warps of a block and the blocks of a sequence: of
// the sizes that leave the fewest warps without queries the largest, since the
// warps of a block share the keys and values they read. Blocks of fewer than
// four warps are left to short sequences.
func tensorBlocks(tokens int) (warps, blocks int) {
	need := (tokens + tensorQueries - 1) / tensorQueries
	if need < 4 {
		return need, 1
	}
	for w := 4; w <= mostWarps; w++ {
		n := (need + w - 1) / w
		if warps == 0 || n*w <= blocks*warps {
			warps, blocks = w, n
		}
	}
	return warps, blocks
}
