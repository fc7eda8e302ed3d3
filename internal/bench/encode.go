package bench

import (
	"fmt"

	"clipcalib/internal/graph"
	"clipcalib/internal/imagenet"
	"clipcalib/internal/imagetower"
	"clipcalib/internal/tower"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// images measures the image tower three times: pictures that are on the device,
// with features that stay there, as tensor libraries are measured; cropped
// pictures in the host's memory, with features that come back; and JPEG files.
func (m *meter) images(name string, ck *weights.Checkpoint) error {
	for _, batch := range m.Batches {
		m.Note(fmt.Sprintf("%s %s: images, batch %d", m.run.Precision, name, batch))
		v, err := vit.NewEncoder(ck, vit.Options{Device: m.device, Batch: batch})
		if err != nil {
			return err
		}
		if err = m.onDevice(name, v, batch); err == nil {
			err = m.endToEnd(name, v, batch)
		}
		if err == nil {
			err = m.fromJPEG(name, v, batch)
		}
		v.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *meter) onDevice(name string, v *vit.Encoder, batch int) error {
	g := graph.New(m.e)
	defer g.Close()
	s := v.Config().Vision.ImageSize
	in := g.Input("images", tensor.Float32, batch, 3, s, s)
	features := imagetower.Tower(g, tower.Of(g, v), v.Config(), in, false)
	p, err := g.Compile(features)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := g.Set(in, noise(2, batch*3*s*s)); err != nil {
		return err
	}
	t, err := m.measure(func(n int) error {
		for range n {
			if err := p.Run(m.ctx); err != nil {
				return err
			}
		}
		return m.e.Sync()
	})
	if err != nil {
		return err
	}
	w := imageWork(v.Config(), batch)
	m.add(Figure{What: "image encoding, on the device", Model: name, Batch: batch, Unit: "images/s"}, t, batch,
		w.flop(),
		m.bytes(w))
	return nil
}

// endToEnd encodes pictures as a Loader hands them over, cropped bytes, in a
// sequence of batches: the device computes one while the next is brought to it.
func (m *meter) endToEnd(name string, v *vit.Encoder, batch int) error {
	pictures := noisePictures(v, batch)
	t, err := m.measure(func(n int) error {
		batches := func(yield func(vit.Batch, error) bool) {
			for i := 0; i < n && yield(pictures, nil); i++ {
			}
		}
		for _, err := range v.EncodeBatches(m.ctx, batches) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w := imageWork(v.Config(), batch)
	m.add(Figure{What: "image encoding, end to end", Model: name, Batch: batch, Unit: "images/s"}, t, batch, w.flop(),
		m.bytes(w))
	return nil
}

// noisePictures is a batch as a Loader hands it over.
func noisePictures(v *vit.Encoder, batch int) vit.Batch {
	b := vit.Batch{Indices: make([]int, batch), Pixels: make([]byte, batch*v.Preprocessor().Len())}
	for i, x := range noise(3, len(b.Pixels)) {
		b.Pixels[i] = byte(int(128 + 127*x))
	}
	return b
}

// prompts measures the text tower on class prompts, tokens to features.
func (m *meter) prompts(name string, ck *weights.Checkpoint) error {
	if m.Prompts < 1 {
		return nil
	}
	m.Note(fmt.Sprintf("%s %s: %d prompts", m.run.Precision, name, m.Prompts))
	names, err := classNames(m.Prompts)
	if err != nil {
		return err
	}
	tokens, trie, err := classPrompts(names)
	if err != nil {
		return err
	}
	texts, err := text.NewEncoder(ck, text.Options{Device: m.device})
	if err != nil {
		return err
	}
	defer texts.Close()
	t, err := m.measure(func(n int) error {
		for range n {
			if _, err := texts.EncodeTokens(m.ctx, tokens); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w := trieWork(ck.Config, trie)
	m.add(Figure{What: "prompt encoding", Model: name, Batch: m.Prompts, Unit: "prompts/s"}, t, m.Prompts, w.flop(),
		m.bytes(w))
	return nil
}

func trieWork(c weights.Config, trie *text.Trie) work {
	depths := 0
	for _, d := range trie.Depth {
		depths += int(d)
	}
	return textWork(c, trie.Len(), depths, trie.NumPrompts())
}

// classPrompts returns the tokens of "a photo of a ..." for every class, and
// their trie.
func classPrompts(names []string) ([][]int32, *text.Trie, error) {
	tokens, err := text.NewTokenizer().TokenizePrompts(text.TemplateDefault, names)
	if err != nil {
		return nil, nil, err
	}
	trie, err := text.NewTrie(tokens)
	return tokens, trie, err
}

// classNames returns the first n of ImageNet's class names.
func classNames(n int) ([]string, error) {
	names := imagenet.Names()
	if n < 1 || n > len(names) {
		return nil, fmt.Errorf("%d classes: there are %d class names", n, len(names))
	}
	return names[:n], nil
}
