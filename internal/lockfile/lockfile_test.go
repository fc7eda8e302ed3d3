package lockfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneAtATime(t *testing.T) {
	if !Supported {
		t.Skip("no locks here")
	}
	dir := t.TempDir()
	var wait sync.WaitGroup
	var inside atomic.Int32 // a lock of files orders nothing in memory
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			release, err := Hold(context.Background(), dir, nil)
			if err != nil {
				t.Error(err)
				return
			}
			marker := filepath.Join(dir, "inside")
			f, err := os.OpenFile(marker, os.O_CREATE|os.O_EXCL, 0o644)
			if err != nil {
				t.Errorf("two at a time: %v", err)
			}
			f.Close()
			time.Sleep(5 * time.Millisecond)
			os.Remove(marker)
			inside.Add(1)
			release()
		}()
	}
	wait.Wait()
	if inside.Load() != 8 {
		t.Errorf("%d of 8 had it", inside.Load())
	}
	if _, err := os.Stat(filepath.Join(dir, Name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	if !Supported {
		t.Skip("no locks here")
	}
	dir := t.TempDir()
	release, err := Hold(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Hold(ctx, dir, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestALockOfAKilledProcessIsFree: its file stays, its lock does not.
func TestALockOfAKilledProcessIsFree(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, Name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	release, err := Hold(context.Background(), dir, func() { t.Error("it waits") })
	if err != nil {
		t.Fatal(err)
	}
	release()
}
