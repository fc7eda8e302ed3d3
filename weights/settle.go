package weights

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// AskedFor is the reason of what [Options] decided.
const AskedFor = "asked for"

// settle decides what shapes do not show: activation, heads, norms, pooling,
// preprocessing, tokenizer. What was asked for comes first, then the file's own
// metadata, then the configuration beside it, then what can be told from the
// file and its name.
func (c *Checkpoint) settle(n *named, opts Options) error {
	cfg := &c.Config
	meta, err := statedByMetadata(c.file.metadata)
	if err != nil {
		return err
	}
	var beside stated
	if !opts.NoConfig {
		if beside, err = statedBeside(c.file.path, *cfg, n.layout); err != nil {
			return fmt.Errorf("%w (to read nothing beside the weights: --no-config)", err)
		}
	}
	c.Unused = beside.idle
	name := statedByName(c.file.path, *cfg)
	if err := c.settleActivation(n, opts, meta, beside, name); err != nil {
		return err
	}
	if err := c.settleHeads(opts, meta, beside); err != nil {
		return err
	}
	c.settlePreprocess(opts, meta, beside, name)
	cfg.Text.Refused = cmp.Or(meta.textRefused, beside.textRefused)
	cfg.Text.Tokenizer = cmp.Or(meta.tokenizer, beside.tokenizer)
	return c.settlePooling(meta, beside, name)
}

// settleActivation decides the activation and the epsilon of each tower.
func (c *Checkpoint) settleActivation(n *named, opts Options, meta, beside, name stated) error {
	cfg := &c.Config
	chosen := stated{}
	for _, s := range []func() stated{
		func() stated {
			a := opts.Activation
			return stated{vision: towerStated{activation: a}, text: towerStated{activation: a}, reason: AskedFor}
		},
		func() stated { return meta },
		func() stated { return beside },
		func() stated { return c.statedByFile(n) },
		func() stated { return name },
		c.statedBySum,
	} {
		if chosen = s(); chosen.vision.activation != 0 || chosen.text.activation != 0 {
			break
		}
	}
	vision, text := chosen.vision.activation, chosen.text.activation
	switch {
	case vision == 0 && text == 0:
		return errActivation
	case !cfg.HasImages() || vision == 0:
		vision = text
	case !cfg.HasTexts() || text == 0:
		text = vision
	}
	cfg.Activation, cfg.ActivationReason = vision, chosen.reason
	if text != vision {
		cfg.Text.Activation = text
	}
	cfg.Vision.NormEps = cmp.Or(meta.vision.eps, beside.vision.eps)
	cfg.Text.NormEps = cmp.Or(meta.text.eps, beside.text.eps)
	return nil
}

var errActivation = errors.New("neither the file, a configuration beside it, its hash nor its name tells its " +
	"activation, and the wrong one " +
	"gives wrong features without an error: say --activation quickgelu (OpenAI's, MetaCLIP's and most of DFN's models) " +
	"or --activation gelu " +
	"(LAION's, DataComp's and most of open_clip's), or put its open_clip_config.json or config.json beside it (in Go: " +
	"Options.Activation)")

// statedByFile is what the file shows besides its parameters.
func (c *Checkpoint) statedByFile(n *named) (s stated) {
	if c.file.script != nil {
		if s = statedByCode(c.file.script); s.reason != "" {
			return s
		}
	}
	// open_clip and transformers keep none of these beside the weights.
	for _, name := range []string{"input_resolution", "context_length", "vocab_size"} {
		if _, ok := c.file.Lookup(n.prefix + name); !ok || n.layout != LayoutOpenAI {
			return s
		}
	}
	s.vision.activation, s.text.activation = QuickGELU, QuickGELU
	s.reason = "input_resolution, context_length and vocab_size stand beside the weights, as in OpenAI's models alone"
	return s
}

// statedBySum compares the file's hash with those published. It reads the
// whole file, so it comes last.
func (c *Checkpoint) statedBySum() stated {
	if c.file.path == "" {
		return stated{}
	}
	sum, err := c.file.SHA256()
	if err != nil {
		return stated{}
	}
	return statedByHash(sum, c.Config)
}

func (c *Checkpoint) settleHeads(opts Options, meta, beside stated) error {
	cfg := &c.Config
	for _, t := range []struct {
		name             string
		width            int
		heads            *int
		asked            int
		metadata, beside int
		usual            int
	}{
		{"image", cfg.Vision.FeatureWidth(), &cfg.Vision.Heads, opts.VisionHeads, meta.visionHeads, beside.visionHeads,
			cfg.Vision.usualHeads()},
		{"text", cfg.Text.Width, &cfg.Text.Heads, opts.TextHeads, meta.textHeads, beside.textHeads,
			defaultHeads(cfg.Text.Width)},
	} {
		if t.width == 0 {
			continue
		}
		*t.heads = cmp.Or(t.asked, t.metadata, t.beside, t.usual)
		if *t.heads < 1 || t.width%*t.heads != 0 {
			return fmt.Errorf("%s tower of width %d cannot have %d heads", t.name, t.width, *t.heads)
		}
	}
	return nil
}

func (c *Checkpoint) settlePreprocess(opts Options, meta, beside, name stated) {
	cfg := &c.Config
	if !cfg.HasImages() {
		return
	}
	asked := stated{preprocess: opts.Preprocess, preprocessReason: AskedFor}
	for _, s := range []stated{asked, meta, beside, name} {
		if s.preprocess != nil {
			cfg.Preprocess, cfg.PreprocessReason = *s.preprocess, s.preprocessReason
			return
		}
	}
	if meta.reason != "" { // our own files keep a preprocessing that is not the usual one
		cfg.PreprocessReason = meta.reason
		return
	}
	if s := c.statedBySum(); s.preprocess != nil {
		cfg.Preprocess, cfg.PreprocessReason = *s.preprocess, s.preprocessReason
		return
	}
	cfg.PreprocessReason = "assumed: nothing beside the file says otherwise"
}

// settlePooling decides how the image tower's tokens become one feature.
func (c *Checkpoint) settlePooling(meta, beside, name stated) error {
	v := &c.Config.Vision
	if !c.Config.HasImages() {
		return nil
	}
	for _, s := range []stated{meta, beside, name} {
		if s.vision.averagePool {
			v.AveragePool, v.NormAfterPool = true, s.vision.normAfter
			return nil
		}
	}
	if said := beside.reason; v.NoPreNorm && (said == "" || !strings.HasPrefix(said,
		openclipFile)) && meta.reason == "" {
		return errors.New("visual.ln_pre is not there, so the model is none of OpenAI's kind, and nothing says how its " +
			"tokens are pooled: " +
			"put its open_clip_config.json (vision_cfg.pool_type) beside it")
	}
	if said := beside.vision.noPreNorm; strings.HasPrefix(beside.reason, openclipFile) && said != v.NoPreNorm {
		return fmt.Errorf("%s: vision_cfg: no_ln_pre is %t, but visual.ln_pre being there is %t", openclipFile, said,
			!v.NoPreNorm)
	}
	return nil
}
