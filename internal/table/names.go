package table

import "strings"

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
	"tcpt":          "TCPT",
	"a-tpt":         "A-TPT",
	"soc":           "SoC",
}

// Display returns a method's or remedy's name in the spelling of its authors,
// or as it is.
func Display(name string) string {
	parts := strings.Split(name, "+") // a combination's
	for i, p := range parts {
		if d, ok := displayNames[p]; ok {
			parts[i] = d
		}
	}
	return strings.Join(parts, "+")
}
