package cli

import (
	"fmt"

	"clipcalib/internal/run"

	"github.com/spf13/cobra"
)

func runsVerifyCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR...",
		Short: "Check every file of runs: hashes, figures against logits, completeness",
		Long: `Compares every file of the runs at or below DIR with the manifest that was written
last, the figures of metrics.json with their logits, and what files say of each
other. Each fault is a line that names the file, and the exit code is 1. Folders of
older versions have no manifest and are said to be unverified; what has begun and
not ended is said to be unfinished. Neither is a fault.`,
		Example: "  clipcalib runs verify runs/",
		RunE: func(_ *cobra.Command, args []string) error {
			dirs, err := runsBelow("verify", args)
			if err != nil {
				return err
			}
			return a.runsVerify(dirs)
		},
	}
}

func (a *app) runsVerify(dirs []string) error {
	verdicts := []run.Verdict{}
	files, evaluations, faults, bad := 0, 0, 0, 0
	for _, dir := range dirs {
		v := run.Verify(dir)
		verdicts = append(verdicts, v)
		files, evaluations, faults = files+v.Files, evaluations+v.Evaluations, faults+len(v.Faults)
		if !v.OK() {
			bad++
		}
		if a.json {
			continue
		}
		for _, f := range v.Faults {
			fmt.Fprintf(a.out, "fault: %s\n", f)
		}
		for _, u := range v.Unverified {
			fmt.Fprintf(a.out, "unverified: %s has no manifest.json\n", u)
		}
		for _, u := range v.Unfinished {
			fmt.Fprintf(a.out, "unfinished: %s\n", u)
		}
	}
	if a.json {
		if err := a.printJSON(verdicts); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "%d runs, %d evaluations: %d files are as they were written, %d faults\n", len(dirs), evaluations, files, faults)
	}
	if bad > 0 {
		return fmt.Errorf("runs verify: %d faults in %d of %d runs", faults, bad, len(dirs))
	}
	return nil
}
