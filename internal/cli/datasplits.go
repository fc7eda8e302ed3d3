package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/data/splits"
	"clipcalib/internal/data/verify"
	"clipcalib/internal/named"

	"github.com/spf13/cobra"
)

func dataSplitsCommand(a *app) *cobra.Command {
	var only []string
	var out string
	var seed int64
	c := &cobra.Command{
		Use:   "splits ROOT",
		Short: "Write CoOp's split files from the sets' own lists",
		Long: `Writes split_zhou_*.json for the data sets below ROOT, or the one that ROOT is, by
CoOp's rules from what the sets are published with: OxfordPets' annotations, the
MATLAB files of StanfordCars and OxfordFlowers, the lists of SUN397 and UCF101. CoOp
drew with seed 1, so these are CoOp's own files again; where the hash is known it is
compared. Caltech101, Food101, DescribableTextures and EuroSAT started from the order
of a folder on the authors' disk: files written for them start from sorted names, and
their parts are others than CoOp's.

A split file that is there is left alone.`,
		Example: "  clipcalib data splits /data\n  clipcalib data splits /data --only OxfordPets --out splits/",
		Args:    exactly("ROOT"),
		RunE: func(_ *cobra.Command, args []string) error {
			sets, err := setsNamed(only)
			if err != nil {
				return err
			}
			return a.writeSplits(args[0], sets, len(only) > 0, out, seed)
		},
	}
	c.Flags().StringSliceVar(&only, "only", nil, "for these sets alone")
	c.Flags().StringVar(&out, "out", "", "folder for the files (default: each set's)")
	c.Flags().Int64Var(&seed, "seed", splits.Seed, "of the draw; CoOp's is 1")
	completesList(c, "only", named.Names(catalog.Sets())...)
	return c
}

// splitMade is what became of a set's split file.
type splitMade struct {
	Name  string `json:"name"`
	File  string `json:"file,omitempty"`
	State string `json:"state"` // "written", "there" or "failed"
	// Published says that the bytes are those of CoOp's file, as far as its hash is
	// known.
	Published bool   `json:"published"`
	SHA256    string `json:"sha256,omitempty"`
	Note      string `json:"note,omitempty"`
}

func (a *app) writeSplits(root string, sets []*catalog.Set, named bool, out string, seed int64) error {
	places, _, err := verify.Places(root, sets)
	if err != nil {
		return err
	}
	made, failed := []splitMade{}, 0
	for _, p := range places {
		if p.Set.Split == nil {
			if named {
				return fmt.Errorf("data splits: %s has no split file: its parts are folders or lists of its own",
					p.Set.ID)
			}
			continue
		}
		m := a.writeSplit(p, out, seed)
		if m.State == "failed" {
			failed++
		}
		made = append(made, m)
	}
	if len(made) == 0 {
		return fmt.Errorf("data splits: no set that has a split file is in %s: want folders such as oxford_pets in it "+
			"(clipcalib data list has their names)", root)
	}
	if a.json {
		err = a.printJSON(made)
	} else {
		for _, m := range made {
			a.printSplit(m)
		}
	}
	if failed > 0 {
		err = errors.Join(err, fmt.Errorf("data splits: %d of %d split files could not be made", failed, len(made)))
	}
	return err
}

func (a *app) writeSplit(p verify.Place, out string, seed int64) splitMade {
	dir := p.Path
	if out != "" {
		dir = out
	}
	m := splitMade{Name: p.Set.ID, File: filepath.Join(dir, p.Set.SplitName()), State: "written"}
	fail := func(err error) splitMade {
		m.State, m.Note, m.File = "failed", err.Error(), ""
		return m
	}
	if _, err := os.Stat(m.File); err == nil {
		m.State = "there"
	} else {
		made, err := splits.Make(p.Set, p.Path, seed)
		if err == nil {
			err = made.Write(m.File)
		}
		if err != nil {
			return fail(err)
		}
		if !splits.AsPublished(p.Set) {
			m.Note = "from sorted names: its parts are not CoOp's, and numbers do not compare with the paper's"
		}
	}
	var err error
	if m.SHA256, m.Published, err = verify.Published(p.Set, m.File); err != nil {
		return fail(err)
	}
	known := []string{p.Set.Split.SHA256, p.Set.Split.Blob}
	if m.State == "written" && m.Note == "" && !m.Published && slices.ContainsFunc(known,
		func(h string) bool { return h != "" }) {
		m.Note = "its bytes are not those of CoOp's file: are the lists the published ones?"
		if seed != splits.Seed {
			m.Note = fmt.Sprintf("drawn with seed %d: its parts are not CoOp's", seed)
		}
	}
	return m
}

func (a *app) printSplit(m splitMade) {
	line := fmt.Sprintf("%s: %s", m.Name, m.State)
	if m.File != "" {
		line += " " + m.File
	}
	if m.Published {
		line += ", CoOp's own to the byte"
	}
	if m.Note != "" {
		line += "; " + m.Note
	}
	fmt.Fprintln(a.out, line)
}
