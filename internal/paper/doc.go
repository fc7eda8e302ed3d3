// Package paper puts what was measured beside what the paper printed: its
// tables as text, Markdown, LaTeX, CSV, JSON and HTML, and its figures.
//
// Everything is computed from predictions, of runs or of saved logits; ECE is
// given at 10, 15 and 20 bins, since papers mix them (this one has 10).
package paper
