package weights

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/printable"
)

// maxBlocks bounds the number of transformer blocks looked for.
const maxBlocks = 512

// named is a checkpoint brought under canonical names.
type named struct {
	model
	params  map[string]*param
	foreign map[string]string // canonical to the (first) name in the file
	ignored []string
	scaled  [2]bool // layer scale was found in the image tower, the text tower
	strange error   // the first tensor inside a tower that CLIP does not have
}

// model is a CLIP model found in a file by its names.
type model struct {
	layout        Layout
	prefix        string // what stands before every name in the file
	images, texts bool   // the towers that are there
}

// anchors are the tensors that each layout's towers are recognised by, the
// longer names before those they end in.
var anchors = []struct {
	name   string
	layout Layout
	image  bool
}{
	{"vision_model.embeddings.patch_embedding.weight", LayoutHuggingFace, true},
	{"text_model.embeddings.token_embedding.weight", LayoutHuggingFace, false},
	{"visual.conv1.weight", LayoutOpenAI, true},
	{textPrefix + "token_embedding.weight", LayoutOpenCLIPText, false},
	{"token_embedding.weight", LayoutOpenAI, false},
}

// findModels lists the models in a file by what stands before their names, such
// as "clip." where CLIP is a part of something larger.
func findModels(f *File) []model {
	type key struct {
		prefix      string
		huggingface bool
	}
	found := map[key]*model{}
	for _, name := range f.Names() {
		for _, a := range anchors {
			prefix, ok := strings.CutSuffix(name, a.name)
			if !ok || prefix != "" && !strings.HasSuffix(prefix, ".") {
				continue
			}
			k := key{prefix, a.layout == LayoutHuggingFace}
			m := found[k]
			if m == nil {
				m = &model{layout: a.layout, prefix: prefix}
				found[k] = m
			}
			m.layout = max(m.layout, a.layout) // the text tower's place tells open_clip's two layouts apart
			m.images = m.images || a.image
			m.texts = m.texts || !a.image
			break
		}
	}
	var out []model
	for _, m := range found {
		m.addHalves(f)
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b model) int {
		return cmp.Or(strings.Compare(a.prefix, b.prefix), cmp.Compare(a.layout, b.layout))
	})
	return out
}

// addHalves takes a tower for there if any tensor of it is, so that one whose
// first tensor is missing is not taken for a model without that tower.
func (m *model) addHalves(f *File) {
	images, texts := []string{"visual."}, []string{"transformer.", "token_embedding.", "positional_embedding",
		"ln_final.", "text_projection"}
	switch m.layout {
	case LayoutHuggingFace:
		images, texts = []string{"vision_model.", "visual_projection."}, []string{"text_model.", "text_projection."}
	case LayoutOpenCLIPText:
		texts = []string{textPrefix}
	}
	for name := range f.tensors {
		rest, ok := strings.CutPrefix(name, m.prefix)
		if !ok {
			continue
		}
		starts := func(root string) bool { return strings.HasPrefix(rest, root) }
		m.images = m.images || slices.ContainsFunc(images, starts)
		m.texts = m.texts || slices.ContainsFunc(texts, starts)
	}
}

// findModel finds the one CLIP model in a file, or the one that prefix names.
func findModel(f *File, prefix string) (model, error) {
	if err := otherArchitecture(f); err != nil {
		return model{}, err
	}
	all := findModels(f)
	if prefix != "" {
		for _, m := range all {
			if m.prefix == prefix || m.prefix == prefix+"." {
				return m, nil
			}
		}
		return model{}, fmt.Errorf("no CLIP model under the prefix %q: %s", printable.Escape(prefix), listModels(all))
	}
	// A token embedding beside a whole model is another part's, as of a learner's.
	if i := slices.IndexFunc(all, func(m model) bool { return m.images }); i >= 0 {
		all = slices.DeleteFunc(all, func(m model) bool { return !m.images })
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		return model{}, errors.New("not a CLIP model: none of visual.conv1.weight (OpenAI, open_clip), " +
			anchors[0].name + " (HuggingFace) and the token embeddings beside them is there" + hint(f))
	}
	var prefixes []string
	for _, m := range all {
		prefixes = append(prefixes, m.prefix)
	}
	return model{}, severalModels(prefixes)
}

// severalModels refuses to choose.
func severalModels(prefixes []string) error {
	quoted := make([]string, len(prefixes))
	for i, p := range prefixes {
		quoted[i] = strconv.Quote(p)
	}
	return fmt.Errorf("the file holds several models, whose names begin with %s: say which with --prefix (in Go: "+
		"Options.Prefix)",
		strings.Join(quoted, " and "))
}

