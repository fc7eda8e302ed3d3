// Command serveload asks a server of "clipcalib serve" from many clients at once
// for some time, and prints latencies, rates and statuses. With -predicted it
// holds every answer against the output of "clipcalib predict --json --top 5".
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

type summary struct {
	Class      string
	Confidence float64
	Top        []struct {
		ZeroShot   float64 `json:"zero_shot"`
		Adapted    float64
		Confidence float64
	}
}

type answers struct {
	Predictions []struct {
		Name       string
		Prediction summary
	}
}

func main() {
	url := flag.String("url", "http://127.0.0.1:8080", "the server")
	clients := flag.Int("clients", 8, "that ask at once")
	seconds := flag.Duration("for", time.Minute, "how long")
	predicted := flag.String("predicted", "", "what predict --json says of the pictures")
	flag.Parse()
	bodies := make([][]byte, flag.NArg())
	for i, path := range flag.Args() {
		var err error
		if bodies[i], err = os.ReadFile(path); err != nil {
			log.Fatal(err)
		}
	}
	want := map[string]summary{}
	if *predicted != "" {
		text, err := os.ReadFile(*predicted)
		var a answers
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range a.Predictions {
			want[p.Name] = p.Prediction
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *clients}}
	var mu sync.Mutex
	var took []time.Duration
	codes := map[int]int{}
	compared, greatest := 0, 0.0
	began := time.Now()
	var wait sync.WaitGroup
	for c := range *clients {
		wait.Go(func() {
			for i := c; time.Since(began) < *seconds; i++ {
				at := time.Now()
				k := i % len(bodies)
				code, a := ask(client, *url, bodies[k])
				d := time.Since(at)
				mu.Lock()
				if codes[code]++; code == http.StatusOK {
					took = append(took, d)
					if w, ok := want[flag.Arg(k)]; ok {
						compared++
						greatest = max(greatest, difference(w, a.Predictions[0].Prediction))
					}
				}
				mu.Unlock()
				if code != http.StatusOK {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	wait.Wait()
	total := time.Since(began)
	if len(took) == 0 {
		log.Fatalf("no answers; statuses %v (0: no answer)", codes)
	}
	slices.Sort(took)
	at := func(q float64) time.Duration {
		return took[min(len(took)-1, int(q*float64(len(took))))].Round(10 * time.Microsecond)
	}
	fmt.Printf("%d clients, %.0f s: p50 %v, p90 %v, p99 %v; %.1f pictures/s; statuses %v",
		*clients, total.Seconds(), at(0.5), at(0.9), at(0.99), float64(len(took))/total.Seconds(), codes)
	if compared > 0 {
		fmt.Printf("; %d answers compared, greatest difference of a probability %.2g", compared, greatest)
	}
	fmt.Println()
}

func ask(c *http.Client, url string, body []byte) (code int, a answers) {
	r, err := c.Post(url+"/predict", "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return 0, a
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode == http.StatusOK && json.Unmarshal(text, &a) != nil {
		return 0, a
	}
	return r.StatusCode, a
}

// difference is 1 for another class, else that of the probabilities.
func difference(a, b summary) float64 {
	if a.Class != b.Class || len(a.Top) != len(b.Top) {
		return 1
	}
	d := math.Abs(a.Confidence - b.Confidence)
	for i := range a.Top {
		x, y := a.Top[i], b.Top[i]
		d = max(d, math.Abs(x.ZeroShot-y.ZeroShot), math.Abs(x.Adapted-y.Adapted), math.Abs(x.Confidence-y.Confidence))
	}
	return d
}
