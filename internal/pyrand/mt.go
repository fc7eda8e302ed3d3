package pyrand

// Parameters of MT19937 (Matsumoto and Nishimura, 1998).
const (
	stateLen  = 624
	shiftLen  = 397
	matrixA   = 0x9908b0df
	upperMask = 0x80000000
	lowerMask = 0x7fffffff
)

// Rand is a generator equal to Python's random.Random. The zero value is not
// seeded; use [New]. It is not safe for concurrent use.
type Rand struct {
	state [stateLen]uint32
	next  int
}

// New returns a generator seeded as random.Random(seed) is. As in Python the
// sign of the seed is ignored.
func New(seed int64) *Rand {
	r := new(Rand)
	r.Seed(seed)
	return r
}

// Seed restarts the generator as random.seed(seed) does.
func (r *Rand) Seed(seed int64) {
	u := uint64(seed)
	if seed < 0 {
		u = -u
	}
	key := []uint32{uint32(u)}
	if high := uint32(u >> 32); high != 0 {
		key = append(key, high)
	}
	r.initByArray(key)
}

func (r *Rand) initGenrand(s uint32) {
	r.state[0] = s
	for i := 1; i < stateLen; i++ {
		prev := r.state[i-1]
		r.state[i] = 1812433253*(prev^(prev>>30)) + uint32(i)
	}
	r.next = stateLen
}

// initByArray is init_by_array of the reference MT19937 code.
func (r *Rand) initByArray(key []uint32) {
	r.initGenrand(19650218)
	i, j := 1, 0
	for range max(stateLen, len(key)) {
		prev := r.state[i-1]
		r.state[i] = (r.state[i] ^ ((prev ^ (prev >> 30)) * 1664525)) + key[j] + uint32(j)
		i++
		j++
		if i >= stateLen {
			r.state[0] = r.state[stateLen-1]
			i = 1
		}
		if j >= len(key) {
			j = 0
		}
	}
	for range stateLen - 1 {
		prev := r.state[i-1]
		r.state[i] = (r.state[i] ^ ((prev ^ (prev >> 30)) * 1566083941)) - uint32(i)
		i++
		if i >= stateLen {
			r.state[0] = r.state[stateLen-1]
			i = 1
		}
	}
	r.state[0] = 0x80000000
}

// Uint32 returns the next raw 32-bit output.
func (r *Rand) Uint32() uint32 {
	if r.next >= stateLen {
		r.refill()
	}
	y := r.state[r.next]
	r.next++
	y ^= y >> 11
	y ^= (y << 7) & 0x9d2c5680
	y ^= (y << 15) & 0xefc60000
	return y ^ (y >> 18)
}

func (r *Rand) refill() {
	for k := range stateLen {
		y := r.state[k]&upperMask | r.state[(k+1)%stateLen]&lowerMask
		v := r.state[(k+shiftLen)%stateLen] ^ (y >> 1)
		if y&1 != 0 {
			v ^= matrixA
		}
		r.state[k] = v
	}
	r.next = 0
}
