package cli

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"clipcalib/internal/printable"
	"clipcalib/internal/run"
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

// modelFlags are what a checkpoint's shapes do not show.
type modelFlags struct {
	activation             string
	visionHeads, textHeads int
	preprocess, prefix     string
	noConfig               bool
	ofRun                  *weights.Preprocess
}

// asIn takes what a run's model was, where no flag says it: the same file is
// read the same way.
func (m *modelFlags) asIn(r run.Model) {
	m.activation = cmp.Or(m.activation, r.Activation)
	m.visionHeads, m.textHeads = cmp.Or(m.visionHeads, r.VisionHeads), cmp.Or(m.textHeads, r.TextHeads)
	m.prefix, m.noConfig = cmp.Or(m.prefix, r.Prefix), m.noConfig || r.NoConfig
	m.ofRun = r.Preprocess
}

func (m *modelFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&m.activation, "activation", "", "quickgelu or gelu, where the file does not say")
	c.Flags().IntVar(&m.visionHeads, "vision-heads", 0, "attention heads of the image tower; 0 is width/64")
	c.Flags().IntVar(&m.textHeads, "text-heads", 0, "attention heads of the text tower; 0 is width/64")
	c.Flags().StringVar(&m.preprocess, "preprocess", "",
		`openai, inception or imagenet[,squash|longest][,bilinear], where nothing beside the weights says it`)
	c.Flags().StringVar(&m.prefix, "prefix", "", "of a file with several models, what the names of the one begin with")
	c.Flags().BoolVar(&m.noConfig, "no-config", false, "read no configuration beside the weights")
	completes(c, "activation", "quickgelu", "gelu", "relu")
	completes(c, "preprocess", "openai", "inception", "imagenet", "imagenet,squash,bilinear")
}

func (m *modelFlags) options() (weights.Options, error) {
	o := weights.Options{VisionHeads: m.visionHeads, TextHeads: m.textHeads, Prefix: m.prefix, NoConfig: m.noConfig}
	o.Preprocess = m.ofRun
	if m.preprocess != "" {
		p, err := weights.ParsePreprocess(m.preprocess)
		if err != nil {
			return o, usagef("--preprocess: %w", err)
		}
		o.Preprocess = &p
	}
	if m.activation == "" {
		return o, nil
	}
	var err error
	if o.Activation, err = weights.ParseActivation(m.activation); err != nil {
		return o, usagef("--activation: %w", err)
	}
	return o, nil
}

func inspectCommand(a *app) *cobra.Command {
	var m modelFlags
	var tensors bool
	c := &cobra.Command{
		Use:     "inspect WEIGHTS",
		Short:   "Architecture, format, types, tensors, parameter counts and hash of a checkpoint",
		Example: "  clipcalib inspect ViT-B-16.pt\n  clipcalib inspect model.safetensors --tensors",
		Args:    exactly("WEIGHTS"),
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := m.options()
			if err != nil {
				return err
			}
			in, err := weights.Inspect(args[0], o)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(in)
			} else {
				err = a.printInspection(in, tensors)
			}
			if err == nil && in.Model == nil && in.Purpose == "" {
				err = fmt.Errorf("%s: no command could use it: %s", args[0], in.NotCLIP)
			}
			return err
		},
	}
	m.add(c)
	c.Flags().BoolVar(&tensors, "tensors", false, "list every tensor")
	return c
}

func (a *app) printInspection(in *weights.Inspection, tensors bool) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("file", "%s (%s)", printable.Escape(in.Path), fileSize(in.Bytes))
	row("sha256", "%s", in.SHA256)
	row("format", "%s", in.Format)
	if in.Nested != "" {
		row("state dict under", "%s", printable.Escape(in.Nested))
	}
	for _, d := range in.DTypes {
		row("  "+d.DType, "%d tensors, %d elements", d.Tensors, d.Elements)
	}
	if m := in.Model; m != nil {
		printModel(row, m)
	} else {
		row("not a CLIP model", "%s", printable.Escape(strings.TrimPrefix(in.NotCLIP, "not a CLIP model: ")))
		if in.Purpose != "" {
			row("holds", "%s", printable.Escape(in.Purpose))
		}
	}
	if err := w.Flush(); err != nil || !tensors {
		return err
	}
	w = tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, t := range in.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\n", printable.Escape(t.Name), t.DType, t.Shape)
	}
	return w.Flush()
}

// printModel lists what is known of a CLIP model.
func printModel(row func(name, format string, args ...any), m *weights.ModelInfo) {
	row("architecture", "%s, embedding %d", m.Architecture, m.EmbedDim)
	row("names", "%s", m.Layout)
	if v := m.Vision; v.Width > 0 {
		if v.ResNet() {
			row("image tower", "%d px, a ResNet of width %d with %v blocks, %d heads, %d parameters", v.ImageSize,
				v.Width, v.Stages, v.Heads, m.VisionParameters)
		} else {
			row("image tower", "%d px, patch %d, width %d, %d layers, %d heads, %d parameters%s",
				v.ImageSize, v.Patch, v.Width, v.Layers, v.Heads, m.VisionParameters, visionExtras(v))
		}
		row("pictures", "%s (%s)", m.Preprocess, m.PreprocessSource)
	}
	if t := m.Text; t.Width > 0 {
		row("text tower", "context %d, vocabulary %d, width %d, %d layers, %d heads, %d parameters",
			t.Context, t.Vocab, t.Width, t.Layers, t.Heads, m.TextParameters)
		if t.Activation != 0 {
			row("activation of texts", "%s", t.Activation)
		}
		if t.NormEps != 0 {
			row("norms of texts", "epsilon %g", t.NormEps)
		}
	}
	row("activation", "%s (%s)", m.Activation, m.ActivationSource)
	if m.TextsRefused != "" {
		row("no texts", "%s", printable.Escape(m.TextsRefused))
	}
	if m.Vision.Width > 0 && m.Text.Width > 0 {
		row("logit scale", "%.4g", m.LogitScale)
	}
	row("parameters", "%d", m.Parameters)
	counters := 0
	for _, name := range m.Ignored {
		if weights.IsCounter(name) {
			counters++
			continue
		}
		row("tensor not used", "%s", printable.Escape(name))
	}
	if counters > 0 {
		row("tensors not used", "%d counts of batches, which batch norms keep while they train", counters)
	}
	for _, name := range m.UnusedFields {
		row("field not used", "%s", printable.Escape(name))
	}
}

// visionExtras says what the image tower has that OpenAI's have not.
func visionExtras(v weights.VisionConfig) string {
	var out strings.Builder
	for _, extra := range []struct {
		there bool
		text  string
	}{
		{v.NoPreNorm, "no first norm"}, {v.AveragePool, "average pooling"}, {v.NormAfterPool, "norm behind it"},
		{v.LayerScale, "layer scale"}, {v.NormEps != 0, fmt.Sprintf("norm epsilon %g", v.NormEps)},
	} {
		if extra.there {
			out.WriteString(", " + extra.text)
		}
	}
	return out.String()
}

// fileSize is a number of bytes for people.
func fileSize(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
