package table

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Fields are what decides a run, by name, as text.
type Fields map[string]string

// The names that rows are headed by.
const (
	fieldMethod  = "method"
	fieldRemedy  = "remedy"
	fieldSource  = "source"
	fieldWeights = "weights"
	// fieldTemplates are the prompts of the zero-shot reference.
	fieldTemplates = "templates"
)

// ZeroShot is the method name of the unadapted model.
const ZeroShot = "zero-shot"

// told are fields of a recipe that decide nothing: paths, places, words for
// people, and what follows from other fields.
var told = map[string]bool{
	"engine": true, "choices": true, "inputs.batch_images": true, "inputs.weights": true, "inputs.data": true,
	"inputs.features": true, "inputs.truncate": true, "samples": true, "classes": true, "width": true, "seed": true,
	"inputs.data_seed":   true,
	"inputs.data_sha256": true, "inputs.drawn": true, "method": true, "remedy": true, "version": true,
	// inputs.weights_sha256 says
	"inputs.activation": true, "inputs.activation_source": true, "inputs.preprocessing_source": true,
	"inputs.prefix": true, "inputs.no_config": true, "inputs.class_names": true, "inputs.image_root": true,
	"inputs.label_column": true, "inputs.allow_empty_classes": true, "inputs.allow_numbered_classes": true,
	"inputs.preprocess": true, "inputs.init": true,
}

// renamed are fields by the names that people use.
var renamed = map[string]string{
	"learning_rate": "lr", "inputs.shots": "shots", "inputs.templates": fieldTemplates,
	"inputs.weights_sha256": fieldWeights, "weights_sha256": fieldWeights, "inputs.preprocessing": "preprocessing",
	"inputs.augmented_views": "augmented_views", "inputs.features_sha256": "features", "inputs.init_sha256": "init",
	"inputs.repeat": "repeat",
}

// seedWords are how descriptions of preprocessing name the seed, which is no
// part of what is compared.
var seedWords = regexp.MustCompile(`,? seed \d+`)

// flatten lists the leaves of a document by dotted names.
func flatten(prefix string, v any, out Fields) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for name, child := range v {
			flatten(strings.TrimPrefix(prefix+"."+name, "."), child, out)
		}
	case []any:
		texts := make([]string, len(v))
		for i, child := range v {
			texts[i] = text(child)
		}
		out[prefix] = strings.Join(texts, "; ")
	default:
		out[prefix] = text(v)
	}
}

func text(v any) string {
	switch v := v.(type) {
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(b)
	}
	return fmt.Sprint(v)
}

// deciding are the fields of a recipe that decide its results, seeds aside.
func deciding(recipe Fields) Fields {
	out := Fields{}
	for name, value := range recipe {
		if told[name] || strings.HasSuffix(name, "_path") || strings.HasSuffix(name, "_relative") {
			continue
		}
		if to, ok := renamed[name]; ok {
			name = to
		}
		out[name] = value
	}
	// Features as they were encoded may differ in their last bits from machine to
	// machine, and do from seed to seed: where it is known how they were made,
	// that decides.
	if out[fieldWeights] != "" {
		delete(out, "features")
	}
	if p, ok := out["preprocessing"]; ok {
		out["preprocessing"] = seedWords.ReplaceAllString(p, "")
	}
	if phrase, ok := out["context"]; ok { // of test-time tuning: the prompt that both start from
		out[fieldTemplates] = phrase + " {}."
		delete(out, "context")
	}
	return out
}

// without is the key of the fields but those of a name, such as the remedy and
// its settings.
func (f Fields) without(name string) string {
	rest := maps.Clone(f)
	for field := range rest {
		if field == name || strings.HasPrefix(field, name+"_settings") {
			delete(rest, field)
		}
	}
	return rest.key()
}

// key is the fields as one comparable value.
func (f Fields) key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "%q=%q\n", name, f[name])
	}
	return b.String()
}
