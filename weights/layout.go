package weights

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxBlocks bounds the number of transformer blocks looked for.
const maxBlocks = 512

// named is a checkpoint brought under canonical names.
type named struct {
	layout  Layout
	prefix  string // what stands before every name in the file
	params  map[string]*param
	foreign map[string]string // canonical to the (first) name in the file
	ignored []string
	strange error // the first tensor inside a tower that CLIP does not have
}

// The tensor each layout is recognised by.
const (
	openaiAnchor = "visual.conv1.weight"
	hfAnchor     = "vision_model.embeddings.patch_embedding.weight"
)

// detectLayout finds whose names the file uses and what prefix they carry,
// such as "clip." of a model that holds CLIP as a part.
func detectLayout(f *File) (Layout, string, error) {
	prefix, found, hf := "", false, false
	for _, name := range f.Names() {
		for _, anchor := range []string{openaiAnchor, hfAnchor} {
			p, ok := strings.CutSuffix(name, anchor)
			if !ok || p != "" && !strings.HasSuffix(p, ".") {
				continue
			}
			if !found || len(p) < len(prefix) {
				prefix, found, hf = p, true, anchor == hfAnchor
			}
		}
		if strings.Contains(name, "visual.trunk.") {
			return 0, "", fmt.Errorf("the image tower (%s) is a timm model: only CLIP's own ViT towers are supported", name)
		}
	}
	has := func(name string) bool { _, ok := f.Lookup(prefix + name); return ok }
	switch {
	case !found:
		return 0, "", errors.New("not a CLIP model: neither visual.conv1.weight (OpenAI, open_clip) nor " + hfAnchor + " (HuggingFace) is there" + hint(f))
	case hf:
		return LayoutHuggingFace, prefix, nil
	case has("visual.layer1.0.conv1.weight"):
		return 0, "", errors.New("the image tower is a ResNet (visual.layer1 is there): RN50 image towers are not supported yet, use a ViT checkpoint")
	case has(textPrefix + "token_embedding.weight"):
		return LayoutOpenCLIPText, prefix, nil
	}
	return LayoutOpenAI, prefix, nil
}

func hint(f *File) string {
	names := f.Names()
	return fmt.Sprintf("; the file has %d tensors, the first is %s", len(names), names[0])
}

// canonicalise brings a checkpoint under OpenAI's names.
func canonicalise(f *File) (*named, error) {
	layout, prefix, err := detectLayout(f)
	if err != nil {
		return nil, err
	}
	n := &named{layout: layout, prefix: prefix, params: map[string]*param{}, foreign: map[string]string{}}
	used := map[string]bool{}
	for _, row := range nameTable {
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

// towerRoots are the beginnings of all names inside the towers.
var towerRoots = []string{"visual.", "transformer.", "text.", "vision_model.", "text_model.", "visual_projection.", "text_projection.", "logit_bias"}

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
		if !ours || ignoredNames[name] || n.strange != nil {
			continue
		}
		for _, root := range towerRoots {
			if strings.HasPrefix(name, root) {
				n.strange = fmt.Errorf("%s is not a parameter of CLIP's transformer towers: the model has another architecture", full)
			}
		}
	}
}
