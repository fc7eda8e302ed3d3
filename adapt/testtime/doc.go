// Package testtime tunes CLIP's prompt on every test image by itself: TPT (Shu
// et al., 2022) and the methods that add a term to its loss, C-TPT (Yoon et
// al., 2024) and O-TPT (Sharifdeen et al., 2025), each with any of the remedies
// of package adapt.
//
// For one image, 64 views of it are encoded, the views that the model is most
// sure of are kept, and the context vectors of the prompt ("a photo of a") take
// one step of AdamW that lowers the entropy of the views' mean prediction. The
// image is then classified with the tuned prompt, which is forgotten.
//
//	t, err := testtime.NewTuner(ctx, images, texts, classes, testtime.TPT{}, adapt.SaLS{}, testtime.Options{})
//	p, err := t.Tune(ctx, picture, "cats/tom.jpg")
//
// Every image starts from the same prompt. So the text tower's forward pass
// over the classes is computed once, and kept; an image costs one backward pass
// from there and one forward pass at its own prompt, over the token trie, in
// place of two forward passes and one backward pass over padded prompts.
//
// Results are a function of the options and the picture's pixels alone.
package testtime
