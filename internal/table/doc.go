// Package table makes tables of run folders. Runs are grouped by everything
// that decides them but the seed; what differs between groups is shown, and
// what cannot be averaged honestly is said in a note.
//
// Every figure is computed from the logits and labels on disk, never taken
// from stored metrics.
package table
