// Package text is CLIP's text side: the byte-pair tokenizer, prompts built
// from class names, the token trie that computes a prefix shared by many
// prompts once, and the text transformer over that trie.
//
// The tokenizer gives the ids of OpenAI's simple_tokenizer.py, text cleaning
// by ftfy included. A prompt becomes a sequence start-of-text, ids,
// end-of-text of at most ContextLength tokens; under the causal mask nothing
// after the first end-of-text token can reach the feature, so the trie keeps
// only what lies before it.
package text
