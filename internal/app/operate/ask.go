package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"latchkey/internal/app/texts"
)

// maxTypedLine is more than a password can have.
const maxTypedLine = 4096

// newPassword gives "" when the owner of the account is to choose it. One in an older encoding would be another on every computer.
func (c call) newPassword(ctx context.Context, email string) (string, error) {
	password, err := c.readPassword(ctx, email)
	if err == nil && !utf8.ValidString(password) {
		err = errors.New("the password is not valid UTF-8; no account was created")
	}
	return password, err
}

func (c call) readPassword(ctx context.Context, email string) (string, error) {
	if c.passwordStdin {
		password, err := texts.Line(c.In, maxTypedLine)
		var noText *texts.Error
		if errors.As(err, &noText) {
			err = fmt.Errorf("cannot read the password from standard input: %w", noText)
		}
		if err == nil && password == "" {
			err = usageError{errors.New("--password-stdin is given, but the first line of standard input is empty")}
		}
		return password, err
	}
	if c.Terminal == nil {
		return "", nil
	}
	password, err := c.ask(ctx, fmt.Sprintf("Password for %s (leave empty to get a link instead): ", legible(email)))
	if err != nil || password == "" {
		return "", err
	}
	again, err := c.ask(ctx, "Repeat the password: ")
	if err == nil && again != password {
		err = errors.New("the passwords do not match; no account was created")
	}
	return password, err
}

// ask reads a line that is not shown.
func (c Console) ask(ctx context.Context, question string) (string, error) {
	if _, err := io.WriteString(c.Err, question); err != nil {
		return "", err
	}
	fd := int(c.Terminal.Fd()) //nolint:gosec // G115: a descriptor is small
	shows, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("this terminal cannot hide what is typed; use --password-stdin: %w", err)
	}
	line, err := typed(ctx, func() (string, error) {
		line, err := term.ReadPassword(fd)
		if errors.Is(err, io.EOF) { // typed in place of a line
			err = nil
		}
		return string(line), err
	})
	_, _ = io.WriteString(c.Err, "\n")                     // the one that was typed was hidden too
	return line, errors.Join(err, term.Restore(fd, shows)) // a read that nobody waits for any more goes on
}

// confirm goes on only when a person says so, by --yes or when they are asked.
func (c call) confirm(ctx context.Context, question string) error {
	if c.yes {
		return nil
	}
	if c.Terminal == nil {
		return usageError{errors.New("not a terminal: pass --yes to confirm")}
	}
	if _, err := io.WriteString(c.Err, question+"\nType yes to continue: "); err != nil {
		return err
	}
	line, err := typed(ctx, func() (string, error) { return texts.Line(c.Terminal, maxTypedLine) })
	if err == nil && strings.TrimSpace(line) != "yes" {
		err = errors.New("nothing was done")
	}
	return err
}

// typed reads a line unless the program is stopped first: a terminal does not end a read by itself.
func typed(ctx context.Context, readLine func() (string, error)) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := readLine()
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		return r.line, r.err
	case <-ctx.Done():
		return "", errors.New("stopped; nothing was done")
	}
}
