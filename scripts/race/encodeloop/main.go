// Command encodeloop encodes the same images and prompts as often as it is
// told to, for encode.py: one word a line on standard input ("images",
// "texts"), one line of JSON on standard output for each.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"clipcalib/internal/clip"
	"clipcalib/internal/device"
	"clipcalib/weights"
)

type result struct {
	Engine  string  `json:"engine"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`     // processor seconds, of all threads
	PeakMB  float64 `json:"peak_mb"` // resident memory of the process so far
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "encodeloop:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "folder with model.pt, images.f32 and prompts.txt; features are written there")
	var on device.Options
	o := clip.Options{Weights: weights.Options{Activation: weights.QuickGELU}} // model.pt says nothing of itself
	flag.StringVar(&on.Kind, "device", "cpu", "cpu or cuda")
	flag.StringVar(&on.Precision, "precision", "fp32", "fp32 or bf16")
	flag.IntVar(&on.Threads, "threads", 0, "")
	flag.IntVar(&o.Batch, "batch", 32, "")
	flag.Parse()
	d, err := device.Open(on)
	if err != nil {
		return err
	}
	defer d.Close()
	o.Device = d
	m, err := clip.Open(filepath.Join(*dir, "model.pt"), o)
	if err != nil {
		return err
	}
	defer m.Close()
	images, err := readImages(filepath.Join(*dir, "images.f32"), m.Images.Preprocessor().Len())
	if err != nil {
		return err
	}
	prompts, err := os.ReadFile(filepath.Join(*dir, "prompts.txt"))
	if err != nil {
		return err
	}
	texts := strings.Split(strings.TrimSpace(string(prompts)), "\n")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		before, cpu := time.Now(), processorTime()
		var features [][]float32
		switch in.Text() {
		case "images":
			features, err = m.Images.Encode(context.Background(), images)
		case "texts":
			features, err = m.Texts.Encode(context.Background(), texts)
		default:
			err = fmt.Errorf("do not know %q", in.Text())
		}
		if err != nil {
			return err
		}
		r := result{d.Name(), time.Since(before).Seconds(), processorTime() - cpu, peakMB()}
		if err := writeRows(filepath.Join(*dir, in.Text()+".features"), features); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	}
	return in.Err()
}

func readImages(path string, size int) ([][]float32, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	flat := make([]float32, info.Size()/4)
	if err := binary.Read(bufio.NewReader(f), binary.LittleEndian, flat); err != nil {
		return nil, err
	}
	var out [][]float32
	for at := 0; at+size <= len(flat); at += size {
		out = append(out, flat[at:at+size])
	}
	return out, nil
}

func writeRows(path string, rows [][]float32) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, r := range rows {
		if err := binary.Write(w, binary.LittleEndian, r); err != nil {
			return err
		}
	}
	return w.Flush()
}

func processorTime() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// peakMB reads the peak of this program's memory from Linux; getrusage's also
// counts that of the process it was forked from. Elsewhere it is 0.
func peakMB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kb float64
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		fmt.Sscan(rest, &kb)
	}
	return kb / 1024
}
