package recipe

import (
	"fmt"
	"slices"
	"strings"
)

// Rate is how fast a machine is taken to work through a recipe.
type Rate struct {
	Name string
	Per  float64 // operations a second
	From string  // where the rate is from
}

// Rates are those of docs/TABLES.md. A dry run measures its own machine instead.
var Rates = []Rate{
	{"two Zen 4 cores", 126e9, "60 % of the 210 GFLOP/s that products of 1,576 x 768 x 3,072 reached in fp32 there, " +
		"about the share that whole models reach; measured"},
	{"one H200", 198e12, "40 % of NVIDIA's 495 TFLOP/s of dense TF32; modelled, nothing was run"},
}

// Arithmetic is how long the paper's tables take with the real data, as Markdown:
// a line for every kind of cell, shared encoding first.
func Arithmetic() (string, error) {
	var b strings.Builder
	for i, r := range Rates {
		fmt.Fprintf(&b, "- %s: %.4g TFLOP/s, %s.\n", r.Name, r.Per/1e12, r.From)
		if i == len(Rates)-1 {
			b.WriteString("\n")
		}
	}
	for _, t := range Tables() {
		var all Work
		for _, name := range t.Recipes() {
			r, err := Find(name)
			if err != nil {
				return "", err
			}
			if r.Command != ZeroShot {
				r = r.With("remedy", t.remedies(name)...)
			}
			w, err := WorkOf(r, RealCount)
			if err != nil {
				return "", err
			}
			all.Add(w)
		}
		fmt.Fprintf(&b, "### `table %s`\n\n%d runs, %s pictures through the image tower (views among them), "+
			"about %.1f GB of memory.\n\n", t.ID, len(all.Cells), thousands(all.Shown()), all.Memory/1e9)
		b.WriteString("| what | runs | TFLOP |")
		for _, r := range Rates {
			fmt.Fprintf(&b, " %s |", r.Name)
		}
		b.WriteString("\n| --- | ---: | ---: |" + strings.Repeat(" ---: |", len(Rates)) + "\n")
		line := func(what, runs string, operations float64) {
			fmt.Fprintf(&b, "| %s | %s | %s |", what, runs, trimmed(operations/1e12))
			for _, r := range Rates {
				fmt.Fprintf(&b, " %s |", Duration(operations/r.Per))
			}
			b.WriteString("\n")
		}
		for _, key := range encodings(all) {
			line("encode "+key, "", all.Encode[key])
		}
		for i := 0; i < len(all.Cells); {
			name, runs, operations := all.Cells[i].Recipe, 0, 0.0
			for ; i < len(all.Cells) && all.Cells[i].Recipe == name; i++ {
				runs++
				operations += all.Cells[i].Train + all.Cells[i].Test
			}
			line(name, fmt.Sprint(runs), operations)
		}
		line("**all**", fmt.Sprint(len(all.Cells)), all.Operations())
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

func encodings(w Work) (keys []string) {
	for key := range w.Encode {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// trimmed prints three significant digits, without an exponent.
func trimmed(v float64) string {
	switch {
	case v >= 100:
		return thousands(int(v + 0.5))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// thousands prints a whole number with its groups parted.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
