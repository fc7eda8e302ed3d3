package study

import (
	"fmt"
	"strings"
)

// beside puts what was found beside each claim.
func (s Study) beside() string {
	ece := func(family, where, remedy string) string {
		t := s.over(func(d Difference) bool {
			return d.Metric == "ece" && d.Against == "none" && d.Family == family && d.Where == where &&
				d.Remedy == remedy
		})
		if t.n == 0 {
			return ""
		}
		return fmt.Sprintf("%s %s", remedy, t.words())
	}
	each := func(family, where string, remedies ...string) string {
		var out []string
		for _, r := range remedies {
			if w := ece(family, where, r); w != "" {
				out = append(out, w)
			}
		}
		if len(out) == 0 {
			return ""
		}
		return fmt.Sprintf("%s, %s: %s", family, where, strings.Join(out, ", "))
	}
	tuner := func(methods ...string) string {
		var out []string
		for _, where := range []string{Home, Drift} {
			for _, m := range methods {
				t := s.over(func(d Difference) bool {
					return d.Metric == "ece" && d.Against == TPT && d.Method == m && d.Where == where
				})
				if t.n > 0 {
					out = append(out, fmt.Sprintf("%s less TPT, %s: %s", m, where, t.words()))
				}
			}
		}
		return strings.Join(out, ". ")
	}
	join := func(parts ...string) string {
		var out []string
		for _, p := range parts {
			if p != "" {
				out = append(out, p)
			}
		}
		return strings.Join(out, ". ")
	}
	paper := []string{"zs-norm", "penalty", SaLS}
	var b strings.Builder
	b.WriteString("\n### Beside the claims\n\nDifferences in ECE from none.\n\n| claim of | here |\n| --- | --- |\n")
	for _, line := range [][2]string{
		{"the paper: remedies mend drift", join(each(Adapters, Drift, paper...), each(Prompts, Drift, paper...),
			each(TestTime, Drift, paper...))},
		{"TCPT: the paper's remedies harm base classes, TCPT does not",
			join(each(Prompts, Home, append(paper, "tcpt")...), each(Prompts, New, append(paper, "tcpt")...))},
		{"A-TPT", tuner("a-tpt (maximise)", "a-tpt (minimise)")},
		{"SoC", tuner("soc")},
		{"FPP", tuner("fpp+tpt")},
		{"DAC: mends new classes", join(each(Prompts, New, DAC), each(Prompts, NewDrift, DAC))},
		{"one temperature carries across sets", join(each(Adapters, Drift, Temperature, Transferred),
			each(Prompts, Drift, Temperature, Transferred), each(TestTime, Drift, Temperature, Transferred))},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", line[0], line[1])
		}
	}
	return b.String()
}
