// Package tiff decodes the first picture of a TIFF file to the pixels that
// Pillow's convert("RGB") gives: strips and tiles, planes apart or together,
// 1 to 16 bits a sample, greys, palettes, RGB, CMYK and YCbCr, both byte orders
// and bit orders, without compression or with PackBits, LZW, deflate (both with
// differences of neighbours), JPEG, and the fax codes of golang.org/x/image. The orientation is applied,
// as Pillow applies it to this format alone. What is not read is refused by
// its name.
package tiff
