package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/named"

	"github.com/spf13/cobra"
)

// conformalFlags are the inputs of the conformal command.
type conformalFlags struct {
	rowFlags
	calLogits, calLabels  string
	features, calFeatures string
	text                  string
	logitScale            float64
	adaptFraction         float64
	method                string
	scores                []string
	coverage              float64
	randomized, byClass   bool
	lambda                float64
	rank                  int
	epsilon               float64
	iterations            int
	marginal              string
	splits                int
	calFraction           float64
	seed                  uint64
	out                   string
}

var conformalMethods = []string{"split", "conf-ot", "ss-text", "full"}

func conformalCommand(a *app) *cobra.Command {
	f := conformalFlags{}
	c := &cobra.Command{
		Use:   "conformal",
		Short: "Sets of classes with a coverage guarantee, on any model's logits",
		Long: `For each sample a set of classes that holds the right one with the probability
--coverage, whatever the model, if the calibration fold is drawn as the test
samples are. The fold must have had no part in training.

  split    the threshold is the exact finite-sample quantile of the fold's scores
  conf-ot  the folds' logits together are first scaled to the classes' frequencies
  ss-text  prototypes are adapted on a part of the fold, the rest calibrates
  full     every test sample and class adapts with the whole fold (slow, exact)

split and conf-ot want --logits, ss-text and full want --features: files that hold
features, labels and, in one of the two, text_features, as adapt --features takes
them. Scores: lac (smallest sets), aps (sets that adapt to the sample), raps (aps
without its long tail).

With --splits the fold is drawn from the measured file itself, so many times, with
a share of every class, and medians with 95 % of the splits are shown.`,
		Example: `  clipcalib conformal --logits test.npy --labels y.npy --cal-logits val.npy --cal-labels vy.npy
  clipcalib conformal --logits test.npy --labels y.npy --splits 20 --coverage 0.95 --score lac
  clipcalib conformal --logits new.npy --cal-logits val.npy --cal-labels vy.npy --score aps --out sets.csv
  clipcalib conformal --method full --features test.safetensors --cal-features fold.safetensors --logit-scale 100`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.asked = c.Flags().Changed("probabilities")
			if err := f.modes(c); err != nil {
				return err
			}
			return a.conformal(c.Context(), f)
		},
	}
	fl := c.Flags()
	f.rowFlags.add(c)
	fl.StringVar(&f.calLogits, "cal-logits", "", "logits of the calibration fold [M, K]")
	fl.StringVar(&f.calLabels, "cal-labels", "", "their labels [M]")
	fl.StringVar(&f.features, "features", "", "features to make sets for [N, D] (for ss-text and full)")
	fl.StringVar(&f.calFeatures, "cal-features", "", "features of the calibration fold [M, D]")
	fl.StringVar(&f.text, "text-features", "", "prototypes [K, D]; default those in --cal-features or --features")
	fl.Float64Var(&f.logitScale, "logit-scale", 0,
		"exp(logit_scale) of the model, about 100 for CLIP (for ss-text and full)")
	fl.Float64Var(&f.adaptFraction, "adapt-fraction", 0.5, "share of the fold that ss-text adapts on")
	fl.StringVar(&f.method, "method", "split", strings.Join(conformalMethods, ", "))
	fl.StringSliceVar(&f.scores, "score", calib.ConformalScores(), "lac, aps, raps, or several")
	fl.Float64Var(&f.coverage, "coverage", 0.9, "wanted probability that a set holds the label")
	fl.BoolVar(&f.randomized, "randomized", false,
		"aps and raps draw a number a sample, for an exact coverage and smaller sets")
	fl.BoolVar(&f.byClass, "by-class", false,
		"a threshold for each class, so that every class is covered (for split and conf-ot)")
	fl.Float64Var(&f.lambda, "lambda", 0.001, "weight of the rank in raps")
	fl.IntVar(&f.rank, "k", 1, "rank up to which raps weighs nothing")
	fl.Float64Var(&f.epsilon, "epsilon", 1, "what conf-ot divides logits by")
	fl.IntVar(&f.iterations, "iterations", 3, "of conf-ot")
	fl.StringVar(&f.marginal, "marginal", "labels",
		"how often conf-ot wants the classes: as the fold's labels, or uniform")
	fl.IntVar(&f.splits, "splits", 0, "draw the fold from the measured file, so many times")
	fl.Float64Var(&f.calFraction, "cal-fraction", 0.5, "share of every class that --splits calibrates on")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of --randomized, --splits and ss-text")
	fl.StringVar(&f.out, "out", "", "write the sets here, .csv; wants one --score")
	completes(c, "method", conformalMethods...)
	completes(c, "score", calib.ConformalScores()...)
	completes(c, "marginal", "labels", "uniform")
	return c
}

// modes refuses the flags that method and scores pass over.
func (f conformalFlags) modes(c *cobra.Command) error {
	aps := slices.ContainsFunc(f.scores, func(s string) bool { return s != calib.LAC })
	drawn := f.randomized || f.splits > 0 || f.method == "ss-text"
	for _, m := range []struct {
		on    bool
		says  string
		flags []string
	}{
		{f.method == "conf-ot", "without --method conf-ot", []string{"epsilon", "iterations", "marginal"}},
		{f.method == "ss-text", "without --method ss-text", []string{"adapt-fraction"}},
		{f.splits > 0, "without --splits", []string{"cal-fraction"}},
		{slices.Contains(f.scores, calib.RAPS), "without --score raps", []string{"lambda", "k"}},
		{aps, "without --score aps or raps", []string{"randomized"}},
		{drawn, "where nothing is drawn: without --randomized, --splits and --method ss-text", []string{"seed"}},
	} {
		if err := without(c, m.says, m.flags...).check(c); !m.on && err != nil {
			return err
		}
	}
	return nil
}

