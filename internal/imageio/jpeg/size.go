package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Size returns the width and height a file declares, without decoding it. It
// reads the segments before the first scan as Pillow does before it hands the
// file to libjpeg, and refuses what Pillow refuses there.
func Size(data []byte) (width, height int, err error) {
	if len(data) < 3 || data[0] != 0xff || data[1] != mSOI || data[2] != 0xff {
		return 0, 0, errors.New("does not start as a JPEG file")
	}
	d := decoder{data: data, pos: 2}
	for {
		marker, ok := d.nextMarker()
		switch {
		case !ok && width > 0:
			return 0, 0, fmt.Errorf("no scan in it: %w", ErrTruncated)
		case !ok:
			return 0, 0, fmt.Errorf("no frame header in it: %w", ErrTruncated)
		case marker < mSOF0:
			return 0, 0, fmt.Errorf("marker 0x%02x is not known", marker)
		case marker == mSOI, marker == mEOI, marker == mJPG, mRST0 <= marker && marker <= mRST7,
			marker > mAPP15 && marker != mCOM:
			continue
		}
		body, err := d.segment()
		if err != nil {
			return 0, 0, err
		}
		switch {
		case marker == mSOS && width == 0:
			return 0, 0, errors.New("scan before the frame header")
		case marker == mSOS:
			return width, height, nil
		case isFrameHeader(marker):
			if err := known(marker); err != nil {
				return 0, 0, err
			}
			if width, height, err = frameSize(body); err != nil {
				return 0, 0, err
			}
		case marker == mAPP0 && len(body) < 7 && len(body) >= 4 && string(body[:4]) == "JFIF",
			marker == mAPP14 && len(body) < 7 && len(body) >= 5 && string(body[:5]) == "Adobe":
			return 0, 0, errors.New("damaged application segment")
		case marker == mDQT:
			if err := (&decoder{}).quantTables(body); err != nil {
				return 0, 0, err
			}
		}
	}
}

func isFrameHeader(marker byte) bool {
	return mSOF0 <= marker && marker <= mSOF15 && marker != mDHT && marker != mJPG && marker != mDAC || marker == mDHP
}

// known names the coding processes that are not read.
func known(marker byte) error {
	switch {
	case marker == mSOF3, marker == mSOF11:
		return errors.New("lossless JPEG (process 3 or 11) is not supported; convert it to PNG")
	case marker == mSOF9, marker == mSOF10:
		return errors.New("JPEG with arithmetic coding is not supported; convert it, for example with jpegtran")
	case marker > mSOF2:
		return fmt.Errorf("JPEG of coding process 0x%02x is not supported", marker)
	}
	return nil
}

// frameSize reads what Pillow reads of a frame header.
func frameSize(b []byte) (width, height int, err error) {
	if len(b) < 6 || len(b)%3 != 0 {
		return 0, 0, errors.New("frame header has a wrong length")
	}
	if b[0] != 8 {
		return 0, 0, fmt.Errorf("%d bits per sample are not supported", b[0])
	}
	if n := b[5]; n != 1 && n != 3 && n != 4 {
		return 0, 0, fmt.Errorf("%d components, want 1, 3 or 4", n)
	}
	height, width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if width == 0 || height == 0 {
		return 0, 0, fmt.Errorf("picture of %d x %d pixels", width, height)
	}
	return width, height, nil
}
