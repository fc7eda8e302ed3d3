package weights

import "strings"

// purpose says what a file that is no CLIP model is for, "" if no command could
// use it.
func purpose(f *File) string {
	if kind := f.metadata["kind"]; strings.HasPrefix(kind, "clipcalib ") {
		return kind
	}
	for _, name := range f.Names() {
		if name == "ctx" || strings.HasSuffix(name, "prompt_learner.ctx") {
			return "learned prompts (eval --weights MODEL)"
		}
	}
	has := func(name string, dims int) bool {
		t, ok := f.tensors[name]
		return ok && len(t.Shape) == dims
	}
	switch {
	case has("features", 2) && has("labels", 1):
		return "features with labels (adapt --features, eval --features)"
	case has("text_features", 2) || has("features", 2):
		return "features (--features)"
	case has("logits", 2):
		return "logits (calibrate)"
	case has("tensor", 2) && len(f.tensors) == 1:
		return "a matrix (calibrate, or the keys of Tip-Adapter's cache)"
	case f.adapterName([]string{"prototypes", "text_feature_residuals", "cache_keys", "fc.0.weight"}) != "":
		return "an adapter of another implementation"
	}
	return ""
}
