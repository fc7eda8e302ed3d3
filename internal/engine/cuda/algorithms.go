package cuda

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// The algorithms chosen on cards beforehand: timing them in a run would make its
// bytes depend on the clock.
//
//go:embed algorithms.txt
var shippedAlgorithms string

// AlgorithmsFile names, in the environment, a table to use in place of the one
// in the program.
const AlgorithmsFile = "CLIPCALIB_CUDA_ALGORITHMS"

// Algorithms is the algorithm of a product by its Shape, and the rows at a time of
// an MLP by mlpShape.
type Algorithms map[string]string

var (
	algorithmShape = regexp.MustCompile(
		`^\d+ (fp32|bf16|fp16|tf32) (fp32|bf16|fp16) [NT][NT] \d+x\d+x\d+ \d+,\d+,\d+ (-|bias|add|bias\+add)$`)
	algorithmConfig = regexp.MustCompile(`^-?\d+(/-?\d+){8}$`)
	partwiseShape   = regexp.MustCompile(`^\d+ (fp32|bf16|fp16|tf32) mlp \d+x\d+$`)
	partwiseRows    = regexp.MustCompile(`^[1-9]\d{0,8}$`)
)

// mostAlgorithms bounds what is read of a table, in bytes.
const mostAlgorithms = 4 << 20

// LoadAlgorithms reads the program's table, or the one that AlgorithmsFile names.
func LoadAlgorithms() (Algorithms, error) {
	path := os.Getenv(AlgorithmsFile)
	if path == "" {
		return parseAlgorithms("algorithms.txt", strings.NewReader(shippedAlgorithms))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", AlgorithmsFile, err)
	}
	defer f.Close()
	return parseAlgorithms(path, io.LimitReader(f, mostAlgorithms))
}

func parseAlgorithms(name string, r io.Reader) (Algorithms, error) {
	table := Algorithms{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || !(algorithmShape.MatchString(line[:at]) && algorithmConfig.MatchString(line[at+1:]) ||
			partwiseShape.MatchString(line[:at]) && partwiseRows.MatchString(line[at+1:])) {
			return nil, fmt.Errorf("%s:%d: %q is neither a shape and its algorithm nor an MLP and its rows", name, n,
				line)
		}
		if was, ok := table[line[:at]]; ok && was != line[at+1:] {
			return nil, fmt.Errorf("%s:%d: %q has another algorithm above", name, n, line[:at])
		}
		table[line[:at]] = line[at+1:]
	}
	return table, lines.Err()
}

// Shape names the product's shape on a card, as in the table of algorithms.
func (p Product) Shape(capability int) string {
	op := func(transposed bool) string {
		if transposed {
			return "T"
		}
		return "N"
	}
	epilogue := "-"
	switch {
	case p.Bias != 0 && p.Beta != 0:
		epilogue = "bias+add"
	case p.Bias != 0:
		epilogue = "bias"
	case p.Beta != 0:
		epilogue = "add"
	}
	return fmt.Sprintf("%d %v %v %s%s %dx%dx%d %d,%d,%d %s", capability, p.Kind, p.Result, op(p.TransA), op(p.TransB),
		p.M, p.N, p.K, p.LDA, p.LDB, p.LDC, epilogue)
}

var kindNames = [...]string{Float: "fp32", BFloat: "bf16", Half: "fp16", Tensor32: "tf32"}

func (k Kind) String() string { return kindNames[k] }
