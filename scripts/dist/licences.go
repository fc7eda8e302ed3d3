package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// listed is what is read of a package that go list knows.
type listed struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// paper matches the names of licences, and of what they want passed on.
var paper = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|copyright|notice|patents|authors)([.-].*)?$`)

// licences reads those of Go and of every module linked into the program, with
// those beside the packages that are used. A module without one is an error.
func licences(env, tags []string) ([]file, error) {
	root, err := output(env, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{} // by name in the archive
	dirs["licences/go"] = strings.TrimSpace(string(root))
	modules := map[string]bool{"licences/go": true}
	for _, t := range tags {
		more := env
		if t != "" { // the GPU's engine is there with cgo alone
			more = append(env[:len(env):len(env)], "CGO_ENABLED=1")
		}
		b, err := output(more, "go", "list", "-deps", "-tags="+t, "-json=Dir,Module", "./cmd/clipcalib")
		if err != nil {
			return nil, err
		}
		for d := json.NewDecoder(bytes.NewReader(b)); ; {
			var p listed
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("what go list wrote: %w", err)
			}
			if p.Module == nil || p.Module.Main {
				continue
			}
			name := "licences/" + p.Module.Path + "@" + p.Module.Version
			modules[name] = true
			for at := p.Dir; ; at = filepath.Dir(at) {
				below, err := filepath.Rel(p.Module.Dir, at)
				if err != nil || strings.HasPrefix(below, "..") {
					return nil, fmt.Errorf("package %s is outside its module %s", p.Dir, p.Module.Dir)
				}
				dirs[path.Join(name, filepath.ToSlash(below))] = at
				if below == "." {
					break
				}
			}
		}
	}
	return gather(modules, dirs)
}

// gather reads the papers in dirs, and wants a licence in the root of every
// module.
func gather(modules map[string]bool, dirs map[string]string) ([]file, error) {
	var out []file
	for name, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		licensed := false
		for _, e := range entries {
			if !paper.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			found, err := read(path.Join(name, e.Name()), filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			lower := strings.ToLower(e.Name())
			licensed = licensed || strings.HasPrefix(lower, "licen") || strings.HasPrefix(lower, "copying")
			out = append(out, found...)
		}
		if modules[name] && !licensed {
			return nil, fmt.Errorf("%s: no licence in %s", strings.TrimPrefix(name, "licences/"), dir)
		}
	}
	return out, nil
}

// read reads a paper, or those in a folder of them.
func read(name, at string) ([]file, error) {
	info, err := os.Stat(at)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		b, err := os.ReadFile(at)
		return []file{{name, 0o644, b}}, err
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return nil, err
	}
	var out []file
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		more, err := read(path.Join(name, e.Name()), filepath.Join(at, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}
