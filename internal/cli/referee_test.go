package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/referee"
)

func TestRefereeReadsWhatItShows(t *testing.T) {
	t.Parallel()
	list := mustRun(t, "referee", "--list").out
	for _, name := range []string{"eccv-adapters", "eccv-prompts", "eccv-tta", "tcpt", "a-tpt"} {
		if !strings.Contains(list, name+"\n") {
			t.Errorf("--list does not have %s:\n%s", name, list)
		}
	}
	if out := mustRun(t, "referee", "eccv-tta").out; !strings.Contains(out, "printed 6.33, computed 6.03") ||
		!strings.Contains(out, "averages: 15 of 18 agree") {
		t.Errorf("eccv-tta:\n%s", out)
	}
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(mustRun(t, "referee", "--show", "tcpt").out), 0o644); err != nil {
		t.Fatal(err)
	}
	var shipped, own []referee.Report
	for args, into := range map[string]*[]referee.Report{"tcpt": &shipped, file: &own} {
		if err := json.Unmarshal([]byte(mustRun(t, "referee", args, "--json").out), into); err != nil {
			t.Fatal(err)
		}
	}
	if len(own[0].Findings()) != 21 || len(own[0].Findings()) != len(shipped[0].Findings()) {
		t.Errorf("%d findings in the file, %d in the shipped table", len(own[0].Findings()), len(shipped[0].Findings()))
	}
}

func TestRefereeExitCodes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"referee eccv-tta --strict": 1,
		"referee eccv-tta":          0,
		"referee":                   2,
		"referee eccv-ta":           2,
		"referee --list eccv-tta":   2,
		"referee /nowhere/t.csv":    1,
	} {
		if got := command(strings.Fields(line)...); got.code != want {
			t.Errorf("%s: exit code %d, want %d: %s", line, got.code, want, got.err)
		}
	}
}
