// Command features writes two small files of features for the test of Slurm: one
// to train on, one to evaluate on.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"

	"clipcalib/adapt"
	"clipcalib/internal/run"
)

const classes, width = 10, 64

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "features TRAIN TEST")
		os.Exit(2)
	}
	for i, path := range os.Args[1:] {
		if err := run.WriteFeatures(path, clusters(uint64(i), 40-20*i)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// clusters are features around a direction for each class.
func clusters(seed uint64, each int) adapt.Data {
	directions, noise := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(seed, 2))
	d := adapt.Data{Features: adapt.NewMatrix(classes*each, width), Prototypes: adapt.NewMatrix(classes, width)}
	for k := range classes {
		p := d.Prototypes.Row(k)
		for j := range p {
			p[j] = float32(directions.NormFloat64())
		}
		for i := range each {
			row := d.Features.Row(k*each + i)
			for j := range row {
				row[j] = p[j] + float32(1.5*noise.NormFloat64())
			}
			d.Labels = append(d.Labels, k)
		}
	}
	return d
}
