package serve

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/imageio"
)

// maxPictures bounds the pictures of one form.
const maxPictures = 64

// upload is one picture of a request, encoded.
type upload struct {
	name string // of the form's file; "" where the body is the picture
	data []byte
}

// statusError is an error with the HTTP status it is answered by.
type statusError struct {
	code int
	err  error
}

func (e statusError) Error() string { return e.err.Error() }
func (e statusError) Unwrap() error { return e.err }

func statusf(code int, format string, args ...any) error {
	return statusError{code, fmt.Errorf(format, args...)}
}

// readUploads reads the pictures of a request: the whole body, or
// the files of a multipart form, whatever their fields are called. Beside them a
// form may have a field top.
func readUploads(r *http.Request, o Options) (pictures []upload, top int, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, 0, readError(err, o)
		}
		return []upload{{data: data}}, 0, nil
	}
	if params["boundary"] == "" {
		return nil, 0, statusf(http.StatusBadRequest, "a form without a boundary in its Content-Type")
	}
	return readForm(multipart.NewReader(r.Body, params["boundary"]), o)
}

func readForm(form *multipart.Reader, o Options) (out []upload, top int, err error) {
	var tops []string
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, readError(err, o)
		}
		name := part.FileName()
		switch {
		case name == "" && part.FormName() == "top":
			text, err := io.ReadAll(io.LimitReader(part, 16))
			if err != nil {
				return nil, 0, readError(err, o)
			}
			tops = append(tops, string(text))
			continue
		case name == "":
			if err := noPicture(part, o); err != nil {
				return nil, 0, err
			}
			continue // a text field beside the pictures
		case len(out) == maxPictures:
			return nil, 0, statusf(http.StatusRequestEntityTooLarge, "more than %d pictures in one form", maxPictures)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, 0, readError(err, o)
		}
		out = append(out, upload{path.Base(name), data})
	}
	if len(out) == 0 {
		return nil, 0, statusf(http.StatusBadRequest, "no picture in the form: send at least one file")
	}
	top, err = topOf(tops, o.MaxTop)
	return out, top, err
}

// noPicture refuses a field without a file name that holds a picture: it would be
// dropped.
func noPicture(part *multipart.Part, o Options) error {
	data, err := io.ReadAll(part)
	if err != nil {
		return readError(err, o)
	}
	kind := part.Header.Get("Content-Type")
	if !strings.HasPrefix(strings.ToLower(kind), "image/") && !imageio.Looks(data) {
		return nil
	}
	return statusf(http.StatusBadRequest, "the form's field %.40q holds a picture but has no file name: send it as a "+
		"file, as curl -F '%.40s=@FILE' does", part.FormName(), part.FormName())
}

// askedFor is what a request's query says of the classes wanted; whatever it does
// not know, it refuses.
func askedFor(query string, most int) (top int, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, statusf(http.StatusBadRequest, "the query %.80q cannot be read: %v", query, err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "top" {
			return 0, statusf(http.StatusBadRequest, "unknown query parameter %.40q: there is top, the classes to "+
				"name; all else is set where the server is started", name)
		}
	}
	return topOf(values["top"], most)
}

// topOf is the number of classes that a request asks for, 0 where it does not.
func topOf(values []string, most int) (top int, err error) {
	for _, v := range values {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			return 0, statusf(http.StatusBadRequest,
				"top=%.20q: want a whole number from 1 to %d, the classes to name", v, most)
		}
		if top, err = oneTop(top, n); err != nil {
			return 0, err
		}
	}
	return top, nil
}

// oneTop is what two places say of the classes wanted, 0 being nothing.
func oneTop(a, b int) (int, error) {
	if a != 0 && b != 0 && a != b {
		return 0, statusf(http.StatusBadRequest, "top is given twice, as %d and as %d", a, b)
	}
	return max(a, b), nil
}

// decode decodes a picture of bounded size. Errors name it.
func (u upload) decode(o Options) (image.Image, error) {
	picture, err := decode(u.data, o)
	if err != nil && u.name != "" {
		err = statusError{statusOf(err), fmt.Errorf("%s: %w", u.name, err)}
	}
	return picture, err
}

func decode(data []byte, o Options) (image.Image, error) {
	if len(bytes.TrimRight(data, "\x00")) == 0 {
		return nil, statusf(http.StatusBadRequest, "no picture in the body (%d bytes, none but zeros)", len(data))
	}
	if imageio.Several(data) {
		return nil, statusf(http.StatusBadRequest, "another picture follows the first: send one a request, or several "+
			"as the files of a form")
	}
	picture, err := imageio.Limits{Pixels: o.Pixels, Bytes: o.Bytes}.Decode(data)
	if err != nil {
		return nil, statusError{http.StatusUnsupportedMediaType, err}
	}
	return picture, nil
}

// readError is an error of reading a body, by whose fault it is.
func readError(err error, o Options) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return statusf(http.StatusRequestEntityTooLarge, "the request is larger than %d bytes", o.Bytes)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return statusf(http.StatusRequestTimeout, "the request did not arrive within %v", o.Timeout)
	}
	return statusError{http.StatusBadRequest, fmt.Errorf("the request could not be read whole: %w", err)}
}

func statusOf(err error) int {
	var s statusError
	if errors.As(err, &s) {
		return s.code
	}
	return http.StatusInternalServerError
}
