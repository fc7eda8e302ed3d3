package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"clipcalib/internal/bank"
	"clipcalib/internal/data"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/features"
	"clipcalib/internal/plan"

	"github.com/spf13/cobra"
)

// encodePart says which part of a data set's features a cell encodes.
type encodePart struct {
	source      sourceFlags
	data        string
	views       int
	seed        uint64
	rows        int
	part, parts int
	fingerprint string // of all pictures, as the plan found them
	out         string
}

func planEncodeCommand(a *app) *cobra.Command {
	var f encodePart
	var p planFlags
	c := &cobra.Command{
		Use:   "encode --weights W --data D --parts N --out PLAN",
		Short: "Plan the encoding of a data set in parts",
		Long: `A cell for every part of the features of a data set, for clipcalib collect --bank
to put together in one feature bank; commands that find the bank encode nothing
again. The set's test part is taken unless #train or #val stands behind it.

To plan, all pictures are read once, for their hashes; to do a part, its own are.`,
		Example: `  clipcalib plan encode --weights ViT-B-16.pt --data imagenet/ --parts 49 --out encode.jsonl
  clipcalib plan encode --weights ViT-B-16.pt --data imagenet/#train --parts 100 --out encode.jsonl`,
		Args: cobra.NoArgs,
	}
	f.add(c)
	for _, name := range []string{"part", "fingerprint"} { // for the plan to say
		c.Flags().MarkHidden(name)
	}
	c.MarkFlagRequired("data")
	p.addTo(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		var err error
		if c.Flags().Changed("part") || c.Flags().Changed("fingerprint") {
			return usagef("plan encode: --part and --fingerprint are for the plan to say")
		}
		if p.out, err = planFile(c, f.out); err != nil {
			return err
		}
		made, err := a.planEncode(f)
		if err != nil {
			return err
		}
		return a.planned(made, p, nil)
	}
	return c
}

func (f *encodePart) add(c *cobra.Command) {
	f.source.add(c)
	fl := c.Flags()
	fl.StringVar(&f.data, "data", "", "data set")
	fl.IntVar(&f.views, "views", 0, "augmented views a picture; 0 is the plain picture")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of augmented views")
	fl.IntVar(&f.parts, "parts", 1, "number of parts")
	fl.IntVar(&f.rows, "rows", 0, fmt.Sprintf("pictures in a shard of the bank, the least that a part is made of; 0 is %d",
		bank.DefaultShardRows))
	fl.IntVar(&f.part, "part", 0, "number of the part, from 0")
	fl.StringVar(&f.fingerprint, "fingerprint", "", "hash of all pictures")
	fl.StringVar(&f.out, "out", "", "file of the plan")
}

func (f *encodePart) asViews() features.Views {
	return features.Views{Augmented: f.views > 0, Count: f.views, Seed: f.seed}
}

// load reads the set and lists the pictures of the part.
func (f *encodePart) load(a *app) (set *data.Set, of []int, err error) {
	if set, err = a.load(f.source, f.data, "test"); err == nil {
		err = set.Check()
	}
	if err != nil {
		return nil, nil, err
	}
	return set, bank.ImagesOf(f.part, f.parts, len(set.Items), f.views, f.rows), nil
}

// print is the hash of the part's pictures.
func (f *encodePart) print(set *data.Set, of []int, cache string) (string, error) {
	part := set.With(nil)
	for _, i := range of {
		part.Items = append(part.Items, set.Items[i])
	}
	return part.Fingerprint(cache)
}

