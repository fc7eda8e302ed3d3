package imageio

import (
	"bytes"
	"fmt"
)

// text reads n samples in digits. A comment runs from # to the end of its line
// and, in samples, joins what stands before it to what follows.
func (f *pnmFile) text(n int) ([]byte, error) {
	body := withoutComments(f.rest)
	if f.magic == pbmText {
		return textBits(body, n)
	}
	samples := make([]byte, 0, min(n, len(body)/2+1))
	for _, token := range bytes.Fields(body) {
		if len(samples) == n {
			break
		}
		if len(token) > 10 {
			return nil, fmt.Errorf("sample %q is too long", token)
		}
		v, err := decimal(string(token))
		if err != nil || v < 0 || v > f.most {
			return nil, fmt.Errorf("sample %q, want 0 to %d", token, f.most)
		}
		samples = append(samples, f.level(v))
	}
	if len(samples) < n {
		return nil, errPNMShort
	}
	return samples, nil
}

// textBits reads digits 0 (white) and 1, with or without space in between.
func textBits(body []byte, n int) ([]byte, error) {
	samples := make([]byte, 0, min(n, len(body)))
	for _, c := range body {
		switch {
		case isSpace(c):
			continue
		case c != '0' && c != '1':
			return nil, fmt.Errorf("pixel %q, want 0 or 1", c)
		}
		if len(samples) < n {
			samples = append(samples, c-'1') // 255 or 0
		}
	}
	if len(samples) < n {
		return nil, errPNMShort
	}
	return samples, nil
}

func withoutComments(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for {
		start := bytes.IndexByte(b, '#')
		if start < 0 {
			return append(out, b...)
		}
		out = append(out, b[:start]...)
		end := bytes.IndexAny(b[start:], "\r\n")
		if end < 0 {
			return out
		}
		b = b[start+end+1:]
	}
}
