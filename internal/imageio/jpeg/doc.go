// Package jpeg decodes JPEG pictures to exactly the pixels that libjpeg-turbo
// gives with its default settings, which is what Pillow uses: the accurate
// integer inverse DCT ("islow"), triangle-filtered ("fancy") chroma
// upsampling and 16-bit fixed-point colour conversion. The standard library's
// decoder uses another DCT and repeats chroma samples, which moves most pixels
// of a photograph by a few levels.
//
// Baseline, extended-sequential and progressive Huffman files of 8 bits per
// sample are read, with one component (grey), three (YCbCr or RGB) or four
// (CMYK or YCCK). Damaged entropy-coded data is decoded as far as libjpeg
// would; a file that simply ends early is an error.
package jpeg
