package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

func TestFloatsAreHashedAsTheirBytes(t *testing.T) {
	long := make([]float32, 1<<15+3) // more than the buffer holds
	for i := range long {
		long[i] = 1
	}
	whole, parts, bytes := sha256.New(), sha256.New(), sha256.New()
	Floats(whole, long)
	for at := 0; at < len(long); at += 1000 {
		Floats(parts, long[at:min(at+1000, len(long))])
	}
	for range long {
		bytes.Write([]byte{0, 0, 0x80, 0x3f})
	}
	want := hex.EncodeToString(bytes.Sum(nil))
	if got := hex.EncodeToString(whole.Sum(nil)); got != want {
		t.Errorf("hash %s, of the bytes %s", got, want)
	}
	if got := hex.EncodeToString(parts.Sum(nil)); got != want {
		t.Errorf("hash in parts %s, of the bytes %s", got, want)
	}
}
