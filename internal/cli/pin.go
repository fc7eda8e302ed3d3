package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"maps"
	"path/filepath"
	"slices"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/pin"
	"clipcalib/internal/run"
	"clipcalib/vit"
	"clipcalib/weights"

	"github.com/spf13/pflag"
)

// pinFlags name the folders of what chance decides: read from, and written to.
type pinFlags struct{ from, record string }

func (p *pinFlags) add(fl *pflag.FlagSet, files string) {
	fl.StringVar(&p.from, "pin", "", "folder of "+files+", each in place of what chance would decide; as --record writes")
	fl.StringVar(&p.record, "record", "", "folder for what chance decides: "+files+", for another program to repeat")
}

// alone refuses the flags for several runs at a time.
func (p pinFlags) alone(runs int) error {
	if p.any() && runs > 1 {
		return usagef("--pin and --record are for one run, and these are %d", runs)
	}
	return nil
}

func (p pinFlags) any() bool { return p.from != "" || p.record != "" }

// takePins reads what a folder decides.
func (f *adaptFlags) takePins() error {
	if f.pins.from == "" {
		return nil
	}
	found := false
	at := func(file string) string {
		path := pin.Find(f.pins.from, file)
		found = found || path != ""
		return path
	}
	if path := at(pin.InitFile); f.init == "" {
		f.init = path
	}
	var err error
	if path := at(pin.OrderFile); path != "" {
		if f.train.Order, err = pin.ReadOrder(path); err != nil {
			return fmt.Errorf("--pin: %w", err)
		}
	}
	if len(f.features) == 0 {
		if path := at(pin.ShotsFile); f.picks == "" {
			f.picks = path
		}
		if path := at(pin.ViewsFile); path != "" && f.views >= 0 {
			if f.given, err = pin.ReadViews(path); err != nil {
				return fmt.Errorf("--pin: %w", err)
			}
		}
	}
	if !found {
		return fmt.Errorf("--pin %s: none of %s, %s, %s and %s is in it", f.pins.from, pin.InitFile, pin.OrderFile,
			pin.ShotsFile, pin.ViewsFile)
	}
	return nil
}

// countViews is the number of a shot's views where none is asked for.
func (f *adaptFlags) countViews(usual int) int {
	switch {
	case f.views < 0:
		return 1
	case f.views > 0:
		return f.views
	case f.given != nil:
		return f.given.Count()
	}
	return usual
}

// checkViews refuses given views that do not fit the shots: while pictures are
// encoded one would count as unreadable. Where views are made anew each time, those
// that are not given are told when they are wanted.
func (s *session) checkViews(shots *data.Set, v features.Views, each bool) error {
	if v.Given == nil || !v.Augmented {
		return nil
	}
	if err := s.a.checkPinned(s.src, shots, v.Given); err != nil {
		return err
	}
	for _, it := range shots.Items {
		img, err := it.Image()
		if err != nil {
			continue // told where it is encoded
		}
		for view := range max(v.Count, 1) {
			box, err := v.Given.Crop(it.Key(shots.Root), view)
			switch {
			case err != nil && each:
			case err != nil:
				return fmt.Errorf("--pin: %w", err)
			case !box.Box.In(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy())):
				return fmt.Errorf("--pin: %s, view %d of %s: the box %v is not within its %d x %d pixels",
					pin.ViewsFile, view, it.Key(shots.Root), box.Box, img.Rect.Dx(), img.Rect.Dy())
			}
		}
	}
	return nil
}

// checkPinned refuses pictures that bear the names of given views and are others.
func (a *app) checkPinned(src *features.Source, set *data.Set, given *pin.Views) error {
	if given == nil {
		return nil
	}
	if given.Named() {
		a.doubt(fmt.Sprintf("--pin: %s has no column sha256: its views are those of the pictures of %s that have "+
			"the names",
			pin.ViewsFile, set.Name))
		return nil
	}
	contents, err := a.contentsOf(src, set)
	if err != nil {
		return err
	}
	for i, it := range set.Items {
		if err := given.Check(it.Key(set.Root), contents.Hex(i)); err != nil {
			return fmt.Errorf("--pin: %w", err)
		}
	}
	return nil
}

// learnt is what a training learns from, for its record.
type learnt struct {
	shots *data.Set
	kept  []int
	views features.Views
	data  adapt.Data
	each  bool // views are made anew, so that only those of the batches are

	contents data.Contents // of the shots
}

