package weights

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"clipcalib/internal/atomicfile"
)

// TorchOptions are the choices WritePyTorch leaves open.
type TorchOptions struct {
	// Metadata is kept as the attribute "metadata" of the state dict, where
	// it is out of the way of load_state_dict.
	Metadata map[string]string
	// Deflate compresses the tensors. torch.load reads such a file, but not
	// with mmap=True.
	Deflate bool
}

// WritePyTorch writes tensors as a state dict in the zip format of
// PyTorch 1.6 and later, which torch.load reads with weights_only=True. The
// unsigned types beyond uint8, which torch pickles in another way, are
// refused.
func WritePyTorch(path string, tensors []NamedTensor, opts TorchOptions) error {
	rs, err := records(tensors)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writePyTorch(path, rs, opts)
}

// torchFolder is the top folder inside the archive; any name would do.
const torchFolder = "archive/"

// torchAlign is where torch lets the content of every record begin.
const torchAlign = 64

func writePyTorch(path string, rs []record, opts TorchOptions) error {
	index, err := pickleStateDict(rs, opts.Metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writeArchive(path, index, rs, opts.Deflate)
}

// writeArchive writes the archive of a pickle and the tensors it names.
func writeArchive(path string, index []byte, rs []record, deflate bool) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		z := &torchWriter{counter: counter{w: w}, method: zip.Store}
		z.zip = zip.NewWriter(&z.counter)
		if err := z.text("data.pkl", index); err != nil {
			return err
		}
		if err := z.text("byteorder", []byte("little")); err != nil {
			return err
		}
		if deflate {
			z.method = zip.Deflate
		}
		for i, r := range rs {
			entry, err := z.create(fmt.Sprintf("data/%d", i), r.bytes())
			if err != nil {
				return err
			}
			if err := r.write(entry); err != nil {
				return fmt.Errorf("tensor %s: %w", r.name, err)
			}
		}
		z.method = zip.Store
		if err := z.text("version", []byte("3\n")); err != nil {
			return err
		}
		return z.zip.Close()
	})
}

// torchWriter writes the records of an archive, each aligned.
type torchWriter struct {
	counter counter
	zip     *zip.Writer
	method  uint16
	trailer int64 // bytes zip writes after the open record's content
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (z *torchWriter) text(name string, content []byte) error {
	w, err := z.create(name, int64(len(content)))
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// create starts a record of the given size. Its header's extra field, tagged
// "FB" as torch tags it, is padded until the content is aligned.
func (z *torchWriter) create(name string, size int64) (io.Writer, error) {
	const localHeader, extraHead = 30, 4
	if err := z.zip.Flush(); err != nil {
		return nil, err
	}
	h := &zip.FileHeader{Name: torchFolder + name, Method: z.method}
	content := z.counter.n + z.trailer + localHeader + int64(len(h.Name)) + extraHead
	pad := -content & (torchAlign - 1)
	h.Extra = make([]byte, extraHead+pad)
	copy(h.Extra, "FB")
	binary.LittleEndian.PutUint16(h.Extra[2:], uint16(pad))
	for i := range h.Extra[extraHead:] {
		h.Extra[extraHead+i] = 'Z'
	}
	// The sizes and checksum follow the content, in 8-byte fields if need be.
	z.trailer = 16
	if size > math.MaxUint32 {
		z.trailer = 24
	}
	return z.zip.CreateHeader(h)
}
