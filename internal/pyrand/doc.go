// Package pyrand reproduces the random numbers of Python's random module:
// the Mersenne Twister MT19937 seeded by an integer as CPython seeds it, and
// the methods few-shot sampling uses on top of it. Reference few-shot splits
// are drawn with random.sample after random.seed(seed); the same seed here
// picks the same images.
//
// The algorithms are those of CPython's Modules/_randommodule.c and
// Lib/random.py (3.8 to 3.13 agree on everything implemented here).
package pyrand
