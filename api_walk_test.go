package clipcalib_test

import (
	"go/types"
	"regexp"
	"strings"
)

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
		if o := p.Scope().Lookup(name); o.Exported() && isTypeName(o) &&
			types.Unalias(o.Type()) == types.Type(n.Origin()) {
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
