package cli

import (
	"context"
	"slices"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
)

// encodeShots encodes the shots and makes the prototypes.
func (s *session) encodeShots(
	ctx context.Context, set, shots *data.Set, f *adaptFlags, o *run.AdaptOptions,
) (*data.Record, error) {
	a, src := s.a, s.src
	v := features.Views{Augmented: f.views >= 0, Count: f.countViews(o.Train.Compat.Views(o.Method)),
		Seed: f.train.Seed, Given: f.given}
	if err := s.checkViews(shots, v, false); err != nil {
		return nil, err
	}
	templates := f.source.prompts(set, o.Train.Compat)
	protos, err := src.Prototypes(ctx, templates, set.Classes, o.Train.Compat)
	if err != nil {
		return nil, err
	}
	feats, err := a.images(ctx, src, shots, v)
	if err != nil {
		return nil, err
	}
	record, err := recordShots(set, shots, feats)
	if err != nil {
		return nil, err
	}
	if _, err := a.lookAt(src, shots, feats.Kept, record); err != nil {
		return nil, err
	}
	o.Train.Device = src.Model.Device
	o.Data = &adapt.Data{Features: feats.Features, Labels: feats.Labels, Prototypes: protos, Views: feats.Views,
		LogitScale: src.Model.Config.Scale()}
	s.learnt = learnt{shots: shots, kept: feats.Kept, views: v, data: *o.Data, contents: a.seen.contents[shots]}
	o.Config = &src.Model.Config
	o.Classes = features.Classes(templates, set.Keys())
	o.Inputs = run.Inputs{
		Weights: f.source.weights, WeightsSHA256: src.Weights, Model: src.Facts(),
		BatchImages:   src.Model.Images.Batch(),
		Preprocessing: src.Preprocessing(v),
		Data:          f.data, DataSHA256: feats.Hash, Shots: f.shots, Drawn: f.unlike(shots), Repeat: f.repeat,
		DataSeed: f.train.Seed, Picks: f.picks,
		AugmentedViews: v.Augments(), Templates: templates, Truncate: f.source.truncate, Float16: f.source.float16,
		Reading: f.reading(),
	}
	a.note("%s: %d classes, %s, %d views, prompts like %q", set.Name, len(set.Classes), f.drawn().Words(set, shots),
		feats.Views,
		strings.ReplaceAll(templates[0], "{}", set.Classes[0]))
	return record, nil
}

// drawn says how the shots are drawn.
func (f *adaptFlags) drawn() data.Shots { return data.Shots{PerClass: f.shots, Repeat: f.repeat} }

// unlike is the number of shots of every class, nil where it is the one asked
// for.
func (f *adaptFlags) unlike(shots *data.Set) []int {
	counts := shots.Counts()
	if slices.Min(counts) == f.shots && slices.Max(counts) == f.shots {
		return nil
	}
	return counts
}

// recordShots is the record of what a run learns from. It is an error if a
// class has lost all its shots.
func recordShots(set, shots *data.Set, feats features.Set) (*data.Record, error) {
	if err := shots.Unread(feats.Kept); err != nil {
		return nil, err
	}
	r := shots.Record(feats.Kept, feats.Unreadable)
	r.Account.Drawn(set, shots)
	return r, nil
}