func (f conformalFlags) onFeatures() bool { return f.method == "ss-text" || f.method == "full" }

// check is what can be refused before anything is read.
func (f conformalFlags) check() error {
	switch {
	case !slices.Contains(conformalMethods, f.method):
		return usagef("--method %s: choose %s%s", f.method, strings.Join(conformalMethods, ", "),
			named.Suggestion(f.method, conformalMethods))
	case !(f.coverage > 0 && f.coverage < 1):
		return usagef("--coverage %g: want a share between 0 and 1, both excluded, as 0.9: no set is needed for 0, and "+
			"only all classes give 1", f.coverage)
	case len(f.scores) == 0:
		return usagef("--score wants lac, aps or raps")
	case f.out != "" && (len(f.scores) != 1 || f.splits > 0):
		return usagef("--out holds the sets of one --score and one fold: name one score, without --splits")
	case f.marginal != "labels" && f.marginal != "uniform":
		return usagef("--marginal %s: choose labels or uniform", f.marginal)
	case !(f.epsilon > 0) || f.iterations < 1:
		return usagef("--epsilon wants a number above 0, --iterations at least 1")
	case !(f.lambda >= 0) || f.rank < 0:
		return usagef("--lambda and --k want at least 0")
	case f.splits < 0 || f.splits > 100_000:
		return usagef("--splits %d: want 0 to 100000", f.splits)
	}
	for _, s := range f.scores {
		if !slices.Contains(calib.ConformalScores(), s) {
			return usagef("--score %s: choose lac, aps or raps", s)
		}
	}
	if f.onFeatures() {
		return f.checkFeatures()
	}
	switch {
	case f.logits == "":
		return usagef("--logits is missing: the file to make sets for")
	case f.features != "" || f.calFeatures != "" || f.text != "" || f.logitScale != 0:
		return usagef("--features, --cal-features, --text-features and --logit-scale are for --method ss-text and full; "+
			"the method is %s", f.method)
	case f.splits > 0 && (f.calLogits != "" || f.calLabels != ""):
		return usagef("--splits draws the fold from --logits; --cal-logits and --cal-labels give one: choose one of the two")
	case f.splits > 0 && f.labels == "":
		return usagef("--splits wants --labels")
	case f.splits > 0 && !(f.calFraction > 0 && f.calFraction < 1):
		return usagef("--cal-fraction %g: want a share between 0 and 1", f.calFraction)
	case f.splits == 0 && (f.calLogits == "" || f.calLabels == ""):
		return usagef("a calibration fold is wanted: --cal-logits and --cal-labels, or --splits")
	}
	return nil
}

func (f conformalFlags) checkFeatures() error {
	switch {
	case f.logits != "" || f.calLogits != "" || f.probabilities:
		return usagef("--method %s works on --features and --cal-features, not on logits", f.method)
	case f.features == "" || f.calFeatures == "":
		return usagef("--method %s wants --features and --cal-features", f.method)
	case !(f.logitScale > 0):
		return usagef("--method %s wants --logit-scale, the model's exp(logit_scale), about 100 for CLIP", f.method)
	case f.splits > 0:
		return usagef("--splits is for --method split and conf-ot")
	case f.byClass:
		return usagef("--by-class is for --method split and conf-ot")
	case f.method == "ss-text" && !(f.adaptFraction > 0 && f.adaptFraction < 1):
		return usagef("--adapt-fraction %g: want a share between 0 and 1", f.adaptFraction)
	}
	return nil
}

func (f conformalFlags) options(score string, seed uint64) calib.ConformalOptions {
	o := calib.ConformalOptions{Score: score, Coverage: f.coverage, Randomized: f.randomized, Seed: seed,
		Lambda: f.lambda, K: f.rank, ByClass: f.byClass}
	if score == calib.RAPS && f.lambda == 0 { // 0 is the library's default
		o.Score = calib.APS
	}
	return o
}

func (a *app) conformal(ctx context.Context, f conformalFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.out != "" {
		if err := checkOutputFile(f.out); err != nil {
			return err
		}
	}
	files := fileSet{logits: f.logits, labels: f.labels, foldLogits: f.calLogits, foldLabels: f.calLabels,
		foldFlags: [2]string{"--cal-logits", "--cal-labels"}}
	if err := files.check(); err != nil {
		return err
	}
	in := &conformalInput{}
	defer in.close()
	var results []conformalResult
	var err error
	switch {
	case f.onFeatures():
		results, err = f.fromFeatures(ctx, in)
	case f.splits > 0:
		results, err = f.overSplits(ctx, in)
	default:
		results, err = f.fromFold(ctx, in)
	}
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := writeSets(f.out, results[0].sets, in.labels); err != nil {
			return err
		}
	}
	for _, n := range in.notes {
		fmt.Fprintf(a.err, "note: %s\n", n)
	}
	if a.json {
		return a.printJSON(f.document(in, results))
	}
	return f.print(a.out, in, results)
}
