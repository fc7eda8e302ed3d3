//go:build linux

package cuda

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"clipcalib/internal/engine/cuda/cudatest"

	"gorgonia.org/tensor"
)

func ptx(t *testing.T) string {
	code, err := PTX()
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestPTXIsOfTheseSources compares the hash noted in the embedded code.
func TestPTXIsOfTheseSources(t *testing.T) {
	var files []string
	for _, p := range []string{"kernels/*.cu", "kernels/*.cuh"} {
		list, _ := filepath.Glob(p)
		files = append(files, list...)
	}
	sort.Strings(files)
	h := sha256.New()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	if want := fmt.Sprintf("// sources %x\n", h.Sum(nil)); !strings.HasPrefix(ptx(t), want) {
		t.Error("the kernels' sources have changed since kernels.ptx.gz was made: run make cuda-ptx")
	}
}

// TestPTXIsWhatTheCompilerMakes compiles again where the same compiler is.
func TestPTXIsWhatTheCompilerMakes(t *testing.T) {
	nvcc := os.Getenv("NVCC")
	if nvcc == "" {
		nvcc, _ = exec.LookPath("nvcc")
	}
	if nvcc == "" {
		t.Skip("needs nvcc, in the path or named by NVCC")
	}
	version, err := exec.Command(nvcc, "--version").Output()
	if err != nil {
		t.Skip("nvcc does not run:", err)
	}
	noted := regexp.MustCompile(`(?m)^// compiler nvcc (\S+)$`).FindStringSubmatch(ptx(t))
	if noted == nil || !strings.Contains(string(version), ", V"+noted[1]) {
		t.Skip("another version of nvcc made the embedded code")
	}
	if exec.Command("setarch", "-R", "true").Run() != nil {
		t.Skip("needs setarch -R: nvcc's choices depend on where things lie in memory")
	}
	out := filepath.Join(t.TempDir(), "kernels.ptx.gz")
	cmd := exec.Command("sh", "kernels/make.sh", out)
	cmd.Env = append(os.Environ(), "NVCC="+nvcc)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(packedPTX) {
		t.Error("kernels.ptx.gz is not what the compiler makes of the sources: run make cuda-ptx")
	}
}

// TestPTXTakesTheArgumentsTheEngineGives compares every launch of the kernels'
// tests with the parameters declared in the embedded code.
func TestPTXTakesTheArgumentsTheEngineGives(t *testing.T) {
	code := ptx(t)
	sizes := map[string]int{}
	entry := regexp.MustCompile(`(?s)\.visible \.entry (\w+)\((.*?)\)\n`)
	param := regexp.MustCompile(`\.param \.([a-z])(\d+)`)
	for _, m := range entry.FindAllStringSubmatch(code, -1) {
		at := 0
		for _, p := range param.FindAllStringSubmatch(m[2], -1) {
			width := 4
			if p[2] == "64" {
				width = 8
			}
			at = (at+width-1)/width*width + width
		}
		sizes[m[1]] = at
	}
	for _, name := range kernelNames(t) {
		if _, ok := sizes[name]; !ok {
			t.Errorf("kernel %s is not in the embedded code", name)
		}
	}
	e, f := open(t, Options{Precision: FP16})
	b := cudatest.New(t, e)
	b.Gemm()
	b.Rows()
	b.Losses()
	b.Optimizers()
	x := mustNew(t, e, 64)
	w := e.View(x, 8, 8)
	e.Freeze(w)
	if err := first(e.LayerNormGrad(w, e.View(x, 8), e.View(x, 8), w, e.View(x, 8), w, 1), e.DivNorm(w, w, 1), e.DivNormGrad(w, w, w, 1)); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, l := range f.launches {
		used[l.Kernel] = true
		if want := sizes[l.Kernel]; len(l.Args) != want {
			t.Errorf("%s is given %d bytes of arguments and takes %d", l.Kernel, len(l.Args), want)
			return
		}
	}
	if len(used) < 20 {
		t.Errorf("only %d kernels ran", len(used))
	}
}

func TestArgumentsArePackedAsInC(t *testing.T) {
	b, err := pack([]any{int32(1), Ptr(2), float32(1), int32(3), float64(0), (*tensor.Dense)(nil)})
	if err != nil || len(b) != 40 || b[0] != 1 || b[8] != 2 || b[20] != 3 {
		t.Error(b, err)
	}
	if _, err := pack([]any{7}); err == nil {
		t.Error("an int, whose size C does not know, was accepted")
	}
}

// TestErrorsOfTheDriverNameARemedy checks that they are one line each.
func TestErrorsOfTheDriverNameARemedy(t *testing.T) {
	for code := range driverErrors {
		if s := DriverError(code).Error(); strings.ContainsAny(s, "\n") || !strings.Contains(s, ":") {
			t.Errorf("error %d: %q", code, s)
		}
	}
	if s := DriverError(12345).Error(); !strings.Contains(s, "12345") {
		t.Error(s)
	}
}
