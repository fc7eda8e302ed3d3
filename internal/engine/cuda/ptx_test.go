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

// codeFiles lists what is embedded.
func codeFiles() (files []string) {
	for _, c := range portable {
		files = append(files, codeFile(c, ".ptx"))
	}
	for _, c := range machineCode {
		files = append(files, codeFile(c, ".cubin"))
	}
	return files
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
	for _, file := range codeFiles() {
		if origin, _ := codeOf(t, file); origin[0] != want {
			t.Errorf("the kernels' sources have changed since %s was made: run make cuda-ptx", file)
		}
	}
	if table, err := os.ReadFile("kernels/registers.txt"); err != nil || !strings.HasPrefix(string(table), want) {
		t.Errorf("registers.txt is of other sources: run make cuda-ptx %v", err)
	}
}

// compilerOf returns the program that a variable names, or that is in the path,
// if it is of the version noted in an embedded file.
func compilerOf(t *testing.T, variable, name, file string) string {
	program := os.Getenv(variable)
	if program == "" {
		program, _ = exec.LookPath(name)
	}
	if program == "" {
		t.Skipf("needs %s, in the path or named by %s", name, variable)
	}
	version, err := exec.Command(program, "--version").Output()
	if err != nil {
		t.Skipf("%s does not run: %v", name, err)
	}
	origin, _ := codeOf(t, file)
	m := regexp.MustCompile(`\b` + name + ` ([\d.]+)`).FindStringSubmatch(origin[1])
	if m == nil || !strings.Contains(string(version), ", V"+m[1]) {
		t.Skipf("another version of %s made the embedded code", name)
	}
	return program
}

// TestCodeIsWhatTheCompilerMakes compiles again where the same compilers are;
// machine code takes minutes, so it asks for PTXAS to be named.
func TestCodeIsWhatTheCompilerMakes(t *testing.T) {
	nvcc := compilerOf(t, "NVCC", "nvcc", codeFile(portable[0], ".ptx"))
	if exec.Command("setarch", "-R", "true").Run() != nil {
		t.Skip("needs setarch -R: nvcc's choices depend on where things lie in memory")
	}
	what, files := "ptx", codeFiles()[:len(portable)]
	env := append(os.Environ(), "NVCC="+nvcc)
	if os.Getenv("PTXAS") != "" {
		env = append(env, "PTXAS="+compilerOf(t, "PTXAS", "ptxas", codeFile(machineCode[0], ".cubin")))
		what, files = "all", codeFiles()
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "kernels/make.sh", dir, what)
	cmd.Env = env
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, file := range files {
		name := file + ".gz"
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := packedCode.ReadFile("kernels/" + name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the compiler makes of the sources: run make cuda-ptx %v", name, err)
		}
	}
}

