package serve

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	s, h := start(t, &brightness{}, Options{})
	post(t, h.URL, bytes.NewReader(picture(t, 120)), "image/png")
	get := func(path string) (int, string) {
		r, err := http.Get(h.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(text)
	}
	for path, want := range map[string]string{
		"/": "What is in this picture?", "/healthz": "ok", "/readyz": "ready", "/info": "brightness",
		"/metrics": `clipcalib_requests_total{code="200"} 1`,
	} {
		if code, text := get(path); code != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: status %d without %q", path, code, want)
		}
	}
	_, text := get("/metrics")
	if !strings.Contains(text, "clipcalib_drifted_share 1") || !strings.Contains(text,
		"clipcalib_logit_range_ratio 2") {
		t.Errorf("drift gauges: %s", text)
	}
	if code, _ := get("/predict"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET /predict: status %d", code)
	}
	s.Close(t.Context())
	if code, text := get("/readyz"); code != 503 || !strings.Contains(text, "stopping") {
		t.Errorf("/readyz while stopping: %d %s", code, text)
	}
	if code, _, _ := post(t, h.URL, bytes.NewReader(picture(t, 1)), "image/png"); code != 503 {
		t.Errorf("while stopping: status %d", code)
	}
}
