package bgemm

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// emulator runs the assembly of AMX's kernel on any processor: it reads the text
// of tiles_amd64.s, whose bytes TestBytesAreWhatTheySay checks, and does what
// Intel's manual says of each instruction.
type emulator struct {
	program []string // of one function, trimmed
	labels  map[string]int
	r       map[string]int // registers
	zero    bool
	memory  []byte
	tiles   [8][16][64]byte
	ready   bool // the tiles are configured
}

// Where the arguments of the emulated call lie in its memory.
const atA, atB, atC, atConfig = 1 << 12, 1 << 20, 1 << 21, 1 << 22

func loadProgram(t *testing.T, function string) *emulator {
	t.Helper()
	f, err := os.Open("tiles_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e := &emulator{labels: map[string]int{}, r: map[string]int{}, memory: make([]byte, atConfig+64)}
	inside := false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		switch {
		case strings.HasPrefix(line, "TEXT"):
			inside = strings.Contains(line, "·"+function+"(")
		case !inside || line == "":
		case strings.HasSuffix(line, ":"):
			e.labels[strings.TrimSuffix(line, ":")] = len(e.program)
		default:
			e.program = append(e.program, line)
		}
	}
	return e
}

var (
	argument = regexp.MustCompile(`^MOVQ (\w+)\+\d+\(FP\), (\w+)$`)
	twoForm  = regexp.MustCompile(`^(MOVQ|ADDQ|SHLQ) (\$?\w+), (\w+)$`)
	address  = regexp.MustCompile(`^LEAQ (\d+)\((\w+)\), (\w+)$`)
	tileMove = regexp.MustCompile(`\[(\w+) \+ 1\*(\w+)\]`)
	numbers  = regexp.MustCompile(`tmm(\d)`)
)

// run interprets the program until RET.
func (e *emulator) run(arguments map[string]int) error {
	for pc := 0; ; pc++ {
		line := e.program[pc]
		if m := argument.FindStringSubmatch(line); m != nil {
			v, ok := arguments[m[1]]
			if !ok {
				return fmt.Errorf("no argument %s", m[1])
			}
			e.r[m[2]] = v
			continue
		}
		if m := twoForm.FindStringSubmatch(line); m != nil {
			v, ok := e.r[m[2]]
			if strings.HasPrefix(m[2], "$") {
				v, _ = strconv.Atoi(m[2][1:])
			} else if !ok {
				return fmt.Errorf("%s: register %s has no value", line, m[2])
			}
			switch m[1] {
			case "MOVQ":
				e.r[m[3]] = v
			case "ADDQ":
				e.r[m[3]] += v
			case "SHLQ":
				e.r[m[3]] <<= v
			}
			continue
		}
		if m := address.FindStringSubmatch(line); m != nil {
			off, _ := strconv.Atoi(m[1])
			e.r[m[3]] = e.r[m[2]] + off
			continue
		}
		code, text, isBytes := strings.Cut(line, " // ")
		switch op, operand, _ := strings.Cut(strings.Join(strings.Fields(code), " "), " "); {
		case isBytes:
			if err := e.tile(text); err != nil {
				return err
			}
		case op == "DECQ":
			e.r[operand]--
			e.zero = e.r[operand] == 0
		case op == "JNZ":
			if !e.zero {
				pc = e.labels[operand] - 1
			}
		case op == "RET":
			if e.ready {
				return fmt.Errorf("the tiles are not released")
			}
			return nil
		default:
			return fmt.Errorf("the emulator does not know %q", line)
		}
	}
}

// plan9 are the assembler's names of registers that Intel calls otherwise.
func plan9(name string) string {
	return strings.ToUpper(strings.TrimPrefix(strings.TrimPrefix(name, "r"), "R"))
}

func (e *emulator) register(name string) int {
	if name[1] >= '0' && name[1] <= '9' {
		return e.r[strings.ToUpper(name)]
	}
	return e.r[plan9(name)]
}

