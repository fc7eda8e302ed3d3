package bench

import (
	"context"
	"fmt"
	"time"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/clip"
	"clipcalib/text"
	"clipcalib/weights"
)

// The bank of few-shot ImageNet: 16 pictures of each of 1,000 classes, features
// of ViT-B's width, in batches of 256.
const (
	shots        = 16
	bankClasses  = 1000
	bankWidth    = 512
	taskResBatch = 256
	coOpBatch    = 32
	coOpContexts = 16
	tptViews     = 64
)

// Bank returns features of classes that are 1 apart with noise of 2 in every
// direction, few-shot ImageNet's size.
func Bank() adapt.Data {
	d := adapt.Data{
		Features: adapt.NewMatrix(shots*bankClasses, bankWidth), Prototypes: adapt.NewMatrix(bankClasses, bankWidth),
		LogitScale: adapt.DefaultLogitScale,
	}
	copy(d.Prototypes.Data, noise(4, len(d.Prototypes.Data)))
	copy(d.Features.Data, noise(5, len(d.Features.Data)))
	for i := range d.Features.Rows {
		class := i % bankClasses
		d.Labels = append(d.Labels, class)
		for j, v := range d.Prototypes.Row(class) {
			d.Features.Row(i)[j] = v + 2*d.Features.Row(i)[j]
		}
	}
	return d
}

// taskRes trains TaskRes on few-shot ImageNet for Steps steps, rounded down to
// epochs. A step is measured from the second epoch on, the training as a whole.
func (m *meter) taskRes() error {
	m.Note(fmt.Sprintf("%s TaskRes: %d steps", m.run.Precision, m.Steps))
	data := Bank()
	perEpoch := data.Features.Rows / taskResBatch
	epochs := max(2, m.Steps/perEpoch)
	var at []time.Time
	w := m.startWatch()
	begun := time.Now()
	_, err := adapt.Train(m.ctx, adapt.TaskRes{}, adapt.None{}, data, adapt.Options{
		Epochs: epochs, Batch: taskResBatch, Device: m.device,
		Progress: func(adapt.Progress) { at = append(at, time.Now()) },
	})
	whole := time.Since(begun).Seconds()
	seen := w.stop(float64(epochs * perEpoch))
	if err != nil {
		return err
	}
	each, all := m.newSample(), m.newSample()
	for i := 1; i < len(at); i++ {
		each.add(at[i].Sub(at[i-1]).Seconds()/float64(perEpoch), perEpoch)
	}
	all.add(whole, 1)
	work := taskResWork()
	m.seen = seen
	m.add(Figure{What: "TaskRes step, 1,000 classes", Batch: taskResBatch, Unit: "steps/s"}, each.timing(), 1,
		work.flop(), m.bytes(work))
	n := float64(epochs * perEpoch)
	f := Figure{What: fmt.Sprintf("TaskRes training, %d epochs", epochs), Batch: taskResBatch, Unit: "trainings/s"}
	m.add(f, all.timing(), 1, n*work.flop(), n*m.bytes(work))
	return nil
}

// taskResWork is the work of a step: logits and the gradient of the prototypes,
// both over all classes; features, prototypes, logits and their gradient, and
// the parameters with their momentum move.
func taskResWork() work {
	const b, k, d = taskResBatch, bankClasses, bankWidth
	return work{products: 2 * 2 * b * k * d, values: 2*b*d + 4*b*k + 10*k*d}
}

// coOp measures steps of CoOp with 16 contexts before Classes class names, a
// batch of 32 pictures whose features are known: text tower forward and back,
// loss and update, as a training takes them.
func (m *meter) coOp(name string, ck *weights.Checkpoint) error {
	m.Note(fmt.Sprintf("%s %s: CoOp, %d classes", m.run.Precision, name, m.Classes))
	names, err := classNames(m.Classes)
	if err != nil {
		return err
	}
	model, err := m.model(ck, 1)
	if err != nil {
		return err
	}
	defer model.Close()
	dim := ck.Config.EmbedDim
	data := prompt.Data{Classes: names, Features: adapt.NewMatrix(shots*len(names), dim),
		Prototypes: adapt.NewMatrix(len(names), dim)}
	copy(data.Features.Data, noise(6, len(data.Features.Data)))
	copy(data.Prototypes.Data, noise(7, len(data.Prototypes.Data)))
	for i := range data.Features.Rows {
		data.Labels = append(data.Labels, i%len(names))
	}
	t, err := m.stepsOf(func(ctx context.Context, step func()) error {
		_, err := prompt.Train(ctx, model, prompt.CoOp{Contexts: coOpContexts}, adapt.None{}, data,
			prompt.Options{Batch: coOpBatch, Epochs: 1000, Progress: func(adapt.Progress) { step() }})
		return err
	})
	if err != nil {
		return err
	}
	trie, err := coOpTrie(names)
	if err != nil {
		return err
	}
	w := trieWork(ck.Config, trie).andBack()
	m.add(Figure{What: fmt.Sprintf("CoOp step, %d classes", len(names)), Model: name, Batch: coOpBatch,
		Unit: "steps/s"},
		t, 1, w.flop(), m.bytes(w))
	return nil
}

// coOpTrie is the trie of the classes' prompts under 16 shared contexts.
func coOpTrie(names []string) (*text.Trie, error) {
	tokenizer := text.NewTokenizer()
	var tokens [][]int32
	for _, name := range names {
		ids := []int32{text.SOT}
		for i := range coOpContexts {
			ids = append(ids, text.ContextToken(i))
		}
		tokens = append(tokens, append(append(ids, tokenizer.Encode(name+".")...), text.EOT))
	}
	return text.NewTrie(tokens)
}

// tpt measures test-time tuning of one picture whose views are made: their
// encoding, the choice of the most confident, one step, and the prediction.
func (m *meter) tpt(name string, ck *weights.Checkpoint) error {
	m.Note(fmt.Sprintf("%s %s: TPT, %d classes", m.run.Precision, name, m.Classes))
	names, err := classNames(m.Classes)
	if err != nil {
		return err
	}
	model, err := m.model(ck, tptViews)
	if err != nil {
		return err
	}
	defer model.Close()
	tuner, err := testtime.NewTuner(m.ctx, model.Images, model.Texts, names, testtime.TPT{}, adapt.None{},
		testtime.Options{Views: tptViews})
	if err != nil {
		return err
	}
	defer tuner.Close()
	size := model.Images.Preprocessor().Len()
	pixels := noise(8, tptViews*size)
	views := make([][]float32, tptViews)
	for i := range views {
		views[i] = pixels[i*size : (i+1)*size]
	}
	t, err := m.measure(func(n int) error {
		images := func(yield func(testtime.Viewed, error) bool) {
			for range n {
				if !yield(testtime.Viewed{Key: "noise", Views: views}, nil) {
					return
				}
			}
		}
		for _, err := range tuner.TuneEach(m.ctx, images) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, trie, err := classPrompts(names)
	if err != nil {
		return err
	}
	w := imageWork(ck.Config, tptViews).plus(trieWork(ck.Config, trie).andBack())
	m.add(Figure{What: fmt.Sprintf("TPT image, %d views, %d classes", tptViews, len(names)), Model: name, Batch: 1,
		Unit: "images/s"}, t, 1, w.flop(), m.bytes(w))
	return nil
}

func (m *meter) model(ck *weights.Checkpoint, batch int) (*clip.Model, error) {
	return clip.New(ck, clip.Options{Device: m.device, Batch: batch})
}
