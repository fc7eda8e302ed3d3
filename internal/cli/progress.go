package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a long piece of work is: a bar with rate and time left
// on a terminal, a plain line every few seconds otherwise, nothing when quiet.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	bar   *progressbar.ProgressBar
	what  string
	unit  string
	total int
	done  int
	begun time.Time
	last  time.Time
	say   func() string // in place of state, for work that knows better
}

const plainEvery = 5 * time.Second

// progress starts a display; total may be 0 when it is not known.
func (a *app) progress(what, unit string, total int) *progress {
	p := &progress{what: what, unit: unit, total: total, begun: time.Now(), last: time.Now()}
	if a.quiet || a.noBars {
		return p
	}
	p.w = a.err
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		max := total
		if max == 0 {
			max = -1
		}
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil || columns <= 0 {
			columns = 80
		}
		p.bar = progressbar.NewOptions(max, append(barOptions(what, unit, columns), progressbar.OptionSetWriter(f))...)
	}
	return p
}

// barOptions fit a bar into a terminal: what there is no room for is left out,
// the time left last of all.
func barOptions(what, unit string, columns int) []progressbar.Option {
	o := []progressbar.Option{progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish()}
	if columns < 100 { // "encode  42% |███| [12s:3m4s]"
		const others = len(" 100% || [12m34s:12m34s]")
		room := max(0, columns-others-3)
		if r := []rune(what); len(r) > room {
			what = string(r[:room])
		}
		return append(o, progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(min(30, max(1, columns-others-len(what)-1))),
			progressbar.OptionSetPredictTime(true))
	}
	return append(o, progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit), progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(30))
}

// Set says that n of the total are done.
func (p *progress) Set(n int) { p.update(n, -1) }

// Update says that n of total are done, for work that learns its size late.
func (p *progress) Update(n, total int) { p.update(n, total) }

func (p *progress) update(n, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if total < 0 {
		total = p.total
	}
	p.done, p.total = n, total
	switch {
	case p.w == nil:
	case p.bar != nil:
		if total > 0 {
			p.bar.ChangeMax(total)
		}
		if p.say != nil {
			p.bar.Describe(p.what + " " + p.say())
		}
		p.bar.Set(n)
	case time.Since(p.last) >= plainEvery:
		p.last = time.Now()
		fmt.Fprintf(p.w, "%s: %s\n", p.what, p.state())
	}
}

func (p *progress) state() string {
	if p.say != nil {
		return p.say()
	}
	spent := time.Since(p.begun).Seconds()
	rate := float64(p.done) / spent
	if p.total == 0 {
		return fmt.Sprintf("%d %s, %.3g/s", p.done, p.unit, rate)
	}
	left := "?"
	if rate > 0 {
		left = (time.Duration(float64(p.total-p.done)/rate) * time.Second).String()
	}
	return fmt.Sprintf("%d of %d %s, %.3g/s, %s left", p.done, p.total, p.unit, rate, left)
}

// Done ends the display and leaves one line that says how long it took.
func (p *progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	if p.bar != nil {
		p.bar.Finish()
	}
	spent := time.Since(p.begun)
	if p.done > 0 {
		fmt.Fprintf(p.w, "%s: %d %s in %s\n", p.what, p.done, p.unit, spent.Round(10*time.Millisecond))
	}
}

// note prints a line for people, unless quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}
