package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/data/verify"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/named"

	"github.com/spf13/cobra"
)

func dataCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "data list|verify|splits",
		Short: "The paper's fifteen data sets: what they are, and whether those on disk are whole",
		Long: `Knows ImageNet, its four drifted kin and ten fine-grained sets: source, licence,
checksums of archives, layouts, pictures of each part, class names. Nothing is
downloaded.`,
		Example: "  clipcalib data list OxfordPets\n  clipcalib data verify /data --deep\n" +
			"  clipcalib data splits /data",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usagef("data: say list, verify or splits; see: clipcalib data --help")
		},
	}
	c.AddCommand(dataListCommand(a), dataVerifyCommand(a), dataSplitsCommand(a))
	return c
}

func dataListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list [SET...]",
		Short: "What is known of the data sets, or of those named",
		Long: `Lists the fifteen data sets with their classes and pictures. With names, all that
is known of each: source, licence, archives with checksums, where CoOp, TPT and
TTABC look for it, its split file's hash, files that are odd in the published set.`,
		Example:           "  clipcalib data list\n  clipcalib data list imagenet dtd --json",
		ValidArgsFunction: cobra.FixedCompletions(named.Names(catalog.Sets()), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			sets, err := setsNamed(args)
			switch {
			case err != nil:
				return err
			case a.json:
				return a.printJSON(sets)
			case len(args) == 0:
				return a.listSets(sets)
			}
			for i, s := range sets {
				if i > 0 {
					fmt.Fprintln(a.out)
				}
				a.showSet(s)
			}
			return nil
		},
	}
}

// setsNamed are the sets of these names, all where there are none.
func setsNamed(names []string) ([]*catalog.Set, error) {
	if len(names) == 0 {
		return catalog.Sets(), nil
	}
	var out []*catalog.Set
	for _, n := range names {
		s, err := catalog.Find(n)
		if err != nil {
			return nil, usageError{err}
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out, nil
}

func (a *app) listSets(sets []*catalog.Set) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "set\tclasses\ttrain\tval\ttest\tlicence\tCoOp's folder")
	for _, s := range sets {
		count := func(part string) string {
			if s.Counts[part] == 0 {
				return "-"
			}
			return fmt.Sprint(s.Counts[part])
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.Classes, count(catalog.Train), count(catalog.Val),
			count(catalog.Test), s.Licence, s.CoOp.Folder)
	}
	return w.Flush()
}

func (a *app) showSet(s *catalog.Set) {
	fmt.Fprintf(a.out, "%s: %s\n", s.ID, s.Title)
	line := func(what, format string, args ...any) {
		fmt.Fprintf(a.out, "  %-9s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("source", "%s", s.Source)
	line("licence", "%s", s.Licence)
	var counts []string
	for _, part := range catalog.Parts() {
		if n := s.Counts[part]; n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", part, n))
		}
	}
	line("pictures", "%s, of %d classes", strings.Join(counts, ", "), s.Classes)
	for _, l := range []struct {
		who string
		catalog.Layout
	}{{"CoOp", s.CoOp}, {"TPT", s.TPT}, {"TTABC", s.TTABC}} {
		if l.Folder == "" {
			continue
		}
		where := l.Folder
		for _, p := range []string{l.Images, l.Train, l.Val, l.Test, l.Names} {
			if p != "" {
				where += ", " + l.Folder + "/" + p
			}
		}
		line(l.who, "%s", where)
	}
	if s.Split != nil {
		hash := "SHA-256 " + s.Split.SHA256
		if s.Split.SHA256 == "" {
			hash = "git blob " + s.Split.Blob
		}
		line("split", "%s, %s", s.SplitName(), hash)
	}
	for _, f := range s.Archives {
		hash := "MD5 " + f.MD5
		if f.MD5 == "" {
			hash = "SHA-256 " + f.SHA256
		}
		if f.Bytes > 0 {
			hash += fmt.Sprintf(", %d bytes", f.Bytes)
		}
		line("archive", "%s, %s", f.File, hash)
	}
	for _, b := range s.Bad {
		line("odd", "%s: %s", b.Kind, strings.Join(b.Files, ", "))
	}
	for _, n := range s.Notes {
		line("note", "%s", n)
	}
}

func dataVerifyCommand(a *app) *cobra.Command {
	var o verify.Options
	var only []string
	c := &cobra.Command{
		Use:   "verify ROOT",
		Short: "Count and check the data sets below a folder",
		Long: `Finds the paper's data sets in the folders of ROOT, or the one that ROOT is, by the
names that CoOp, TPT, TTABC and hubs give them, and checks each: pictures of every
part against the published counts, class names and their order, files that the
split file lists, files known to be odd. Folders and lists are read; --deep also
decodes every picture and finds files of one content.

What is wrong would change numbers, and ends with exit code 1; warnings might. A set
in which nothing is wrong but pictures that cannot be decoded ends with 3.`,
		Example: "  clipcalib data verify /data\n  clipcalib data verify /data --only OxfordPets,EuroSAT --deep --json",
		Args:    exactly("ROOT"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if len(only) > 0 {
				if o.Sets, err = setsNamed(only); err != nil {
					return err
				}
			}
			return a.verifyData(c.Context(), args[0], o)
		},
	}
	c.Flags().BoolVar(&o.Deep, "deep", false, "decode every picture, and compare contents")
	c.Flags().StringSliceVar(&only, "only", nil, "look for these sets alone; one that is absent is then wrong")
	completesList(c, "only", named.Names(catalog.Sets())...)
	return c
}

func (a *app) verifyData(ctx context.Context, root string, o verify.Options) error {
	if o.Deep {
		p := a.progress("decode", "pictures", 0)
		o.Progress = p.Update
		defer p.Done()
	}
	r, err := verify.Root(ctx, root, o)
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(r)
	} else {
		a.printVerified(r, o)
	}
	return errors.Join(err, verdict(r, o))
}

