//go:build amd64 && !noasm

package bgemm

import (
	"slices"
	"testing"
)

func TestConfigurationOfTiles(t *testing.T) {
	if !slices.Equal(tileConfig[:], tileConfigWanted()) {
		t.Errorf("tiles are configured as %v", tileConfig)
	}
}
