package cli

import "github.com/spf13/cobra"

// completes makes the shell offer the values of a flag.
func completes(c *cobra.Command, flag string, values ...string) {
	// The only errors are a flag that is not there and one completed twice:
	// slips of this package, which the tests of completion find.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
