package weights

import (
	"fmt"
	"strings"
)

// foldLayerScale takes in open_clip's layer scale: x + gamma*attention(norm(x)),
// and the same behind the feed-forward part. gamma multiplies the outputs of a
// matrix, so it is folded into the rows of that matrix and its bias when they
// are read.
func (n *named) foldLayerScale(f *File, used map[string]bool) error {
	if n.layout == LayoutHuggingFace {
		return nil
	}
	for tower, blocks := range []string{"visual.transformer.resblocks.", "transformer.resblocks."} {
		for i := 0; n.params[fmt.Sprintf("%s%d.mlp.c_proj.weight", blocks, i)] != nil; i++ {
			block := fmt.Sprintf("%s%d.", blocks, i)
			for _, pair := range [][2]string{{"ls_1.gamma", "attn.out_proj."}, {"ls_2.gamma", "mlp.c_proj."}} {
				name := block + pair[0]
				if n.layout == LayoutOpenCLIPText && isTextName(name) {
					name = textPrefix + name
				}
				gamma, ok := f.Lookup(n.prefix + name)
				if !ok {
					if n.scaled[tower] {
						return fmt.Errorf("%s is missing: other blocks have their layer scale", n.prefix+name)
					}
					continue
				}
				if i > 0 && !n.scaled[tower] {
					return fmt.Errorf("%s is there, but blocks before it have no layer scale", gamma.Name)
				}
				n.scaled[tower], used[n.prefix+name] = true, true
				for _, kind := range []string{"weight", "bias"} {
					p := n.params[block+pair[1]+kind]
					if p == nil || len(p.shape) == 0 || len(gamma.Shape) != 1 || gamma.Shape[0] != p.shape[0] ||
						!gamma.DType.Float() {
						return fmt.Errorf("%s %s %s does not scale the rows of %s", gamma.Name, gamma.DType,
							shapeString(gamma.Shape),
							strings.TrimSuffix(block+pair[1], "."))
					}
					p.rowScale = gamma
				}
			}
		}
	}
	return nil
}

// scaleRows multiplies the rows of a parameter by its layer scale.
func (p *param) scaleRows(dst []float32) error {
	if p.rowScale == nil {
		return nil
	}
	gamma := make([]float32, p.rowScale.Len())
	if err := p.rowScale.readFinite(gamma); err != nil {
		return err
	}
	width := len(dst) / len(gamma)
	for i, s := range gamma {
		row := dst[i*width : (i+1)*width]
		for j := range row {
			row[j] *= s
		}
	}
	return nil
}
