package text_test

import (
	"fmt"
	"log"
	"strings"

	"clipcalib/text"
)

func ExampleTokenizer_Tokens() {
	tok := text.NewTokenizer()
	ids, err := tok.Tokens("a photo of a cat.")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids)
	// Output: [49406 320 1125 539 320 2368 269 49407]
}

func ExampleTokenizer_Encode() {
	tok := text.NewTokenizer()
	fmt.Println(tok.Encode("Zürich"), tok.Encode("ZÃ¼rich")) // mojibake is repaired
	// Output: [89 6522 4021] [89 6522 4021]
}

func ExampleTokenizer_Decode() {
	tok := text.NewTokenizer()
	fmt.Printf("%q\n", tok.Decode([]int32{320, 1125, 539, 320, 2368, 269}))
	// Output: "a photo of a cat . "
}

func ExampleTokenizer_EncodeClass() {
	_, err := text.NewTokenizer().EncodeClass(" ")
	fmt.Println(err)
	// Output: class name " " gives no tokens: rename the class
}

func ExampleTokenizer_TokensTruncated() {
	ids := text.NewTokenizer().TokensTruncated("a photo of a " + strings.Repeat("very ", 100) + "large cat")
	fmt.Println(len(ids), ids[len(ids)-1] == text.EOT)
	// Output: 77 true
}

func ExamplePad77() {
	padded := text.Pad77([]int32{text.SOT, 2368, text.EOT})
	fmt.Println(len(padded), padded[:5])
	// Output: 77 [49406 2368 49407 0 0]
}

func ExamplePrompts() {
	template, _ := text.TemplateFor("EuroSAT")
	prompts, err := text.Prompts(template, []string{"forest", "river"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", prompts)
	// Output: ["a centered satellite photo of forest." "a centered satellite photo of river."]
}

func ExampleTokenizer_TokenizePrompts() {
	prompts, err := text.NewTokenizer().TokenizePrompts(text.TemplateDefault, []string{"cat", "dog"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(prompts[0])
	fmt.Println(prompts[1])
	// Output:
	// [49406 320 1125 539 320 2368 269 49407]
	// [49406 320 1125 539 320 1929 269 49407]
}

func ExampleTemplatesImageNet() {
	fmt.Println(len(text.TemplatesImageNet()), len(text.TemplatesOpenAI()))
	// Output: 8 80
}

func ExampleNewTrie() {
	prompts, err := text.NewTokenizer().TokenizePrompts(text.TemplateDefault, []string{"cat", "dog", "cat flap"})
	if err != nil {
		log.Fatal(err)
	}
	trie, err := text.NewTrie(prompts)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(trie.NumTokens(), "tokens,", trie.Len(), "nodes, features at", trie.EOT)
	// Output: 25 tokens, 14 nodes, features at [7 13 10]
}

// Four learned vectors take the place of "a photo of a"; each of three images
// has four of its own.
func ExampleTrie_Repeat() {
	tok := text.NewTokenizer()
	var prompts [][]int32
	for _, class := range []string{"cat", "dog"} {
		prompt := []int32{text.SOT}
		for i := range 4 {
			prompt = append(prompt, text.ContextToken(i))
		}
		prompt = append(prompt, tok.Encode(class+".")...)
		prompts = append(prompts, append(prompt, text.EOT))
	}
	trie, err := text.NewTrie(prompts)
	if err != nil {
		log.Fatal(err)
	}
	batch, err := trie.Repeat(3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(trie.Len(), "nodes, vector 0 at", trie.ContextNodes(0))
	fmt.Println(batch.Len(), "nodes, vector 0 of image 2 at", batch.ContextNodes(2*trie.NumContexts()))
	// Output:
	// 11 nodes, vector 0 at [1]
	// 33 nodes, vector 0 of image 2 at [23]
}
