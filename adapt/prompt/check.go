package prompt

import (
	"errors"
	"fmt"
)

// Check reports, before anything is computed, why a method's prompts do not fit
// a model and a list of classes: a name that makes a prompt longer than the
// text tower takes, prompts in more blocks than there are.
func Check(model *Model, m Method, classes []string) error {
	if model == nil || m == nil {
		return errors.New("prompts: no model or no method given")
	}
	if len(classes) == 0 {
		return fmt.Errorf("prompts of %s: no classes", m.Name())
	}
	if _, err := newLayout(model, m, classes); err != nil {
		return fmt.Errorf("prompts of %s: %w", m.Name(), err)
	}
	return nil
}
