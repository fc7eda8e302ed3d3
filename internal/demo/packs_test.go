package demo

import (
	"fmt"
	"image"
	"strings"
	"testing"
)

// TestEmojiFoldsShareNoConcept also checks that every style has the same
// items in the same order.
func TestEmojiFoldsShareNoConcept(t *testing.T) {
	task, err := EmojiPack()
	if err != nil {
		t.Fatal(err)
	}
	if len(task.Domains) != 5 || len(task.Classes) != 34 {
		t.Fatalf("%d domains and %d classes, want 5 and 34", len(task.Domains), len(task.Classes))
	}
	foldOf := map[string]Fold{}
	for _, d := range task.Domains {
		for _, f := range Folds {
			set, err := d.Set(f)
			if err != nil {
				t.Fatal(err)
			}
			source, _ := task.Source().Set(f)
			for i, it := range set.Items {
				_, concept, _ := strings.Cut(it.Path, "/")
				if was, seen := foldOf[concept]; seen && was != f {
					t.Fatalf("%s is in folds %s and %s", concept, was, f)
				}
				foldOf[concept] = f
				_, other, _ := strings.Cut(source.Items[i].Path, "/")
				if concept != other || it.Label != source.Items[i].Label {
					t.Fatalf("%s item %d is %s, the source's is %s", d.Name, i, concept, other)
				}
			}
			for class, n := range set.Counts() {
				if n == 0 {
					t.Errorf("%s %s: no picture of %s", d.Name, f, task.Classes[class])
				}
			}
		}
	}
}

func TestFashionFoldsAreBalancedAndDisjoint(t *testing.T) {
	task, err := FashionPack()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for f, want := range map[Fold]int{FoldShots: 64, FoldVal: 30, FoldTest: 200} {
		set, err := task.Source().Set(f)
		if err != nil {
			t.Fatal(err)
		}
		for class, n := range set.Counts() {
			if n != want {
				t.Errorf("%s: %d pictures of %s, want %d", f, n, task.Classes[class], want)
			}
		}
		for _, it := range set.Items {
			if seen[it.Path] {
				t.Fatalf("%s is there twice", it.Path)
			}
			seen[it.Path] = true
		}
	}
	if want := 1 + len(Corruptions)*MaxSeverity; len(task.Domains) != want {
		t.Errorf("%d domains, want %d", len(task.Domains), want)
	}
}

func TestEveryPictureReadsAndShowsSomething(t *testing.T) {
	for _, open := range []func() (*Task, error){EmojiPack, FashionPack} {
		task, err := open()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range task.Domains {
			if d.Severity > 1 {
				continue
			}
			for _, f := range Folds {
				set, err := d.Set(f)
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range set.Items {
					img, err := it.Image()
					if err != nil {
						t.Fatal(err)
					}
					if flat(img) {
						t.Errorf("%s %s: one colour only", d.Name, it.Path)
					}
				}
			}
		}
	}
}

func flat(img *image.NRGBA) bool {
	for i := 4; i < len(img.Pix); i += 4 {
		if [3]uint8(img.Pix[i:i+3]) != [3]uint8(img.Pix[:3]) {
			return false
		}
	}
	return true
}

func TestUnknownDomainsAndFoldsAreErrors(t *testing.T) {
	task, err := EmojiPack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := task.Domain("apple"); err == nil {
		t.Error("no error for an unknown domain")
	}
	if _, err := task.Source().Set("train"); err == nil {
		t.Error("no error for an unknown fold")
	}
}

func ExampleEmojiPack() {
	task, err := EmojiPack()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range task.Domains {
		test, err := d.Set(FoldTest)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %d test pictures, the first %s\n", d.Title, len(test.Items), test.Items[0].Path)
	}
	// Output:
	// Noto: 456 test pictures, the first noto/grinning squinting face
	// Twemoji: 456 test pictures, the first twemoji/grinning squinting face
	// Fluent 3-D: 456 test pictures, the first fluent-3d/grinning squinting face
	// Fluent flat: 456 test pictures, the first fluent-flat/grinning squinting face
	// Fluent high contrast: 456 test pictures, the first fluent-high-contrast/grinning squinting face
}

func ExampleFashionPack() {
	task, err := FashionPack()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := task.Domain("blur-3")
	if err != nil {
		fmt.Println(err)
		return
	}
	test, err := d.Set(FoldTest)
	if err != nil {
		fmt.Println(err)
		return
	}
	img, err := test.Items[0].Image()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.Classes[test.Items[0].Label], img.Bounds().Size())
	// Output:
	// t-shirt or top (28,28)
}
