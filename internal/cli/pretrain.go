package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/data"
	"clipcalib/internal/device"
	"clipcalib/internal/pairs"
	"clipcalib/internal/pretrain"
	"clipcalib/internal/regular"
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

// pretrainFlags are the inputs of the pretrain command.
type pretrainFlags struct {
	model             modelFlags // of init
	data, out, recipe string
	init              string
	scaleData         string
	imageRoot         string
	steps, batch      int
	seed              uint64
	lr                float64
	every             int
	strict            bool
}

func pretrainCommand(a *app) *cobra.Command {
	var f pretrainFlags
	c := &cobra.Command{
		Use:   "pretrain --data PAIRS --out W.pt",
		Short: "Train a small CLIP from pictures and captions",
		Long: `Trains both towers from nothing, contrastively, and writes the model as a PyTorch
state dict that every other command (and torch.load) reads. PAIRS is a packed
pool (.safetensors), a table of file paths and captions (.csv or .tsv), or
WebDataset archives (.tar).

A picture that cannot be read is named, and the next one takes its place.

Beside OUT lie OUT.checkpoint, from which the same command goes on after an
interruption to the same bytes, and OUT.curve.jsonl with the loss of every step.
--scale-data fits the logit scale, which training makes too large for pictures it
has not seen, to pairs kept aside. Pictures of the same captions are a class
there; it needs a hundred or more.

--recipe takes a JSON file; the flags override it. The default recipe is that of
the model the demo ships.`,
		Example: "  clipcalib pretrain --data icons.safetensors --out icons.pt\n  clipcalib pretrain --data pairs.tsv " +
			"--steps 2000 --out small.pt",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.pretrain(c.Context(), f, c.Flags().Changed) },
	}
	f.model.add(c)
	fl := c.Flags()
	fl.StringVar(&f.data, "data", "", "picture and caption pairs")
	fl.StringVar(&f.out, "out", "", "the model, .pt")
	fl.StringVar(&f.recipe, "recipe", "", "JSON file with fields of the recipe")
	fl.StringVar(&f.init, "init", "", "checkpoint of the same sizes to start from, in place of random values")
	fl.StringVar(&f.scaleData, "scale-data", "", "pairs kept aside, to whose classes the logit scale is fitted at the end")
	fl.StringVar(&f.imageRoot, "image-root", "", "folder that a table's paths start from")
	fl.IntVar(&f.steps, "steps", 0, "optimiser steps")
	fl.IntVar(&f.batch, "batch", 0, "pairs a step")
	fl.Float64Var(&f.lr, "lr", 0, "highest learning rate")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of initial values, batches and augmentation")
	fl.IntVar(&f.every, "checkpoint-every", 200, "steps between checkpoints")
	fl.BoolVar(&f.strict, "strict", false, "stop at the first picture that cannot be read")
	c.MarkFlagRequired("data")
	c.MarkFlagRequired("out")
	return c
}

func (f pretrainFlags) resolve(changed func(string) bool) (pretrain.Recipe, error) {
	r := pretrain.DefaultRecipe()
	if f.recipe != "" {
		raw, err := regular.ReadFile(f.recipe)
		if err != nil {
			return r, fmt.Errorf("--recipe: %w", err)
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			return r, fmt.Errorf("--recipe %s: %w", f.recipe, err)
		}
	}
	if changed("steps") {
		r.Steps = f.steps
		r.Warmup = min(r.Warmup, f.steps/10)
	}
	if changed("batch") {
		r.Batch = f.batch
	}
	if changed("lr") {
		r.LR = float32(f.lr)
	}
	if changed("seed") {
		r.Seed = f.seed
	}
	return r, r.Check()
}

