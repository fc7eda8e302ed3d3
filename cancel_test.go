package clipcalib_test

import (
	"context"
	"errors"
	"image"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/weights"
)

// openTiny opens both towers of a tiny model of random weights.
func openTiny(t testing.TB) *clipcalib.Model {
	t.Helper()
	m, err := clipcalib.New(cliptest.Open(t, cliptest.Tiny()), clipcalib.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// wave is n pictures' values that are not all alike.
func wave(n, size int) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, size)
		for j := range out[i] {
			out[i][j] = float32((i*31+j*17)%13) / 13
		}
	}
	return out
}

// TestWaitingForTheDeviceEndsWithTheContext calls everything that computes while
// somebody else holds the device: each returns within 100 ms of its deadline,
// and works again afterwards.
func TestWaitingForTheDeviceEndsWithTheContext(t *testing.T) {
	m := openTiny(t)
	classes := []string{"dog", "cat"}
	images := wave(4, m.Images.Preprocessor().Len())
	features := adapt.FromRows(wave(4, m.Config.EmbedDim))
	data := adapt.Data{Features: features, Labels: []int{0, 1, 0, 1},
		Prototypes: adapt.FromRows(wave(2, m.Config.EmbedDim)), LogitScale: m.Config.Scale()}
	adapter, err := adapt.Train(t.Context(), adapt.TaskRes{}, nil, data, adapt.Options{Epochs: 1, Device: m.Device})
	if err != nil {
		t.Fatal(err)
	}
	shots := prompt.Data{Classes: classes, Labels: data.Labels, Features: features, Prototypes: data.Prototypes}
	learner, err := prompt.Train(t.Context(), m, prompt.CoOp{Contexts: 2}, nil, shots, prompt.Options{Epochs: 1})
	if err != nil {
		t.Fatal(err)
	}
	views := testtime.Options{Views: 4}
	tuner, err := testtime.NewTuner(t.Context(), m.Images, m.Texts, classes, testtime.TPT{}, nil, views)
	if err != nil {
		t.Fatal(err)
	}
	defer tuner.Close()
	picture := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	calls := map[string]func(ctx context.Context) error{
		"images":     func(ctx context.Context) error { _, err := m.Images.Encode(ctx, images); return err },
		"texts":      func(ctx context.Context) error { _, err := m.Texts.Encode(ctx, classes); return err },
		"embeddings": func(ctx context.Context) error { _, err := m.Texts.Embeddings(ctx, []int32{1, 2}); return err },
		"prototypes": func(ctx context.Context) error {
			_, err := m.Prototypes(ctx, []string{"a {}"}, classes, clipcalib.UnitMean)
			return err
		},
		"adapter's training": func(ctx context.Context) error {
			_, err := adapt.Train(ctx, adapt.TaskRes{}, nil, data, adapt.Options{Epochs: 1, Device: m.Device})
			return err
		},
		"adapter's logits": func(ctx context.Context) error { _, err := adapter.LogitsContext(ctx, features); return err },
		"prompts' training": func(ctx context.Context) error {
			_, err := prompt.Train(ctx, m, prompt.CoOp{Contexts: 2}, nil, shots, prompt.Options{Epochs: 1})
			return err
		},
		"prompts' logits": func(ctx context.Context) error {
			_, err := learner.Predict(ctx, prompt.Input{Features: features})
			return err
		},
		"tuner": func(ctx context.Context) error {
			x, err := testtime.NewTuner(ctx, m.Images, m.Texts, classes, testtime.TPT{}, nil, views)
			if err == nil {
				x.Close()
			}
			return err
		},
		"tuning": func(ctx context.Context) error { _, err := tuner.Tune(ctx, picture, "picture"); return err },
	}
	release, err := device.Hold(t.Context(), m.Device)
	if err != nil {
		t.Fatal(err)
	}
	const deadline = 100 * time.Millisecond
	var wg sync.WaitGroup
	for name, call := range calls {
		wg.Go(func() {
			ctx, stop := context.WithTimeout(t.Context(), deadline)
			defer stop()
			begun := time.Now()
			err := call(ctx)
			if late := time.Since(begun) - deadline; !errors.Is(err, context.DeadlineExceeded) || late > deadline {
				t.Errorf("%s: %v after its deadline: %v", name, late, err)
			}
		})
	}
	wg.Wait()
	release()
	for name, call := range calls {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s, the device free: %v", name, err)
		}
	}
}