// TestDevicesGetTheirCode checks what a driver is given for each generation. The
// file's header says what machine code is for, and the version of its form: 7 is
// what drivers for CUDA 12.0 take, and 8 has the generation in another place.
func TestDevicesGetTheirCode(t *testing.T) {
	const abiVersion, flags = 8, 48 // offsets in the header of an ELF file
	for capability, want := range map[int]string{75: "PTX 75", 80: "ELF 80 PTX 80", 86: "ELF 86 PTX 80",
		87: "ELF 86 PTX 80", 89: "ELF 89 PTX 80", 90: "ELF 90 PTX 80", 100: "ELF 100 PTX 80", 103: "ELF 100 PTX 80",
		110: "PTX 80", 120: "ELF 120 PTX 80", 121: "ELF 120 PTX 80"} {
		images, err := Images(Info{Capability: capability})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, image := range images {
			if strings.HasPrefix(image.Code, "\x7fELF") {
				v := image.Code[abiVersion]
				if v != 7 && (v != 8 || capability < 100) {
					t.Errorf("compute capability %d: %s has ABI version %d", capability, image.Name, v)
				}
				got = append(got, fmt.Sprint("ELF ", image.Code[flags+int(v)-7]))
				continue
			}
			got = append(got, "PTX "+regexp.MustCompile(`(?m)^\.target sm_(\d+)`).FindStringSubmatch(image.Code)[1])
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

// asksFor80 matches the kernels that need compute capability 8.0.
var asksFor80 = regexp.MustCompile(`_(bf16|fp16|tf32)(_|$)`)

// TestCodeHasAllKernels looks for the kernels' names; what needs compute
// capability 8.0 is left out of the code for older cards.
func TestCodeHasAllKernels(t *testing.T) {
	for _, file := range codeFiles() {
		_, code := codeOf(t, file)
		for _, name := range kernelNames(t) {
			entry := ".visible .entry " + name + "("
			if strings.HasSuffix(file, ".cubin") {
				entry = ".text." + name + "\x00"
			}
			old := file == "sm_75.ptx" && asksFor80.MatchString(name)
			if strings.Contains(code, entry) == old {
				t.Errorf("%s: kernel %s: missing %v, want %v", file, name, !old, old)
			}
		}
	}
}

// TestRegisters holds the table of what kernels take: every kernel is in it for
// every generation that has it, and those on tensor cores keep all they have in registers.
func TestRegisters(t *testing.T) {
	table, err := os.ReadFile("kernels/registers.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[3:] {
		var kernel, generation string
		var registers, stack, stores, loads, shared int
		if _, err := fmt.Sscan(line, &kernel, &generation, &registers, &stack, &stores, &loads, &shared); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got[kernel+" "+generation] = true
		onTensorCores := regexp.MustCompile(`^attention_(grad_\w+_)?(bf16|fp16|tf32)$`).MatchString(kernel)
		if registers < 1 || registers > 255 || onTensorCores && stack+stores+loads > 0 {
			t.Errorf("%s", line)
		}
	}
	lines := 0
	for _, name := range kernelNames(t) {
		for _, c := range append([]int{leastCapability}, machineCode...) {
			if c < mixedFrom && asksFor80.MatchString(name) {
				continue
			}
			lines++
			if !got[fmt.Sprintf("%s sm_%d", name, c)] {
				t.Errorf("registers.txt lacks %s for sm_%d", name, c)
			}
		}
	}
	if len(got) != lines {
		t.Errorf("registers.txt has %d lines, want %d", len(got), lines)
	}
}

// TestPERFHasTheRegisters wants the table in PERF.md to be what registers.sh prints.
func TestPERFHasTheRegisters(t *testing.T) {
	table, err := exec.Command("sh", "../../../scripts/gpu/registers.sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("PERF.md")
	if err != nil || len(table) < 1000 || !strings.Contains(string(text), "\n\n"+string(table)) {
		t.Errorf("PERF.md lacks what scripts/gpu/registers.sh prints: %v", err)
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
	// Of half precision the suite has what is its own; the rest it skips there.
	e, f := open(t, Options{Precision: FP16})
	single, g := open(t, Options{Precision: FP32})
	ran := 0
	for _, part := range []struct {
		name string
		on   engine.Engine
	}{{"Gemm", e}, {"Rows", single}, {"CrossEntropy", single}, {"Range", single}, {"Distance", single},
		{"Optimizer", single}, {"LayerNorm", single}} {
		t.Run(part.name, func(t *testing.T) {
			enginetest.RunPart(t, part.name, func(*testing.T) engine.Engine { return part.on },
				enginetest.Options{Slow: true})
			ran++
		})
	}
	if ran != 7 {
		t.Errorf("%d of 7 parts of the suite ran", ran)
	}
	x, y, z := mustNew(t, e, 64), mustNew(t, e, 64), e.View(mustNew(t, e, 192), 1, 192)
	w := e.View(x, 8, 8)
	e.Freeze(w)
	if err := first(e.LayerNormGrad(w, e.View(x, 8), e.View(x, 8), w, e.View(x, 8), w, 1), e.DivNorm(w, w, 1),
		e.DivNormGrad(w, w, w, 1),
		e.Attention(e.ViewFloat16(y, 1, 64), e.ViewFloat16(z, 1, 192), 1, 1, 1), e.Attention(y, z, 1, 1, 1),
		e.AttentionGrad(z, z, y, y, 1, 1, 1)); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, l := range append(f.launches, g.launches...) {
		used[l.Kernel] = true
		if want := sizes[l.Kernel]; len(l.Args) != want {
			t.Errorf("%s is given %d bytes of arguments and takes %d", l.Kernel, len(l.Args), want)
			return
		}
	}
	if len(used) < 26 {
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
