package report

import (
	"math/rand/v2"
	"testing"

	"clipcalib/calib"
)

// sampleRuns simulates what the paper describes: adaptation adds accuracy at
// home and widens the range everywhere, and the remedies take it back.
func sampleRuns(t *testing.T, seeds int, methods ...string) []Run {
	t.Helper()
	const n, k = 300, 12
	targets := []struct {
		name   string
		source bool
		signal float64
	}{{"noto", true, 3}, {"twemoji", false, 2}, {"fluent", false, 1.4}, {"flat", false, 1}, {"high-contrast", false,
		0.4}}
	var runs []Run
	for seed := 1; seed <= seeds; seed++ {
		rng := rand.New(rand.NewPCG(uint64(seed), 99))
		for _, target := range targets {
			zs, labels := calib.NewMatrix(n, k), make([]int, n)
			for i := range zs.Data {
				zs.Data[i] = 20 + rng.NormFloat64()
			}
			for i := range labels {
				labels[i] = rng.IntN(k)
				zs.Row(i)[labels[i]] += target.signal
			}
			add := func(method, remedy string, logits calib.Matrix) {
				p, err := calib.Predict(logits, labels)
				if err != nil {
					t.Fatal(err)
				}
				runs = append(runs, Run{Method: method, Remedy: remedy, Seed: seed, Target: target.name,
					Source: target.source, Metrics: p.Metrics(calib.Options{}), Reliability: p.Reliability(10)})
			}
			add(ZeroShot, "none", zs)
			for m, method := range methods {
				adapted := zs.Clone()
				for i := range adapted.Data {
					adapted.Data[i] = 20 + (1.7+0.2*float64(m))*(adapted.Data[i]-20) + 0.8*rng.NormFloat64()
				}
				if target.source {
					for i, y := range labels {
						adapted.Row(i)[y] += 2
					}
				}
				add(method, "none", adapted)
				sals, err := calib.SaLS(adapted, zs)
				if err != nil {
					t.Fatal(err)
				}
				add(method, "sals", sals)
				for i, remedy := range []string{"penalty", "zs-norm"} {
					mild, err := calib.Scale(adapted, 1.5-0.15*float64(i))
					if err != nil {
						t.Fatal(err)
					}
					add(method, remedy, mild)
				}
			}
		}
	}
	return runs
}

func samplePage(t *testing.T) Page {
	return Page{
		Title:    "Calibration of few-shot CLIP adapters",
		Subtitle: "Simulated logits",
		Intro:    []string{"Each adapter was trained on a few images of the source and measured on drifted targets."},
		Settings: []Setting{{"weights", "demo.pt"}, {"engine", "cpu"}},
		Sections: []Section{
			{Title: "Emoji", Text: []string{"Twelve classes."}, Runs: sampleRuns(t, 3, "taskres", "clip-adapter",
				"tip-adapter-f", "clap"),
				Settings: []Setting{{"shots", "4"}}},
			{Title: "Fashion", Runs: sampleRuns(t, 1, "taskres")},
		},
		Footer: "Written by clipcalib.",
	}
}