func listModels(all []model) string {
	if len(all) == 0 {
		return "the file holds none"
	}
	var quoted []string
	for _, m := range all {
		quoted = append(quoted, strconv.Quote(m.prefix))
	}
	return "those there are begin with " + strings.Join(quoted, ", ")
}

func hint(f *File) string {
	names := f.Names()
	return fmt.Sprintf("; the file has %d tensors, the first is %s", len(names), printable.Escape(names[0]))
}

// canonicalise brings a checkpoint under OpenAI's names.
func canonicalise(f *File, prefix string) (*named, error) {
	m, err := findModel(f, prefix)
	if err != nil {
		return nil, err
	}
	n := &named{model: m, params: map[string]*param{}, foreign: map[string]string{}}
	used := map[string]bool{}
	for _, row := range nameTable {
		if n.layout == LayoutHuggingFace && row.hf == "" {
			continue
		}
		blocks := 1
		if row.perBlock() {
			blocks = n.countBlocks(f, row)
		}
		for i := range blocks {
			if err := n.add(f, row, i, used); err != nil {
				return nil, err
			}
		}
	}
	if err := n.foldLayerScale(f, used); err != nil {
		return nil, err
	}
	n.sortOut(f, used)
	return n, nil
}

// countBlocks is one more than the highest block number in the file, so that
// a block missing in between is noticed.
func (n *named) countBlocks(f *File, row nameRow) int {
	pattern := n.prefix + row.foreignNames(n.layout, 0)[0]
	at := strings.Index(pattern, ".0.")
	head, tail := pattern[:at+1], pattern[at+2:]
	count := 0
	for name := range f.tensors {
		middle, ok := strings.CutPrefix(name, head)
		if !ok {
			continue
		}
		if middle, ok = strings.CutSuffix(middle, tail); !ok {
			continue
		}
		if i, err := strconv.Atoi(middle); err == nil && i >= count && i < maxBlocks {
			count = i + 1
		}
	}
	return count
}

// add brings one parameter in, if the file has it.
func (n *named) add(f *File, row nameRow, i int, used map[string]bool) error {
	canonical := row.canonical(i)
	p := &param{transpose: row.transpose && n.layout == LayoutHuggingFace}
	for _, name := range row.foreignNames(n.layout, i) {
		name = n.prefix + name
		if n.foreign[canonical] == "" {
			n.foreign[canonical] = name
		}
		t, ok := f.Lookup(name)
		if !ok {
			n.foreign[canonical] = name
			return nil
		}
		used[name] = true
		p.parts = append(p.parts, t)
	}
	first := p.parts[0]
	p.shape = append([]int(nil), first.Shape...)
	for _, t := range p.parts[1:] {
		if len(t.Shape) == 0 || len(t.Shape) != len(p.shape) || !sameShape(t.Shape[1:], first.Shape[1:]) {
			return fmt.Errorf("%s has shape %s, which does not stack on %s %s",
				t.Name, shapeString(t.Shape), first.Name, shapeString(first.Shape))
		}
		p.shape[0] += t.Shape[0]
	}
	if p.transpose {
		if len(p.shape) != 2 {
			return fmt.Errorf("%s has shape %s, want a matrix", first.Name, shapeString(first.Shape))
		}
		p.shape[0], p.shape[1] = p.shape[1], p.shape[0]
	}
	for _, t := range p.parts {
		if !t.DType.Float() {
			return fmt.Errorf("%s holds %s, want floating-point numbers", t.Name, t.DType)
		}
	}
	n.params[canonical] = p
	return nil
}

// towerRoots are the beginnings of all names inside the towers, and of tables
// and factors of models that compute something else, such as Long-CLIP's
// positional_embedding_res.
var towerRoots = []string{"visual.", "transformer.", "text.", "vision_model.", "text_model.", "visual_projection",
	"text_projection",
	"logit_", "positional_embedding", "token_embedding", "ln_final", "cls_emb", "text_decoder.", "attn_pool"}

// sortOut decides about the tensors the table does not know. Inside a tower
// they mean that the model computes something else than CLIP does; elsewhere
// they are listed and left alone.
func (n *named) sortOut(f *File, used map[string]bool) {
	for _, full := range f.Names() {
		if used[full] {
			continue
		}
		n.ignored = append(n.ignored, full)
		name, ours := strings.CutPrefix(full, n.prefix)
		if !ours || isIgnored(name) || n.strange != nil {
			continue
		}
		for _, root := range towerRoots {
			if strings.HasPrefix(name, root) {
				n.strange = fmt.Errorf("%s is not a parameter of CLIP's towers: the model has another architecture",
					printable.Escape(full))
				break
			}
		}
	}
}
