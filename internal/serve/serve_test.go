package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// brightness answers with the picture's first red value.
type brightness struct {
	delay   time.Duration
	fail    error
	batches atomic.Int32
	largest atomic.Int32
}

func (p *brightness) Prepare(img image.Image) (any, error) {
	r, _, _, _ := img.At(0, 0).RGBA()
	return int(r >> 8), nil
}

func (p *brightness) Predict(ctx context.Context, in []any) ([]Answer, error) {
	p.batches.Add(1)
	p.largest.Store(max(p.largest.Load(), int32(len(in))))
	select {
	case <-time.After(p.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out := make([]Answer, len(in))
	for i, v := range in {
		if v == 255 {
			panic("white")
		}
		body := func(top int) (any, error) { return v.(int) + 1000*top, nil }
		out[i] = Answer{Body: body, RangeRatio: 2, Drifted: v.(int) > 100, Confidence: 0.5}
	}
	return out, p.fail
}

func (*brightness) Info() any { return map[string]any{"method": "brightness"} }

func picture(t testing.TB, red uint8) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		img.SetNRGBA(i%8, i/8, color.NRGBA{red, 0, 0, 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func start(t testing.TB, p Predictor, o Options) (*Server, *httptest.Server) {
	t.Helper()
	s, err := New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() { h.Close(); s.Close(context.Background()) })
	return s, h
}

func post(t testing.TB, url string, body io.Reader, kind string) (int, string, http.Header) {
	t.Helper()
	r, err := http.Post(url+"/predict", kind, body)
	if err != nil {
		t.Error(err)
		return 0, "", nil
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(text), r.Header
}

func TestAnswersAreTheirOwnPictures(t *testing.T) {
	p := &brightness{delay: 5 * time.Millisecond}
	_, h := start(t, p, Options{})
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			code, text, _ := post(t, h.URL, bytes.NewReader(picture(t, uint8(i))), "image/png")
			if want := fmt.Sprintf(`{"predictions":[{"prediction":%d}]}`+"\n", i); code != 200 || text != want {
				t.Errorf("%d: status %d, %s, want %s", i, code, text, want)
			}
		})
	}
	wait.Wait()
	if n := p.batches.Load(); n > 50 {
		t.Errorf("%d batches for 100 pictures at once: they were not joined", n)
	}
	if n := p.largest.Load(); n > 32 {
		t.Errorf("a batch of %d, want at most 32", n)
	}
}

func TestAFormOfPictures(t *testing.T) {
	_, h := start(t, &brightness{}, Options{})
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("note", "not a picture")
	for _, name := range []string{"a.png", "b.png"} {
		f, err := form.CreateFormFile("picture", name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(picture(t, name[0]))
	}
	form.Close()
	code, text, _ := post(t, h.URL, &body, form.FormDataContentType())
	want := `{"predictions":[{"name":"a.png","prediction":97},{"name":"b.png","prediction":98}]}` + "\n"
	if code != 200 || text != want {
		t.Errorf("status %d, %s, want %s", code, text, want)
	}
}

func TestBadRequests(t *testing.T) {
	_, h := start(t, &brightness{}, Options{Bytes: 1 << 20, Pixels: 1000})
	large := image.NewNRGBA(image.Rect(0, 0, 100, 100))
	var big bytes.Buffer
	if err := png.Encode(&big, large); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body io.Reader
		kind string
		code int
		want string
	}{
		"zeros":     {bytes.NewReader(make([]byte, 1000)), "image/png", 400, "none but zeros"},
		"too large": {bytes.NewReader(make([]byte, 2<<20)), "image/png", 413, "at most 1048576"},
		"unsaid length": {io.MultiReader(bytes.NewReader(make([]byte, 2<<20))), "image/png", 413,
			"larger than 1048576"},
		"empty": {strings.NewReader(""), "image/png", 400, "no picture"},
		"text":  {strings.NewReader("hello"), "image/png", 415, "not a"},
		"cut":   {bytes.NewReader(picture(t, 1)[:48]), "image/png", 415, ""},
		"bomb":  {&big, "image/png", 415, "limit of 1000 pixels"},
		"empty form": {strings.NewReader("--x--\r\n"), "multipart/form-data; boundary=x", 400,
			"no picture in the form"},
		"no boundary": {strings.NewReader("x"), "multipart/form-data", 400, "boundary"},
		"cut form": {
			strings.NewReader("--x\r\nContent-Disposition: form-data; name=a; filename=a\r\n\r\nabc"),
			"multipart/form-data; boundary=x", 400, "could not be read whole",
		},
		"two pictures": {bytes.NewReader(append(picture(t, 1), picture(t, 2)...)), "image/png", 400, "another picture"},
		"two JPEGs":    {bytes.NewReader(append(jpegOf(t), picture(t, 2)...)), "image/jpeg", 400, "another picture"},
		"no file name": {
			strings.NewReader("--x\r\nContent-Disposition: form-data; name=p; filename=a.png\r\n\r\n" +
				string(picture(t, 1)) + "\r\n--x\r\nContent-Disposition: form-data; name=q\r\n\r\n" +
				string(picture(t, 2)) + "\r\n--x--\r\n"),
			"multipart/form-data; boundary=x", 400, "\"q\" holds a picture",
		},
		"panic": {bytes.NewReader(picture(t, 255)), "image/png", 500, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			code, text, _ := post(t, h.URL, c.body, c.kind)
			var e errorJSON
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if code != c.code || !strings.Contains(e.Error, c.want) {
				t.Errorf("status %d, %q, want %d and %q", code, e.Error, c.code, c.want)
			}
		})
	}
	if code, text, _ := post(t, h.URL, bytes.NewReader(picture(t, 9)), "image/png"); code != 200 {
		t.Errorf("afterwards: status %d, %s", code, text)
	}
}

func jpegOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAFullQueueTurnsAway(t *testing.T) {
	p := &brightness{delay: 100 * time.Millisecond}
	_, h := start(t, p, Options{Queue: 4, Batch: 2})
	var ok, full atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			code, text, header := post(t, h.URL, bytes.NewReader(picture(t, 7)), "image/png")
			switch code {
			case 200:
				ok.Add(1)
			case 503:
				full.Add(1)
				if header.Get("Retry-After") == "" {
					t.Error("503 without Retry-After")
				}
			default:
				t.Errorf("status %d, %s", code, text)
			}
		})
	}
	wait.Wait()
	if ok.Load() < 4 || full.Load() < 10 {
		t.Errorf("%d answered, %d turned away", ok.Load(), full.Load())
	}
}

func TestWhatWouldWaitTooLongIsTurnedAway(t *testing.T) {
	p := &brightness{delay: 100 * time.Millisecond}
	_, h := start(t, p, Options{Batch: 1, Wait: -1, Queue: 1000, Timeout: time.Second})
	post(t, h.URL, bytes.NewReader(picture(t, 7)), "image/png") // to learn the pace
	var ok, full atomic.Int32
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			switch code, text, _ := post(t, h.URL, bytes.NewReader(picture(t, 7)), "image/png"); code {
			case 200:
				ok.Add(1)
			case 503:
				full.Add(1)
			default:
				t.Errorf("status %d, %s", code, text)
			}
		})
	}
	wait.Wait()
	if ok.Load() == 0 || full.Load() < 20 {
		t.Errorf("%d answered, %d turned away", ok.Load(), full.Load())
	}
}

func TestWhatWasAcceptedIsAnsweredWhileStopping(t *testing.T) {
	p := &brightness{delay: 50 * time.Millisecond}
	s, err := New(p, Options{Batch: 1, Wait: -1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l, 10*time.Second) }()
	url := "http://" + l.Addr().String()
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			if code, text, _ := post(t, url, bytes.NewReader(picture(t, 3)), "image/png"); code != 200 {
				t.Errorf("status %d, %s", code, text)
			}
		})
	}
	for p.batches.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	stop()
	wait.Wait()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s.ready.Load() {
		t.Error("ready after the end")
	}
}

func TestAClientThatLeavesIsNotPredicted(t *testing.T) {
	p := &brightness{delay: 100 * time.Millisecond}
	_, h := start(t, p, Options{Batch: 1, Wait: -1})
	go post(t, h.URL, bytes.NewReader(picture(t, 1)), "image/png")
	for p.batches.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, leave := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+"/predict", bytes.NewReader(picture(t, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	if code, _, _ := post(t, h.URL, bytes.NewReader(picture(t, 3)), "image/png"); code != 200 {
		t.Errorf("status %d", code)
	}
	if n := p.batches.Load(); n != 2 {
		t.Errorf("%d batches, want 2: one client had left", n)
	}
}

func TestASlowClientEnds(t *testing.T) {
	s, err := New(&brightness{}, Options{Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l, time.Second) }()
	defer func() { stop(); <-done }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
	began := time.Now()
	c.SetReadDeadline(began.Add(5 * time.Second))
	answer, err := io.ReadAll(c)
	if err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if !strings.Contains(string(answer), "408") {
		t.Errorf("answer %q", answer)
	}
	if code, _, _ := post(t, "http://"+l.Addr().String(), bytes.NewReader(picture(t, 3)), "image/png"); code != 200 {
		t.Errorf("another client meanwhile: status %d", code)
	}
}

func TestAThousandClientsLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	p := &brightness{delay: time.Millisecond}
	s, h := start(t, p, Options{})
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 200}}
	var wait sync.WaitGroup
	var odd atomic.Int32
	body := picture(t, 20)
	for range 1000 {
		wait.Go(func() {
			r, err := client.Post(h.URL+"/predict", "image/png", bytes.NewReader(body))
			if err != nil {
				odd.Add(1)
				return
			}
			if r.StatusCode != 200 && r.StatusCode != 503 {
				odd.Add(1)
			}
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		})
	}
	wait.Wait()
	if odd.Load() > 0 {
		t.Errorf("%d answers neither 200 nor 503", odd.Load())
	}
	client.CloseIdleConnections()
	h.Close()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
