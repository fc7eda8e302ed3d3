package serve

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// The test's predictor answers with a thousand times what was asked for.
func TestTopIsAskedForByQueryOrForm(t *testing.T) {
	_, h := start(t, &brightness{}, Options{MaxTop: 5})
	form := func(tops ...string) (*bytes.Buffer, string) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for _, v := range tops {
			w.WriteField("top", v)
		}
		f, err := w.CreateFormFile("picture", "a.png")
		if err != nil {
			t.Fatal(err)
		}
		f.Write(picture(t, 7))
		w.Close()
		return &body, w.FormDataContentType()
	}
	for _, c := range []struct {
		query string
		tops  []string
		top   int // -1 is refused
		words string
	}{
		{query: "", top: 0},
		{query: "?top=3", top: 3},
		{query: "?top=5", top: 5},
		{query: "?top=6", top: -1, words: "1 to 5"},
		{query: "?top=0", top: -1, words: "1 to 5"},
		{query: "?top=-1", top: -1, words: "1 to 5"},
		{query: "?top=", top: -1, words: "1 to 5"},
		{query: "?top=3x", top: -1, words: "3x"},
		{query: "?top=99999999999999999999", top: -1, words: "1 to 5"},
		{query: "?top=2&top=3", top: -1, words: "twice"},
		{query: "?top=2&top=2", top: 2},
		{query: "?tpo=1", top: -1, words: "unknown query parameter \\\"tpo\\\""},
		{query: "?top=2&coverage=0.99", top: -1, words: "coverage"},
		{query: "?top=2;x=3", top: -1, words: "cannot be read"},
		{tops: []string{"4"}, top: 4},
		{tops: []string{"4", "2"}, top: -1, words: "twice"},
		{tops: []string{strings.Repeat("1", 1000)}, top: -1, words: "1 to 5"},
		{query: "?top=3", tops: []string{"4"}, top: -1, words: "twice"},
		{query: "?top=3", tops: []string{"3"}, top: 3},
	} {
		var body bytes.Buffer
		kind := "image/png"
		if c.tops != nil {
			b, k := form(c.tops...)
			body, kind = *b, k
		} else {
			body.Write(picture(t, 7))
		}
		r, err := http.Post(h.URL+"/predict"+c.query, kind, &body)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		text.ReadFrom(r.Body)
		r.Body.Close()
		if c.top < 0 {
			if r.StatusCode != 400 || !strings.Contains(text.String(), c.words) {
				t.Errorf("%s %.20q: status %d, %s", c.query, c.tops, r.StatusCode, text.String())
			}
			continue
		}
		if want := fmt.Sprintf(`"prediction":%d}`, 7+1000*c.top); r.StatusCode != 200 ||
			!strings.Contains(text.String(), want) {
			t.Errorf("%s %q: status %d, %s, want %s", c.query, c.tops, r.StatusCode, text.String(), want)
		}
	}
}
