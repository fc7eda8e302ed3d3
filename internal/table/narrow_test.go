package table

import (
	"fmt"
	"strings"
	"testing"
)

// every cell of a wide table is in the narrow one, under its head, in lines that
// fit.
func TestTablesFitTheirColumns(t *testing.T) {
	for _, columns := range []int{30, 50, 80, 200} {
		g := Grid{Header: []string{"method", "n"}, Left: 1, Heads: 2}
		row := []string{"ZS-LP + Penalty", "3"}
		for target := range 6 {
			g.Groups = append(g.Groups, len(g.Header))
			for _, m := range []string{"acc", "ECE", "range"} {
				g.Header = append(g.Header, fmt.Sprintf("t%d %s", target, m))
				row = append(row, fmt.Sprintf("%d.%d ± 0.1", len(row), target))
			}
		}
		g.Rows = [][]string{row, append([]string{"  + SaLS"}, row[1:]...)}
		var b strings.Builder
		if err := g.WriteFitting(&b, columns); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if w := displayWidth(strings.TrimRight(line, "\n")); w > columns {
				t.Errorf("%d columns: a line of %d: %q", columns, w, line)
			}
		}
		for i, cell := range row[1:] {
			if n := strings.Count(b.String(), cell); n < 2 {
				t.Errorf("%d columns: %s of %s is there %d times\n%s", columns, cell, g.Header[i+1], n, b.String())
			}
		}
		// A target's metrics stay together.
		if columns == 80 {
			for line := range strings.Lines(b.String()) {
				if strings.Contains(line, "acc") && strings.Count(line, "acc") != strings.Count(line, "range") {
					t.Errorf("a target is torn: %q", line)
				}
			}
		}
	}
}
