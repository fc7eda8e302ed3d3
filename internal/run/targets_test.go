package run_test

import (
	"os"
	"path/filepath"
	"testing"

	"clipcalib/internal/docfile"
	"clipcalib/internal/run"
)

func TestATargetsFolderIsThatOfItsData(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "targets", "pets")
	const ours, others = "0123456789abcdef", "fedcba9876543210"
	at := func(when, hash, want string) {
		t.Helper()
		if got := run.TargetDir(dir, "pets", hash); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	at("nothing there", ours, plain)
	if err := os.MkdirAll(plain, 0o755); err != nil {
		t.Fatal(err)
	}
	at("an empty folder", ours, plain)
	if err := os.WriteFile(filepath.Join(plain, "progress-01234567.partial"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	at("ours begun", ours, plain)
	at("another begun", others, plain+"-fedcba98")
	if err := docfile.WriteYAML(filepath.Join(plain, "target.yaml"),
		run.Target{Inputs: run.Inputs{DataSHA256: others}}); err != nil {
		t.Fatal(err)
	}
	at("another there", ours, plain+"-01234567")
	at("it is there", others, plain)
}
