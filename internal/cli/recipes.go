package cli

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/internal/named"
	"clipcalib/internal/recipe"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func recipesCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "recipes",
		Short: "The paper's experiments as recipes: list, show",
		Long: `The experiments of the paper's tables, one recipe each. A recipe shown with --root
and --weights names files of this machine and is one that adapt --recipe takes;
those of test-time tuning and of the zero-shot model are flags of tta and
zeroshot. clipcalib table runs them.`,
		Example: "  clipcalib recipes list\n  clipcalib recipes show adapters/rn50-taskres --root data --weights RN50.pt",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("recipes: unknown %q: list or show", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(recipesListCommand(a), recipesShowCommand(a))
	return c
}

func recipesListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "Every recipe, with the command it is for and its runs",
		Example: "  clipcalib recipes list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			type listed struct {
				Name    string   `json:"name"`
				Command string   `json:"command"`
				Weights string   `json:"weights"`
				Source  string   `json:"source,omitempty"`
				Targets []string `json:"targets"`
				Runs    int      `json:"runs"`
				About   string   `json:"about"`
			}
			var out []listed
			for _, r := range recipe.All() {
				out = append(out, listed{r.ID, r.Command, r.Weights(), r.Source(), r.Targets(), len(r.Cells()),
					r.About})
			}
			if a.json {
				return a.printJSON(out)
			}
			for _, l := range out {
				about, _, _ := strings.Cut(l.About, ":")
				fmt.Fprintf(a.out, "%-34s %d runs on %d sets\n    %s\n", l.Name, l.Runs, len(l.Targets),
					strings.TrimSuffix(about, "."))
			}
			return nil
		},
	}
}

func recipesShowCommand(a *app) *cobra.Command {
	var root, weights string
	var changes recipeChanges
	c := &cobra.Command{
		Use:     "show NAME",
		Short:   "A recipe as YAML, for adapt --recipe",
		Example: "  clipcalib recipes show adapters/rn50-taskres --root data --weights RN50.pt --with shots=4 > mine.yaml",
		Args:    exactly("NAME"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, r := range recipe.All() {
				names = append(names, r.ID)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := recipe.Find(args[0])
			if err != nil {
				return usageError{err}
			}
			if err := changes.known(flagsOf(r.Command)); err != nil {
				return err
			}
			if r, err = changes.of(r); err != nil {
				return err
			}
			sets := func(name string) string { return name }
			if root != "" {
				located, missing := recipe.Locate(root, r.Sets())
				if len(missing) > 0 {
					return fmt.Errorf("recipes show: --root %s: %s", root, missing[0].Words())
				}
				sets = func(name string) string { return located[name] }
			}
			_, err = a.out.Write(r.Resolve(weights, sets).YAML())
			return err
		},
	}
	c.Flags().StringVar(&root, "root", "", "folder of the data sets, whose paths then stand in place of their names")
	c.Flags().StringVar(&weights, "weights", "", "checkpoint, in place of the model's name")
	changes.add(c)
	return c
}

// recipeChanges are what a command line changes of recipes.
type recipeChanges struct {
	with, set []string
}

func (r *recipeChanges) add(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&r.with, "with", nil, "another value of recipes' flag, [METHOD.]FLAG=VALUE[,VALUE...]; "+
		"repeat for more")
	f.StringArrayVar(&r.set, "set", nil, "constant of method, remedy or loss, name=value; repeat for more")
}

// fixed are flags that a recipe is about: another experiment has them otherwise.
var fixed = []string{"weights", "data", "targets", "out", "features", "recipe", "bins"}

// of is a recipe with the changes that are for its command.
func (r recipeChanges) of(to recipe.Recipe) (recipe.Recipe, error) {
	for _, w := range r.with {
		method, name, value, err := splitChange(w)
		if err != nil {
			return to, err
		}
		if (method == "" || slices.Contains(to.Methods, method)) && slices.Contains(flagsOf(to.Command), name) {
			values := strings.Split(value, ",")
			if name == "template" || name == "context" { // text, in which a comma is a comma
				values = []string{value}
			}
			to = to.With(name, values...)
		}
	}
	for _, s := range r.set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return to, usagef("--set %s: want name=value", s)
		}
		to = to.WithSetting(name, value)
	}
	return to, nil
}

// splitChange is METHOD.FLAG=VALUE in its parts; the method may be missing.
func splitChange(w string) (method, flag, value string, err error) {
	name, value, ok := strings.Cut(w, "=")
	if m, f, has := strings.Cut(name, "."); has {
		method, name = m, f
	}
	switch {
	case !ok || name == "" || value == "":
		err = usagef("--with %s: want FLAG=VALUE or METHOD.FLAG=VALUE", w)
	case slices.Contains(fixed, name):
		err = usagef("--with %s: that is what a recipe is of; choose other recipes, or use this command's own flags", w)
	}
	return method, name, value, err
}

// used refuses changes that no recipe of a table has a flag for.
func (r recipeChanges) used(t recipe.Table) error {
	var known []string
	for _, id := range t.Recipes() {
		of, err := recipe.Find(id)
		if err != nil {
			return err
		}
		known = append(known, flagsOf(of.Command)...)
	}
	return r.known(known)
}

func (r recipeChanges) known(flags []string) error {
	for _, w := range r.with {
		_, name, _, err := splitChange(w)
		if err != nil {
			return err
		}
		if !slices.Contains(flags, name) {
			return usagef("--with %s: no recipe has a flag %s%s", w, name, named.Suggestion(name, flags))
		}
	}
	return nil
}

// flagsOf are the flags of a command that recipes may have.
func flagsOf(command string) (names []string) {
	a := &app{}
	c := map[string]func(*app) *cobra.Command{recipe.Adapt: adaptCommand, recipe.Tune: ttaCommand,
		recipe.ZeroShot: zeroshotCommand}[command](a)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(fixed, f.Name) && f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	return names
}
