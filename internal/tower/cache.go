package tower

import "slices"

// Cache keeps the compiled programs used last, each for inputs of one shape.
type Cache[K comparable, P interface{ Close() }] struct {
	limit int
	keys  []K // the one used longest ago first
	made  map[K]P
}

// NewCache returns a cache of at most limit programs.
func NewCache[K comparable, P interface{ Close() }](limit int) *Cache[K, P] {
	return &Cache[K, P]{limit: limit, made: map[K]P{}}
}

// Get returns the program for key, made anew if it is not there; the one used
// longest ago gives way.
func (c *Cache[K, P]) Get(key K, build func() (P, error)) (P, error) {
	if i := slices.Index(c.keys, key); i >= 0 {
		c.keys = append(slices.Delete(c.keys, i, i+1), key)
		return c.made[key], nil
	}
	for len(c.keys) >= c.limit {
		c.made[c.keys[0]].Close()
		delete(c.made, c.keys[0])
		c.keys = c.keys[1:]
	}
	p, err := build()
	if err != nil {
		return p, err
	}
	c.keys, c.made[key] = append(c.keys, key), p
	return p, nil
}

// Close closes every program.
func (c *Cache[K, P]) Close() {
	for _, p := range c.made {
		p.Close()
	}
	c.keys, c.made = nil, map[K]P{}
}
