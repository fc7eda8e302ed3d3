package device

import (
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu"
)

// card is a GPU by name alone.
type card struct {
	*cpu.Engine
	gpu engine.GPU
}

func (c card) GPU() (engine.GPU, error) { return c.gpu, nil }

// withCards has GPUs of those names in this process.
func withCards(t *testing.T, names ...string) {
	t.Helper()
	list, opener := listCards, openers["cuda"]
	t.Cleanup(func() {
		if listCards = list; opener == nil {
			delete(openers, "cuda")
		} else {
			openers["cuda"] = opener
		}
	})
	listCards = func() ([]engine.GPU, error) { return make([]engine.GPU, len(names)), nil }
	openers["cuda"] = func(o Options, index int) (engine.Engine, error) {
		if index >= len(names) {
			return nil, &engine.Unavailable{Why: "no such GPU", Remedy: "a lower number"}
		}
		e, err := cpu.New(cpu.Options{Threads: 1})
		return card{e, engine.GPU{Name: names[index], Capability: 90}}, err
	}
}

func TestOpenSeveral(t *testing.T) {
	withCards(t, "A", "A", "B", "A")
	for kind, want := range map[string]any{
		"cuda:0,1":           2,
		"CUDA:3,cuda:0, 1":   3,
		"cuda:all":           "cuda:0 is A and cuda:2 is B",
		"cuda:1,2":           "cuda:1 is A and cuda:2 is B",
		"cuda:1,1":           "names GPU 1 twice",
		"cuda:1,":            "a GPU's number is 0 or more",
		"cuda:0,x":           "a GPU's number is 0 or more",
		"cuda:0,-1":          "a GPU's number is 0 or more",
		"cuda:0,1,2,3,4,5,6": "cuda:2 is B",
		"cuda:0,9":           "cuda:9: no such GPU",
	} {
		if !Several(kind) {
			t.Errorf("%s is not several", kind)
		}
		ds, err := OpenSeveral(Options{Kind: kind})
		if text, ok := want.(string); ok {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q", kind, err, text)
			}
		} else if err != nil || len(ds) != want {
			t.Errorf("%s: %d GPUs, %v", kind, len(ds), err)
		}
		for _, d := range ds {
			d.Close()
		}
		if _, err := Open(Options{Kind: kind}); err == nil || !strings.Contains(err.Error(), "name one, as in cuda:0") {
			t.Errorf("%s opens as one: %v", kind, err)
		}
	}
	if slices.ContainsFunc([]string{"cuda", "cuda:0", "cpu", "auto", "", "cpu:all"}, Several) {
		t.Error("one device is several")
	}
}
