package run

import (
	"fmt"
	"strings"

	"clipcalib/weights"
)

// WeightsIdentity is the hash of a checkpoint's file with what the file may not
// decide, and which of several models in it is meant.
func WeightsIdentity(sum string, of *weights.Checkpoint) string {
	c := of.Config
	id := fmt.Sprintf("%s %s, heads %d and %d", sum, c.Activation, c.Vision.Heads, c.Text.Heads)
	if c.Vision.NormEps != 0 || c.Text.NormEps != 0 || c.TextActivation() != c.Activation || c.Vision.AveragePool {
		id += fmt.Sprintf(", texts %s, norms %g and %g, average %t %t", c.TextActivation(), c.VisionNormEps(),
			c.TextNormEps(),
			c.Vision.AveragePool, c.Vision.NormAfterPool)
	}
	if of.Prefix != "" {
		id += fmt.Sprintf(", prefix %q", of.Prefix)
	}
	return id
}

// CheckpointOptions are those by which the run's checkpoint was opened, so that
// it is opened as the same model again.
func (m Model) CheckpointOptions() (weights.Options, error) {
	name, o := m.Activation, weights.Options{VisionHeads: m.VisionHeads, TextHeads: m.TextHeads,
		Preprocess: m.Preprocess, Prefix: m.Prefix, NoConfig: m.NoConfig}
	if name == "" { // an older run has them in its hash alone
		_, rest, _ := strings.Cut(m.Weights.SHA256, " ")
		name, rest, _ = strings.Cut(rest, ",")
		fmt.Sscanf(rest, " heads %d and %d", &o.VisionHeads, &o.TextHeads) // 0, the default, where it does not say
	}
	if name == "" {
		return o, nil
	}
	var err error
	if o.Activation, err = weights.ParseActivation(name); err != nil {
		return o, fmt.Errorf("%s: activation: %w", modelFile, err)
	}
	return o, nil
}

// CheckWeights reports that a checkpoint is not the one of the run.
func (m Model) CheckWeights(path, identity string) error {
	hash, _, _ := strings.Cut(identity, " ")
	if identity == m.Weights.SHA256 || hash == m.Weights.SHA256 { // which may say the hash alone
		return nil
	}
	return fmt.Errorf("%s is not the model of the run: its hash is %s, the run's %s",
		path, short(identity), short(m.Weights.SHA256))
}

// CheckTrained reports that the parameters in a file are of another method or
// remedy than the run, as when the file was copied from another one.
func (m Model) CheckTrained(file, method, remedy string) error {
	if method == m.Method && remedy == m.Remedy {
		return nil
	}
	return fmt.Errorf("%s holds %s with remedy %s, and the run is one of %s with remedy %s: put its own file back",
		file, method, remedy, m.Method, m.Remedy)
}

// short is an identity with the start of the hash, and all that stands beside it.
func short(identity string) string {
	hash, rest, _ := strings.Cut(identity, " ")
	return fmt.Sprintf("%.12s (%s)", hash, rest)
}
