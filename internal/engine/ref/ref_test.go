package ref_test

import (
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/enginetest"
	"clipcalib/internal/engine/ref"
)

// TestConformance checks the reference as any engine. Comparisons with itself
// say nothing; PyTorch's values, difference quotients and the contract do.
func TestConformance(t *testing.T) {
	enginetest.Run(t, func(*testing.T) engine.Engine { return ref.New() }, enginetest.Options{Slow: true})
}
