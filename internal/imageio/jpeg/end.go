package jpeg

import "bytes"

// End is the length of a file whose header [Size] can read: up to the end marker of
// the picture, or all of data where there is none, or where what follows belongs to
// the picture: cameras put previews behind it, of which they tell in a segment MPF
// or which are smaller than the picture that holds their data.
func End(data []byte) int {
	width, height, err := Size(data)
	if err != nil {
		return len(data)
	}
	d, exif := decoder{data: data, pos: 2}, false
	for {
		marker, ok := d.nextMarker()
		switch {
		case !ok:
			return len(data)
		case marker == mEOI:
			if w, h, err := Size(data[d.pos:]); exif && err == nil && w*h < width*height {
				return len(data)
			}
			return d.pos
		case marker == mSOI, marker == mTEM, mRST0 <= marker && marker <= mRST7:
			continue
		}
		body, err := d.segment()
		switch {
		case err != nil:
			return len(data)
		case marker == mAPP0+2 && bytes.HasPrefix(body, []byte("MPF\x00")):
			return len(data)
		case marker == mAPP0+1 && bytes.HasPrefix(body, []byte("Exif\x00")):
			exif = true
		}
	}
}
