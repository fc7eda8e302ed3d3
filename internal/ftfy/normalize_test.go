package ftfy

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestComposeAgreesWithNorm(t *testing.T) {
	pool := []rune("aeoAKsΑωшиİ각한가\u1100\u1161\u11a8\u0915\u093c\u0b47\u0b3e\u09c7\u09be\u0344\u0340\u0958\u2126\u212b" +
		"\u0300\u0301\u0302\u0304\u0307\u0308\u030c\u0323\u0327\u0328\u0338\u0345\u05b0\u0591\u093c\u3099\u309aかは")
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		text := make([]rune, 1+rng.IntN(8))
		for i := range text {
			text[i] = pool[rng.IntN(len(pool))]
		}
		want := norm.NFC.String(string(text))
		if got := string(compose(decompose(text))); got != want {
			t.Fatalf("%+q composes to %+q, want %+q", string(text), got, want)
		}
		if got := string(decompose(text)); got != norm.NFD.String(string(text)) {
			t.Fatalf("%+q decomposes to %+q", string(text), got)
		}
	}
}

func TestNormalizeInsertsNothingInLongRuns(t *testing.T) {
	text := []rune(strings.Repeat("\u0315\u0359", 40))
	want := []rune(strings.Repeat("\u0359", 40) + strings.Repeat("\u0315", 40))
	if got := normalize(text); !slices.Equal(got, want) {
		t.Errorf("%+q", string(got))
	}
}
