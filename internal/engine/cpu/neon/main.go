// Command neon writes the assembly for arm64 of packages sgemm, vec, bgemm and
// imageio. Go's assembler names few of the instructions on vectors of floats, so the
// others stand as words, each with its text behind it; what two disassemblers make of
// them is in testdata.
//
//	go run ./neon [folder]      in the folder of package cpu
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	folder := "."
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	for name, text := range files() {
		if err := os.WriteFile(filepath.Join(folder, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "neon:", err)
			os.Exit(1)
		}
	}
}

// files are the contents of the generated files by name.
func files() map[string]string {
	return map[string]string{
		"bgemm/mmla_arm64.s":   mmlaFile(),
		"bgemm/finish_arm64.s": finishFile(),
		"sgemm/kernel_arm64.s": productFile(),
		"vec/vec_arm64.s":      loopsFile(),
		"vec/exp_arm64.s":      expFile(),
		"vec/step_arm64.s":     stepFile(),

		"../../imageio/resample_arm64.s": resampleFile(),
	}
}
