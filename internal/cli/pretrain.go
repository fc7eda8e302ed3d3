package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"clipcalib/internal/bench"
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
	accumulate        int
	every             int
	strict            bool
	validate          validateFlags
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
there, case aside; it needs a hundred or more. Pictures that are in --data too are
refused, up to one in a hundred said.

--validate measures the model zero-shot on a labelled data set every --validate-every
steps and at the end, and writes OUT.zeroshot.csv: step, loss of its batch, accuracy,
ECE, factor on the cosines. It does not change what is trained.

--precision bf16 multiplies in bfloat16 where the processor does; weights, AdamW's
means, layer norms, softmaxes and the loss stay float32. --accumulate takes a batch
in parts, for less memory and a third more work; the contrast is over the whole
batch all the same. Every checkpoint tells the throughput, and the share of what
products reach on this machine.

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
	fl.IntVar(&f.accumulate, "accumulate", 0, "parts a batch is taken in; 0 is one")
	fl.Float64Var(&f.lr, "lr", 0, "highest learning rate")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of initial values, batches and augmentation")
	fl.IntVar(&f.every, "checkpoint-every", 200, "steps between checkpoints")
	fl.BoolVar(&f.strict, "strict", false, "stop at the first picture that cannot be read")
	f.validate.add(c)
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
	if changed("accumulate") {
		r.Accumulate = f.accumulate
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
	if err := errors.Join(f.validate.check(), checkOutputFile(f.out)); err != nil {
		return err
	}
	p, err := pairs.Open(f.data, pairs.Options{Size: r.ImageSize, Root: f.imageRoot})
	if err != nil {
		return err
	}
	defer p.Close()
	var aside pairs.Pairs
	shared := 0
	if f.scaleData != "" {
		if aside, err = pairs.Open(f.scaleData, pairs.Options{Size: r.ImageSize, Root: f.imageRoot}); err != nil {
			return fmt.Errorf("--scale-data: %w", err)
		}
		defer aside.Close()
		if shared, err = pretrain.CheckAside(ctx, aside, p); err != nil {
			return fmt.Errorf("--scale-data %s: %w", f.scaleData, err)
		}
		if shared > 0 {
			a.doubt(fmt.Sprintf("--scale-data %s: %d of its %d pictures are also among those of --data", f.scaleData,
				shared, aside.Len()))
		}
	}
	fold, err := a.openValidation(f.validate, f.out+".zeroshot.csv", r.ImageSize)
	if err != nil {
		return fmt.Errorf("--validate: %w", err)
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
	if err := fold.begin(a, t); err != nil {
		return fmt.Errorf("--validate: %w", err)
	}
	speed := newPace(r)
	if !a.quiet || a.json {
		if speed.peak, err = bench.ProductRate(ctx, d, peakBudget); err != nil {
			return err
		}
	}
	of := data.Account{Listed: p.Len(), Ignored: p.Ignored()}
	t.Strict = f.strict
	t.Skip = func(err error) {
		of.Unreadable = append(of.Unreadable, data.LeftOut{Reason: err.Error()})
		fmt.Fprintf(a.err, "skipped: %v\n", err)
	}
	bar := a.progress("pretrain", "steps", r.Steps)
	speed.start()
	err = t.Run(ctx, func(pt pretrain.Point) error {
		speed.step(pt)
		defer speed.start()
		bar.Set(pt.Step)
		if err := errors.Join(curve.add(pt), fold.measure(ctx, a, t, pt)); err != nil {
			return err
		}
		if pt.Step%f.every == 0 {
			a.note("step %d: loss %.4f, scale %.1f; %v", pt.Step, pt.Loss, pt.Scale, speed.lap())
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
	var fit *pretrain.ScaleFit
	if aside != nil {
		found, err := t.FitScale(ctx, aside)
		found.Shared, fit = shared, &found
		if err != nil {
			return errors.Join(fmt.Errorf("--scale-data %s: %w", f.scaleData, err), t.Save(checkpoint), curve.flush())
		}
		a.note("scale %.2f fitted to %d pictures of %d classes, learned was %.2f; negative log-likelihood %.4f, was %.4f; "+
			"accuracy %.1f %%", fit.Fitted, fit.Pictures, fit.Classes, fit.Learned, fit.After, fit.Before,
			100*fit.Accuracy)
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
		doc := map[string]any{
			"out": f.out, "steps": r.Steps, "pairs": p.Len(), "parameters": t.Parameters(),
			"skipped": len(of.Unreadable), "ignored": len(of.Ignored), "throughput": speed.all.rates(r, speed.peak),
		}
		if fit != nil {
			doc["scale"] = fit
		}
		err = a.printJSON(doc)
	}
	return errors.Join(err, left.end())
}
