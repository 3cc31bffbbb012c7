package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

var (
	stopping  = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}
	forwarded = []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
)

// backoff is the pause before a restart: doubled by each, and reset by a process that ran as long as the longest.
type backoff struct {
	first, longest, last time.Duration
}

func (b *backoff) next(ran time.Duration) time.Duration {
	b.last = min(2*b.last, b.longest)
	if b.last == 0 || ran >= b.longest {
		b.last = b.first
	}
	return b.last
}

// supervise returns once a signal has stopped it, and the program has ended.
func supervise(program []string, pauses backoff) {
	stop, forward := make(chan os.Signal, 8), make(chan os.Signal, 8)
	signal.Notify(stop, stopping...)
	signal.Notify(forward, forwarded...)
	for restarts := 1; ; restarts++ {
		began := time.Now()
		end, stopped := once(program, stop, forward)
		if stopped {
			report("Supervised process stopped", map[string]any{"end": end})
			return
		}
		pause := pauses.next(time.Since(began))
		report("Supervised process ended; restarting", map[string]any{
			"program": program[0], "end": end, "restarts": restarts, "restart_after_seconds": pause.Seconds(),
		})
		select {
		case <-stop:
			return
		case <-time.After(pause):
		}
	}
}

// once runs the program until it ends: how it ended, and whether it was requested.
func once(program []string, stop, forward <-chan os.Signal) (end string, stopped bool) {
	process, err := start(program)
	if err != nil {
		return err.Error(), false
	}
	ended := make(chan string, 1)
	go func() { ended <- wait(process) }()
	for {
		select {
		case end := <-ended:
			_ = syscall.Kill(-process, syscall.SIGKILL) // what it has left would keep its ports
			return end, stopped
		case number := <-stop:
			stopped = true
			_ = syscall.Kill(process, number.(syscall.Signal))
		case number := <-forward:
			_ = syscall.Kill(process, number.(syscall.Signal))
		}
	}
}

// start gives the program a process group of its own, and this process's environment and output.
func start(program []string) (int, error) {
	path, err := exec.LookPath(program[0])
	if err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, program, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
}

// wait reaps all children meanwhile: as process 1 of its container it inherits those of others.
func wait(process int) string {
	for {
		var status syscall.WaitStatus
		switch found, err := syscall.Wait4(-1, &status, 0, nil); {
		case err == syscall.EINTR || (err == nil && found != process):
		case err != nil:
			return err.Error()
		case status.Signaled():
			return fmt.Sprintf("killed by signal %d", status.Signal())
		default:
			return fmt.Sprintf("exit code %d", status.ExitStatus())
		}
	}
}

// report writes one line of JSON, like the other containers' logs.
func report(event string, fields map[string]any) {
	fields["event"], fields["level"] = event, "warning"
	fields["timestamp"] = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	_ = json.NewEncoder(os.Stderr).Encode(fields)
}
