package bank

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var key = Key{Weights: "abc", Preprocessing: "resize 224", Images: HashList([]string{"a", "b"})}

// encoder gives row (image, view) the values image*10+view and counts.
type encoder struct {
	calls  []Item
	unread map[int]bool
	stopAt int // encoded items after which ctx is cancelled; 0 never
	cancel context.CancelFunc
}

func (e *encoder) encode(ctx context.Context, items []Item, put func(i int, row []float32) error) error {
	for i, it := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.calls = append(e.calls, it)
		v := float32(it.Image*10 + it.View)
		row := []float32{v, v, v}
		if e.unread[it.Image] {
			row = nil
		}
		if err := put(i, row); err != nil {
			return err
		}
		if e.stopAt > 0 && len(e.calls) >= e.stopAt {
			e.cancel()
		}
	}
	return nil
}

func open(t *testing.T, root string) *Bank {
	t.Helper()
	b, err := Open(root, key, 10, 4)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fill(t *testing.T, b *Bank, e *encoder, o FillOptions) Report {
	t.Helper()
	o.Width = 3
	r, err := b.Fill(context.Background(), e.encode, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkRows(t *testing.T, b *Bank, views int, failed ...int) {
	t.Helper()
	m, bad, err := b.Features(views)
	if err != nil {
		t.Fatal(err)
	}
	if m.Rows != 10*views || m.Cols != 3 || !slices.Equal(bad, failed) {
		t.Fatalf("shape [%d, %d], failed %v, want %v", m.Rows, m.Cols, bad, failed)
	}
	for i := range m.Rows {
		want := float32(i%10*10 + i/10)
		if slices.Contains(failed, i) {
			want = 0
		}
		if m.Row(i)[0] != want || m.Row(i)[2] != want {
			t.Errorf("row %d is %v, want %v", i, m.Row(i), want)
		}
	}
}

func TestAFullBankEncodesNothing(t *testing.T) {
	root := t.TempDir()
	e := &encoder{}
	r := fill(t, open(t, root), e, FillOptions{})
	if r.Encoded != 10 || len(e.calls) != 10 {
		t.Errorf("encoded %d items in %d calls, want 10", r.Encoded, len(e.calls))
	}
	checkRows(t, open(t, root), 1)
	again := &encoder{}
	if r := fill(t, open(t, root), again, FillOptions{}); r.Found != 10 || len(again.calls) != 0 {
		t.Errorf("second filling found %d and encoded %v", r.Found, again.calls)
	}
}

func TestMoreViewsOnlyAddRows(t *testing.T) {
	root := t.TempDir()
	fill(t, open(t, root), &encoder{}, FillOptions{})
	e := &encoder{}
	fill(t, open(t, root), e, FillOptions{Views: 3})
	if len(e.calls) != 20 || e.calls[0] != (Item{0, 1}) {
		t.Errorf("encoded %v, want views 1 and 2", e.calls)
	}
	checkRows(t, open(t, root), 3)
}

func TestAnInterruptedFillingGoesOnWhereItStopped(t *testing.T) {
	root := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	e := &encoder{stopAt: 5, cancel: cancel}
	if _, err := open(t, root).Fill(ctx, e.encode, FillOptions{Width: 3}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if _, _, err := open(t, root).Features(1); err == nil {
		t.Error("a bank that is not full gave its features")
	}
	rest := &encoder{}
	r := fill(t, open(t, root), rest, FillOptions{})
	if r.Found != 5 || len(rest.calls) != 5 {
		t.Errorf("found %d and encoded %v, want what was not encoded only", r.Found, rest.calls)
	}
	checkRows(t, open(t, root), 1)
}

// TestNothingEncodedIsLost stops a filling at every item in turn: what was
// encoded is never encoded again, pictures that failed are, and a bank that is
// not full gives no features.
func TestNothingEncodedIsLost(t *testing.T) {
	for stop := 1; stop < 5; stop++ {
		root := t.TempDir()
		times := map[int]int{} // that a picture was encoded
		unread := map[int]bool{2: true, 9: true}
		for range 2 { // the second time goes on a little and stops again
			ctx, cancel := context.WithCancel(context.Background())
			e := &encoder{stopAt: stop, cancel: cancel, unread: unread}
			if _, err := open(t, root).Fill(ctx, e.encode, FillOptions{Width: 3}); !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped after %d: error %v", stop, err)
			}
			if _, _, err := open(t, root).Features(1); err == nil {
				t.Errorf("stopped after %d: a bank that is not full gave its features", stop)
			}
			for _, it := range e.calls {
				times[it.Image]++
			}
		}
		e := &encoder{unread: unread}
		r := fill(t, open(t, root), e, FillOptions{})
		if r.Found+r.Encoded != 8 || fmt.Sprint(r.Failed) != "[{2 0} {9 0}]" || len(r.Remade) != 0 {
			t.Errorf("stopped after %d: %+v", stop, r)
		}
		for _, it := range e.calls {
			times[it.Image]++
		}
		for i := range 10 {
			if !unread[i] && times[i] != 1 {
				t.Errorf("stopped after %d: picture %d was encoded %d times", stop, i, times[i])
			}
		}
		checkRows(t, open(t, root), 1, 2, 9)
	}
}

func TestPartsFillOneBank(t *testing.T) {
	root := t.TempDir()
	var all []Item
	for part := range 2 {
		e := &encoder{}
		fill(t, open(t, root), e, FillOptions{Views: 2, Part: part, Parts: 2})
		all = append(all, e.calls...)
	}
	if len(all) != 20 {
		t.Errorf("%d items encoded by two parts, want 20", len(all))
	}
	checkRows(t, open(t, root), 2)
}

func TestDamagedShardsAreMadeAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"a flipped bit": func(t *testing.T, path string) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)-2] ^= 1
			if err := os.WriteFile(path, raw, 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"a truncated file": func(t *testing.T, path string) {
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		},
		"an empty file": func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		},
		"another shard's content": func(t *testing.T, path string) {
			raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), "shard-00000.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, raw, 0o644); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			b := open(t, root)
			fill(t, b, &encoder{}, FillOptions{})
			damage(t, b.shard(0, 1).path)
			if _, _, err := b.Features(1); err == nil {
				t.Error("the damage was not noticed")
			}
			e := &encoder{}
			r := fill(t, open(t, root), e, FillOptions{})
			if len(e.calls) != 4 || len(r.Remade) != 1 {
				t.Errorf("encoded %v, remade %v, want one shard", e.calls, r.Remade)
			}
			checkRows(t, b, 1)
		})
	}
}

