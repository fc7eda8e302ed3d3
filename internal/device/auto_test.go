package device

import (
	"errors"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"
)

// onGPU puts an opener for GPUs in.
func onGPU(t *testing.T, open opener) {
	was, had := openers["cuda"]
	openers["cuda"] = open
	t.Cleanup(func() {
		if openers["cuda"] = was; !had {
			delete(openers, "cuda")
		}
	})
}

// gpu is an engine that calls itself one.
type gpu struct{ engine.Engine }

func (gpu) Name() string { return "cuda: a card" }

func TestAutoTakesAGPUThatCanBeUsed(t *testing.T) {
	onGPU(t, func(o Options, index int) (engine.Engine, error) {
		if index != 0 || o.Precision != "bf16" || o.Memory != 5 {
			t.Errorf("GPU %d with %+v", index, o)
		}
		return gpu{ref.New()}, nil
	})
	d, err := Open(Options{Kind: "Auto", Precision: "bf16", Memory: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if auto, passed := Chosen(d); d.Kind() != "cuda" || d.Memory() != 5 || !auto || passed != "" {
		t.Errorf("%s of kind %s, memory %d, auto %v, passed over since %q", d, d.Kind(), d.Memory(), auto, passed)
	}
}

func TestAutoGoesOnWithTheProcessor(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		passed string
	}{
		"taken": {&engine.Unavailable{Why: "the GPU is taken", Remedy: "wait"}, "the GPU is taken: wait"},
		"odd":   {errors.New("odd"), "odd"},
		"none":  {&engine.Unavailable{Why: "no driver", Absent: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.passed == "" && NVIDIARelease() != "" {
				t.Skip("this machine has a driver")
			}
			onGPU(t, func(Options, int) (engine.Engine, error) { return nil, c.err })
			d, err := Open(Options{Kind: "auto", Threads: 1, Memory: 1 << 30})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			auto, passed := Chosen(d)
			if d.Kind() != "cpu" || d.Threads() != 1 || d.Memory() != 0 || !auto || passed != c.passed {
				t.Errorf("%s of kind %s, auto %v, passed over since %q", d, d.Kind(), auto, passed)
			}
		})
	}
}

func TestAutoNamesWhatNeitherCanDo(t *testing.T) {
	onGPU(t, func(Options, int) (engine.Engine, error) { return nil, errors.New("the GPU is taken") })
	_, err := Open(Options{Kind: "auto", Precision: "tf32"})
	if err == nil || !strings.Contains(err.Error(), `"tf32"`) || !strings.Contains(err.Error(), "the GPU is taken") {
		t.Error(err)
	}
}

func TestTheProcessorIsTheZeroValue(t *testing.T) {
	onGPU(t, func(Options, int) (engine.Engine, error) {
		t.Error("a GPU was opened")
		return nil, errors.New("odd")
	})
	for _, kind := range []string{"", "cpu", "cpu-go"} {
		d, err := Open(Options{Kind: kind, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if auto, _ := Chosen(d); auto || !strings.HasPrefix(d.Kind(), "cpu") {
			t.Errorf("%q: %s, auto %v", kind, d, auto)
		}
		d.Close()
	}
}