// TestCallsShareTheDevice runs training and encoding side by side: they take
// turns, and the results are those of each alone.
func TestCallsShareTheDevice(t *testing.T) {
	m := openTiny(t)
	images := wave(3, m.Images.Preprocessor().Len())
	want, err := m.Images.Encode(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	data := adapt.Data{Features: adapt.FromRows(wave(4, m.Config.EmbedDim)), Labels: []int{0, 1, 0, 1},
		Prototypes: adapt.FromRows(wave(2, m.Config.EmbedDim)), LogitScale: m.Config.Scale()}
	train := func() ([]float64, error) {
		a, err := adapt.Train(t.Context(), adapt.TaskRes{}, nil, data, adapt.Options{Epochs: 30, Device: m.Device,
			Progress: func(adapt.Progress) { // between steps the device is free, for the trainer's own caller too
				if _, err := m.Texts.Encode(t.Context(), []string{"a dog"}); err != nil {
					t.Error(err)
				}
			}})
		if err != nil {
			return nil, err
		}
		return a.Losses, nil
	}
	alone, err := train()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			losses, err := train()
			if err != nil {
				t.Error(err)
				return
			}
			for i := range losses {
				if losses[i] != alone[i] {
					t.Errorf("epoch %d: loss %v beside others, %v alone", i, losses[i], alone[i])
					return
				}
			}
		})
		wg.Go(func() {
			for range 30 {
				got, err := m.Images.Encode(t.Context(), images)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range got {
					for j := range got[i] {
						if got[i][j] != want[i][j] {
							t.Errorf("feature %d: %v beside others, %v alone", i, got[i][j], want[i][j])
							return
						}
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestWaitingAndRunningOnViTB16 measures a call that waits behind another and
// one that runs, on ViT-B/16 with random weights: the one returns when its
// deadline passes, the other behind the operation that runs. Three of the twelve
// layers do, since operations are what a call cannot leave; CLIPCALIB_LAYERS=12
// is the whole.
func TestWaitingAndRunningOnViTB16(t *testing.T) {
	layers := 3
	if s := os.Getenv("CLIPCALIB_LAYERS"); s != "" {
		var err error
		if layers, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	m, err := clipcalib.New(cliptest.Open(t, weights.Config{
		EmbedDim: 512, Activation: weights.QuickGELU,
		Vision: weights.VisionConfig{ImageSize: 224, Patch: 16, Width: 768, Layers: layers, Heads: 12, MLP: 3072},
		Text:   weights.TextConfig{Context: 77, Vocab: 512, Width: 64, Layers: 1, Heads: 1, MLP: 256},
	}), clipcalib.Options{Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	images := wave(16, m.Images.Preprocessor().Len())
	if _, err := m.Images.Encode(t.Context(), images); err != nil { // compiles and packs
		t.Fatal(err)
	}
	// From the moment that another goroutine sees the deadline pass: on a busy
	// machine every goroutine sees it late.
	late := func(after time.Duration) time.Duration {
		ctx, stop := context.WithTimeout(t.Context(), after)
		defer stop()
		seen := make(chan time.Time, 1)
		go func() {
			<-ctx.Done()
			seen <- time.Now()
		}()
		_, err := m.Images.Encode(ctx, images)
		returned := time.Now()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no end at the deadline: %v", err)
		}
		return max(0, returned.Sub(<-seen))
	}
	running := late(150 * time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			_, _ = m.Images.Encode(ctx, images)
		}
	})
	time.Sleep(50 * time.Millisecond)
	waiting := late(100 * time.Millisecond)
	stop()
	wg.Wait()
	t.Logf("%d layers of ViT-B/16, batch 16, from the deadline seen to return: waiting %v, running %v", layers, waiting,
		running)
	if waiting > 100*time.Millisecond {
		t.Errorf("a waiting call returned %v after its deadline", waiting)
	}
	if running > time.Second {
		t.Errorf("a running call returned %v after its deadline", running)
	}
}
