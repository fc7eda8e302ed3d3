package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everyCommand is the tree without cobra's own commands.
func everyCommand() (all []*cobra.Command) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	for _, c := range newRoot(&bytes.Buffer{}, &bytes.Buffer{}).Commands() {
		walk(c)
	}
	return all
}

func TestEveryCommandShowsAnExample(t *testing.T) {
	t.Parallel()
	for _, c := range everyCommand() {
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		o := mustRun(t, args...)
		if o.err != "" {
			t.Errorf("%v: on standard error: %s", args, o.err)
		}
		if c.Runnable() && !strings.Contains(o.out, "Examples:\n  clipcalib "+args[0]) {
			t.Errorf("%v shows no example of itself:\n%s", args, o.out)
		}
	}
}

func TestExamplesUseFlagsThatExist(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`(?:^|\s)(--?[a-z][a-z-]*)`)
	for _, c := range everyCommand() {
		for line := range strings.Lines(c.Example) {
			line = strings.TrimSpace(line)
			if i := strings.LastIndex(line, "| "); i >= 0 { // what comes through a pipe
				line = line[i+2:]
			}
			if line == "" || strings.HasPrefix(line, "curl ") {
				continue
			}
			root := newRoot(&bytes.Buffer{}, &bytes.Buffer{})
			named, _, err := root.Find(strings.Fields(line)[1:])
			if err != nil || !strings.HasPrefix(named.CommandPath()+" ", c.CommandPath()+" ") {
				t.Errorf("%s: example of another command: %s", c.CommandPath(), line)
				continue
			}
			for _, m := range flag.FindAllStringSubmatch(line, -1) {
				name := strings.TrimLeft(m[1], "-")
				if named.Flags().Lookup(name) == nil && named.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s: its example uses %s, which it has not: %s", c.CommandPath(), m[1], line)
				}
			}
		}
	}
}

func TestEveryFlagIsExplained(t *testing.T) {
	t.Parallel()
	for _, c := range everyCommand() {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q", c.CommandPath(), c.Short)
		}
		for line := range strings.Lines(c.LocalFlags().FlagUsages()) {
			if len(strings.Fields(line)) < 3 && !strings.Contains(line, "help") {
				t.Errorf("%s: %s", c.CommandPath(), line)
			}
		}
	}
}

func TestTheCommandsAreThoseOfTheDesign(t *testing.T) {
	t.Parallel()
	want := strings.Fields("inspect convert encode zeroshot adapt eval calibrate report pretrain bench doctor")
	var have []string
	for _, c := range everyCommand() {
		have = append(have, c.Name())
	}
	for _, w := range want {
		if !slices.Contains(have, w) {
			t.Errorf("no command %s among %q", w, have)
		}
	}
}

func TestWithoutArgumentsTheHelpIsShown(t *testing.T) {
	t.Parallel()
	o := mustRun(t)
	for _, w := range []string{"Start with:  clipcalib demo", "adapt", "--device"} {
		if !strings.Contains(o.out, w) {
			t.Errorf("no %q in\n%s", w, o.out)
		}
	}
}

func TestCompletionKnowsCommandsAndFlags(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if o := mustRun(t, "completion", shell); !strings.Contains(o.out, "clipcalib") {
			t.Errorf("%s: %.100q", shell, o.out)
		}
	}
	for _, c := range []struct{ args, want []string }{
		{[]string{"ad"}, []string{"adapt"}},
		{[]string{"adapt", "ta"}, []string{"taskres"}},
		{[]string{"adapt", "taskres", "--remedy", "s"}, []string{"sals"}},
		{[]string{"adapt", "taskres", "--compat", ""}, []string{"clipcalib", "textbook"}},
		{[]string{"adapt", "taskres,z"}, []string{"taskres,zslp"}},
		{[]string{"adapt", "zslp", "--remedy", "none,p"}, []string{"none,penalty"}},
		{[]string{"tta", "c"}, []string{"c-tpt"}},
		{[]string{"tta", "tpt", "--remedy", "p"}, []string{"penalty"}},
		{[]string{"convert", "a", "b", "--layout", "h"}, []string{"huggingface"}},
		{[]string{"report", "r", "--format", ""}, []string{"html", "md"}},
		{[]string{"eval", "run", "--b"}, []string{"--bins", "--bank"}},
	} {
		o := mustRun(t, append([]string{"__complete"}, c.args...)...)
		for _, w := range c.want {
			if !strings.Contains("\n"+o.out, "\n"+w) {
				t.Errorf("completion of %q lacks %q: %q", c.args, w, o.out)
			}
		}
	}
}

func TestDoctorSaysWhatTheMachineOffers(t *testing.T) {
	t.Parallel()
	o := mustRun(t, "doctor")
	for _, w := range []string{"cpu engine", "cuda engine", "cores"} {
		if !strings.Contains(o.out, w) {
			t.Errorf("no %q in\n%s", w, o.out)
		}
	}
	if o := mustRun(t, "doctor", "--json"); !strings.HasPrefix(o.out, "[") || o.err != "" {
		t.Errorf("doctor --json printed %q and %q", o.out, o.err)
	}
}

func TestNothingOfThisTestStaysInTheTree(t *testing.T) {
	for _, dir := range []string{".", "testdata"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.part-*"))
		if err != nil || len(names) > 0 {
			t.Errorf("left behind: %q (%v)", names, err)
		}
	}
	if _, err := os.Stat("report.html"); err == nil {
		t.Error("report.html in the tree")
	}
}
