package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/data"
	"clipcalib/internal/data/miniature"
)

func TestProtocolsByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree, err := miniature.Write(dir, miniature.Options{Sets: []string{"EuroSAT", "DescribableTextures", "UCF101"},
		Classes: 7, Size: 16})
	if err != nil {
		t.Fatal(err)
	}
	sat, dtd, ucf := tree.Find("EuroSAT").Path, tree.Find("DescribableTextures").Path, tree.Find("UCF101").Path
	args := func(out string, more ...string) []string {
		return append([]string{"adapt", "coop", "--weights", tinyModel(), "--vectors", "2", "--epochs", "1", "--shots",
			"2",
			"--views", "1", "--data", sat, "--out", filepath.Join(dir, out)}, more...)
	}
	var got struct {
		Cells []struct {
			Run      string
			Targets  []struct{ Target, Dir string }
			Protocol protocolFound
		}
	}
	read := func(o outcome) {
		got.Cells = nil
		if err := json.Unmarshal([]byte(o.out), &got); err != nil {
			t.Fatal(err)
		}
	}
	read(mustRun(t, args("b2n", "--protocol", "base-to-new", "--json")...))
	p := got.Cells[0].Protocol
	if len(got.Cells) != 1 || p.Name != "base-to-new" || strings.Join(p.Targets, " ") != "EuroSAT-base EuroSAT-new" ||
		math.Abs(p.HarmonicMean*(p.Base+p.New)-2*p.Base*p.New) > 1e-12 {
		t.Errorf("%+v", got)
	}
	// Four of seven classes, of whose shots the whole set's draw has the same.
	base := got.Cells[0].Run
	mustRun(t, args("whole")...)
	picks := func(run string) []data.SplitEntry {
		p, err := data.ReadPicks(filepath.Join(run, "shots.json"))
		if err != nil {
			t.Fatal(err)
		}
		return p.Train
	}
	of, all := picks(base), picks(filepath.Join(dir, "whole"))
	if len(of) != 8 || len(all) != 14 {
		t.Fatalf("%d and %d shots", len(of), len(all))
	}
	for i, e := range of {
		if e != all[i] {
			t.Errorf("shot %d is %v, of the whole draw %v", i, e, all[i])
		}
	}
	before := p
	read(mustRun(t, "eval", base, "--protocol", "base-to-new", "--data", sat, "--json"))
	if again := got.Cells[0].Protocol; again.Base != before.Base || again.New != before.New {
		t.Errorf("eval says %+v, adapt %+v", again, before)
	}
	// The report has the harmonic mean in every form.
	var sheet struct {
		Rows []struct {
			Method   string
			Harmonic map[string]struct{ Mean float64 } `json:"harmonic_mean"`
		}
	}
	o := mustRun(t, "report", base, "--format", "json")
	if err := json.Unmarshal([]byte(o.out), &sheet); err != nil {
		t.Fatal(err)
	}
	if r := sheet.Rows[1]; r.Method != "coop" || math.Abs(r.Harmonic["EuroSAT"].Mean-before.HarmonicMean) > 1e-12 {
		t.Errorf("%+v, want %v", r, before.HarmonicMean)
	}
	page := filepath.Join(dir, "page.html")
	mustRun(t, "report", base, "--out", page)
	if !strings.Contains(string(readFile(t, page)), "Base and new classes") {
		t.Error("no harmonic mean on the page")
	}
	for format, word := range map[string]string{"text": "EuroSAT H acc", "csv": "harmonic_mean_accuracy",
		"wide": "EuroSAT harmonic_mean_accuracy mean", "md": "EuroSAT H acc", "latex": "EuroSAT H acc"} {
		if out := mustRun(t, "report", base, "--format", format).out; !strings.Contains(out, word) {
			t.Errorf("%s without %q:\n%s", format, word, out)
		}
	}
	o = mustRun(t, args("cross", "--protocol", "cross-dataset", "--targets", dtd+","+ucf)...)
	if !strings.Contains(o.out, "cross-dataset, the run: accuracy source ") || !strings.Contains(o.out,
		"mean of 2 others") {
		t.Errorf("%s", o.out)
	}
	o = command("eval", filepath.Join(dir, "whole"), "--protocol", "base-to-new", "--data", sat)
	if o.code != 1 || !strings.Contains(o.err, "learnt 7 classes") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	for _, c := range []struct{ run, source string }{{base, sat}, {filepath.Join(dir, "whole"), dtd}} {
		o = command("eval", c.run, "--protocol", "cross-dataset", "--data", c.source, ucf)
		if o.code != 1 || !strings.Contains(o.err, "of the source ") {
			t.Errorf("source %s of %s: exit code %d: %s", c.source, c.run, o.code, o.err)
		}
	}
	fails(t, args("x", "--protocol", "base-to-new", "--targets", dtd), "--protocol", "targets")
	fails(t, args("x", "--protocol", "cross-dataset"), "--targets")
	fails(t, args("x", "--protocol", "base-to-old"), "base-to-old")
	fails(t, []string{"adapt", "taskres", "--weights", tinyModel(), "--data", sat, "--protocol", "base-to-new", "--out",
		filepath.Join(dir, "x")}, "learned prompts")
}