func (a *app) pretrain(ctx context.Context, f pretrainFlags, changed func(string) bool) error {
	r, err := f.resolve(changed)
	if err != nil {
		return err
	}
	if f.every < 1 {
		return usagef("--checkpoint-every wants at least 1")
	}
	if err := checkOutputFile(f.out); err != nil {
		return err
	}
	p, err := pairs.Open(f.data, pairs.Options{Size: r.ImageSize, Root: f.imageRoot})
	if err != nil {
		return err
	}
	defer p.Close()
	var aside pairs.Pairs
	if f.scaleData != "" {
		if aside, err = pairs.Open(f.scaleData, pairs.Options{Size: r.ImageSize, Root: f.imageRoot}); err != nil {
			return fmt.Errorf("--scale-data: %w", err)
		}
		defer aside.Close()
	}
	d, err := a.openDevice()
	if err != nil {
		return err
	}
	t, err := pretrain.New(device.Engine(d), p, r)
	if err != nil {
		return err
	}
	defer t.Close()
	checkpoint := f.out + ".checkpoint"
	if _, err := os.Stat(checkpoint); err == nil {
		if err := t.Restore(checkpoint); err != nil {
			return err
		}
		a.note("going on at step %d of %d", t.Step(), r.Steps)
	} else if f.init != "" {
		o, err := f.model.options()
		if err != nil {
			return err
		}
		c, err := weights.OpenCLIP(f.init, o)
		if err != nil {
			return fmt.Errorf("--init: %w", err)
		}
		defer c.Close()
		if err := t.Start(c); err != nil {
			return fmt.Errorf("--init: %w", err)
		}
	}
	a.note("%d pairs, %d tokens, %d parameters; %s", p.Len(), t.Vocabulary(), t.Parameters(), d.Name())
	curve, err := openCurve(f.out+".curve.jsonl", t.Step())
	if err != nil {
		return err
	}
	of := data.Account{Listed: p.Len(), Ignored: p.Ignored()}
	t.Strict = f.strict
	t.Skip = func(err error) {
		of.Unreadable = append(of.Unreadable, data.LeftOut{Reason: err.Error()})
		fmt.Fprintf(a.err, "skipped: %v\n", err)
	}
	bar := a.progress("pretrain", "steps", r.Steps)
	err = t.Run(ctx, func(pt pretrain.Point) error {
		bar.Set(pt.Step)
		if err := curve.add(pt); err != nil {
			return err
		}
		if pt.Step%f.every == 0 {
			a.note("step %d: loss %.4f, scale %.1f", pt.Step, pt.Loss, pt.Scale)
			return errors.Join(t.Save(checkpoint), curve.flush())
		}
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), t.Save(checkpoint), curve.flush())
		}
		return err
	}
	metadata := map[string]string{"recipe": r.String()}
	if aside != nil {
		fit, err := t.FitScale(ctx, aside)
		if err != nil {
			return errors.Join(fmt.Errorf("--scale-data %s: %w", f.scaleData, err), t.Save(checkpoint), curve.flush())
		}
		a.note("scale %.2f fitted to %d pictures of %d classes, learned was %.2f; negative log-likelihood %.4f, was %.4f; "+
			"accuracy %.1f %%", fit.Fitted, fit.Pictures, fit.Classes, fit.Learned, fit.After, fit.Before, 100*fit.Accuracy)
		metadata["scale_learned"] = fmt.Sprint(fit.Learned)
	}
	if err := errors.Join(curve.flush(), t.Export(f.out, metadata)); err != nil {
		return err
	}
	if err := os.Remove(checkpoint); err != nil && !os.IsNotExist(err) {
		return err
	}
	bar.Done()
	a.note("wrote %s", f.out)
	var left account
	left.add(a, f.data, of)
	if a.json {
		err = a.printJSON(map[string]any{
			"out": f.out, "steps": r.Steps, "pairs": p.Len(), "parameters": t.Parameters(),
			"skipped": len(of.Unreadable), "ignored": len(of.Ignored),
		})
	}
	return errors.Join(err, left.end())
}

// lossCurve is the JSON-lines file of every step's loss.
type lossCurve struct {
	path string
	text strings.Builder
}

// openCurve keeps the first steps lines of an earlier part of the run.
func openCurve(path string, steps int) (*lossCurve, error) {
	c := &lossCurve{path: path}
	if steps == 0 {
		return c, nil
	}
	raw, err := regular.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		if steps--; steps < 0 {
			break
		}
		c.text.WriteString(line)
	}
	return c, nil
}

func (c *lossCurve) add(p pretrain.Point) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.text.Write(append(line, '\n'))
	return nil
}

func (c *lossCurve) flush() error {
	return atomicfile.WriteBytes(c.path, []byte(c.text.String()))
}
