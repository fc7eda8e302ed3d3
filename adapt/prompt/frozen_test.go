package prompt

import (
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/device"
)

// TestFrozenParametersGetNoGradientNodes counts the operations of a training
// step: every further block of the text tower adds its eight forward, and
// backward the gradient of each with respect to its input, and nothing for its
// twelve parameters.
func TestFrozenParametersGetNoGradientNodes(t *testing.T) {
	step := func(layers int) int {
		c := smallConfig
		c.Text.Layers = layers
		m := seededModel(t, c, clip.Options{})
		training := &training{model: m, method: CoOp{}, remedy: adapt.Penalty{}, data: goldenData(t, m)}
		training.options = Options{}.Resolved(training.method, m.Config.Scale())
		if err := training.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		params, err := upload(device.Engine(m.Device), training.params)
		if err != nil {
			t.Fatal(err)
		}
		defer params.close()
		b := newBuilder(m, params, training.trie, training.options.LogitScale, 4)
		b.protos = training.protos
		defer b.g.Close()
		obj := training.objective(b)
		p, err := b.g.Compile(append(b.g.Gradients(obj.Loss, obj.Params[0].Node), obj.Loss)...)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		return p.Len()
	}
	// Forward: two norms, four products with their bias and residual, attention,
	// activation. Backward: as many, and two sums where the residual branches.
	if got, want := step(4)-step(3), 8+8+2; got != want {
		t.Errorf("a block takes %d operations in a step, want %d", got, want)
	}
}
