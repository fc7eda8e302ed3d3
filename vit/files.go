package vit

import (
	"context"
	"image"

	"clipcalib/internal/imageio"
)

// EncodeFiles reads picture files on all processors, preprocesses them and
// returns their features, as Encode does, in the order of the paths. The first
// file that cannot be read ends it with an error that names the file; to go on
// past such files use a Loader.
func (e *Encoder) EncodeFiles(ctx context.Context, paths []string) ([][]float32, error) {
	loader := Loader{Preprocessor: e.Preprocessor(), BatchSize: e.Batch(), Strict: true}
	open := func(i int) (image.Image, error) { return imageio.Open(paths[i]) }
	size := loader.Preprocessor.Len()
	out := make([][]float32, 0, len(paths))
	for b, err := range loader.Batches(ctx, len(paths), open) {
		if err != nil {
			return nil, err
		}
		images := make([][]float32, len(b.Indices))
		for i := range images {
			images[i] = b.Pixels[i*size : (i+1)*size]
		}
		features, err := e.Encode(ctx, images)
		if err != nil {
			return nil, err
		}
		out = append(out, features...)
	}
	return out, nil
}