// write records a training in a folder. from is what it started with, nil if the
// method trains nothing.
func (l *learnt) write(dir string, from *adapt.Start) error {
	if l.data.Features.Rows > 0 {
		if err := run.WriteFeatures(filepath.Join(dir, pin.FeaturesFile), l.data); err != nil {
			return err
		}
	}
	if l.shots != nil {
		if err := l.shots.Record(l.kept, nil).Picks().Write(filepath.Join(dir, pin.ShotsFile)); err != nil {
			return err
		}
		if err := l.writeViews(dir, from); err != nil {
			return err
		}
	}
	if from == nil {
		return nil
	}
	if err := pin.WriteInit(dir, from.Init); err != nil {
		return err
	}
	return pin.WriteOrder(dir, from.Order, from.Batch)
}

// writeViews records the boxes of the views that are made.
func (l *learnt) writeViews(dir string, from *adapt.Start) error {
	if !l.views.Augmented {
		return nil
	}
	wanted := map[int][]int{} // views, by sample
	if l.each && from != nil {
		n := len(l.kept)
		for i := range n {
			wanted[i] = []int{0} // what the run says of its drift is of these
		}
		for _, r := range from.Order {
			wanted[int(r)%n] = append(wanted[int(r)%n], int(r)/n)
		}
	} else {
		for i := range l.kept {
			for v := range max(l.views.Count, 1) {
				wanted[i] = append(wanted[i], v)
			}
		}
	}
	var out []pin.View
	seen := map[string]bool{} // a picture may be drawn more than once
	for _, i := range slices.Sorted(maps.Keys(wanted)) {
		it := l.shots.Items[l.kept[i]]
		key := it.Key(l.shots.Root)
		img, err := it.Image()
		if err != nil {
			return err
		}
		slices.Sort(wanted[i])
		for _, v := range slices.Compact(wanted[i]) {
			box, err := l.views.Crop(image.Pt(img.Rect.Dx(), img.Rect.Dy()), key, v)
			if err != nil {
				return err
			}
			if name := fmt.Sprint(key, " ", v); !seen[name] {
				seen[name] = true
				out = append(out, pin.View{Picture: key, View: v, CropView: box, SHA256: l.contents.Hex(l.kept[i])})
			}
		}
	}
	return pin.WriteViews(dir, out)
}

// vectorsName is the tensor of context vectors, as CoOp and TPT name it.
const vectorsName = "prompt_learner.ctx"

// takePins reads what a folder decides of a tuning. viewsGiven says that the number
// of views was.
func (f *tuning) takePins(viewsGiven bool) error {
	if f.pins.from == "" {
		return nil
	}
	sum := sha256.New()
	if path := pin.Find(f.pins.from, pin.InitFile); path != "" {
		v, err := readVectors(path)
		if err != nil {
			return fmt.Errorf("--pin: %w", err)
		}
		f.tune.Start = v
		fmt.Fprintln(sum, "vectors", v)
	}
	if path := pin.Find(f.pins.from, pin.ViewsFile); path != "" {
		given, err := pin.ReadViews(path)
		if err != nil {
			return fmt.Errorf("--pin: %w", err)
		}
		f.given = given
		if f.tune.Crop = given.Crop; !viewsGiven {
			f.tune.Views = given.Count()
		}
		fmt.Fprintln(sum, "views", given.SHA256())
	}
	if f.tune.Start == nil && f.tune.Crop == nil {
		return fmt.Errorf("--pin %s: neither %s nor %s is in it", f.pins.from, pin.InitFile, pin.ViewsFile)
	}
	f.tune.Pinned = fmt.Sprintf("%x", sum.Sum(nil))
	var err error
	if f.resolved, err = f.tune.Resolved(); err != nil {
		return usageError{err}
	}
	return nil
}

func readVectors(path string) ([]float32, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, ok := f.Lookup(vectorsName)
	if !ok {
		return nil, fmt.Errorf("%s has no %s", path, vectorsName)
	}
	return t.Float32()
}

// recordTuning writes what a tuning starts from and the views that it takes.
func (a *app) recordTuning(ctx context.Context, src *features.Source, t *testtime.Tuner, set *data.Set,
	dir string) error {
	vectors, count := t.Start()
	err := pin.WriteInit(dir, map[string]adapt.Value{vectorsName: {Shape: []int{count, len(vectors) / count},
		Data: vectors}})
	if err != nil {
		return err
	}
	contents, err := a.contentsOf(src, set)
	if err != nil {
		return err
	}
	var out []pin.View
	for i, it := range set.Items {
		if err := ctx.Err(); err != nil {
			return err
		}
		img, err := set.Open(i)
		if err != nil {
			return err
		}
		var boxes []vit.CropView
		if boxes, err = t.CropViews(img, it.Key(set.Root)); err != nil {
			return err
		}
		for v, box := range boxes {
			out = append(out, pin.View{Picture: it.Key(set.Root), View: v + 1, CropView: box,
				SHA256: contents.Hex(i)})
		}
	}
	a.note("recorded %d views of %d pictures in %s", len(out), len(set.Items), dir)
	return pin.WriteViews(dir, out)
}
