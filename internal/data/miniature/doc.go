// Package miniature writes the fifteen data sets of the paper with small drawn
// pictures in place of photos, laid out as CoOp, TPT, TTABC, Hugging Face and
// webdataset have them, with few classes and pictures or with as many as the real
// ones. Pictures of a class look alike, and those of a drifted set look alike
// otherwise, so that a model can be adapted to them. It serves tests and trials of
// whole pipelines.
package miniature
