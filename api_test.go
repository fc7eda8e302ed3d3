package clipcalib_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "clipcalib"

// listed is what "go list" says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// public are the packages that another module can import.
func (l listed) public() bool {
	path := l.ImportPath
	return path == module || strings.HasPrefix(path, module+"/") && !isInternal(path) &&
		!strings.HasPrefix(path, module+"/cmd/") && !strings.HasPrefix(path, module+"/scripts/") &&
		!strings.HasPrefix(path+"/", module+"/examples/")
}

func isInternal(path string) bool { return strings.HasPrefix(path, module+"/internal/") }

// TestNoInternalTypeIsExported walks what every public package exports, and
// fails where a signature, a field, a method or an embedded type names a type of
// an internal package. Users see such a type by an alias alone, whose comment
// names its exported methods and fields or says which alias of the root package
// does.
func TestNoInternalTypeIsExported(t *testing.T) {
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[l.ImportPath] = l.Export
		if l.public() {
			packages = append(packages, l)
		}
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	load := importer.ForCompiler(token.NewFileSet(), "gc", open)
	root, err := load.Import(module)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, l := range packages {
		p, err := load.Import(l.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		found += len(p.Scope().Names())
		w := &walker{report: t.Errorf, pkg: p, root: root, docs: comments(t, l), seen: map[types.Type]bool{}}
		w.walk()
	}
	if len(packages) < 9 || found < 300 {
		t.Errorf("%d public packages with %d names: some were not found", len(packages), found)
	}
}

// comments returns the comment of every type that a package declares.
func comments(t *testing.T, l listed) map[string]string {
	docs := map[string]string{}
	for _, name := range l.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(l.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					docs[s.Name.Name] = g.Doc.Text() + s.Doc.Text()
				}
			}
		}
	}
	return docs
}

// TestTheWalkFindsInternalTypes holds the walk against a package that exports
// internal types in every way, and against one that does so as it should.
func TestTheWalkFindsInternalTypes(t *testing.T) {
	inner := checkSource(t, module+"/internal/x", `package x
		type T struct{ Field int }
		func (*T) Method() {}
		type Of[A any] struct{ Value A }`, nil)
	bad := checkSource(t, module+"/bad", `package bad
		import "clipcalib/internal/x"
		type Field struct{ A []*x.T }
		type Embedded struct{ x.T }
		type Interface interface{ M(map[string]x.T) }
		type Func func() x.T
		type Alias = x.T
		type Generic[A interface{ *x.T | int }] struct{}
		type Args struct{ F []x.Of[int] }
		type hidden struct{ B chan x.T }
		func Result() (h hidden) { return }
		func (hidden) Promoted(x.T) {}
		type Promotes struct{ hidden }
		var Var x.T
		func Unexported(struct{ private int }) {}
		func unexported(x.T) {}
		type fine struct{ t x.T }
		type Fine struct{ t x.T; f fine }`, inner)
	var got []string
	walk := func(p *types.Package, docs map[string]string) {
		got = nil
		w := &walker{pkg: p, root: bad, docs: docs, seen: map[types.Type]bool{}}
		w.report = func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
		w.walk()
	}
	walk(bad, map[string]string{"Alias": "Alias has a Method."})
	for _, want := range []string{"Field.A", "Embedded.T", "Interface.M", "Func",
		"Alias: its comment does not name Field",
		"Generic", "Args.F", "Result.B", "Result.Promoted", "Promotes.Promoted", "Var"} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, module+"/bad."+want) }) {
			t.Errorf("%s is not found", want)
		}
	}
	for _, s := range got {
		if strings.Contains(strings.ToLower(s), "fine") || strings.Contains(strings.ToLower(s), "unexported") {
			t.Errorf("not a thing that users see: %s", s)
		}
	}
	good := checkSource(t, module+"/good", `package good
		import "clipcalib/internal/x"
		type T = x.T
		type Has struct{ A *T }
		func F(...T) {}`, inner)
	walk(good, map[string]string{"T": "T has a Field and a Method."})
	if len(got) > 0 {
		t.Errorf("found in a package that is as it should be: %s", got)
	}
}

type importing func(path string) (*types.Package, error)

func (f importing) Import(path string) (*types.Package, error) { return f(path) }

// checkSource type-checks a package of one file that may import inner.
func checkSource(t *testing.T, path, source string, inner *types.Package) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "source.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := types.Config{Importer: importing(func(string) (*types.Package, error) { return inner, nil })}
	p, err := c.Check(path, fset, []*ast.File{f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
