package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "man",
		Short:   "Write the manual pages, one a command",
		Example: `  clipcalib man --out man`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := os.MkdirAll(out, 0o755); err != nil {
				return fmt.Errorf("--out: %w", err)
			}
			// The date is that of nothing: the same program writes the same pages.
			day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			header := &doc.GenManHeader{Title: "CLIPCALIB", Section: "1", Source: "clipcalib", Manual: "clipcalib",
				Date: &day}
			if err := doc.GenManTree(c.Root(), header, out); err != nil {
				return fmt.Errorf("manual pages: %w", err)
			}
			pages, err := filepath.Glob(filepath.Join(out, "clipcalib*.1"))
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					Folder string   `json:"folder"`
					Pages  []string `json:"pages"`
				}{out, pages})
			}
			a.note("%d pages in %s", len(pages), out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "man", "folder the pages go to")
	return c
}