// tile does one instruction of AMX.
func (e *emulator) tile(text string) error {
	op, rest, _ := strings.Cut(text, " ")
	if op == "ldtilecfg" {
		base := e.register(strings.Trim(rest, "[]"))
		if string(e.memory[base:base+64]) != string(tileConfigWanted()) {
			return fmt.Errorf("the tiles are configured as %v", e.memory[base:base+64])
		}
		e.ready = true
		return nil
	}
	if !e.ready {
		return fmt.Errorf("%s before the tiles are configured", text)
	}
	var n []int
	for _, m := range numbers.FindAllStringSubmatch(text, -1) {
		v, _ := strconv.Atoi(m[1])
		n = append(n, v)
	}
	switch m := tileMove.FindStringSubmatch(text); op {
	case "tilerelease":
		e.ready = false
	case "tilezero":
		e.tiles[n[0]] = [16][64]byte{}
	case "tileloadd":
		for r := range 16 {
			copy(e.tiles[n[0]][r][:], e.memory[e.register(m[1])+r*e.register(m[2]):])
		}
	case "tilestored":
		for r := range 16 {
			copy(e.memory[e.register(m[1])+r*e.register(m[2]):], e.tiles[n[0]][r][:])
		}
	case "tdpbf16ps":
		e.multiply(n[0], n[1], n[2])
	default:
		return fmt.Errorf("the emulator does not know %q", text)
	}
	return nil
}

// multiply is TDPBF16PS: sums of pairs.
func (e *emulator) multiply(dst, x, y int) {
	half := func(row *[64]byte, i int) float32 { return Widened(binary.LittleEndian.Uint16(row[2*i:])) }
	for r := range 16 {
		for k := range 16 {
			for c := range 16 {
				at := e.tiles[dst][r][4*c:]
				v := math.Float32frombits(binary.LittleEndian.Uint32(at))
				v += half(&e.tiles[x][r], 2*k) * half(&e.tiles[y][k], 2*c)
				v += half(&e.tiles[x][r], 2*k+1) * half(&e.tiles[y][k], 2*c+1)
				binary.LittleEndian.PutUint32(at, math.Float32bits(v))
			}
		}
	}
}

// tileConfigWanted is the description of eight tiles of 16 rows of 64 bytes.
func tileConfigWanted() []byte {
	c := make([]byte, 64)
	c[0] = 1
	for t := range 8 {
		c[16+2*t], c[48+t] = 64, 16
	}
	return c
}

// emulated is AMX's kernel by the emulator.
func emulated(t *testing.T) *kernel {
	return &kernel{name: "amx, emulated", rows: tileRows, packed: tilesPacked, pack: packTiles,
		dot: func(k int, a, b []uint16, c []float32, ldc int) {
			e := loadProgram(t, "tiles32x32")
			for i, v := range a[:tilesPacked(k)] {
				binary.LittleEndian.PutUint16(e.memory[atA+2*i:], v)
			}
			for i, v := range b[:panel*ceilDiv(k, depth)*depth] {
				binary.LittleEndian.PutUint16(e.memory[atB+2*i:], v)
			}
			copy(e.memory[atConfig:], tileConfigWanted())
			if err := e.run(map[string]int{"blocks": ceilDiv(k, depth), "a": atA, "b": atB, "c": atC, "ldc": ldc,
				"config": atConfig}); err != nil {
				t.Fatal(err)
			}
			for r := range tileRows {
				for j := range panel {
					c[r*ldc+j] = math.Float32frombits(binary.LittleEndian.Uint32(e.memory[atC+4*(r*ldc+j):]))
				}
			}
		}}
}

// TestTilesOfAMXByEmulation multiplies by the kernel that few machines run.
func TestTilesOfAMXByEmulation(t *testing.T) {
	was := active
	defer func() { active = was }()
	active = emulated(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{1, 1, 1}, {33, 40, 31}, {32, 32, 32}, {40, 70, 100}, {17, 33, 64}} {
		for form := range 32 {
			check(t, r, s[0], s[1], s[2], form)
		}
	}
	for _, s := range [][2]int{{1, 8}, {33, 64}, {50, 64}} {
		checkAttend(t, r, s[0], s[1])
	}
}
