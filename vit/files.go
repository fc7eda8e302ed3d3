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
	out := make([][]float32, 0, len(paths))
	for b, err := range loader.Batches(ctx, len(paths), open) {
		if err != nil {
			return nil, err
		}
		features, err := e.EncodeBatch(ctx, b)
		if err != nil {
			return nil, err
		}
		out = append(out, features...)
	}
	return out, nil
}

// EncodeBatch returns the features of a batch of a Loader, one row a picture.
func (e *Encoder) EncodeBatch(ctx context.Context, b Batch) ([][]float32, error) {
	images := make([][]float32, len(b.Indices))
	for i := range images {
		size := len(b.Pixels) / len(images)
		images[i] = b.Pixels[i*size : (i+1)*size]
	}
	return e.Encode(ctx, images)
}
