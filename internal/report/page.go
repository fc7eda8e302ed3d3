package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"clipcalib/internal/atomicfile"
)

// Page is what the HTML report shows.
type Page struct {
	Title    string
	Subtitle string    // one line under the title
	Intro    []string  // paragraphs
	Settings []Setting // of the whole report: weights, engine, time, ...
	Sections []Section // one per task
	Notes    []string  // what a reader must know of the rows
	Footer   string
}

// Setting is a name with its value.
type Setting struct{ Name, Value string }

// Section is one task: its runs on all its targets.
type Section struct {
	Title    string
	Text     []string // paragraphs
	Settings []Setting
	Runs     []Run
	// Featured names the method whose diagrams stand first, and Show the
	// targets they are drawn for; empty means the first method, and the first
	// source with the drifted target where the adapted ECE is worst.
	Featured string
	Show     []string
}

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// Write writes the page: one HTML document that refers to nothing outside
// itself. Names of methods, targets and settings are shown as text, whatever
// they hold.
func (p Page) Write(w io.Writer) error {
	view := pageView{Page: p, Style: template.CSS(sheet())}
	for i, s := range p.Sections {
		view.Views = append(view.Views, newSectionView(i, s))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view); err != nil {
		return fmt.Errorf("render the report: %w", err)
	}
	_, err := b.WriteTo(w)
	return err
}

// WriteFile writes the page to a file.
func (p Page) WriteFile(path string) error {
	return atomicfile.Write(path, p.Write)
}

// sheet is the style sheet with the diagrams' colours, which follow the
// reader's preference for light or dark; paper is always light.
func sheet() string {
	return styleCSS + inkStyles(inkColours) +
		"@media screen and (prefers-color-scheme:dark){" + inkStyles(inkDarkColours) + "}"
}

type pageView struct {
	Page
	Style template.CSS
	Views []sectionView
}

// sectionView is a section with everything drawn.
type sectionView struct {
	Section
	ID       string
	Tiles    []tile
	Table    resultsView
	Diagrams template.HTML // of the featured method
	Bins     int           // of the diagrams
	More     []namedSVG    // the other methods and targets, folded away
	Scatter  template.HTML // empty without an adapted method
	All      Table         // every metric
}

type namedSVG struct {
	Name string
	SVG  template.HTML
}

func newSectionView(i int, s Section) sectionView {
	g := groupRuns(s.Runs)
	v := sectionView{Section: s, ID: fmt.Sprintf("task-%d", i+1), Table: g.view(), All: g.allMetrics()}
	featured := s.Featured
	if featured == "" {
		featured = append(g.methods, ZeroShot)[0]
	}
	v.Tiles = g.tiles(featured)
	show := s.Show
	if len(show) == 0 {
		show = g.telling(featured)
	}
	v.Diagrams = drawGrid(MethodGrid(s.Runs, featured, show...))
	for _, r := range s.Runs {
		v.Bins = max(v.Bins, len(r.Reliability.Bins))
	}
	for _, method := range g.methods {
		v.More = append(v.More, namedSVG{display(method), drawGrid(MethodGrid(s.Runs, method))})
	}
	if len(g.methods) > 0 {
		svg := newSVG(g.scatterSize())
		g.drawScatter(svg)
		v.Scatter = template.HTML(svg.inline("Mean logit range against expected calibration error, with arrows from zero-shot to adapted to remedied models."))
	}
	return v
}

func drawGrid(g Grid) template.HTML {
	drawn := false
	for _, row := range g.Rows {
		for _, r := range row.Diagrams {
			drawn = drawn || len(r.Bins) > 0
		}
	}
	if !drawn {
		return ""
	}
	svg := newSVG(g.size())
	g.draw(svg)
	return template.HTML(svg.inline(g.describe()))
}

// telling picks the first source target and the drifted one on which the
// adapted method's ECE is largest.
func (g results) telling(method string) []string {
	var out []string
	for _, t := range g.targets {
		if g.sources[t] {
			out = append(out, t)
			break
		}
	}
	worst, name := -1.0, ""
	for _, t := range g.drifted() {
		if c := g.at(rowKey{method, ""}, t); c != nil {
			if e := c.over(ece).Mean; e > worst {
				worst, name = e, t
			}
		}
	}
	if name != "" {
		out = append(out, name)
	}
	return out
}
