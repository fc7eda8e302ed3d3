package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"clipcalib/internal/run"
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

func convertCommand(a *app) *cobra.Command {
	var m modelFlags
	var layout, dtype string
	var o weights.ConvertOptions
	c := &cobra.Command{
		Use:   "convert FROM TO | convert RUN FOLDER",
		Short: "Write a checkpoint as safetensors or PyTorch, renamed or narrowed if asked",
		Long: `Writes the tensors of FROM, a checkpoint of any supported format, to TO: a
.safetensors file, or a PyTorch .pt file that torch.load(weights_only=True) reads.

A run's folder in place of FROM is written back as the files that its method's
PyTorch release reads, below FOLDER: model.pth.tar-EPOCHS for CoOp, CoCoOp,
KgCoOp, ProGrad, MaPLe, PromptSRC, TaskRes and CLIP-Adapter, as Dassl loads it
by --model-dir FOLDER --load-epoch EPOCHS; keys, values and trained keys for
Tip-Adapter.`,
		Example: "  clipcalib convert ViT-B-16.pt ViT-B-16.safetensors\n" +
			"  clipcalib convert model.safetensors model.pt --layout openai --dtype fp16\n" +
			"  clipcalib convert runs/pets-coop for-dassl/",
		Args: exactly("FROM", "TO"),
		RunE: func(c *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() && isRun(args[0]) {
				if err := (mode{says: "for a run: it is for checkpoints, and " + args[0] +
					" is a run"}).check(c); err != nil {
					return err
				}
				return a.convertRun(args[0], args[1])
			}
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
			if o.Deflate && filepath.Ext(args[1]) == ".safetensors" {
				return usagef("convert: --deflate has no use for a .safetensors file: it is for PyTorch files")
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

// isRun reports whether a folder is that of a run, and not of a checkpoint.
func isRun(dir string) bool {
	for _, name := range []string{"recipe.yaml", "model.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func (a *app) convertRun(dir, out string) error {
	if err := checkOutputFolder(out); err != nil {
		return err
	}
	paths, notes, err := run.Export(dir, out)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	for _, n := range notes {
		a.note("%s", n)
	}
	if a.json {
		return a.printJSON(map[string]any{"from": dir, "to": paths, "notes": notes})
	}
	for _, p := range paths {
		a.note("wrote %s", p)
	}
	return nil
}
