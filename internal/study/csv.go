package study

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"clipcalib/internal/atomicfile"
)

// The files of a study, in a folder of their own.
const (
	CellsFile       = "cells.csv"
	DifferencesFile = "differences.csv"
	FactsFile       = "facts.csv"
)

// Fact is what a reader must know of how a study came about.
type Fact struct{ Name, Value string }

// Study is all that the page is made from.
type Study struct {
	Facts []Fact
	Results
}

var (
	cellHeader = []string{"task", "family", "method", "remedy", "seed", "where", "targets", "samples", "accuracy",
		"ece", "nll", "brier", "logit_range", "log_range_ratio", "abs_log_range_ratio"}
	differenceHeader = []string{"task", "family", "method", "remedy", "against", "where", "metric", "seeds",
		"difference", "low", "high", "p", "p_adjusted"}
)

// digits are those after the point of what is written.
const digits = 5

func (k Key) fields() []string { return []string{k.Task, k.Family, k.Method, k.Remedy} }

func number(v float64) string { return strconv.FormatFloat(v, 'f', digits, 64) }

// Write writes the files of the study below dir.
func (s Study) Write(dir string) error {
	facts := [][]string{{"name", "value"}}
	for _, f := range s.Facts {
		facts = append(facts, []string{f.Name, f.Value})
	}
	cells := [][]string{cellHeader}
	for _, c := range s.Cells {
		line := append(c.fields(), c.Seed, c.Where, fmt.Sprint(c.Targets), fmt.Sprint(c.Samples))
		for _, v := range []float64{c.Accuracy, c.ECE, c.NLL, c.Brier, c.Range, c.Width, c.Gap} {
			line = append(line, number(v))
		}
		cells = append(cells, line)
	}
	differences := [][]string{differenceHeader}
	for _, d := range s.Differences {
		line := append(d.fields(), d.Against, d.Where, d.Metric, fmt.Sprint(d.Seeds))
		for _, v := range []float64{d.Value, d.Low, d.High, d.P, d.Adjusted} {
			line = append(line, number(v))
		}
		differences = append(differences, line)
	}
	for name, lines := range map[string][][]string{FactsFile: facts, CellsFile: cells, DifferencesFile: differences} {
		err := atomicfile.Write(filepath.Join(dir, name), func(w io.Writer) error {
			return csv.NewWriter(w).WriteAll(lines)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Read reads what [Study.Write] wrote.
func Read(dir string) (s Study, err error) {
	facts, err := readLines(filepath.Join(dir, FactsFile), []string{"name", "value"})
	if err != nil {
		return s, err
	}
	for _, l := range facts {
		s.Facts = append(s.Facts, Fact{l[0], l[1]})
	}
	path := filepath.Join(dir, CellsFile)
	lines, err := readLines(path, cellHeader)
	if err != nil {
		return s, err
	}
	for i, l := range lines {
		c := Cell{Key: Key{l[0], l[1], l[2], l[3]}, Seed: l[4], Where: l[5]}
		err := scan(l[6:], &c.Targets, &c.Samples, &c.Accuracy, &c.ECE, &c.NLL, &c.Brier, &c.Range, &c.Width, &c.Gap)
		if err != nil {
			return s, fmt.Errorf("%s: line %d: %w", path, i+2, err)
		}
		s.Cells = append(s.Cells, c)
	}
	path = filepath.Join(dir, DifferencesFile)
	if lines, err = readLines(path, differenceHeader); err != nil {
		return s, err
	}
	for i, l := range lines {
		d := Difference{Key: Key{l[0], l[1], l[2], l[3]}, Against: l[4], Where: l[5], Metric: l[6]}
		if err := scan(l[7:], &d.Seeds, &d.Value, &d.Low, &d.High, &d.P, &d.Adjusted); err != nil {
			return s, fmt.Errorf("%s: line %d: %w", path, i+2, err)
		}
		s.Differences = append(s.Differences, d)
	}
	return s, nil
}

func readLines(path string, header []string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = len(header)
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(lines) == 0 || fmt.Sprint(lines[0]) != fmt.Sprint(header) {
		return nil, fmt.Errorf("%s: its first line is not %v", path, header)
	}
	return lines[1:], nil
}

// scan reads numbers in order.
func scan(fields []string, into ...any) error {
	for i, to := range into {
		var err error
		switch to := to.(type) {
		case *int:
			*to, err = strconv.Atoi(fields[i])
		case *float64:
			*to, err = strconv.ParseFloat(fields[i], 64)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
