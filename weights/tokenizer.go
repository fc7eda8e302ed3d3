package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"clipcalib/internal/printable"
	"clipcalib/internal/regular"
)

// maxTokenizer bounds a tokenizer.json: those of the largest vocabularies have
// some 40 MB.
const maxTokenizer = 128 << 20

// clipPieces are entries of CLIP's vocabulary that tell it from others of its
// size.
var clipPieces = map[string]int{
	"!": 0, "a</w>": 320, "the</w>": 518, "photo</w>": 1125, "dog</w>": 1929,
	"<|startoftext|>": clipVocabulary - 2, "<|endoftext|>": clipVocabulary - 1,
}

// tokenizerBeside looks at the tokenizer in the folder of the weights and says
// how it is not CLIP's, "" if it is or if there is none.
func tokenizerBeside(dir string) (string, error) {
	var class struct {
		Class string `json:"tokenizer_class"`
	}
	if ok, err := readBeside(dir, "tokenizer_config.json", maxConfig, &class); err != nil {
		return "", err
	} else if ok && !slices.Contains([]string{"", "CLIPTokenizer", "CLIPTokenizerFast"}, class.Class) {
		return fmt.Sprintf("tokenizer_config.json names %.60q", printable.Escape(class.Class)), nil
	}
	var whole struct {
		Model struct {
			Type  string          `json:"type"`
			Vocab json.RawMessage `json:"vocab"` // an object for BPE and WordPiece, a list for Unigram
		} `json:"model"`
	}
	ok, err := readBeside(dir, "tokenizer.json", maxTokenizer, &whole)
	if err != nil {
		return "", err
	}
	if ok {
		if kind := whole.Model.Type; kind != "BPE" {
			return fmt.Sprintf("tokenizer.json holds a %.40q model, CLIP's is BPE", printable.Escape(kind)), nil
		}
		return otherVocabulary("tokenizer.json", whole.Model.Vocab), nil
	}
	var vocab json.RawMessage
	if ok, err = readBeside(dir, "vocab.json", maxTokenizer, &vocab); ok {
		return otherVocabulary("vocab.json", vocab), nil
	}
	return "", err
}

func otherVocabulary(file string, raw json.RawMessage) string {
	var pieces map[string]int
	if err := json.Unmarshal(raw, &pieces); err != nil {
		return file + " holds no vocabulary of pieces and numbers"
	}
	if len(pieces) != clipVocabulary {
		return fmt.Sprintf("%s has %d pieces, CLIP's vocabulary %d", file, len(pieces), clipVocabulary)
	}
	for _, piece := range sortedKeys(clipPieces) {
		if n, ok := pieces[piece]; !ok || n != clipPieces[piece] {
			return fmt.Sprintf("%s does not number %q %d as CLIP's vocabulary does", file, piece, clipPieces[piece])
		}
	}
	return ""
}

// readBeside reads a JSON file; one that is absent is no error.
func readBeside(dir, name string, limit int64, v any) (bool, error) {
	path := filepath.Join(dir, name)
	f, err := regular.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	if info.Size() > limit {
		return false, fmt.Errorf("%s of %d bytes is larger than %d: not read", path, info.Size(), limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("%s is not what it should be (%w): mend it or take it away", path, err)
	}
	return true, nil
}
