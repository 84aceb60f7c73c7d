//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// freeze halts the postmaster, which then starts no more processes, and all those that it has started, and returns when they have
// halted.
func (s *server) freeze() error {
	s.frozen = true
	rounds := 0 // a process that the postmaster has started just before it halted may be missing in the first one
	for began := time.Now(); time.Since(began) < patience; {
		all, err := processesOf(s.process.Pid)
		if err != nil {
			return err
		}
		halted := true
		for _, p := range all {
			if !p.halted {
				halted = false
				_ = syscall.Kill(p.pid, syscall.SIGSTOP) // it may have ended
			}
		}
		if !halted {
			rounds = 0
		} else if rounds++; rounds == 2 {
			return nil
		}
	}
	return errors.New("PostgreSQL does not halt")
}

// thaw lets them go on.
func (s *server) thaw() error {
	s.frozen = false
	all, err := processesOf(s.process.Pid)
	for _, p := range all {
		_ = syscall.Kill(p.pid, syscall.SIGCONT)
	}
	return err
}

// processOf is a server's postmaster, or a process that it has started.
type processOf struct {
	pid    int
	halted bool // or ended, and nobody has asked how
}

// processesOf lists a postmaster and what it has started.
func processesOf(postmaster int) ([]processOf, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "state=").Output() //nolint:noctx // it looks and ends
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	var all []processOf
	for line := range strings.Lines(string(out)) {
		var pid, parent int
		var state string
		if _, err := fmt.Sscan(line, &pid, &parent, &state); err != nil {
			return nil, fmt.Errorf("ps: %q: %w", line, err)
		}
		p := processOf{pid, state[0] == 'T' || state[0] == 'Z'}
		if pid == postmaster || parent == postmaster {
			all = append(all, p)
		}
	}
	return all, nil
}

// kill kills one process.
func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
