package weights

import (
	"bytes"
	"strings"
)

// maxScriptCode bounds the code of a TorchScript archive that is looked at;
// OpenAI's archives hold some 2 MB.
const maxScriptCode = 32 << 20

// statedByCode reads the activation off the code in a TorchScript archive: a
// sigmoid occurs in QuickGELU only, and GELU has a function of its own. Code
// with both, or with GELU's approximation, decides nothing.
func statedByCode(a *archive) (s stated) {
	var sigmoid, gelu, tanh bool
	left := int64(maxScriptCode)
	for name, entry := range a.entries {
		file, ok := strings.CutPrefix(name, a.root)
		if !ok || !strings.HasPrefix(file, "code/") || !strings.HasSuffix(file, ".py") {
			continue
		}
		if left -= int64(entry.UncompressedSize64); left < 0 {
			return stated{}
		}
		code, err := a.read(file, maxScriptCode)
		if err != nil {
			continue
		}
		sigmoid = sigmoid || bytes.Contains(code, []byte("torch.sigmoid("))
		gelu = gelu || bytes.Contains(code, []byte("torch.gelu("))
		tanh = tanh || bytes.Contains(code, []byte(`approximate="tanh"`))
	}
	switch {
	case sigmoid && !gelu:
		s.vision.activation = QuickGELU
	case gelu && !sigmoid && !tanh:
		s.vision.activation = GELU
	default:
		return s
	}
	s.text.activation = s.vision.activation
	s.reason = "the archive's TorchScript code computes it"
	return s
}
