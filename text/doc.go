// Package text is CLIP's text side: the byte-pair tokenizer, prompts built
// from class names, the token trie that computes a prefix shared by many
// prompts once, and the text transformer over that trie.
//
// The tokenizer gives the ids of OpenAI's simple_tokenizer.py, text cleaning
// by ftfy included. A prompt becomes a sequence start-of-text, ids,
// end-of-text of at most ContextLength tokens; under the causal mask nothing
// after the first end-of-text token can reach the feature, so the trie keeps
// only what lies before it.
//
// # Precision
//
// The encoder computes on a device of clipcalib.OpenDevice, in the precision of
// that device: float32 by default; bfloat16 products with frozen weights on a
// processor; TF32, bfloat16 or IEEE half on a GPU. Features come back
// as float32 in all of them.
//
// # Unicode
//
// Letters and numbers are told apart as Python's regex module of 2026 does
// (Unicode 18), whatever Unicode this Go has. Case and normal form follow the
// tables of this Go and of golang.org/x/text: with Go 1.26 Unicode 15.0, as in
// Python 3.12. Another Unicode there changes ids only for text with characters
// assigned since, for instance the order of two marks of which one is new.
package text
