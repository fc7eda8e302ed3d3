package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows. Each server has a registry of its own.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	latency    prometheus.Histogram
	predicting prometheus.Histogram
	sizes      prometheus.Histogram
	pictures   prometheus.Counter
	queued     prometheus.Gauge

	drifted    prometheus.Counter
	ratio      prometheus.Gauge
	driftShare prometheus.Gauge
	confidence prometheus.Gauge
	// Of the batcher's goroutine alone: running means of ratio, share and
	// confidence, over seen pictures.
	means [3]float64
	seen  float64
}

// driftMemory is the number of pictures that the drift gauges remember: older
// ones fade.
const driftMemory = 500

func newMetrics() *metrics {
	seconds := prometheus.ExponentialBuckets(0.001, 2, 15) // 1 ms to 16 s
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clipcalib_requests_total", Help: "Prediction requests, by HTTP status.",
		}, []string{"code"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "clipcalib_request_seconds", Help: "From a request's first byte to its answer.", Buckets: seconds,
		}),
		predicting: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "clipcalib_batch_seconds", Help: "Time a batch took to predict.", Buckets: seconds,
		}),
		sizes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "clipcalib_batch_pictures", Help: "Pictures in a batch.", Buckets: prometheus.ExponentialBuckets(1, 2,
				9),
		}),
		pictures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "clipcalib_pictures_total", Help: "Pictures predicted.",
		}),
		queued: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clipcalib_queued_pictures", Help: "Pictures accepted and not yet in a batch.",
		}),
		drifted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "clipcalib_drifted_pictures_total", Help: "Pictures whose logit range lies outside of what training saw.",
		}),
		ratio: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clipcalib_logit_range_ratio",
			Help: "Adapted over zero-shot logit range, mean over about the last 500 pictures.",
		}),
		driftShare: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clipcalib_drifted_share", Help: "Share of about the last 500 pictures that drifted.",
		}),
		confidence: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clipcalib_confidence", Help: "Confidence after the remedy, mean over about the last 500 pictures.",
		}),
	}
	m.registry.MustRegister(m.requests, m.latency, m.predicting, m.sizes, m.pictures, m.queued, m.drifted,
		m.ratio, m.driftShare, m.confidence,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

func (m *metrics) request(code int, took time.Duration) {
	m.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	m.latency.Observe(took.Seconds())
}

// batch counts a batch and its answers, which are nil where it failed.
func (m *metrics) batch(pictures int, took time.Duration, answers []Answer) {
	m.predicting.Observe(took.Seconds())
	m.sizes.Observe(float64(pictures))
	m.pictures.Add(float64(len(answers)))
	for _, a := range answers {
		m.seen = min(m.seen+1, driftMemory)
		drifted := 0.0
		if a.Drifted {
			drifted = 1
			m.drifted.Inc()
		}
		for _, g := range []struct {
			gauge prometheus.Gauge
			value float64
			mean  *float64
		}{
			{m.ratio, a.RangeRatio, &m.means[0]}, {m.driftShare, drifted, &m.means[1]},
			{m.confidence, a.Confidence, &m.means[2]},
		} {
			*g.mean += (g.value - *g.mean) / m.seen
			g.gauge.Set(*g.mean)
		}
	}
}
