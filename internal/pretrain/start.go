package pretrain

import (
	"fmt"

	"clipcalib/weights"
)

// Start takes the parameters of a trained model in place of random ones. Its
// sizes must be the recipe's. Tokens it has never seen, whose rows are zero,
// keep their random start.
func (t *Trainer) Start(c *weights.Checkpoint) error {
	own := t.Recipe.Config()
	if c.Config.VisionActivation() != own.Activation || c.Config.TextActivation() != own.Activation {
		return fmt.Errorf("start from %s: its activation is %s (%s), the recipe's %s", c.File().Path(),
			c.Config.Activation, c.Config.ActivationReason, own.Activation)
	}
	v := c.View()
	for _, p := range own.Parameters() {
		values, err := v.Get(p.Name, p.Shape...)
		if err != nil {
			return fmt.Errorf("start from %s: %w", c.File().Path(), err)
		}
		if p.Name == "token_embedding.weight" {
			if values, err = t.knownTokens(values); err != nil {
				return err
			}
		}
		if err := t.eng.Upload(t.weights.Tensor(p.Name), values); err != nil {
			return fmt.Errorf("start from %s: %s: %w", c.File().Path(), p.Name, err)
		}
	}
	return nil
}

// knownTokens picks the rows of this run's vocabulary out of the full embedding.
func (t *Trainer) knownTokens(full []float32) ([]float32, error) {
	rows, err := t.weights.Floats("token_embedding.weight")
	if err != nil {
		return nil, err
	}
	w := t.Recipe.TextWidth
	for i, token := range t.corpus.vocab {
		row := full[int(token)*w : (int(token)+1)*w]
		for _, x := range row {
			if x != 0 {
				copy(rows[i*w:(i+1)*w], row)
				break
			}
		}
	}
	return rows, nil
}
