package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/device"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/gate"
	"clipcalib/internal/npy"
	"clipcalib/internal/regular"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

// encodeFlags are the inputs of the encode command.
type encodeFlags struct {
	model     modelFlags
	weights   string
	images    bool
	texts     string
	out       string
	normalize bool
	truncate  bool
	strict    bool
	batch     imageBatch
}

func encodeCommand(a *app) *cobra.Command {
	var f encodeFlags
	c := &cobra.Command{
		Use:   "encode --weights W (--images PATH... | --texts FILE) --out F",
		Short: "Features of images or prompts, one row an input, in input order",
		Long: `Writes one float32 row per input, in input order, to a .npy or .safetensors file.
A folder stands for every picture below it, in sorted order; a parquet file of
Hugging Face or a tar archive for every picture in it. --texts reads one
prompt a line ("-" is standard input). A picture that cannot be read is named,
its row is NaN, and the exit code is 3 at the end; --strict stops at once.`,
		Example: `  clipcalib encode --weights ViT-B-16.pt --images photos/ --out features.npy
  clipcalib encode --weights ViT-B-16.pt --texts prompts.txt --normalize --out text.safetensors
  clipcalib encode --device cuda --precision bf16 --batch auto --weights ViT-L-14.pt --images photos/ --out features.npy`,
		RunE: func(c *cobra.Command, args []string) error {
			if f.images == (f.texts != "") {
				return usagef("encode wants either --images PATH... or --texts FILE")
			}
			if f.texts != "" && len(args) > 0 {
				return usagef("encode: %q is one argument too many beside --texts", args[0])
			}
			if f.images && len(args) == 0 {
				return usagef("--images: no pictures and no folders named")
			}
			m := without(c, "with --images: it is for --texts", "texts", "truncate")
			if f.texts != "" {
				m = without(c, "with --texts: it is for --images", "images", "strict", "preprocess", "batch")
			}
			if err := m.check(c); err != nil {
				return err
			}
			if err := errors.Join(checkFeatureFile(f.out), checkOutputFile(f.out)); err != nil {
				return err
			}
			return a.encode(c.Context(), f, args)
		},
	}
	f.model.add(c)
	fl := c.Flags()
	fl.StringVar(&f.weights, "weights", "", "checkpoint")
	fl.BoolVar(&f.images, "images", false, "the arguments are pictures, folders of pictures, and .parquet or .tar "+
		"files of them")
	fl.StringVar(&f.texts, "texts", "", "file of prompts, one a line")
	fl.StringVar(&f.out, "out", "", "output, .npy or .safetensors")
	fl.BoolVar(&f.normalize, "normalize", false, "divide every row by its length")
	fl.BoolVar(&f.truncate, "truncate", false, "cut prompts of more tokens than CLIP takes, in place of refusing them")
	fl.BoolVar(&f.strict, "strict", false, "stop at the first picture that cannot be read")
	fl.Var(&f.batch, "batch", imageBatchUsage)
	c.MarkFlagRequired("weights")
	c.MarkFlagRequired("out")
	return c
}

func checkFeatureFile(path string) error {
	switch filepath.Ext(path) {
	case ".npy", ".safetensors":
		return nil
	}
	return usagef("--out %s: the name must end in .npy or .safetensors", path)
}

func (a *app) encode(ctx context.Context, f encodeFlags, args []string) error {
	o, err := f.model.options()
	if err != nil {
		return err
	}
	var prompts []string
	var pictures *data.Set
	if f.images {
		if pictures, err = data.Pictures(args); err != nil {
			return fmt.Errorf("--images: %w", err)
		}
	} else if prompts, err = readLines(ctx, f.texts); err != nil {
		return err
	}
	c, err := weights.OpenCLIP(f.weights, o)
	if err != nil {
		return err
	}
	defer c.Close()
	open := a.openDevices
	if !f.images {
		open = func() (*device.Device, []*device.Device, error) { d, err := a.openDevice(); return d, nil, err }
	}
	d, others, err := open()
	if err != nil {
		return err
	}
	a.noteModel(c, d.Name())
	var rows [][]float32
	var unreadable []data.LeftOut
	if f.images {
		rows, unreadable, err = a.encodeImages(ctx, c, append([]*device.Device{d}, others...), pictures, f)
	} else {
		rows, err = a.encodeTexts(ctx, c, prompts, f)
	}
	if err != nil {
		return err
	}
	if f.normalize {
		for _, r := range rows {
			unit(r)
		}
	}
	if err := writeFeatures(f.out, rows, f.images); err != nil {
		return err
	}
	a.note("wrote %s: %d x %d", f.out, len(rows), len(rows[0]))
	result := map[string]any{
		"out": f.out, "rows": len(rows), "width": len(rows[0]), "activation": c.Config.Activation,
		"activation_source": c.Config.ActivationReason, "preprocessing_source": c.Config.PreprocessReason,
	}
	var left account
	if f.images {
		of := pictures.Account()
		of.Unreadable = unreadable
		result["skipped"] = of.Skipped()
		left.add(a, f.out, of)
	}
	if a.json {
		err = a.printJSON(result)
	}
	if n := len(unreadable); n > 0 {
		what := fmt.Sprintf("done, but %d of %d pictures could not be read (named above); their rows in %s are NaN", n,
			len(rows), f.out)
		err = errors.Join(err, exitcode.LeftOut{What: what})
	}
	return err
}

