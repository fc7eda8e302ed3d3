package text

import (
	"fmt"
	"strings"
)

// ClassPlaceholder marks the place of the class name in a template.
const ClassPlaceholder = "{}"

// Prompts puts every class name into template, in place of each "{}".
func Prompts(template string, classes []string) ([]string, error) {
	if !strings.Contains(template, ClassPlaceholder) {
		return nil, fmt.Errorf("template %q has no {} for the class name: "+
			"write it as in %q", template, TemplateDefault)
	}
	prompts := make([]string, len(classes))
	for i, class := range classes {
		if strings.TrimSpace(class) == "" {
			return nil, fmt.Errorf("class %d of %d has an empty name: every class needs one", i, len(classes))
		}
		prompts[i] = strings.ReplaceAll(template, ClassPlaceholder, class)
	}
	return prompts, nil
}

// TokenizePrompts puts every class name into template and tokenizes the
// result, one prompt a class. Besides the errors of Prompts and Tokens, a class
// name that gives no tokens is an error.
func (t *Tokenizer) TokenizePrompts(template string, classes []string) ([][]int32, error) {
	prompts, err := Prompts(template, classes)
	if err != nil {
		return nil, err
	}
	out := make([][]int32, len(prompts))
	for i, p := range prompts {
		if _, err := t.EncodeClass(classes[i]); err != nil {
			return nil, fmt.Errorf("class %d of %d: %w", i, len(classes), err)
		}
		if out[i], err = t.Tokens(p); err != nil {
			return nil, fmt.Errorf("class %d of %d: %w", i, len(classes), err)
		}
	}
	return out, nil
}
