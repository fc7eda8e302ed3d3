package cli

import (
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

func convertCommand(a *app) *cobra.Command {
	var m modelFlags
	var layout, dtype string
	var o weights.ConvertOptions
	c := &cobra.Command{
		Use:   "convert FROM TO",
		Short: "Write a checkpoint as safetensors or PyTorch, renamed or narrowed if asked",
		Long: `Writes the tensors of FROM, a checkpoint of any supported format, to TO: a
.safetensors file, or a PyTorch .pt file that torch.load(weights_only=True) reads.`,
		Example: "  clipcalib convert ViT-B-16.pt ViT-B-16.safetensors\n  clipcalib convert model.safetensors model.pt --layout openai --dtype fp16",
		Args:    exactly("FROM", "TO"),
		RunE: func(_ *cobra.Command, args []string) error {
			var err error
			if o.CLIP, err = m.options(); err != nil {
				return err
			}
			if o.Layout, err = weights.ParseLayout(layout); err != nil {
				return usagef("--layout: %w", err)
			}
			if dtype != "keep" {
				if o.DType, err = weights.ParseDType(dtype); err != nil {
					return usagef("--dtype: %w", err)
				}
			}
			p := a.progress("convert", "tensors", 0)
			o.Progress = func(_ string, done, all int) { p.Update(done, all) }
			if err := weights.Convert(args[0], args[1], o); err != nil {
				return err
			}
			p.Done()
			if a.json {
				return a.printJSON(map[string]any{"from": args[0], "to": args[1]})
			}
			a.note("wrote %s", args[1])
			return nil
		},
	}
	m.add(c)
	c.Flags().StringVar(&layout, "layout", "keep", "parameter names: keep, openai or huggingface")
	c.Flags().StringVar(&dtype, "dtype", "keep", "keep, fp32, fp16 or bf16")
	c.Flags().BoolVar(&o.Deflate, "deflate", false, "compress a PyTorch file")
	completes(c, "layout", "keep", "openai", "huggingface")
	completes(c, "dtype", "keep", "fp32", "fp16", "bf16")
	return c
}
