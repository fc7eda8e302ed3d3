package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

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
	// Classes is the number of classes, where it is known: a drift on which a
	// model is at chance is not featured.
	Classes int
	// Differences are those between a method's remedies and none, and DifferenceNotes
	// say how many are told from zero.
	Differences     []Difference
	DifferenceNotes []string
	// Recipes is a row for every row of the results, with all that decides it.
	Recipes Table
	// BaseToNew is accuracy and ECE on base and on new classes, where runs have both.
	BaseToNew Table
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

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"plain": newPlainView,
	"formed": formed}).Parse(pageHTML))

// Write writes the page: one HTML document that refers to nothing outside
// itself. Names of methods, targets and settings are shown as text, whatever
// they hold.
func (p Page) Write(w io.Writer) error {
	view := pageView{Page: p, Style: template.CSS(sheet())}
	colours := p.colours()
	for i, s := range p.Sections {
		view.Views = append(view.Views, newSectionView(i, s, colours))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view); err != nil {
		return fmt.Errorf("render the report: %w", err)
	}
	_, err := b.WriteTo(w)
	return err
}

// colours are the targets' throughout the page.
func (p Page) colours() map[string]ink {
	var targets []string
	for _, s := range p.Sections {
		for _, t := range groupRuns(s.Runs).targets {
			if !slices.Contains(targets, t) {
				targets = append(targets, t)
			}
		}
	}
	return coloursOf(targets)
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
	NoBest   string // why no remedy is singled out, where none is
	Table    resultsView
	Diagrams template.HTML // of the featured method
	Bins     int           // of the diagrams
	More     []namedSVG    // the other methods and targets, folded away
	Scatter  template.HTML // empty without an adapted method
	All      allView       // every metric
	Compared Table         // remedies against none
	Sets     []setsView    // coverage and size of conformal sets
}

// plainView is a table of text with its caption.
type plainView struct {
	Table
	Caption string
	Forms   []string // CSS classes of the columns, where they have some
}

func newPlainView(t Table, caption string) plainView { return plainView{Table: t, Caption: caption} }

// formed is the view of a table of which a reader chooses columns.
func formed(t allView, caption string) plainView { return plainView{t.Table, caption, t.Forms} }

// Form is the CSS class of a column, "" for most.
func (v plainView) Form(column int) string {
	if column < len(v.Forms) {
		return v.Forms[column]
	}
	return ""
}

type namedSVG struct {
	Name string
	SVG  template.HTML
}

func newSectionView(i int, s Section, colours map[string]ink) sectionView {
	g := groupRuns(s.Runs)
	g.colours, g.differences = colours, s.Differences
	v := sectionView{Section: s, ID: fmt.Sprintf("task-%d", i+1), Table: g.view(), All: g.allMetrics(),
		Compared: g.comparisons(), Sets: g.sets()}
	featured := s.Featured
	if featured == "" {
		featured = append(g.methods, ZeroShot)[0]
	}
	v.Tiles, v.NoBest = g.tiles(featured), g.remedyNote(featured)
	show := s.Show
	if len(show) == 0 {
		show = g.telling(featured, s.Classes)
	}
	v.Diagrams = drawGrid(g.methodGrid(featured, show...))
	for _, r := range s.Runs {
		v.Bins = max(v.Bins, len(r.Reliability.Bins))
	}
	for _, method := range g.methods {
		v.More = append(v.More, namedSVG{display(method), drawGrid(g.methodGrid(method))})
	}
	if len(g.methods) > 0 {
		svg := newSVG(g.scatterSize())
		g.drawScatter(svg)
		v.Scatter = template.HTML(svg.inline("Mean logit range against expected calibration error, with arrows from " +
			"zero-shot to adapted to remedied models."))
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

// Telling names the targets whose diagrams stand first in a section: the source
// and the drifted one where its featured method's ECE is largest, unless a model
// is at chance there.
func Telling(s Section) []string {
	return groupRuns(s.Runs).telling(s.Featured, s.Classes)
}

// telling picks the first source target and the drifted one on which the
// adapted method's ECE is largest. A target on which the zero-shot or the
// adapted model is at chance tells nothing of calibration and is picked only
// where there is no other.
func (g results) telling(method string, classes int) []string {
	var out []string
	for _, t := range g.targets {
		if g.sources[t] {
			out = append(out, t)
			break
		}
	}
	name, worst, worstAtChance := "", 0.0, true
	for _, t := range g.drifted() {
		c := g.at(rowKey{method, ""}, t)
		if c == nil {
			continue
		}
		e, atChance := c.over(ece).Mean, g.atChance(method, t, classes)
		if name == "" || worstAtChance && !atChance || worstAtChance == atChance && e > worst {
			name, worst, worstAtChance = t, e, atChance
		}
	}
	if name != "" {
		out = append(out, name)
	}
	return out
}

// atChance says whether the accuracy of the zero-shot model or of a method's
// plain one on a target is that of guessing: less than twice 1/classes.
func (g results) atChance(method, target string, classes int) bool {
	if classes < 2 {
		return false
	}
	for _, key := range []rowKey{{ZeroShot, ""}, {method, ""}} {
		if c := g.at(key, target); c != nil && c.over(accuracy).Mean < min(2/float64(classes),
			(1+1/float64(classes))/2) {
			return true
		}
	}
	return false
}
