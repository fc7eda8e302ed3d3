package report

import (
	"os"
	"strings"
	"testing"
)

func ExampleTable_WriteText() {
	SummaryTable(fixedRuns()).WriteText(os.Stdout)
	// Output:
	// method       home acc         ECE       range  drift average acc        ECE      range
	// ──────────────────────────────────────────────────────────────────────────────────────
	// Zero-shot  55.0 ± 7.1   6.0 ± 1.4  10.5 ± 0.7         35.0 ± 0.0  7.5 ± 0.7  8.5 ± 0.0
	// ──────────────────────────────────────────────────────────────────────────────────────
	// TaskRes    80.0 ± 0.0  11.0 ± 1.4  14.5 ± 0.7               30.0       25.0       12.0
	//   + SaLS   80.0 ± 0.0   6.0 ± 0.0  10.5 ± 0.7                  –          –          –
}

func ExampleTable_WriteMarkdown() {
	ECETable(fixedRuns()[:3]).WriteMarkdown(os.Stdout)
	// Output:
	// | method    |      home | sketch |
	// |-----------|----------:|-------:|
	// | Zero-shot | 6.0 ± 1.4 |    4.0 |
}

func ExampleTable_WriteCSV() {
	ResultsTable(fixedRuns()[2:3]).WriteCSV(os.Stdout)
	// Output:
	// method,sketch acc,ECE,range
	// Zero-shot,40.0,4.0,9.0
}

func TestWideCharactersKeepColumnsAligned(t *testing.T) {
	var b strings.Builder
	table := Table{Header: []string{"name", "n"}, Rows: [][]string{{"絵文字", "1"}, {"e\u0301te\u0301", "22"}, {"short"}}}
	if err := table.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := "name     n\n──────────\n絵文字   1\ne\u0301te\u0301     22\nshort\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestMarkdownEscapesPipesAndLineBreaks(t *testing.T) {
	var b strings.Builder
	if err := (Table{Header: []string{"a|b"}, Rows: [][]string{{"c\nd"}}}).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `a\|b`) || !strings.Contains(b.String(), "c d") {
		t.Errorf("%q", b.String())
	}
}
