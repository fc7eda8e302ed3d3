package cli

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"clipcalib/internal/npy"
)

// An index of saved logits that says a thing twice is refused.
func TestAnIndexThatSaysAThingTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(5, 5))
	for _, name := range []string{"a", "b", "z"} {
		values := make([]float32, 20*37)
		for i := range values {
			values[i] = float32(4 * r.NormFloat64())
		}
		if err := npy.WriteFile(filepath.Join(dir, name+".npy"), values, 20, 37); err != nil {
			t.Fatal(err)
		}
	}
	if err := npy.WriteLabels(filepath.Join(dir, "y.npy"), make([]int, 20)); err != nil {
		t.Fatal(err)
	}
	const head = "model,method,remedy,set,seed,logits,labels,zero_shot"
	for _, c := range []struct {
		index string
		words []string
	}{
		{head + ",logits\nRN50,tpt,none,Pets,1,a.npy,y.npy,z.npy,b.npy\n", []string{`column "logits" is there twice`}},
		{head + "\nRN50,tpt,none,Pets,1,a.npy,y.npy,z.npy\nRN50,tpt,none,Pets,01,b.npy,y.npy,z.npy\n",
			[]string{"line 3", "same run and set as index.csv, line 2"}},
		{head + "\nRN50,tpt,none,Pets,1,a.npy,y.npy,z.npy\nRN50,tpt,penalty,Pets,1,a.npy,y.npy,z.npy\n",
			[]string{"line 3", "logits are those of index.csv, line 2", "a.npy"}},
		{head + "\nRN50,tpt,none,Pets,1,a.npy,y.npy,a.npy\n", []string{"line 2", "a.npy", "zero_shot"}},
	} {
		writeFile(t, filepath.Join(dir, "index.csv"), []byte(c.index))
		fails(t, []string{"table", "tta", "--logits", dir}, c.words...)
	}
	writeFile(t, filepath.Join(dir, "copy.npy"), readFile(t, filepath.Join(dir, "a.npy")))
	for _, zs := range []string{"a.npy", "copy.npy"} {
		fails(t, []string{"calibrate", "--logits", filepath.Join(dir, "a.npy"), "--labels", filepath.Join(dir, "y.npy"),
			"--remedy", "sals", "--zero-shot", filepath.Join(dir, zs)}, "--zero-shot", "change nothing")
	}
}
