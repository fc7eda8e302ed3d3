// Command dist makes the archives of a release: for every platform the program,
// its papers, and the licences of the modules that are linked into it, with
// checksums beside. One commit gives the same bytes in any folder.
//
//	go run ./scripts/dist --out dist [--card PROGRAM]
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// platforms are what archives are made for.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

// papers of the tree go into every archive.
var papers = []string{"LICENSE", "NOTICE", "README.md", "CHANGELOG.md"}

func main() {
	out := flag.String("out", "dist", "folder for the archives")
	card := flag.String("card", "", "the linux/amd64 program with the GPU's engine, built by make build")
	flag.Parse()
	if err := run(*out, *card); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(out, card string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	version, when, err := commit()
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, p := range platforms {
		system, arch, _ := strings.Cut(p, "/")
		extra := ""
		if p == "linux/amd64" {
			extra = card
		}
		files, err := contents(system, arch, extra)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		base := "clipcalib-" + version + "-" + system + "-" + arch
		name, pack := base+".tar.gz", tarGz
		if system == "windows" {
			name, pack = base+".zip", zipped
		}
		var b bytes.Buffer
		if err := pack(&b, base, files, when); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(out, name), b.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(b.Bytes()), name)
		fmt.Printf("%s: %d files, %.1f MB\n", name, len(files), float64(b.Len())/1e6)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// commit names what is built and gives its time, which files in archives have.
func commit() (version string, when time.Time, err error) {
	described, err := output(nil, "git", "describe", "--tags", "--always", "--dirty", "--abbrev=12")
	if err != nil {
		return "", when, fmt.Errorf("archives are made of a commit, in a checkout of git: %w", err)
	}
	version = strings.TrimSpace(string(described))
	if strings.HasSuffix(version, "-dirty") {
		fmt.Println("uncommitted changes: these archives are nobody else's")
	}
	seconds, err := output(nil, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return "", when, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(seconds)), 10, 64)
	return version, time.Unix(n, 0).UTC(), err
}

// contents builds the program for a platform and gathers what goes with it.
func contents(system, arch, card string) ([]file, error) {
	env := []string{"GOOS=" + system, "GOARCH=" + arch, "CGO_ENABLED=0", "GOFLAGS=-trimpath"}
	program := "clipcalib"
	if system == "windows" {
		program += ".exe"
	}
	dir, err := os.MkdirTemp("", "clipcalib-dist-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	built := filepath.Join(dir, program)
	if _, err := output(env, "go", "build", "-ldflags=-s -w", "-o", built, "./cmd/clipcalib"); err != nil {
		return nil, err
	}
	programs := map[string]string{program: built}
	tags := []string{""}
	if card != "" {
		programs["clipcalib-cuda"] = card
		tags = append(tags, "gpu")
	}
	var files []file
	for name, path := range programs {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, 0o755, b})
	}
	for _, p := range papers {
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("run it in the root of the tree: %w", err)
		}
		files = append(files, file{p, 0o644, b})
	}
	found, err := licences(env, tags)
	if err != nil {
		return nil, err
	}
	return sorted(append(files, found...))
}

// output runs a program with more environment; its error has what it wrote.
func output(env []string, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	b, err := c.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, ended.Stderr)
	}
	return b, err
}
