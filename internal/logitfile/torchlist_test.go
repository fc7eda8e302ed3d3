package logitfile

import (
	"bufio"
	"context"
	"slices"
	"strings"
	"testing"
)

// testdata/list.pt is torch.save([0, 2, 255, 256, 65536, -3, 2**40] * 200), see
// testdata/make_list.py.
func TestAPythonListOfLabelsIsRead(t *testing.T) {
	got, err := ReadLabels(context.Background(), "testdata/list.pt", Labels)
	want := slices.Repeat([]int{0, 2, 255, 256, 65536, -3, 1 << 40}, 200)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d labels, first %v: %v", len(got), got[:min(7, len(got))], err)
	}
}

func TestWhatIsNoListOfWholeNumbersIsRefused(t *testing.T) {
	for pickle, want := range map[string]string{
		"\x80\x02]q\x00(K\x00K\x02": "EOF", "\x80\x02K\x01.": "no list", "\x80\x02].": "empty",
		"\x80\x02](]K\x01e.": "lists", "\x80\x02](cos\nsystem\n": "opcode", "\x80\x02](G\x00\x00e.": "opcode",
		"\x80\x02](\x8a\x09aaaaaaaaae.": "9 bytes",
	} {
		got, err := pickledList(bufio.NewReader(strings.NewReader(pickle)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", pickle, got, err, want)
		}
	}
}
