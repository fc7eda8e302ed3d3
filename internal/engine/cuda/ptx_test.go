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

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/enginetest"

	"gorgonia.org/tensor"
)

func codeOf(t *testing.T, file string) (origin [2]string, code string) {
	origin, code, err := unpack(file)
	if err != nil {
		t.Fatal(file, err)
	}
	return origin, code
}

// TestCodeIsOfTheseSources compares the hash noted in the embedded code.
func TestCodeIsOfTheseSources(t *testing.T) {
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
	want := fmt.Sprintf("// sources %x\n", h.Sum(nil))
	for _, c := range codes {
		if origin, _ := codeOf(t, c.file); origin[0] != want {
			t.Errorf("the kernels' sources have changed since %s was made: run make cuda-ptx", c.file)
		}
	}
}

// TestCodeIsWhatTheCompilerMakes compiles again where the same compiler is.
func TestCodeIsWhatTheCompilerMakes(t *testing.T) {
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
	origin, _ := codeOf(t, codes[0].file)
	noted, ok := strings.CutPrefix(strings.TrimSpace(origin[1]), "// compiler nvcc ")
	if !ok || !strings.Contains(string(version), ", V"+noted) {
		t.Skip("another version of nvcc made the embedded code")
	}
	if exec.Command("setarch", "-R", "true").Run() != nil {
		t.Skip("needs setarch -R: nvcc's choices depend on where things lie in memory")
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "kernels/make.sh", dir)
	cmd.Env = append(os.Environ(), "NVCC="+nvcc)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, c := range codes {
		name := c.file + ".gz"
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := packedCode.ReadFile("kernels/" + name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the compiler makes of the sources: run make cuda-ptx %v", name, err)
		}
	}
}

// TestDevicesGetTheirCode checks what a driver is given for each generation.
func TestDevicesGetTheirCode(t *testing.T) {
	for capability, want := range map[int]string{75: "sm_75", 80: "sm_80", 89: "sm_80", 90: "ELF sm_80", 100: "sm_80",
		120: "sm_80"} {
		images, err := Images(Info{Capability: capability})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, image := range images {
			if strings.HasPrefix(image.Code, "\x7fELF") {
				got = append(got, "ELF")
				continue
			}
			got = append(got, regexp.MustCompile(`(?m)^\.target (\w+)`).FindStringSubmatch(image.Code)[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("compute capability %d gets %v, want %s", capability, got, want)
		}
	}
	if _, err := Images(Info{Name: "Volta", Capability: 70}); err == nil ||
		!strings.Contains(err.Error(), "--device cpu") {
		t.Error(err)
	}
}

// TestCodeHasAllKernels looks for the kernels' names; what needs compute
// capability 8.0 is left out of the code for older cards.
func TestCodeHasAllKernels(t *testing.T) {
	for _, c := range codes {
		_, code := codeOf(t, c.file)
		for _, name := range kernelNames(t) {
			entry := ".visible .entry " + name + "("
			if strings.HasSuffix(c.file, ".cubin") {
				entry = ".text." + name + "\x00"
			}
			old := c.least < mixedFrom && regexp.MustCompile(`_(bf16|fp16|tf32)(_|$)`).MatchString(name)
			if strings.Contains(code, entry) == old {
				t.Errorf("%s: kernel %s: missing %v, want %v", c.file, name, !old, old)
			}
		}
	}
}

// TestPTXAsksForNoNewerDriver holds PTX to the ISA of the oldest driver that is
// let in: 7.0 came with CUDA 11.0, and the hint about loads with 8.3.
func TestPTXAsksForNoNewerDriver(t *testing.T) {
	for _, file := range []string{"sm_75.ptx", "sm_80.ptx"} {
		_, code := codeOf(t, file)
		if m := regexp.MustCompile(`(?m)^\.version (.*)$`).FindStringSubmatch(code); m == nil || m[1] != "7.0" {
			t.Errorf("%s: version %v", file, m)
		}
		if strings.Contains(code, "used_bytes_mask") {
			t.Errorf("%s has a pragma of ISA 8.3", file)
		}
	}
}

// TestPTXTakesTheArgumentsTheEngineGives compares every launch of the kernels'
// tests with the parameters declared in the embedded code.
func TestPTXTakesTheArgumentsTheEngineGives(t *testing.T) {
	_, code := codeOf(t, "sm_80.ptx")
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
	e, f := open(t, Options{Precision: FP16})
	for _, part := range []string{"Gemm", "Rows", "CrossEntropy", "Range", "Distance", "Optimizer", "LayerNorm"} {
		enginetest.RunPart(t, part, func(*testing.T) engine.Engine { return e }, enginetest.Options{Slow: true})
	}
	x, y, z := mustNew(t, e, 64), mustNew(t, e, 64), e.View(mustNew(t, e, 192), 1, 192)
	w := e.View(x, 8, 8)
	e.Freeze(w)
	if err := first(e.LayerNormGrad(w, e.View(x, 8), e.View(x, 8), w, e.View(x, 8), w, 1), e.DivNorm(w, w, 1),
		e.DivNormGrad(w, w, w, 1),
		e.Attention(e.ViewFloat16(y, 1, 64), e.ViewFloat16(z, 1, 192), 1, 1, 1), e.Attention(y, z, 1, 1, 1)); err != nil {
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
