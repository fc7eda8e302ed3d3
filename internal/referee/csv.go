package referee

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/named"

	"go.yaml.in/yaml/v3"
)

// The columns of a CSV file that say what a row is; the others hold figures.
var headColumns = []string{"row", "metric", "of", "keeps", "mean_of", "seeds"}

// parseCSV reads one table: a header with row, metric and the columns of
// figures, after lines such as "# average: Avg" and "# samples: INet=50000".
func parseCSV(raw []byte, comma rune) (f File, err error) {
	d := tableDoc{Samples: map[string]int{}}
	seeds := 0
	var body []string
	for line := range strings.Lines(strings.TrimPrefix(string(raw), "\ufeff")) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !ok {
			body = append(body, line)
			continue
		}
		key, value, ok := strings.Cut(text, ":")
		if !ok {
			continue // a remark
		}
		if err := d.note(&f, &seeds, strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return f, err
		}
	}
	r := csv.NewReader(strings.NewReader(strings.Join(body, "")))
	r.Comma, r.TrimLeadingSpace = comma, true
	records, err := r.ReadAll()
	if err != nil {
		return f, err
	}
	if len(records) < 2 {
		return f, fmt.Errorf("it holds no row below a header")
	}
	t, err := d.fromRecords(records, seeds)
	if err != nil {
		return f, err
	}
	f.Tables = []Table{t}
	return f, nil
}

// note takes a line above the header.
func (d *tableDoc) note(f *File, seeds *int, key, value string) (err error) {
	switch key {
	case "title":
		f.Title = value
	case "source":
		f.Source = value
	case "name":
		d.Name = value
	case "average":
		d.Average = value
	case "bins":
		f.Bins, err = strconv.Atoi(value)
	case "seeds":
		*seeds, err = strconv.Atoi(value)
	case "samples":
		for part := range strings.SplitSeq(value, ",") {
			name, n, ok := strings.Cut(part, "=")
			if !ok {
				return fmt.Errorf("samples: %q is not COLUMN=NUMBER", part)
			}
			if d.Samples[strings.TrimSpace(name)], err = strconv.Atoi(strings.TrimSpace(n)); err != nil {
				return fmt.Errorf("samples: %w", err)
			}
		}
	default:
		known := []string{"title", "source", "name", "average", "bins", "seeds", "samples"}
		if near := named.Nearest(key, known); near != "" {
			return fmt.Errorf("unknown line %q; did you mean %q?", "# "+key, "# "+near)
		}
	}
	if err != nil {
		return fmt.Errorf("# %s: %w", key, err)
	}
	return nil
}

func (d *tableDoc) fromRecords(records [][]string, seeds int) (Table, error) {
	header := records[0]
	if header[0] != "row" {
		return Table{}, fmt.Errorf("the header begins with %q, want row", header[0])
	}
	for _, name := range header {
		if !slices.Contains(headColumns, name) {
			d.Columns = append(d.Columns, name)
		}
	}
	for _, record := range records[1:] {
		var r rowDoc
		for i, value := range record {
			switch header[i] {
			case "row":
				r.Row = value
			case "metric":
				r.Metric = value
			case "of":
				r.Of = value
			case "keeps":
				r.Keeps = parts(value)
			case "mean_of":
				r.MeanOf = parts(value)
			case "seeds":
				if value == "" {
					continue
				}
				n, err := strconv.Atoi(value)
				if err != nil {
					return Table{}, fmt.Errorf("row %q: seeds: %w", r.Row, err)
				}
				r.Seeds = &n
			default:
				r.Cells = append(r.Cells, yaml.Node{Kind: yaml.ScalarNode, Value: value})
			}
		}
		d.Rows = append(d.Rows, r)
	}
	return d.table(seeds)
}

// parts are the names in a cell, parted by semicolons.
func parts(s string) (out []string) {
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
