// Command server puts a run behind a Go program's own HTTP server, beside its
// other handlers. With -once it asks itself one question and ends.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"clipcalib"
	"clipcalib/adapt"
)

func main() {
	root := flag.String("root", ".", "the repository")
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	once := flag.Bool("once", false, "ask one question and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "clipcalib-server-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(ctx, *root, filepath.Join(dir, "run"), *addr, *once); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, root, dir, addr string, once bool) error {
	icon := func(name string) string { return filepath.Join(root, "testdata", "icons", name+".png") }
	shots := clipcalib.Shots{
		Pictures: []string{icon("apple"), icon("bus"), icon("hammer")}, Labels: []int{0, 1, 2},
		Classes: []string{"fruit", "vehicle", "tool"}, Templates: []string{"an icon of a {}."},
	}
	checkpoint := filepath.Join(root, "internal", "demo", "model", "clip-icons-32.pt")
	_, err := clipcalib.Adapt(ctx, dir, checkpoint, shots, adapt.TaskRes{}, adapt.SaLS{}, adapt.Options{Epochs: 20})
	if err != nil {
		return err
	}
	r, err := clipcalib.OpenRun(dir, clipcalib.RunOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	h, err := clipcalib.NewHandler(r, clipcalib.HandlerOptions{Top: 3})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/icons/", http.StripPrefix("/icons", h))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "see /icons/") })

	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadTimeout: 30 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	log.Printf("at http://%s/icons/", l.Addr())
	if once {
		err = ask("http://"+l.Addr().String()+"/icons/predict", icon("taxi"))
	} else {
		select {
		case <-ctx.Done():
		case err = <-ended:
		}
	}
	end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(end), h.Close(end))
}

func ask(url, picture string) error {
	body, err := os.ReadFile(picture)
	if err != nil {
		return err
	}
	answer, err := http.Post(url, "image/png", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var got struct {
		Predictions []struct{ Prediction clipcalib.Summary }
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		return err
	}
	fmt.Println("a", got.Predictions[0].Prediction.Class, "of", len(got.Predictions[0].Prediction.Top))
	return nil
}
