package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/bench"
	"clipcalib/internal/figure"
	"clipcalib/internal/table"
)

// benchFiles are the endings of files that results are written to.
var benchFiles = append([]string{".json", ".md"}, figure.Formats...)

// checkBenchFiles refuses names of files that could not be written in the end.
func checkBenchFiles(paths []string, known []string) error {
	for _, path := range paths {
		if !slices.Contains(known, strings.ToLower(filepath.Ext(path))) {
			return usagef("--out %s: end it in one of %s", path, strings.Join(known, ", "))
		}
		if err := checkOutputFile(path); err != nil {
			return err
		}
	}
	return nil
}

// benchResult writes a result to files and prints it.
func (a *app) benchResult(r bench.Result, files []string) error {
	for _, path := range files {
		if err := writeBench(path, r); err != nil {
			return err
		}
		a.note("wrote %s", path)
	}
	if a.json {
		return a.printJSON(r)
	}
	return printBench(a.out, r, false)
}

func writeBench(path string, r bench.Result) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return atomicfile.Write(path, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(r)
		})
	case ".md":
		return atomicfile.Write(path, func(w io.Writer) error { return printBench(w, r, true) })
	}
	f, err := figure.Bench(r)
	if err != nil {
		return err
	}
	return figure.Write(path, f)
}

// printBench writes a result for people: to a terminal, or as Markdown.
func printBench(w io.Writer, r bench.Result, markdown bool) error {
	head, item := "", "  "
	if markdown {
		head, item = "### ", "- "
	}
	fmt.Fprintln(w, r.Machine())
	if r.Settings != nil {
		fmt.Fprintln(w, r.Settings)
	}
	for _, run := range r.Runs {
		fmt.Fprintf(w, "\n%s%s\n\n", head, run.Engine)
		if peak := run.Peak(); peak != "" {
			fmt.Fprintln(w, peak+"\n")
		}
		if run.MLPerf != nil {
			fmt.Fprintln(w, run.MLPerf.String()+"\n")
		}
		g, notes := run.Grid()
		if len(g.Rows) > 0 {
			if err := writeGrid(w, g, markdown); err != nil {
				return err
			}
		}
		if len(run.Products) > 0 {
			fmt.Fprintln(w)
			if err := writeGrid(w, run.ProductGrid(), markdown); err != nil {
				return err
			}
		}
		if len(notes) > 0 {
			fmt.Fprintln(w)
		}
		for _, n := range notes {
			fmt.Fprintln(w, item+n)
		}
	}
	return nil
}

func writeGrid(w io.Writer, g table.Grid, markdown bool) error {
	if markdown {
		return g.WriteMarkdown(w)
	}
	return g.WriteText(w)
}

// compareBench prints two results side by side and writes that to files.
func (a *app) compareBench(pathA, pathB string, files []string) error {
	ra, err := readDistinct(pathA)
	if err != nil {
		return err
	}
	rb, err := readDistinct(pathB)
	if err != nil {
		return err
	}
	c := comparison{NameA: pathA, NameB: pathB, A: ra.Machine(), B: rb.Machine(),
		SchemaA: ra.Schema, SchemaB: rb.Schema, Differences: bench.SchemasDiffer(ra, rb)}
	c.Pairs, c.OnlyA, c.OnlyB = bench.Compare(ra, rb)
	c.OnlyInOne = len(c.OnlyA) + len(c.OnlyB)
	if len(c.Pairs) == 0 {
		return fmt.Errorf("%s and %s have no measurement in common", pathA, pathB)
	}
	for _, path := range files {
		if err := atomicfile.Write(path, func(w io.Writer) error { return c.print(w, true) }); err != nil {
			return err
		}
		a.note("wrote %s", path)
	}
	if a.json {
		return a.printJSON(c)
	}
	return c.print(a.out, false)
}

// readDistinct reads a result that has everything once.
func readDistinct(path string) (bench.Result, error) {
	r, err := bench.Read(path)
	if err != nil {
		return r, err
	}
	if err := r.Distinct(); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// comparison is two results side by side.
type comparison struct {
	NameA     string       `json:"a_file"`
	NameB     string       `json:"b_file"`
	A         string       `json:"a"` // the machine
	B         string       `json:"b"`
	SchemaA   int          `json:"a_schema"`
	SchemaB   int          `json:"b_schema"`
	Pairs     []bench.Pair `json:"pairs"`
	OnlyInOne int          `json:"only_in_one"`
	OnlyA     []string     `json:"only_in_a,omitempty"`
	OnlyB     []string     `json:"only_in_b,omitempty"`
	// Differences say how the two were measured in other ways.
	Differences []string `json:"differences,omitempty"`
}

func (c comparison) print(w io.Writer, markdown bool) error {
	fmt.Fprintf(w, "A: %s: %s\n", c.NameA, c.A)
	if markdown {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "B: %s: %s\n\n", c.NameB, c.B)
	a, b := "A: "+filepath.Base(c.NameA), "B: "+filepath.Base(c.NameB)
	if err := writeGrid(w, bench.ComparedGrid(c.Pairs, a, b), markdown); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nnoise: two standard deviations of the difference of two groups of runs; what changes between two "+
		"starts of the program is not in it")
	if len(c.Differences) > 0 {
		fmt.Fprintln(w, "the files have different schemas, so that a difference may be of how they were measured: "+
			strings.Join(c.Differences, "; "))
	}
	for _, only := range []struct {
		in    string
		names []string
	}{{c.NameA, c.OnlyA}, {c.NameB, c.OnlyB}} {
		if n := len(only.names); n > 0 {
			fmt.Fprintf(w, "measured in %s only: %d: %s\n", only.in, n, strings.Join(only.names, "; "))
		}
	}
	return nil
}
