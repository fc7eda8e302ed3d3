package clipcalib

import (
	"context"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/text"
	"clipcalib/weights"
)

// Options say where and how a [Model] computes. The zero value is the
// processor, all its cores, in float32.
type Options struct {
	Device  *Device         // nil opens the processor for this model alone
	Batch   int             // images encoded at a time; 0 is the default of vit.Options
	Nodes   int             // trie nodes computed at a time; 0 is the default of text.Options
	Weights weights.Options // what a checkpoint may not say of itself, such as its activation
}

// Model is a CLIP model, both towers on one device, opened by [Open]. It is safe
// for concurrent use. Its fields:
//
//	Config weights.Config  // sizes, activation, logit scale
//	Device *Device         // where it computes
//	Images *vit.Encoder    // pictures to features [D]
//	Texts  *text.Encoder   // prompts to features [D]
//
// and its methods:
//
//	Scale() float32  // the factor of the cosine in logits, exp(logit_scale)
//
//	// Prototypes returns a text feature [D] for each of K classes, the average
//	// over templates with "{}" where the class name goes.
//	Prototypes(ctx context.Context, templates, classes []string, average Average) ([][]float32, error)
//
//	// ZeroShot returns the logits [N][K], Scale times the cosine, of image
//	// features [N][D] and class prototypes [K][D].
//	ZeroShot(ctx context.Context, features, prototypes [][]float32) ([][]float32, error)
//
//	// Close waits for what runs and gives everything back, the device too where
//	// Open opened it. Close what was trained on the model first.
//	Close() error
//
// Its field Truncated func(prompt string), unless nil, lets prompts of more tokens
// than CLIP takes be cut, and is told of each.
type Model = clip.Model

// Average says how the features of a class's templates become its prototype.
type Average = clip.Average

const (
	// RawMean is the mean of the features as they come, so that long ones weigh
	// more; CLAP and the paper's code do this.
	RawMean Average = clip.Raw
	// UnitMean makes every feature, then their mean, one long: CLIP's own
	// recipe.
	UnitMean Average = clip.Unit
)

// Open loads both towers of the checkpoint at path; see [weights.OpenCLIP] for
// the files it takes. The caller closes the model.
func Open(path string, o Options) (*Model, error) { return clip.Open(path, clip.Options(o)) }

// New loads both towers of a checkpoint that is open, such as one of
// [weights.OpenBytes], and may be closed afterwards; o.Weights is not used.
func New(c *weights.Checkpoint, o Options) (*Model, error) { return clip.New(c, clip.Options(o)) }

// TrainingData encodes labelled picture files and class names as package adapt
// trains on them: features [N, D] of the pictures, prototypes [K, D] of the
// classes by CLIP's recipe over the templates ("a photo of a {}." if there are
// none), and the model's logit scale. A picture that cannot be read is an error
// that names it.
func TrainingData(ctx context.Context, m *Model, paths []string, labels []int, classes []string, templates ...string,
) (adapt.Data, error) {
	if len(paths) != len(labels) {
		return adapt.Data{}, fmt.Errorf("training data: %d pictures and %d labels: give every picture one",
			len(paths), len(labels))
	}
	if len(paths) == 0 {
		return adapt.Data{}, fmt.Errorf("training data: no pictures")
	}
	for i, y := range labels {
		if y < 0 || y >= len(classes) {
			return adapt.Data{}, fmt.Errorf("training data: %s has label %d, outside 0 to %d", paths[i], y,
				len(classes)-1)
		}
	}
	if len(templates) == 0 {
		templates = []string{text.TemplateDefault}
	}
	prototypes, err := m.Prototypes(ctx, templates, classes, UnitMean)
	if err != nil {
		return adapt.Data{}, fmt.Errorf("training data: %w", err)
	}
	features, err := m.Images.EncodeFiles(ctx, paths)
	if err != nil {
		return adapt.Data{}, fmt.Errorf("training data: %w", err)
	}
	return adapt.Data{Features: adapt.FromRows(features), Labels: labels, Prototypes: adapt.FromRows(prototypes),
		LogitScale: m.Config.Scale()}, nil
}
