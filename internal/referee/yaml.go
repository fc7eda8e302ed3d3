package referee

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"clipcalib/internal/named"

	"go.yaml.in/yaml/v3"
)

// The form of a YAML file.
type fileDoc struct {
	Title  string     `yaml:"title"`
	Source string     `yaml:"source"`
	Bins   int        `yaml:"bins"`
	Seeds  int        `yaml:"seeds"`
	Tables []tableDoc `yaml:"tables"`
}

type tableDoc struct {
	Name    string         `yaml:"name"`
	Columns []string       `yaml:"columns"`
	Metrics []string       `yaml:"metrics"`
	Average string         `yaml:"average"`
	Samples map[string]int `yaml:"samples"`
	Rows    []rowDoc       `yaml:"rows"`
}

type rowDoc struct {
	Row    string      `yaml:"row"`
	Metric string      `yaml:"metric"`
	Of     string      `yaml:"of"`
	Keeps  []string    `yaml:"keeps"`
	MeanOf []string    `yaml:"mean_of"`
	Seeds  *int        `yaml:"seeds"`
	Cells  []yaml.Node `yaml:"cells"`
}

func parseYAML(raw []byte) (f File, err error) {
	var doc fileDoc
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return f, fmt.Errorf("it is empty")
		}
		return f, err
	}
	if !errors.Is(dec.Decode(&yaml.Node{}), io.EOF) {
		return f, fmt.Errorf("it holds more than one document: make a file of each")
	}
	f = File{Title: doc.Title, Source: doc.Source, Bins: doc.Bins}
	for _, d := range doc.Tables {
		t, err := d.table(doc.Seeds)
		if err != nil {
			return f, fmt.Errorf("table %q: %w", d.Name, err)
		}
		f.Tables = append(f.Tables, t)
	}
	return f, nil
}

func (d tableDoc) table(seeds int) (Table, error) {
	t := Table{Name: d.Name}
	if len(d.Metrics) > 0 && len(d.Metrics) != len(d.Columns) {
		return t, fmt.Errorf("%d metrics for %d columns", len(d.Metrics), len(d.Columns))
	}
	for i, name := range d.Columns {
		c := Column{Name: name, Samples: d.Samples[name]}
		if len(d.Metrics) > 0 {
			c.Metric = d.Metrics[i]
		}
		t.Columns = append(t.Columns, c)
	}
	for name := range d.Samples {
		if !slices.Contains(d.Columns, name) {
			return t, fmt.Errorf("samples: there is no column %q%s", name, named.Suggestion(name, d.Columns))
		}
	}
	var err error
	if t.Average, err = averageColumn(d.Average, d.Columns); err != nil {
		return t, err
	}
	for _, r := range d.Rows {
		row := Row{Name: r.Row, Metric: r.Metric, Of: r.Of, Keeps: r.Keeps, MeanOf: r.MeanOf, Seeds: seeds}
		if r.Seeds != nil {
			row.Seeds = *r.Seeds
		}
		for _, n := range r.Cells {
			where := fmt.Sprintf("row %q", r.Row)
			if n.Line > 0 {
				where += fmt.Sprintf(", line %d", n.Line)
			}
			if n.Kind != yaml.ScalarNode {
				return t, fmt.Errorf("%s: a cell is one figure", where)
			}
			text := n.Value
			if n.Tag == "!!null" {
				text = ""
			}
			c, err := parseCell(text)
			if err != nil {
				return t, fmt.Errorf("%s: %w", where, err)
			}
			row.cells = append(row.cells, c)
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// averages says whether a column is called as one that averages the others.
func averages(column string) bool {
	return slices.Contains([]string{"avg", "average", "mean"}, strings.ToLower(strings.TrimRight(column, ".")))
}

// noAverage says that no column averages the others, whatever they are called.
const noAverage = "-"

func averageColumn(name string, columns []string) (int, error) {
	switch name {
	case noAverage:
		return -1, nil
	case "":
		for _, c := range columns {
			if len(columns) > 2 && averages(c) {
				return -1, fmt.Errorf("column %q is called as an average of the others is: say average: %s, to have it checked, "+
					"or average: %q if it is none", c, c, noAverage)
			}
		}
		return -1, nil
	}
	i := slices.Index(columns, name)
	if i < 0 {
		return -1, fmt.Errorf("average: there is no column %q%s", name, named.Suggestion(name, columns))
	}
	return i, nil
}
