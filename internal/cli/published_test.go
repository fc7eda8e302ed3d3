package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
	"clipcalib/internal/data/miniature"
	"clipcalib/weights"
)

// published is a measurement of the test part of a known set with OpenAI's weights.
func published(t *testing.T, name string, accuracy float64) zeroShotOf {
	t.Helper()
	known, err := catalog.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	set := &data.Set{Name: known.CoOp.Folder, Items: make([]data.Item, known.Counts["test"])}
	for _, c := range known.ClassList() {
		set.Classes = append(set.Classes, strings.ReplaceAll(c.Name, "_", " "))
	}
	return zeroShotOf{sha256: "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762", set: set,
		config: weights.Config{Activation: weights.QuickGELU}, precision: "fp32",
		templates: []string{"a photo of a {}."},
		accuracy:  accuracy}
}

func TestPublishedAccuracyStandsBeside(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(z *zeroShotOf)
		want   string // "" if nothing is known
	}{
		{"as published", func(z *zeroShotOf) {}, "23.69 %"},
		{"within what is usual", func(z *zeroShotOf) { z.accuracy = 0.2385 }, "they agree"},
		{"activation", func(z *zeroShotOf) { z.accuracy, z.config.Activation = 0.2, weights.GELU }, "activation: "},
		{"template", func(z *zeroShotOf) {
			z.accuracy, z.templates = 0.375, []string{"a centered satellite photo of {}."}
		}, "of something else than measured here\n  template"},
		{"names", func(z *zeroShotOf) { z.accuracy, z.set.Classes[3] = 0.2, "Highway" },
			`class names: 1 are not CoOp's, such as "Highway"`},
		{"order", func(z *zeroShotOf) { z.accuracy = 0.1; slices.Reverse(z.set.Classes) }, "label order: 10 classes"},
		{"resize", func(z *zeroShotOf) { z.accuracy, z.config.Preprocess.Bilinear = 0.2, true }, "resize: "},
		{"unreadable", func(z *zeroShotOf) { z.accuracy, z.unreadable = 0.2, 7 }, "data: 7 pictures"},
		{"nothing", func(z *zeroShotOf) { z.accuracy = 0.2 }, "none of the usual ones"},
		{"fewer pictures", func(z *zeroShotOf) { z.set.Items = z.set.Items[:9] },
			"data: 9 pictures of 10 classes here"},
		{"other weights", func(z *zeroShotOf) { z.sha256 = "00" }, ""},
		{"another set", func(z *zeroShotOf) { z.set.Name = "colours" }, ""},
	} {
		z := published(t, "EuroSAT", 0.2369)
		test.change(&z)
		b := z.beside()
		if test.want == "" {
			if b != nil {
				t.Errorf("%s: %+v", test.name, b)
			}
			continue
		}
		if b == nil || !strings.Contains(b.lines(), test.want) {
			t.Errorf("%s: %+v", test.name, b)
		}
	}
}

// Weights of another architecture under a known name are not that release.
func TestZeroshotOfUnknownWeightsSaysNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree, err := miniature.Write(dir, miniature.Options{Sets: []string{"EuroSAT"}, Size: 16})
	if err != nil {
		t.Fatal(err)
	}
	named := filepath.Join(dir, "ViT-B-16-openai.pt")
	if err := cliptest.Write(named, cliptest.Tiny(), 1); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{tinyModel(), named} {
		o := mustRun(t, "zeroshot", "--weights", w, "--data", tree.Sets[0].Path, "--activation", "quickgelu")
		if strings.Contains(fmt.Sprint(o), "published") {
			t.Errorf("%s: %v", w, o)
		}
	}
}
