package cuda

// From tensor_attention.cuh and tensor_attention.cu.
const (
	tensorHead    = 64 // HEAD
	tensorQueries = 16 // WARP_QUERIES
	mostWarps     = 8  // MOST_WARPS
)

// tensorShared is the shared memory of attention on tensor cores in bytes: keys
// and values, two tiles each, in rows that are 16 bytes longer than a head.
var tensorShared = map[string]int{
	"attention_bf16": 2 * 2 * 64 * (2*tensorHead + 16),
	"attention_fp16": 2 * 2 * 64 * (2*tensorHead + 16),
	"attention_tf32": 2 * 2 * 32 * (4*tensorHead + 16),
}

// tensorAttention attends on tensor cores, for heads of tensorHead.
func (e *Engine) tensorAttention(kernel string, out, qkv Ptr, h heads, batch, tokens int) error {
	warps, blocks := tensorBlocks(tokens)
	return e.launch(kernel, dims3{uint32(blocks), uint32(h.count), uint32(batch)}, dims3{uint32(warps * warp), 1, 1},
		tensorShared[kernel], out, qkv, int32(tokens), int32(h.width), h.scale)
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
