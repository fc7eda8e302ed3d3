// Package plan keeps cells of work as lines of a file, so that a scheduler's
// tasks can do some of them each: one line says all that a cell is, and its id
// is the hash of what decides it.
//
// A plan is JSON lines, a [Cell] each, numbered from 0. Inputs are named by path
// and hash: another file at the path is refused where the cell is done, and a
// file that has moved is the same cell.
package plan
