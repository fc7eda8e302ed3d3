package data

import (
	"fmt"
	"io"

	"clipcalib/internal/imageio"
	"clipcalib/internal/regular"
)

// Content returns the encoded picture of an item in a file or a container. Errors
// name the item.
func (it Item) Content() ([]byte, error) {
	content, err := it.content(imageio.DefaultLimits.Bytes)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", it.Path, cause(err))
	}
	return content, nil
}

func (it Item) content(most int64) (content []byte, err error) {
	switch {
	case it.Load != nil:
		return nil, fmt.Errorf("it is in memory alone")
	case it.Bytes != nil:
		content, err = it.Bytes()
	default:
		f, err := regular.Open(it.Path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if content, err = io.ReadAll(io.LimitReader(f, most+1)); err != nil {
			return nil, err
		}
	}
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%d bytes or more, more than the limit of %d", len(content), most)
	}
	return content, err
}
