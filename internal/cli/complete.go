package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completesList is completes for flags of several values parted by commas: it
// offers the values that are not there yet behind the last comma.
func completesList(c *cobra.Command, flag string, values ...string) {
	_ = c.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return behindComma(typed, values), cobra.ShellCompDirectiveNoFileComp
	})
}

// completesMethods offers methods, parted by commas, for the first argument.
func completesMethods(c *cobra.Command, methods ...string) {
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return behindComma(typed, methods), cobra.ShellCompDirectiveNoFileComp
	}
}

func behindComma(typed string, values []string) (offered []string) {
	head := typed[:strings.LastIndexByte(typed, ',')+1]
	for _, v := range values {
		if !slices.Contains(strings.Split(head, ","), v) {
			offered = append(offered, head+v)
		}
	}
	return offered
}

// completes makes the shell offer the values of a flag.
func completes(c *cobra.Command, flag string, values ...string) {
	// The only errors are a flag that is not there and one completed twice:
	// slips of this package, which the tests of completion find.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
