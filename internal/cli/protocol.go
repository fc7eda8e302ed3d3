package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/run"

	"github.com/spf13/pflag"
)

// The protocols by name.
const (
	baseToNew    = "base-to-new"
	crossDataset = "cross-dataset"
)

func addProtocol(fl *pflag.FlagSet, to *string) {
	fl.StringVar(to, "protocol", "", "base-to-new: learned on the first half of the classes, measured on both "+
		"halves, with "+
		"the harmonic mean; cross-dataset: learned on all, measured on the source and on the targets, with their mean")
}

// protocolFound is what a protocol makes of a run's targets. Accuracies and errors
// are fractions.
type protocolFound struct {
	Name         string   `json:"name"`
	Base         float64  `json:"base,omitempty"`          // accuracy
	New          float64  `json:"new,omitempty"`           // accuracy
	HarmonicMean float64  `json:"harmonic_mean,omitempty"` // of the two
	BaseECE      float64  `json:"base_ece,omitempty"`
	NewECE       float64  `json:"new_ece,omitempty"`
	Source       float64  `json:"source,omitempty"`      // accuracy
	Average      float64  `json:"average,omitempty"`     // accuracy over the others, each counting as one
	AverageECE   float64  `json:"average_ece,omitempty"` // likewise
	Targets      []string `json:"targets"`
}

// protocolTargets are the targets that a protocol measures on, for a source.
func protocolTargets(name, source string, targets []string) ([]string, error) {
	switch name {
	case "":
		return targets, nil
	case baseToNew:
		if len(targets) > 0 {
			return nil, usagef("--protocol %s measures on both halves of the source: leave the targets out", name)
		}
		if strings.Contains(source, "#"+data.Base) || strings.Contains(source, "#"+data.New) {
			return nil, usagef("--protocol %s parts the classes itself: leave the half out of %s", name, source)
		}
		return []string{source + "#" + data.Base, source + "#" + data.New}, nil
	case crossDataset:
		if len(targets) == 0 {
			return nil, usagef("--protocol %s wants data sets beside the source: name them with --targets", name)
		}
		return append([]string{source}, targets...), nil
	}
	return nil, usagef("--protocol %q: want %s or %s", name, baseToNew, crossDataset)
}

// useProtocol names the source and the targets that the protocol asks for.
func (f *adaptFlags) useProtocol() (err error) {
	if f.protocol == "" {
		return nil
	}
	if f.data == "" {
		return usagef("--protocol wants a source with classes: name it with --data")
	}
	if f.targets, err = protocolTargets(f.protocol, f.data, f.targets); err != nil {
		return err
	}
	if f.protocol == baseToNew {
		f.data += "#" + data.Base
	}
	return nil
}

// canMeetNew refuses methods that base-to-new is not for.
func canMeetNew(protocol, method string) error {
	if protocol == baseToNew && !isPrompt(method) {
		return usagef("--protocol %s is for learned prompts: %s has weights for the classes that it was trained on",
			protocol, method)
	}
	return nil
}

// learntFor refuses to judge a run by a protocol whose source, or base classes, it
// was not learned on.
func learntFor(protocol, dir string, sets []*data.Set) error {
	of := map[string]string{baseToNew: "the base half of ", crossDataset: "the source "}[protocol]
	if of == "" {
		return nil
	}
	classes, err := run.ReadClasses(dir)
	if err != nil {
		return err
	}
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = c.Name
	}
	if !slices.Equal(names, sets[0].Classes) {
		return fmt.Errorf("run %s learnt %d classes, which are not the %d of %s%s: train it with --protocol %s", dir,
			len(names), len(sets[0].Classes), of, sets[0].Name, protocol)
	}
	return nil
}

// judge sums a run's targets up by a protocol.
func judge(protocol string, targets []cellTarget) *protocolFound {
	found := &protocolFound{Name: protocol}
	for _, t := range targets {
		found.Targets = append(found.Targets, t.Target)
	}
	switch {
	case protocol == baseToNew && len(targets) == 2:
		found.Base, found.New = targets[0].Metrics.Accuracy, targets[1].Metrics.Accuracy
		found.BaseECE, found.NewECE = targets[0].Metrics.ECE, targets[1].Metrics.ECE
		if sum := found.Base + found.New; sum > 0 {
			found.HarmonicMean = 2 * found.Base * found.New / sum
		}
	case protocol == crossDataset && len(targets) > 1:
		found.Source = targets[0].Metrics.Accuracy
		for _, t := range targets[1:] {
			found.Average += t.Metrics.Accuracy / float64(len(targets)-1)
			found.AverageECE += t.Metrics.ECE / float64(len(targets)-1)
		}
	default:
		return nil
	}
	return found
}

// judgeAll adds to the results of runs what a protocol makes of them.
func judgeAll(protocol string, results []cellResult) {
	for i := range results {
		if protocol != "" && results[i].State != cellFailed {
			results[i].Protocol = judge(protocol, results[i].Targets)
		}
	}
}

// printProtocols prints a line for every run that was judged.
func printProtocols(w io.Writer, results []cellResult) {
	for _, r := range results {
		p := r.Protocol
		switch {
		case p == nil:
		case p.Name == baseToNew:
			fmt.Fprintf(w, "%s, %s: accuracy base %.2f %%, new %.2f %%, harmonic mean %.2f %%; ECE base %.2f %%, new %.2f %%\n",
				p.Name, r.Cell, 100*p.Base, 100*p.New, 100*p.HarmonicMean, 100*p.BaseECE, 100*p.NewECE)
		default:
			fmt.Fprintf(w, "%s, %s: accuracy source %.2f %%, mean of %d others %.2f %%; ECE of these %.2f %%\n", p.Name,
				r.Cell, 100*p.Source, len(p.Targets)-1, 100*p.Average, 100*p.AverageECE)
		}
	}
}
