package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"clipcalib"
	"clipcalib/internal/exitcode"

	"github.com/spf13/cobra"
)

type serveFlags struct {
	run   runFlags
	addr  string
	grace time.Duration
	o     clipcalib.HandlerOptions
	mib   struct{ body, memory int64 }
}

func serveCommand(a *app) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve RUN",
		Short: "Answer over HTTP what is in pictures, by a run; with a page for people",
		Long: `Opens a run of any family and answers over HTTP, on this machine alone unless
--addr says otherwise:

  POST /predict   a picture as the body, or pictures as the files of a form; JSON;
                  ?top=K, or a form field top, for other than --top classes
  GET /           a page to drop pictures on
  GET /info       the run: method, remedy, classes, how drift is told
  GET /healthz, /readyz
  GET /metrics    for Prometheus, with gauges of drift

Pictures that arrive within a few milliseconds are predicted together. When the
queue is full the answer is 503 with Retry-After. SIGTERM and Ctrl-C end it after
the answers to what was accepted.

` + coverageHelp,
		Example: `  clipcalib serve runs/pets-taskres
  curl --data-binary @cat.jpg http://127.0.0.1:8080/predict`,
		Args: exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error { return a.serve(c.Context(), f, args[0]) },
	}
	f.run.add(c)
	fl := c.Flags()
	fl.StringVar(&f.addr, "addr", "127.0.0.1:8080", "address and port; port 0 takes a free one")
	fl.DurationVar(&f.grace, "grace", 30*time.Second, "how long a signal waits for what was accepted")
	fl.IntVar(&f.o.Top, "top", 5, "classes in an answer, the likeliest first")
	fl.IntVar(&f.o.Batch, "batch", 32, "pictures predicted at once, at most")
	fl.DurationVar(&f.o.Wait, "wait", 5*time.Millisecond,
		"how long the first picture of a batch waits for others; below 0 not at all")
	fl.IntVar(&f.o.Queue, "queue", 0, "pictures accepted and not yet answered, at most; 0 is 256, 16 for test-time tuning")
	fl.Int64Var(&f.mib.body, "max-body", 16, "MiB of a request's body, at most")
	fl.Int64Var(&f.mib.memory, "max-memory", 256, "MiB of bodies that are being read, of all clients")
	fl.IntVar(&f.o.Pixels, "max-pixels", 0,
		"width times height of a picture, at most; 0 is 50 million, 12 million for test-time tuning")
	fl.DurationVar(&f.o.Timeout, "timeout", 30*time.Second, "for reading a request, and again for answering it")
	return c
}

func (a *app) serve(ctx context.Context, f serveFlags, dir string) error {
	switch {
	case f.o.Top < 1 || f.o.Batch < 1:
		return usagef("serve: --top and --batch want at least 1")
	case f.o.Queue < 0 || f.o.Pixels < 0 || f.mib.body < 1 || f.mib.memory < 1 || f.o.Timeout <= 0 || f.grace < 0:
		return usagef("serve: a limit of size, number or time is too small; see: clipcalib serve --help")
	case f.mib.body > 1<<20 || f.mib.memory > 1<<30:
		return usagef("serve: --max-body and --max-memory count in MiB")
	}
	f.o.Bytes, f.o.Memory = f.mib.body<<20, f.mib.memory<<20
	// First of all, so that a port that is taken costs no waiting.
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		return listenError(f.addr, err)
	}
	defer l.Close()
	r, err := a.openRun(dir, f.run)
	if err != nil {
		return err
	}
	defer r.Close()
	h, err := clipcalib.NewHandler(r, f.o)
	if err != nil {
		return err
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		a.warn("%s can be reached from other machines, without a password or encryption", l.Addr())
	}
	if err := a.ready(l.Addr()); err != nil {
		return errors.Join(err, h.Close(ctx))
	}
	if err := h.Serve(ctx, l, f.grace); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return errSignalled
}

// ready says where the server is, in one line.
func (a *app) ready(addr net.Addr) error {
	url := "http://" + addr.String()
	if a.json {
		return a.printJSON(map[string]any{"url": url})
	}
	_, err := fmt.Fprintf(a.out, "ready at %s\n", url)
	return err
}

func (a *app) warn(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// listenError says in one line why an address cannot be had.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return exitcode.Busy{
			Err: fmt.Errorf("serve: %s is taken by another program: end it, or choose another port by --addr", addr),
		}
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("serve: --addr %s: ports below 1024 are for the administrator: choose another", addr)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return usagef("--addr %s: %w", addr, err)
}
