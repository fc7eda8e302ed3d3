// Package settings is the one mechanism for the constants of methods, losses
// and remedies: fields of a struct that declare, in their tag, a name, a
// default, a range and where the default is from. They are set from Go by
// writing the field, on the command line by --set name=value, and are told in
// recipes and in --help.
//
//	type Penalty struct {
//		Lambda float64 `set:"lambda" default:"10" range:">=0" from:"the paper" help:"weight of the excess"`
//	}
//
// A field of value zero has its default; [Zero] is the number 0 where that is
// not the default. Fields are float64, int, bool, string and lists of strings.
// A field of which no default is known is required: [Check] wants it set.
package settings

import "math"

// Zero stands for 0 in a field whose zero value stands for its default: the
// smallest number there is, which [Resolved] makes 0.
const Zero = math.SmallestNonzeroFloat64

// auto begins the default of a field whose zero value stays: what stands for it
// depends on other things, and the rest of the tag says on what.
const auto = "auto: "

// required begins the default of a field that has none: it must be set, and the
// rest of the tag says why.
const required = "required: "