func (a *app) planEncode(f encodePart) (*plan.Plan, error) {
	s := &f.source
	if err := absolute(&f.data, &s.weights, &s.names, &s.imageRoot, &s.bank); err != nil {
		return nil, err
	}
	if f.views < 0 || f.rows < 0 || f.parts < 1 {
		return nil, usagef("plan encode: --views and --rows want 0 or more, --parts at least 1")
	}
	set, _, err := f.load(a)
	if err != nil {
		return nil, err
	}
	if most := bank.Parts(len(set.Items), f.views, f.rows); f.parts > most {
		return nil, usagef("--parts %d: %d pictures make %d shards of the bank, so at most so many parts (--rows makes "+
			"smaller ones)", f.parts, len(set.Items), most)
	}
	cache := s.bank
	if cache == "" {
		if cache, err = defaultBank(); err != nil {
			return nil, err
		}
	}
	if f.fingerprint, err = set.Fingerprint(cache); err != nil {
		return nil, err
	}
	in, p := newInputs(a), &plan.Plan{}
	for f.part = range f.parts {
		c, err := in.encodeCell(f, set, cache)
		if err != nil {
			return nil, err
		}
		if err := p.Add(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// encodeCell is a part as a line of a plan.
func (in *inputs) encodeCell(f encodePart, set *data.Set, cache string) (plan.Cell, error) {
	var flags encodePart
	command := &cobra.Command{}
	flags.add(command)
	flags = f // which the flags point into
	c := plan.Cell{
		Label:   fmt.Sprintf("part %d of %d of %s", f.part+1, f.parts, set.Name),
		Command: plan.Encode, Precision: in.a.precision, Program: version(),
		Recipe: recipeOf(command.Flags(), []string{"views", "seed", "parts", "rows", "part", "fingerprint"}),
	}
	var err error
	c.Inputs, err = in.ofEncoding(f, set, bank.ImagesOf(f.part, f.parts, len(set.Items), f.views, f.rows), cache)
	return c, err
}

// ofEncoding finds what encoding a part reads.
func (in *inputs) ofEncoding(f encodePart, set *data.Set, of []int, cache string) ([]plan.Input, error) {
	model, err := in.model(f.source)
	if err != nil {
		return nil, err
	}
	all := plan.Input{Flag: "data", Path: f.data, Kind: plan.List, Name: set.Name, Count: len(set.Items)}
	if all.SHA256, err = set.Listing(); err != nil {
		return nil, err
	}
	part := plan.Input{Flag: "data", Path: f.data, Kind: plan.Content, Count: len(of)}
	part.SHA256, err = f.print(set, of, cache)
	return []plan.Input{model, all, part}, err
}

// encodePlanned encodes a cell's part into a bank of its own.
func (w *worker) encodePlanned(ctx context.Context, c plan.Cell, dir string) (product, error) {
	var f encodePart
	command := &cobra.Command{}
	f.add(command)
	if _, err := readPlanned(c, command.Flags(), &varied{}); err != nil {
		return product{}, err
	}
	cache := w.flags.bank
	if cache == "" {
		cache = f.source.bank
	}
	var err error
	if cache == "" {
		if cache, err = defaultBank(); err != nil {
			return product{}, err
		}
	}
	set, of, err := f.load(w.app)
	if err != nil {
		return product{}, err
	}
	now, err := w.inputs.ofEncoding(f, set, of, cache)
	if err == nil {
		err = w.inputs.check(c, now)
	}
	if err != nil {
		return product{}, err
	}
	key, err := sharedKey(c, "data", "views", "seed", "parts", "rows", "part", "fingerprint")
	if err != nil {
		return product{}, err
	}
	if err := w.share(key, func() (*hands, error) {
		f.source.bank = filepath.Join(dir, bankFolder)
		src, err := w.openSource(f.source)
		return &hands{source: src}, err
	}); err != nil {
		return product{}, err
	}
	src := w.hands.source
	src.Bank = filepath.Join(dir, bankFolder)
	bar := w.progress("encode "+c.Label, "images", 0)
	src.Progress = bar.Update
	_, unreadable, err := src.Encode(ctx, features.Part{Set: set, Views: f.asViews(), Fingerprint: f.fingerprint,
		ShardRows: f.rows, Part: f.part, Parts: f.parts})
	if err != nil {
		return product{}, err
	}
	bar.Done()
	out := product{folder: bankFolder}
	if n := len(unreadable); n > 0 {
		out.left = exitcode.LeftOut{What: fmt.Sprintf("%d of %d pictures could not be read, %s first: %s", n, len(of),
			unreadable[0].File, unreadable[0].Reason)}
	}
	return out, nil
}

// bankFolder is where a part's features lie in its result.
const bankFolder = "bank"
