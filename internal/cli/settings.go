package cli

import (
	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/named"
	"clipcalib/internal/settings"

	"github.com/spf13/pflag"
)

// addSet adds the flag for the constants of methods, remedies and losses.
func addSet(fl *pflag.FlagSet, to *[]string) {
	fl.StringArrayVar(to, "set", nil, "constant of method, remedy or loss, name=value (see above); repeat for more")
}

// set applies the assignments of --set to what was chosen.
func set(assignments []string, owners ...settings.Owner) error {
	if err := settings.Apply(assignments, owners...); err != nil {
		return usagef("--set: %w", err)
	}
	return nil
}

const settingsHelp = `
--set name=value sets a constant; where method, remedy and loss have one of the
same name, method.name=value, remedy.name=value or loss.name=value. 0 is 0, not
the default. Constants with their defaults and where those are from:

`

func adaptSettings() string {
	return settingsHelp + settings.Help(adapt.Methods()) + settings.Help(prompt.Methods()) +
		settings.Help(adapt.Remedies()) +
		settings.Help(adapt.Losses())
}

func tuningSettings() string {
	return settingsHelp + settings.Help(testtime.Methods()) + settings.Help([]testtime.FPP{{}}) +
		settings.Help(tuningRemedies())
}

// owner is something whose constants --set sets.
func owner[T named.Thing](prefix string, v *T) settings.Owner { return settings.OwnerOf(prefix, v) }
