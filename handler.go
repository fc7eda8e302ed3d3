package clipcalib

import (
	"cmp"
	"context"
	"image"
	"net"
	"net/http"
	"time"

	"clipcalib/internal/run"
	"clipcalib/internal/serve"
)

// HandlerOptions bound what a [Handler] takes. The zero value is fit for a small
// machine.
type HandlerOptions struct {
	Top     int           // classes in an answer that asks for no other number; 0 means 5
	Batch   int           // pictures predicted at once at most; 0 means 32
	Wait    time.Duration // how long the first of a batch waits for others; 0 means 5 ms, below 0 not at all
	Queue   int           // pictures accepted and not yet answered, at most; 0 means 256, 16 for test-time tuning
	Bytes   int64         // size of a request's body, at most; 0 means 16 MiB
	Pixels  int           // width times height of a picture, at most; 0 means 50 million, 12 for test-time tuning
	Memory  int64         // bytes of bodies being read, of all clients, at most; 0 means 256 MiB
	Timeout time.Duration // for reading a request, and again for answering it; 0 means 30 s
}

// Handler serves a run over HTTP:
//
//	POST /predict   a picture as the body, or pictures as the files of a form;
//	                ?top=K, or a form field top, for K classes in each answer
//	GET /           a page for people
//	GET /info       a [RunInfo]
//	GET /healthz, /readyz, /metrics
//
// Answers are JSON, {"predictions": [{"name": ..., "prediction": ...}]} with a
// [Summary] for each picture. Pictures that arrive within a few milliseconds
// are predicted together. Past the queue the answer is 503 with Retry-After.
type Handler struct{ server *serve.Server }

// NewHandler serves a run, which is to be closed after the handler.
func NewHandler(r *Run, o HandlerOptions) (*Handler, error) {
	if o.Top == 0 {
		o.Top = 5
	}
	if r.model.Family == run.FamilyTestTime { // whose pictures wait whole
		if o.Queue == 0 {
			o.Queue = 16
		}
		if o.Pixels == 0 {
			o.Pixels = 12_000_000
		}
	}
	s, err := serve.New(predictor{r, o.Top}, serve.Options{
		Batch: o.Batch, Wait: o.Wait, Queue: o.Queue, Bytes: o.Bytes, Pixels: o.Pixels, Memory: o.Memory,
		Timeout: o.Timeout,
		MaxTop:  len(r.classes),
	})
	if err != nil {
		return nil, err
	}
	return &Handler{s}, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.server.ServeHTTP(w, r) }

// Serve answers on l until ctx ends, then stops taking connections and answers
// what it has accepted, for at most grace. The listener and the handler are
// closed.
func (h *Handler) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	return h.server.Serve(ctx, l, grace)
}

// Close takes no more pictures and returns when those accepted are answered; it
// gives them up when ctx ends.
func (h *Handler) Close(ctx context.Context) error { return h.server.Close(ctx) }

// predictor is a run for the server.
type predictor struct {
	run *Run
	top int
}

func (p predictor) Prepare(picture image.Image) (any, error) {
	return p.run.Prepare(FromImage("", picture))
}

func (p predictor) Predict(ctx context.Context, prepared []any) ([]serve.Answer, error) {
	pictures := make([]Prepared, len(prepared))
	for i, v := range prepared {
		pictures[i] = v.(Prepared)
	}
	got, err := p.run.PredictPrepared(ctx, pictures...)
	if err != nil {
		return nil, err
	}
	out := make([]serve.Answer, len(prepared))
	for i, one := range got.Pictures {
		body := func(top int) (any, error) { return p.run.Summarize(one, cmp.Or(top, p.top)) }
		out[i] = serve.Answer{Body: body, RangeRatio: one.RangeRatio, Drifted: one.Drift.Drifted,
			Confidence: one.Confidence}
	}
	return out, nil
}

func (p predictor) Info() any { return p.run.Info() }