func (a *app) encodeImages(ctx context.Context, c *weights.Checkpoint, on []*device.Device, pictures *data.Set,
	f encodeFlags) ([][]float32, []data.LeftOut, error) {
	var all []*vit.Encoder
	for _, d := range on {
		e, err := vit.NewEncoder(c, vit.Options{Device: d, Batch: int(f.batch)})
		if err != nil {
			return nil, nil, err
		}
		defer e.Close()
		all = append(all, e)
	}
	e := all[0]
	rows := make([][]float32, len(pictures.Items))
	var unreadable []data.LeftOut
	var lack error // of descriptors: that says nothing about the picture
	p := a.progress("encode", "images", len(rows))
	loader := vit.Loader{
		Preprocessor: e.Preprocessor(), BatchSize: e.Batch(), Strict: f.strict,
		Skip: func(i int, err error) {
			if data.LackOfMeans(err) {
				lack = err
				return
			}
			unreadable = append(unreadable, pictures.Unreadable(i, err))
			fmt.Fprintf(a.err, "skipped: %v\n", err)
		},
	}
	done := 0
	for b, err := range vit.EncodeBatchesOn(ctx, all, loader.Batches(ctx, len(rows), pictures.Open)) {
		if err = errors.Join(err, lack); err != nil {
			return nil, nil, err
		}
		for i, at := range b.Indices {
			if err := gate.Finite(pictures.Items[at].Path, b.Features[i], 0); err != nil {
				return nil, nil, fmt.Errorf("%w: the weights are broken", err)
			}
			rows[at] = b.Features[i]
		}
		done += len(b.Features)
		p.Set(done)
	}
	p.Done()
	if f.batch == vit.AutoBatch {
		a.note("%d pictures at a time", e.Batch())
	}
	nan := make([]float32, e.Dim())
	for j := range nan {
		nan[j] = float32(math.NaN())
	}
	for i, r := range rows {
		if r == nil {
			rows[i] = append([]float32(nil), nan...)
		}
	}
	return rows, unreadable, lack
}

func (a *app) encodeTexts(ctx context.Context, c *weights.Checkpoint, prompts []string, f encodeFlags) ([][]float32,
	error) {
	if err := c.Config.Text.CheckWords(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.weights, err)
	}
	tokens, err := tokenize(prompts, f)
	if err != nil {
		return nil, err
	}
	d, err := a.openDevice()
	if err != nil {
		return nil, err
	}
	e, err := text.NewEncoder(c, text.Options{Device: d})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	p := a.progress("encode", "prompts", len(prompts))
	const piece = 4096
	var rows [][]float32
	for at := 0; at < len(tokens); at += piece {
		features, err := e.EncodeTokens(ctx, tokens[at:min(at+piece, len(tokens))])
		if err != nil {
			return nil, err
		}
		for i, row := range features {
			if err := gate.Finite(fmt.Sprintf("prompt %d", at+i+1), row, 0); err != nil {
				return nil, fmt.Errorf("%w: the weights are broken", err)
			}
		}
		rows = append(rows, features...)
		p.Set(len(rows))
	}
	p.Done()
	return rows, nil
}

func tokenize(prompts []string, f encodeFlags) ([][]int32, error) {
	t := text.NewTokenizer()
	out := make([][]int32, len(prompts))
	for i, p := range prompts {
		if f.truncate {
			out[i] = t.TokensTruncated(p)
			continue
		}
		var err error
		if out[i], err = t.Tokens(p); err != nil {
			return nil, fmt.Errorf("--texts %s: line %d: %w (--truncate)", f.texts, i+1, err)
		}
	}
	return out, nil
}

// readLines reads a file, or standard input until ctx ends.
func readLines(ctx context.Context, path string) ([]string, error) {
	if path != "-" {
		f, err := regular.Open(path)
		if err != nil {
			return nil, fmt.Errorf("--texts: %w (\"-\" is standard input)", err)
		}
		defer f.Close()
		return scanLines(path, f)
	}
	return until(ctx, func() ([]string, error) { return scanLines(path, os.Stdin) })
}

func scanLines(path string, f io.Reader) ([]string, error) {
	var lines []string
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		line := strings.TrimSuffix(s.Text(), "\r")
		if strings.TrimSpace(line) == "" {
			return nil, fmt.Errorf("--texts %s: line %d is empty; every line is a prompt", path, len(lines)+1)
		}
		lines = append(lines, line)
	}
	if err := s.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, fmt.Errorf("--texts %s: line %d is longer than 1 MB", path, len(lines)+1)
		}
		return nil, fmt.Errorf("--texts %s: %w", path, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("--texts %s: no prompts", path)
	}
	return lines, nil
}

// unit divides a row by its length; a row of zeros stays.
func unit(row []float32) {
	var s float64
	for _, v := range row {
		s += float64(v) * float64(v)
	}
	if s == 0 {
		return
	}
	f := 1 / math.Sqrt(s)
	for j, v := range row {
		row[j] = float32(float64(v) * f)
	}
}

func writeFeatures(path string, rows [][]float32, images bool) error {
	dim := len(rows[0])
	flat := make([]float32, 0, len(rows)*dim)
	for _, r := range rows {
		flat = append(flat, r...)
	}
	if filepath.Ext(path) == ".npy" {
		return npy.WriteFile(path, flat, len(rows), dim)
	}
	name := "text_features"
	if images {
		name = "features"
	}
	return weights.WriteSafetensors(path, []weights.NamedTensor{{Name: name, Shape: []int{len(rows), dim}, Data: flat}},
		nil)
}
