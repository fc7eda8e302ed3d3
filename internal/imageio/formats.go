package imageio

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"
)

var formats = []format{
	{"JPEG", startsWith("\xff\xd8\xff"), jpeg.DecodeConfig, decodeJPEG},
	{"PNG", startsWith("\x89PNG\r\n\x1a\n"), png.DecodeConfig, decodePNG},
	{"WebP", isWebP, webp.DecodeConfig, decodeWebP},
	{"GIF", startsWith("GIF87a", "GIF89a"), gif.DecodeConfig, decodeGIF},
}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

func decodeJPEG(data []byte) (*image.NRGBA, error) {
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return ToRGB(m), nil
}

func decodePNG(data []byte) (*image.NRGBA, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return ToRGB(m), nil
}

func decodeWebP(data []byte) (*image.NRGBA, error) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return ToRGB(m), nil
}

func decodeGIF(data []byte) (*image.NRGBA, error) {
	m, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return ToRGB(m), nil
}
