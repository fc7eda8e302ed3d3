package text

import "testing"

// The expected forms are those of Python 3.12's str.lower.
func TestLower(t *testing.T) {
	for text, want := range map[string]string{
		"CAT":                "cat",
		"ÄÖÜẞ":               "äöüß",
		"İSTANBUL":           "i̇stanbul",
		"ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ":     "οδυσσευς σοφος",
		"Σ ΑΣ. ΑΣ'Α Α'Σ ΑΣ1": "σ ας. ασ'α α'ς ας1",
		"Α\u0301Σ\u0301":     "α\u0301ς\u0301",
		"ǅ Ⅷ Ⓐ 𐐀 Ა ᎠK":       "ǆ ⅷ ⓐ 𐐨 ა ꭰk",
	} {
		if got := lower(text); got != want {
			t.Errorf("lower(%q) = %q, want %q", text, got, want)
		}
	}
}
