package report

import (
	"strings"

	"clipcalib/calib"
)

// ZeroShot is the method name of the unadapted model, the reference of every
// comparison.
const ZeroShot = "zero-shot"

// Run is one evaluation: a method with a remedy, trained with a seed, measured
// on a target.
type Run struct {
	Method      string // command-line name: "zero-shot", "taskres", ...
	Remedy      string // "none" (or empty), "zs-norm", "penalty", "sals", "dac", ...
	Seed        int
	Target      string // name of the data set
	Source      bool   // the target is the data set the method was trained on
	Metrics     calib.Metrics
	Reliability calib.Reliability // may be left empty: no diagram then
}

var displayNames = map[string]string{
	ZeroShot:        "Zero-shot",
	"zslp":          "ZS-LP",
	"clip-adapter":  "CLIP-Adapter",
	"tip-adapter":   "Tip-Adapter",
	"tip-adapter-f": "Tip-Adapter-F",
	"taskres":       "TaskRes",
	"clap":          "CLAP",
	"coop":          "CoOp",
	"cocoop":        "CoCoOp",
	"kgcoop":        "KgCoOp",
	"prograd":       "ProGrad",
	"maple":         "MaPLe",
	"promptsrc":     "PromptSRC",
	"tpt":           "TPT",
	"c-tpt":         "C-TPT",
	"o-tpt":         "O-TPT",
	"zs-norm":       "ZS-Norm",
	"penalty":       "Penalty",
	"sals":          "SaLS",
	"dac":           "DAC",
}

// display returns the name in the spelling of its authors, or as it is.
func display(name string) string {
	if d, ok := displayNames[name]; ok {
		return d
	}
	return name
}

// plain says whether a remedy's name means none.
func plain(remedy string) bool { return remedy == "" || strings.EqualFold(remedy, "none") }

// variant names a method with a remedy, as a row or column heading.
func variant(method, remedy string) string {
	if plain(remedy) {
		return display(method)
	}
	return "+ " + display(remedy)
}
