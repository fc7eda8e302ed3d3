package prompt

import (
	"context"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/text"
)

// Data is a few-shot training set.
type Data struct {
	Classes []string // names, as they stand in prompts; "_" reads as a space
	Labels  []int    // class of each of the N samples
	Views   int      // augmented views of every sample; 0 means 1

	// Features are the frozen image tower's features [Views*N, D], not
	// normalised; row v*N+i is view v of sample i. Methods that need images
	// (see [NeedsImages]) do without.
	Features adapt.Matrix
	// Image writes the preprocessed pixels of a view of a sample, 3 x S x S,
	// for methods that need images. The same view must give the same pixels.
	Image func(sample, view int, dst []float32) error

	// Prototypes are the zero-shot model's text features [K, D]. Without them
	// they are computed of Template, "a photo of a {}." if that is "".
	Prototypes adapt.Matrix
	Template   string
}

func (d Data) views() int { return max(d.Views, 1) }

// check reports what makes d unfit for training m on a model of features dim
// wide.
func (d Data) check(m Method, dim int) error {
	n, k := len(d.Labels), len(d.Classes)
	switch {
	case k == 0:
		return fmt.Errorf("no classes")
	case n < 1:
		return fmt.Errorf("no samples")
	case d.Views < 0:
		return fmt.Errorf("%d views of every sample: use 1 or more", d.Views)
	}
	for i, y := range d.Labels {
		if y < 0 || y >= k {
			return fmt.Errorf("labels: label %d of sample %d is outside 0 to %d", y, i, k-1)
		}
	}
	if NeedsImages(m) {
		if d.Image == nil {
			return fmt.Errorf("%s prompts the image tower and needs images, not features", m.Name())
		}
		return nil
	}
	if err := d.Features.Check("features"); err != nil {
		return err
	}
	if d.Features.Rows != n*d.views() || d.Features.Cols != dim {
		return fmt.Errorf("features of shape [%d, %d]: want %d samples in %d views, %d wide", d.Features.Rows,
			d.Features.Cols, n, d.views(), dim)
	}
	return nil
}

// prototypes returns the zero-shot text features of classes: those given, or
// computed of a template.
func prototypes(ctx context.Context, model *Model, classes []string, given adapt.Matrix,
	templates ...string) (adapt.Matrix, error) {
	if given.Data != nil {
		if err := given.Check("prototypes"); err != nil {
			return given, err
		}
		if given.Rows != len(classes) || given.Cols != model.Config.EmbedDim {
			return given, fmt.Errorf("prototypes of shape [%d, %d]: want [%d, %d]", given.Rows, given.Cols,
				len(classes), model.Config.EmbedDim)
		}
		return given, nil
	}
	if len(templates) == 1 && templates[0] == "" {
		templates[0] = text.TemplateDefault
	}
	rows, err := model.Prototypes(ctx, templates, plainNames(classes), clip.Raw)
	if err != nil {
		return adapt.Matrix{}, err
	}
	out := adapt.NewMatrix(len(rows), model.Config.EmbedDim)
	for i, row := range rows {
		copy(out.Row(i), row)
	}
	return out, nil
}
