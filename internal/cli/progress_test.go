package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
)

func TestTheBarFitsTheTerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{30, 40, 60, 80, 120} {
		var b bytes.Buffer
		bar := progressbar.NewOptions(100, append(barOptions("training features", "pictures", columns),
			progressbar.OptionSetWriter(&b), progressbar.OptionThrottle(0))...)
		for i := range 20 {
			time.Sleep(time.Millisecond)
			bar.Set(i)
		}
		if b.Len() == 0 {
			t.Fatal("no bar")
		}
		for line := range strings.SplitSeq(b.String(), "\r") {
			if n := utf8.RuneCountInString(strings.TrimRight(line, " \n")); n > columns {
				t.Errorf("%d columns: a line of %d: %q", columns, n, line)
			}
		}
	}
}
