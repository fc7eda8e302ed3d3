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
	"regexp"
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
		!strings.HasPrefix(path, module+"/examples/")
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
	load := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
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

// walker walks one package.
type walker struct {
	report    func(format string, args ...any)
	pkg, root *types.Package
	docs      map[string]string
	seen      map[types.Type]bool
	aliased   int // deep within a type that users see by an alias
}

func (w *walker) walk() {
	for _, name := range w.pkg.Scope().Names() {
		o := w.pkg.Scope().Lookup(name)
		if !o.Exported() {
			continue
		}
		where := w.pkg.Path() + "." + name
		switch a, ok := o.Type().(*types.Alias); {
		case !isTypeName(o):
			w.visit(where, o.Type())
		case ok:
			w.alias(where, name, a)
		default:
			w.members(where, o.Type())
		}
	}
}

func isTypeName(o types.Object) bool { _, ok := o.(*types.TypeName); return ok }

// alias checks an alias that the package declares.
func (w *walker) alias(where, name string, a *types.Alias) {
	n, ok := types.Unalias(a).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || !isInternal(n.Obj().Pkg().Path()) {
		w.visit(where, a.Rhs())
		return
	}
	doc := w.docs[name]
	if other := aliasOf(w.root, n); w.pkg == w.root || other == "" || !strings.Contains(doc, module+"."+other) {
		for _, m := range exportedMembers(n) {
			if !regexp.MustCompile(`\b`+m+`\b`).MatchString(doc) && !w.promised(m, doc) {
				w.report("%s: its comment does not name %s of %s", where, m, n.Obj().Name())
			}
		}
	}
	w.aliased++
	w.members(where, n)
	w.aliased--
}

// promised says whether a comment names, in brackets, an interface of the
// package that has the method.
func (w *walker) promised(method, doc string) bool {
	for _, m := range regexp.MustCompile(`\[(\w+)\]`).FindAllStringSubmatch(doc, -1) {
		o := w.pkg.Scope().Lookup(m[1])
		if o == nil || !types.IsInterface(o.Type()) {
			continue
		}
		if f, _, _ := types.LookupFieldOrMethod(o.Type(), false, w.pkg, method); f != nil {
			return true
		}
	}
	return false
}

// aliasOf is the name by which users of p see n, "" if they do not.
func aliasOf(p *types.Package, n *types.Named) string {
	for _, name := range p.Scope().Names() {
		if o := p.Scope().Lookup(name); o.Exported() && isTypeName(o) && types.Unalias(o.Type()) == types.Type(n.Origin()) {
			return name
		}
	}
	return ""
}

// exportedMembers lists the exported methods and fields of a type.
func exportedMembers(n *types.Named) []string {
	var out []string
	set := types.NewMethodSet(types.NewPointer(n))
	if types.IsInterface(n) {
		set = types.NewMethodSet(n)
	}
	for i := range set.Len() {
		if o := set.At(i).Obj(); o.Exported() {
			out = append(out, o.Name())
		}
	}
	if s, ok := n.Underlying().(*types.Struct); ok {
		for i := range s.NumFields() {
			if f := s.Field(i); f.Exported() {
				out = append(out, f.Name())
			}
		}
	}
	return out
}

// members visits what users can reach of a declared type.
func (w *walker) members(where string, t types.Type) {
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	if n, ok := t.(*types.Named); ok {
		for i := range n.TypeParams().Len() {
			w.visit(where, n.TypeParams().At(i).Constraint())
		}
		set := types.NewMethodSet(types.NewPointer(n))
		for i := range set.Len() {
			if o := set.At(i).Obj(); o.Exported() {
				w.visit(where+"."+o.Name(), o.Type())
			}
		}
	}
	w.visit(where, t.Underlying())
}

// visit looks at a type that users see at some place.
func (w *walker) visit(where string, t types.Type) {
	switch t := t.(type) {
	case *types.Alias:
		// An alias of a public package is looked at where it is declared.
		if p := t.Obj().Pkg(); p == nil || isInternal(p.Path()) {
			w.visit(where, t.Rhs())
		}
		for i := range t.TypeArgs().Len() {
			w.visit(where, t.TypeArgs().At(i))
		}
	case *types.Named:
		w.named(where, t)
	case *types.Pointer:
		w.visit(where, t.Elem())
	case *types.Slice:
		w.visit(where, t.Elem())
	case *types.Array:
		w.visit(where, t.Elem())
	case *types.Chan:
		w.visit(where, t.Elem())
	case *types.Map:
		w.visit(where, t.Key())
		w.visit(where, t.Elem())
	case *types.Signature:
		for i := range t.TypeParams().Len() {
			w.visit(where, t.TypeParams().At(i).Constraint())
		}
		w.tuple(where, t.Params())
		w.tuple(where, t.Results())
	case *types.Struct:
		for i := range t.NumFields() {
			if f := t.Field(i); f.Exported() || f.Embedded() && !declaredIn(f.Type(), w.pkg) {
				w.visit(where+"."+f.Name(), f.Type())
			}
		}
	case *types.Interface:
		for i := range t.NumExplicitMethods() {
			if m := t.ExplicitMethod(i); m.Exported() {
				w.visit(where+"."+m.Name(), m.Type())
			}
		}
		for i := range t.NumEmbeddeds() {
			w.visit(where, t.EmbeddedType(i))
		}
	case *types.Union:
		for i := range t.Len() {
			w.visit(where, t.Term(i).Type())
		}
	}
}

func (w *walker) named(where string, n *types.Named) {
	for i := range n.TypeArgs().Len() {
		w.visit(where, n.TypeArgs().At(i))
	}
	p := n.Obj().Pkg()
	switch {
	case p == nil:
	case isInternal(p.Path()):
		// A type that is seen by an alias knows nothing of aliases itself.
		if w.aliased == 0 || aliasOf(w.pkg, n) == "" && aliasOf(w.root, n) == "" {
			w.report("%s names %s.%s, an internal type", where, p.Path(), n.Obj().Name())
		}
	case p == w.pkg && !n.Obj().Exported():
		w.members(where, n) // users hold one without knowing its name
	}
}

func (w *walker) tuple(where string, t *types.Tuple) {
	for i := range t.Len() {
		w.visit(where, t.At(i).Type())
	}
}

// declaredIn says whether an embedded type is the package's own: what users
// reach of it is in the method set of the type that embeds it.
func declaredIn(t types.Type, p *types.Package) bool {
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	n, ok := t.(*types.Named)
	return ok && n.Obj().Pkg() == p
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
	for _, want := range []string{"Field.A", "Embedded.T", "Interface.M", "Func", "Alias: its comment does not name Field",
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
