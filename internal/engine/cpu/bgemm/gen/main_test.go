package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFilesAreGenerated wants the assembly in the tree to be what gen writes.
func TestFilesAreGenerated(t *testing.T) {
	for name, want := range files() {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what gen writes: run go generate in the folder of bgemm", name)
		}
	}
}