// verdict is the error that the command ends with.
func verdict(r *verify.Report, o verify.Options) error {
	var wrong []string
	damaged, decoded := 0, 0
	for _, s := range r.Sets {
		only := true
		for _, f := range s.Findings {
			if f.Kind == verify.KindDamaged && o.Deep && s.Decoded > 0 {
				damaged += f.Count
			} else if f.Level == verify.Wrong {
				only = false
			}
		}
		decoded += s.Decoded
		if !only {
			wrong = append(wrong, s.Name)
		}
	}
	switch {
	case len(r.Sets) == 0:
		return fmt.Errorf("data verify: none of the data sets is in %s: want folders such as oxford_pets or imagenet in it "+
			"(clipcalib data list has their names)", r.Root)
	case o.Sets != nil && len(r.Absent) > 0:
		return fmt.Errorf("data verify: %s: not in %s", strings.Join(r.Absent, ", "), r.Root)
	case len(wrong) > 0:
		return fmt.Errorf("data verify: %d of %d sets are not as published: %s", len(wrong), len(r.Sets),
			strings.Join(wrong, ", "))
	case damaged > 0:
		return exitcode.LeftOut{What: fmt.Sprintf("%d of %d pictures cannot be decoded (named above)", damaged,
			decoded)}
	}
	return nil
}

func (a *app) printVerified(r *verify.Report, o verify.Options) {
	for _, s := range r.Sets {
		state := map[string]string{verify.AsPublished: "ok   ", verify.OtherParts: "other",
			verify.NotUsable: "WRONG"}[s.State()]
		var parts []string
		for _, p := range s.Parts {
			text := fmt.Sprintf("%s %d", p.Name, p.Pictures)
			if p.Pictures != p.Want {
				text += fmt.Sprintf(" of %d", p.Want)
			}
			parts = append(parts, text)
		}
		fmt.Fprintf(a.out, "%s  %s in %s: %s", state, s.Name, s.Path, s.Form)
		if len(parts) > 0 {
			fmt.Fprintf(a.out, ": %s; %d classes", strings.Join(parts, ", "), s.Classes)
		}
		if o.Deep {
			fmt.Fprintf(a.out, "; %d decoded", s.Decoded)
		}
		fmt.Fprintln(a.out)
		for _, f := range s.Findings {
			a.printFinding(f)
		}
	}
	if len(r.Absent) > 0 && o.Sets == nil {
		fmt.Fprintf(a.out, "absent: %s\n", strings.Join(r.Absent, ", "))
	}
	if len(r.Other) > 0 {
		fmt.Fprintf(a.out, "other folders: %s\n", listedWords(r.Other, 10))
	}
	var others []string
	for _, s := range r.Sets {
		if s.State() == verify.OtherParts {
			others = append(others, s.Name)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(a.out, "usable, but not known to have CoOp's parts: %s\n", strings.Join(others, ", "))
	}
}

func (a *app) printFinding(f verify.Finding) {
	fmt.Fprintf(a.out, "       %s: %s", f.Level, f.What)
	if len(f.Examples) > 0 {
		fmt.Fprintf(a.out, ": %s", strings.Join(f.Examples, "; "))
		if f.Count > len(f.Examples) {
			fmt.Fprintf(a.out, "; and %d more", f.Count-len(f.Examples))
		}
	}
	if f.Do != "" {
		fmt.Fprintf(a.out, " -> %s", f.Do)
	}
	fmt.Fprintln(a.out)
}

// listedWords joins at most so many words and counts the rest.
func listedWords(words []string, most int) string {
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
}
