package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"clipcalib/weights"

	"github.com/spf13/cobra"
)

// modelFlags are what a checkpoint's shapes do not show.
type modelFlags struct {
	activation             string
	visionHeads, textHeads int
}

func (m *modelFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&m.activation, "activation", "", "quickgelu or gelu, where the file does not say")
	c.Flags().IntVar(&m.visionHeads, "vision-heads", 0, "attention heads of the image tower; 0 is width/64")
	c.Flags().IntVar(&m.textHeads, "text-heads", 0, "attention heads of the text tower; 0 is width/64")
	completes(c, "activation", "quickgelu", "gelu")
}

func (m *modelFlags) options() (weights.Options, error) {
	o := weights.Options{VisionHeads: m.visionHeads, TextHeads: m.textHeads}
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
				return a.printJSON(in)
			}
			return a.printInspection(in, tensors)
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
	row("file", "%s (%s)", in.Path, fileSize(in.Bytes))
	row("sha256", "%s", in.SHA256)
	row("format", "%s", in.Format)
	if in.Nested != "" {
		row("state dict under", "%s", in.Nested)
	}
	for _, d := range in.DTypes {
		row("  "+d.DType, "%d tensors, %d elements", d.Tensors, d.Elements)
	}
	if m := in.Model; m != nil {
		row("architecture", "%s, embedding %d", m.Architecture, m.EmbedDim)
		row("names", "%s", m.Layout)
		row("image tower", "%d px, patch %d, width %d, %d layers, %d heads, %d parameters",
			m.Vision.ImageSize, m.Vision.Patch, m.Vision.Width, m.Vision.Layers, m.Vision.Heads, m.VisionParameters)
		row("text tower", "context %d, vocabulary %d, width %d, %d layers, %d heads, %d parameters",
			m.Text.Context, m.Text.Vocab, m.Text.Width, m.Text.Layers, m.Text.Heads, m.TextParameters)
		row("activation", "%s (%s)", m.Activation, m.ActivationReason)
		row("logit scale", "%.4g", m.LogitScale)
		row("parameters", "%d", m.Parameters)
	} else {
		row("not a CLIP model", "%s", strings.TrimPrefix(in.NotCLIP, "not a CLIP model: "))
	}
	if err := w.Flush(); err != nil || !tensors {
		return err
	}
	w = tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, t := range in.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\n", t.Name, t.DType, t.Shape)
	}
	return w.Flush()
}

// fileSize is a number of bytes for people.
func fileSize(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
