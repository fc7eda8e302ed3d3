package pretrain

import (
	"fmt"
	"reflect"
	"testing"

	"clipcalib/internal/pairs"
	"clipcalib/vit"
)

func TestBatchIsAFunctionOfSeedAndStep(t *testing.T) {
	r := smallRecipe()
	c, err := newCorpus(squares{r.ImageSize, 5 * kinds}, r)
	if err != nil {
		t.Fatal(err)
	}
	running := newBatches(c, r)
	for step := range 20 {
		a, b := running.make(step), newBatches(c, r).make(step)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("step %d depends on the steps before it", step)
		}
		for _, v := range a.images {
			if v < (0-vit.ClipMean[0])/vit.ClipStd[0]-1 || v > 3 {
				t.Fatalf("step %d: value %g is no normalised colour", step, v)
			}
		}
	}
}

// torn is squares of which every third cannot be read.
type torn struct{ squares }

func (p torn) Image(i int, dst []byte) error {
	if i%3 == 0 {
		return fmt.Errorf("picture %d is torn", i)
	}
	return p.squares.Image(i, dst)
}

func TestUnreadablePicturesGiveWayTheSameWayEveryTime(t *testing.T) {
	r := smallRecipe()
	c, err := newCorpus(torn{squares{r.ImageSize, 5 * kinds}}, r)
	if err != nil {
		t.Fatal(err)
	}
	running := newBatches(c, r)
	named := map[string]bool{}
	for step := range 20 {
		a, b := running.make(step), newBatches(c, r).make(step)
		if a.err != nil || b.err != nil {
			t.Fatal(a.err, b.err)
		}
		for _, err := range a.skipped {
			if named[err.Error()] {
				t.Errorf("named twice: %v", err)
			}
			named[err.Error()] = true
		}
		if !reflect.DeepEqual(a.images, b.images) || !reflect.DeepEqual(a.tries, b.tries) {
			t.Fatalf("step %d depends on the steps before it", step)
		}
	}
	if len(named) != 5*kinds/3 {
		t.Errorf("%d pictures were named, of %d", len(named), 5*kinds/3)
	}
	strict := newBatches(c, r)
	strict.strict = true
	for step := range 20 {
		if strict.make(step).err != nil {
			return
		}
	}
	t.Error("a strict run goes on past pictures that cannot be read")
}

// TestBatchesComeInOrderHoweverManyAreMadeAtOnce wants the same batches, in order, and
// each unreadable picture named once.
func TestBatchesComeInOrderHoweverManyAreMadeAtOnce(t *testing.T) {
	r := smallRecipe()
	r.Steps = 20
	c, err := newCorpus(torn{squares{r.ImageSize, 5 * kinds}}, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, makers := range []int{1, 3, 8} {
		tr := &Trainer{Recipe: r, corpus: c, makers: makers, step: 2}
		named, step := map[string]bool{}, tr.step
		for b := range tr.prefetch(t.Context()) {
			want := newBatches(c, r).make(step)
			if b.step != step || !reflect.DeepEqual(b.images, want.images) || !reflect.DeepEqual(b.tries, want.tries) {
				t.Fatalf("%d at once: batch %d is another", makers, step)
			}
			for _, err := range b.skipped {
				if named[err.Error()] {
					t.Errorf("%d at once: named twice: %v", makers, err)
				}
				named[err.Error()] = true
			}
			step++
		}
		if step != r.Steps || len(named) == 0 {
			t.Errorf("%d at once: ended before step %d, %d pictures named", makers, step, len(named))
		}
	}
}

func TestEveryEpochShowsEveryPictureAsOftenAsTheRecipeSays(t *testing.T) {
	r := smallRecipe()
	r.Coloured, r.Batch = 2, 10
	c, err := newCorpus(squares{r.ImageSize, 5 * kinds}, r)
	if err != nil {
		t.Fatal(err)
	}
	b := newBatches(c, r)
	for epoch := range 2 {
		shown := map[int32]int{}
		for step := range 12 {
			for _, p := range b.pictures(12*epoch + step) {
				shown[p]++
			}
		}
		for p, n := range shown {
			if n != 2 {
				t.Errorf("epoch %d: picture %d is shown %d times, want 2", epoch, p, n)
			}
		}
		if len(shown) != 60 {
			t.Errorf("epoch %d shows %d pictures of 60", epoch, len(shown))
		}
	}
}

func TestCaptionsOfABatchDiffer(t *testing.T) {
	r := smallRecipe()
	c, err := newCorpus(squares{r.ImageSize, 5 * kinds}, r)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 20 {
		seen := map[int32]bool{}
		for _, e := range newBatches(c, r).make(step).tries[0].EOT {
			if seen[e] {
				t.Fatalf("step %d has a caption twice", step)
			}
			seen[e] = true
		}
	}
}

func TestOneColourPicturesStayTwoColours(t *testing.T) {
	side := 8
	rgb := make([]byte, 3*side*side)
	for i := range rgb {
		if i/3%side < 4 {
			rgb[i] = 255
		}
	}
	a := newAugmenter(side)
	rng := stream(1, streamStep, 0)
	for range 20 {
		a.into(make([]float32, len(rgb)), rgb, pairs.OneColour, rng)
		colours := map[[3]float32]bool{}
		for i := 0; i < len(a.picture); i += 3 {
			colours[[3]float32(a.picture[i:i+3])] = true
		}
		if len(colours) != 2 {
			t.Fatalf("%d colours", len(colours))
		}
	}
}
