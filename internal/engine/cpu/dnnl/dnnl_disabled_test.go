//go:build !onednn

package dnnl

import (
	"strings"
	"testing"
)

func TestWithoutOneDNNTheErrorSaysHowToGetIt(t *testing.T) {
	if Available() || HasBF16() {
		t.Fatal("reported available")
	}
	if _, err := New(1); err == nil || !strings.Contains(err.Error(), "libdnnl-dev") {
		t.Fatalf("error %v does not name the package to install", err)
	}
}
