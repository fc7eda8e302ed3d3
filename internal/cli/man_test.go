package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryCommandHasAManualPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustRun(t, "man", "--out", dir)
	for _, c := range everyCommand() {
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(page), "SYNOPSIS") {
			t.Errorf("%s: no synopsis", c.CommandPath())
		}
	}
	var made struct{ Pages []string }
	if err := json.Unmarshal([]byte(mustRun(t, "man", "--out", dir, "--json").out), &made); err != nil ||
		len(made.Pages) < len(everyCommand()) {
		t.Errorf("%v, %d pages", err, len(made.Pages))
	}
	page, err := os.ReadFile(filepath.Join(dir, "clipcalib.1"))
	if err != nil || !strings.Contains(string(page), "trying again") {
		t.Errorf("no table of exit codes: %v", err)
	}
}
