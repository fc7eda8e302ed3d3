package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Server serves a predictor.
type Server struct {
	options   Options
	metrics   *metrics
	batcher   *batcher
	predictor Predictor
	uploads   *semaphore.Weighted // bytes of bodies that are being read
	decode    *semaphore.Weighted // pictures that are being decoded
	ready     atomic.Bool
	mux       *http.ServeMux
}

// New returns a server that is ready to answer. Close ends it.
func New(p Predictor, o Options) (*Server, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	m := newMetrics()
	s := &Server{
		options: o, metrics: m, predictor: p, batcher: newBatcher(p, o, m),
		uploads: semaphore.NewWeighted(o.Memory), decode: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		mux: http.NewServeMux(),
	}
	s.ready.Store(true)
	s.mux.HandleFunc("POST /predict", s.servePredict)
	s.mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, s.predictor.Info())
	})
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, status{"ok"})
	})
	s.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			reply(w, http.StatusServiceUnavailable, status{"stopping"})
			return
		}
		reply(w, http.StatusOK, status{"ready"})
	})
	s.mux.Handle("GET /metrics", m.handler())
	s.mux.HandleFunc("GET /{$}", page)
	s.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // browsers ask for it
	})
	return s, nil
}

type status struct {
	Status string `json:"status"`
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close takes no more pictures and returns when those accepted are answered; it
// gives them up when ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.ready.Store(false)
	return s.batcher.close(ctx)
}

// Serve answers on l until ctx ends, then stops taking connections, answers
// what it has accepted, for at most grace, and closes the server. The
// listener is closed.
func (s *Server) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: min(s.options.Timeout, 10*time.Second),
		ReadTimeout:       s.options.Timeout,
		WriteTimeout:      3 * s.options.Timeout, // reading, then answering
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		// Clients that break off are no news.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.ready.Store(false)
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if shut := h.Shutdown(end); shut != nil {
		err = errors.Join(err, shut, h.Close())
	}
	return errors.Join(err, s.Close(end))
}

// answerJSON is the answer to one request: one picture's, or several.
type answerJSON struct {
	Predictions []named `json:"predictions"`
}

type named struct {
	Name   string `json:"name,omitempty"`
	Answer any    `json:"prediction"`
}

func (s *Server) servePredict(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	answer, err := s.answer(w, r)
	code := http.StatusOK
	if err != nil {
		code = s.refuse(w, r, err)
	} else {
		reply(w, code, answer)
	}
	s.metrics.request(code, time.Since(began))
}

// answer reads the request's pictures, queues them and waits.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) (answerJSON, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*s.options.Timeout)
	defer cancel()
	top, err := askedFor(r.URL.RawQuery, s.options.MaxTop)
	if err != nil {
		return answerJSON{}, err
	}
	names, prepared, inForm, err := s.read(ctx, w, r)
	if err != nil {
		return answerJSON{}, err
	}
	if top, err = oneTop(top, inForm); err != nil {
		return answerJSON{}, err
	}
	jobs, err := s.batcher.accept(ctx, prepared)
	if err != nil {
		return answerJSON{}, err
	}
	out := answerJSON{Predictions: make([]named, len(jobs))}
	for i, j := range jobs {
		select {
		case got := <-j.done:
			if got.err != nil {
				return answerJSON{}, got.err
			}
			body, err := got.answer.Body(top)
			if err != nil {
				return answerJSON{}, err
			}
			out.Predictions[i] = named{names[i], body}
		case <-ctx.Done():
			return answerJSON{}, ctx.Err()
		}
	}
	return out, nil
}

// read reads a request's pictures and prepares them, and what a form says of the
// classes wanted. The bodies of all clients
// together take a bounded memory, and no more pictures are decoded at a time
// than there are cores.
func (s *Server) read(
	ctx context.Context, w http.ResponseWriter, r *http.Request,
) (names []string, prepared []any, top int, err error) {
	size := r.ContentLength
	switch {
	case size > s.options.Bytes:
		return nil, nil, 0, statusf(http.StatusRequestEntityTooLarge, "the request has %d bytes, at most %d are taken",
			size, s.options.Bytes)
	case size < 0: // not said
		size = s.options.Bytes
	}
	if !s.ready.Load() {
		return nil, nil, 0, errStopped
	}
	if err := s.place(ctx, size); err != nil {
		return nil, nil, 0, err
	}
	defer s.uploads.Release(size)
	r.Body = http.MaxBytesReader(w, r.Body, s.options.Bytes)
	uploads, top, err := readUploads(r, s.options)
	if err != nil {
		return nil, nil, 0, err
	}
	for i := range uploads {
		p, err := s.prepare(ctx, uploads[i])
		if err != nil {
			return nil, nil, 0, err
		}
		names, prepared = append(names, uploads[i].name), append(prepared, p)
		uploads[i].data = nil
	}
	return names, prepared, top, nil
}

// place waits for memory for a body, but not for long: a queue before the
// queue would hide that the server is full.
func (s *Server) place(ctx context.Context, size int64) error {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.uploads.Acquire(short, size); err != nil {
		return cmp.Or(ctx.Err(), errFull)
	}
	return nil
}

func (s *Server) prepare(ctx context.Context, u upload) (prepared any, err error) {
	if err := s.decode.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.decode.Release(1)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	picture, err := u.decode(s.options)
	if err != nil {
		return nil, err
	}
	return s.predictor.Prepare(picture)
}

// refuse answers an error and returns its status.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) int {
	code := statusOf(err)
	switch {
	case errors.Is(err, errFull), errors.Is(err, errStopped):
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, context.DeadlineExceeded):
		code = http.StatusGatewayTimeout
	case code == http.StatusInternalServerError && r.Context().Err() != nil:
		code = 499 // the client is gone: nobody reads this, the metrics count it
	}
	if code == http.StatusInternalServerError {
		slog.Error("predict", "error", err)
	}
	reply(w, code, errorJSON{err.Error()})
	return code
}

type errorJSON struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"error":"the answer has no JSON form"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(append(body, '\n'))
}
