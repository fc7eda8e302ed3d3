// Package schedulers decodes what clipcalib writes for Kubernetes and Kueue
// strictly, into those projects' own types: make kubernetes-test.
package schedulers
