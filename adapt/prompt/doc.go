// Package prompt learns prompts for CLIP from a few labelled images: vectors
// that stand where words would ([CoOp], [KgCoOp], [ProGrad]), that depend on
// the image ([CoCoOp]), or that enter both towers at several depths ([MaPLe],
// [PromptSRC]). The towers themselves stay frozen.
//
// A [Method] composes with any [adapt.Remedy], as the adapters of package adapt
// do, and with any [adapt.Loss]:
//
//	model, err := prompt.OpenModel("ViT-B-16.pt", weights.Options{}, prompt.ModelOptions{})
//	learner, err := prompt.Train(ctx, model, prompt.CoOp{}, adapt.Penalty{}, data, prompt.Options{})
//	logits, err := learner.Logits(ctx, prompt.Input{Features: features})
//
// The prompts of all classes go through the text tower as one token trie: what
// they share, the learned vectors above all, is computed once, forward and
// backward. The result is that of the padded computation.
//
// Training is deterministic: the same data, options and machine give the same
// bytes, also when a run was interrupted and resumed from its checkpoint.
package prompt
