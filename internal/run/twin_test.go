package run_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"clipcalib/adapt"
)

// A twin's parameters are taken where it trained the same thing, and nowhere
// else.
func TestATwinIsTakenOnlyWhereItTrainedTheSame(t *testing.T) {
	features, other := files(t)
	twin := filepath.Join(t.TempDir(), "none")
	train(t, options(features, twin))
	normed, penalised := filepath.Join(t.TempDir(), "zs-norm"), filepath.Join(t.TempDir(), "penalty")
	o := options(features, normed)
	o.Remedy = adapt.ZSNorm{}
	train(t, o)
	o.Remedy, o.Out = adapt.Penalty{Lambda: 2}, penalised
	train(t, o)
	for name, c := range map[string]struct {
		remedy   adapt.Remedy
		features string
		seed     uint64
		twin     string
		trained  bool
	}{
		"the same":        {adapt.SaLS{}, features, 3, twin, false},
		"in training":     {adapt.Penalty{}, features, 3, twin, true},
		"both":            {withSaLS(t, adapt.ZSNorm{}), features, 3, normed, false},
		"another part":    {withSaLS(t, adapt.Penalty{}), features, 3, normed, true},
		"other weight":    {withSaLS(t, adapt.Penalty{Lambda: 3}), features, 3, penalised, true},
		"the same weight": {withSaLS(t, adapt.Penalty{Lambda: 2}), features, 3, penalised, false},
		"another seed":    {adapt.SaLS{}, features, 4, twin, true},
		"other features":  {adapt.SaLS{}, other, 3, twin, true},
		"none there":      {adapt.SaLS{}, features, 3, filepath.Join(t.TempDir(), "absent"), true},
	} {
		t.Run(name, func(t *testing.T) {
			var dirs []string
			for _, from := range []string{c.twin, ""} {
				o := options(c.features, filepath.Join(t.TempDir(), "run"))
				o.Remedy, o.Train.Seed, o.Twin = c.remedy, c.seed, from
				if trained := train(t, o); from != "" && trained != c.trained {
					t.Errorf("trained %v, want %v", trained, c.trained)
				}
				dirs = append(dirs, o.Out)
			}
			for _, file := range list(t, dirs[1]) {
				if !bytes.Equal(read(t, dirs[0], file), read(t, dirs[1], file)) {
					t.Errorf("%s is not that of a training of its own", file)
				}
			}
		})
	}
}

func withSaLS(t *testing.T, r adapt.Remedy) adapt.Remedy {
	t.Helper()
	both, err := adapt.Combine(r, adapt.SaLS{})
	if err != nil {
		t.Fatal(err)
	}
	return both
}
