package report

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clipcalib/calib"
)

var update = flag.Bool("update", false, "write the snapshots anew")

func render(t *testing.T, p Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// fixedRuns are made by hand, so that the snapshot does not hang on arithmetic.
func fixedRuns() []Run {
	bins := func(accuracy float64) calib.Reliability {
		r := calib.Reliability{Samples: 10, Accuracy: accuracy, Confidence: 0.7}
		for i := range 10 {
			r.Bins = append(r.Bins, calib.Bin{Lower: float64(i) / 10, Upper: float64(i+1) / 10})
		}
		r.Bins[6].Count, r.Bins[6].Accuracy, r.Bins[6].Confidence = 10, accuracy, 0.7
		return r
	}
	run := func(method, remedy string, seed int, target string, acc, ece, spread float64) Run {
		return Run{Method: method, Remedy: remedy, Seed: seed, Target: target, Source: target == "home",
			Metrics: calib.Metrics{Accuracy: acc, ECE: ece, LogitRange: spread}, Reliability: bins(acc)}
	}
	return []Run{
		run(ZeroShot, "none", 1, "home", 0.5, 0.05, 10), run(ZeroShot, "", 2, "home", 0.6, 0.07, 11),
		run(ZeroShot, "", 1, "sketch", 0.4, 0.04, 9), run(ZeroShot, "", 2, "sketch", 0.4, 0.06, 9),
		run(ZeroShot, "", 1, "clay", 0.3, 0.1, 8), run(ZeroShot, "", 2, "clay", 0.3, 0.1, 8),
		run("taskres", "sals", 1, "home", 0.8, 0.06, 10), run("taskres", "sals", 2, "home", 0.8, 0.06, 11),
		run("taskres", "none", 1, "home", 0.8, 0.1, 14), run("taskres", "none", 2, "home", 0.8, 0.12, 15),
		run("taskres", "none", 1, "sketch", 0.35, 0.2, 12), run("taskres", "none", 2, "sketch", 0.45, 0.22, 12),
		run("taskres", "sals", 1, "sketch", 0.35, 0.08, 9), run("taskres", "sals", 2, "sketch", 0.45, 0.1, 9),
		run("taskres", "none", 1, "clay", 0.25, 0.3, 12),
	}
}

var (
	styleElement = regexp.MustCompile(`(?s)<style>.*?</style>`)
	svgContent   = regexp.MustCompile(`(?s)(<svg [^>]*>).*?</svg>`)
)

// The snapshot is the page without its style sheet and the insides of its
// diagrams. After a wanted change: go test ./internal/report -update
func TestPageStructureMatchesItsSnapshot(t *testing.T) {
	page := Page{
		Title: "Few-shot adapters", Subtitle: "Two seeds", Intro: []string{"An introduction."},
		Settings: []Setting{{"engine", "cpu"}},
		Sections: []Section{
			{Title: "Shapes", Text: []string{"A task."}, Settings: []Setting{{"shots", "4"}}, Runs: fixedRuns()},
			{Title: "Nothing measured"},
		},
		Footer: "The end.",
	}
	got := styleElement.ReplaceAllString(render(t, page), "<style></style>")
	got = svgContent.ReplaceAllString(got, "$1</svg>")
	const path = "testdata/page.golden.html"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the page changed; see %s and run with -update if that is wanted. It is now:\n%s", path, got)
	}
}

func TestNamesAreShownAsTextWhateverTheyHold(t *testing.T) {
	const evil = `"><script>alert('x')</script><img src=x onerror=alert(1)>`
	runs := fixedRuns()
	for i := range runs {
		runs[i].Target += evil
		if runs[i].Method != ZeroShot {
			runs[i].Method += evil
		}
		if !plain(runs[i].Remedy) {
			runs[i].Remedy += evil
		}
	}
	page := render(t, Page{
		Title: evil, Subtitle: evil, Intro: []string{evil}, Footer: evil,
		Settings: []Setting{{evil, evil}},
		Sections: []Section{{Title: evil, Text: []string{evil}, Settings: []Setting{{evil, evil}}, Runs: runs}},
	})
	for _, bad := range []string{"<script", "<img"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the names are gone")
	}
	var svg bytes.Buffer
	if err := MethodGrid(runs, "taskres"+evil).WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(svg.String(), "<script") {
		t.Error("the SVG holds a script")
	}
	mustBeXML(t, svg.Bytes())
}

func mustBeXML(t *testing.T, content []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(content))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}

func TestPageRefersToNothingOutsideItself(t *testing.T) {
	page := render(t, samplePage(t))
	for _, bad := range []string{"http:", "https:", "src=", "url(", "@import", "<link", "<script", "NaN", "Inf"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	again := render(t, samplePage(t))
	if page != again {
		t.Error("the same runs give two different pages")
	}
}

func TestPagesOfPartialRuns(t *testing.T) {
	all := fixedRuns()
	one := all[0]
	bare := all[9]
	bare.Reliability = calib.Reliability{}
	for name, runs := range map[string][]Run{
		"none": nil, "zero-shot only": all[:6], "one": {one}, "no zero-shot": all[6:], "no diagrams": {one, bare},
		"flat metrics": {{Method: "m", Target: "t"}, {Method: "m", Target: "t", Remedy: "sals"}},
	} {
		t.Run(name, func(t *testing.T) {
			page := render(t, Page{Title: name, Sections: []Section{{Title: "s", Runs: runs}}})
			if strings.Contains(page, "NaN") || !strings.Contains(page, "</html>") {
				t.Error(page)
			}
			for _, tab := range []Table{ResultsTable(runs), SummaryTable(runs), ECETable(runs)} {
				if err := tab.WriteText(io.Discard); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestWritesPageAndPicturesToFiles(t *testing.T) {
	dir := t.TempDir()
	page := Page{Title: "t", Sections: []Section{{Title: "s", Runs: fixedRuns()}}}
	if err := page.WriteFile(filepath.Join(dir, "report.html")); err != nil {
		t.Error(err)
	}
	grid := MethodGrid(fixedRuns(), "taskres", "home", "clay")
	if err := ReliabilitySVG(filepath.Join(dir, "grid.svg"), grid); err != nil {
		t.Error(err)
	}
	if err := ReliabilityPNG(filepath.Join(dir, "grid.png"), grid); err != nil {
		t.Error(err)
	}
	if err := grid.WritePNG(io.Discard, 100); err == nil {
		t.Error("a picture 100 times the size is written")
	}
	for _, name := range []string{"report.html", "grid.svg", "grid.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
