package adapt

import "clipcalib/internal/settings"

// Zero stands for the number 0 in a field of a method, loss or remedy whose zero
// value stands for its default: Penalty{Lambda: Zero} has weight 0.
const Zero = settings.Zero

// Setting is a constant of a method, loss or remedy: an exported field, of type
// float64, int, bool, string or []string, whose tag declares it,
//
//	Alpha float64 `set:"alpha" default:"0.5" range:">0" from:"the paper" help:"factor of the residual"`
//
// The field's zero value stands for the default; the range is ">a", ">=a",
// "a..b", or "a|b" for texts. A default that begins with "auto: " says in words
// what stands for a zero value that stays; one that begins with "required: " says
// why there is none, and training refuses the thing until it is set. Its fields are
//
//	Name, Default, Range, From, Help string // of the tag
//	Value any                               // in force
//	Required bool                           // it has no default
type Setting = settings.Setting

// Settings lists the settings of a method, loss or remedy.
func Settings(v any) []Setting { return settings.Of(v) }

// Resolved returns a method, loss or remedy with its defaults in place of zero
// values, and 0 in place of [Zero]: what its own hooks compute with.
func Resolved[T any](v T) T { return settings.Resolved(v) }

// With returns a method, loss or remedy with a setting at a value, written as
// on the command line. An unknown name and a value out of range are errors.
func With[T any](v T, name, value string) (T, error) { return settings.With(v, name, value) }
