// Package schedule writes what a scheduler wants to do a plan's cells: a script
// that submits arrays to Slurm, an Indexed Job of Kubernetes, and the queues of
// Kueue. It needs none of them. What it writes for Kubernetes is decoded by that
// project's own types in scripts/schedulers.
package schedule
