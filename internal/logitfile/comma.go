package logitfile

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
)

// lookAhead is how much of a file is looked at for how its numbers are written.
const lookAhead = 1 << 16

// foreignNumbers says what a table looks like that is written as spreadsheets do in
// countries of a decimal comma; "" for one that does not.
func foreignNumbers(buf *bufio.Reader, comma rune) error {
	start, _ := buf.Peek(lookAhead)
	lines := strings.SplitN(strings.ReplaceAll(string(start), "\r\n", "\n"), "\n", 4)
	for _, line := range lines[:min(3, len(lines))] {
		cells, decimal := []string(nil), false
		switch {
		case strings.Contains(line, ";"):
			cells = strings.Split(line, ";")
		case comma == '\t':
			cells = strings.Split(line, "\t")
		case strings.Contains(line, `","`):
			cells = strings.Split(line, `","`)
		}
		numbers := len(cells) > 1
		for _, c := range cells {
			c = strings.Trim(strings.TrimSpace(c), `"`)
			whole, fraction, has := strings.Cut(c, ",")
			_, err := strconv.ParseFloat(whole+"."+fraction, 64)
			if !has {
				_, err = strconv.ParseFloat(c, 64)
			}
			numbers, decimal = numbers && err == nil, decimal || has
		}
		what, semicolons := "numbers with a decimal comma", strings.Contains(line, ";")
		switch {
		case !numbers || !decimal && !semicolons:
			continue
		case decimal && semicolons:
			what += ", parted by semicolons"
		case semicolons:
			what = "numbers parted by semicolons"
		}
		return fmt.Errorf("it looks like %s (%.40q), as some spreadsheets write them: write them with decimal points, "+
			"and commas between columns (save it so, or: sed 's/,/./g; s/;/,/g')", what, line)
	}
	return nil
}