func TestUnreadableImagesAreNamedAndTriedAgain(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	bad := &encoder{unread: map[int]bool{5: true, 7: true}}
	r := fill(t, b, bad, FillOptions{})
	if fmt.Sprint(r.Failed) != "[{5 0} {7 0}]" || r.Encoded != 8 {
		t.Errorf("failed %v, encoded %d", r.Failed, r.Encoded)
	}
	checkRows(t, b, 1, 5, 7)
	half := &encoder{unread: map[int]bool{7: true}}
	if r := fill(t, b, half, FillOptions{}); len(half.calls) != 2 || len(r.Failed) != 1 {
		t.Errorf("encoded %v, failed %v, want the two tried again", half.calls, r.Failed)
	}
	checkRows(t, b, 1, 7)
	fill(t, b, &encoder{}, FillOptions{})
	checkRows(t, b, 1)
}

func TestKeysDoNotCollide(t *testing.T) {
	seen := map[string]Key{}
	for _, k := range []Key{key, {"ab", "c", ""}, {"a", "bc", ""}, {"", "abc", ""}, {"abc", "resize 224", "x"}} {
		if other, ok := seen[k.ID()]; ok {
			t.Errorf("%v and %v have one ID", k, other)
		}
		seen[k.ID()] = k
	}
	if HashList([]string{"ab", "c"}) == HashList([]string{"a", "bc"}) {
		t.Error("two lists have one hash")
	}
}

func TestBadEncodersAreErrors(t *testing.T) {
	for name, encode := range map[string]Encode{
		"too few rows": func(_ context.Context, _ []Item, put func(int, []float32) error) error {
			return put(0, make([]float32, 3))
		},
		"not a number": func(_ context.Context, _ []Item, put func(int, []float32) error) error {
			return put(0, []float32{1, float32(math.NaN()), 1})
		},
		"another length": func(_ context.Context, _ []Item, put func(int, []float32) error) error {
			return put(0, []float32{1})
		},
		"twice": func(_ context.Context, _ []Item, put func(int, []float32) error) error {
			return errors.Join(put(0, make([]float32, 3)), put(0, make([]float32, 3)))
		},
		"none of them": func(_ context.Context, items []Item, put func(int, []float32) error) error {
			return put(len(items), make([]float32, 3))
		},
		"an error": func(context.Context, []Item, func(int, []float32) error) error { return errors.New("disk on fire") },
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, t.TempDir())
			if _, err := b.Fill(context.Background(), encode, FillOptions{Width: 3}); err == nil {
				t.Error("no error")
			}
		})
	}
	if _, err := Open(t.TempDir(), key, 0, 0); err == nil {
		t.Error("a bank of no images was opened")
	}
}

func Example() {
	root, err := os.MkdirTemp("", "bank")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	images := []string{"cat.png", "dog.png"}
	b, err := Open(root, Key{Weights: "6f2a", Preprocessing: "bicubic 224", Images: HashList(images)}, len(images), 0)
	if err != nil {
		panic(err)
	}
	encode := func(_ context.Context, items []Item, put func(i int, row []float32) error) error {
		for i := range items {
			if err := put(i, make([]float32, 4)); err != nil { // an image tower goes here
				return err
			}
		}
		return nil
	}
	for range 2 {
		r, err := b.Fill(context.Background(), encode, FillOptions{Width: 4})
		if err != nil {
			panic(err)
		}
		fmt.Println("encoded", r.Encoded, "found", r.Found)
	}
	// Output:
	// encoded 2 found 0
	// encoded 0 found 2
}
