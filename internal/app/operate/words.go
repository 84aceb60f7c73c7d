package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"latchkey/internal/model"
)

// maxPasted is more than an .env file around a value has.
const maxPasted = 64 << 10

// Words prints by what words pages and emails name the key of a value. The value is read from standard input, on a terminal without showing
// it: as an argument it would be in the list of processes and in the history of the shell. No server is asked.
func Words(ctx context.Context, args []string, c Console) error {
	if len(args) > 0 { // it may be a value, and is not repeated
		return usageError{errors.New("latchkey words takes no arguments: it reads the value from standard input, as in latchkey words <.env")}
	}
	pasted, err := c.pasted(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the value: %w", err)
	}
	line, _, _ := strings.Cut(model.ValueIn(pasted).Reveal(), "\n") // a file may go on behind the value
	value := model.ValueIn(model.Secret(line))
	if value == "" {
		return usageError{errors.New("there is no value on standard input")}
	}
	fingerprint := model.FingerprintOf(value)
	_, err = fmt.Fprintf(c.Out, "%s  %s\n", model.WordsOf(fingerprint), fingerprint)
	return err
}

// pasted is a value, or a file around one.
func (c Console) pasted(ctx context.Context) (model.Secret, error) {
	if c.Terminal != nil {
		line, err := c.ask(ctx, "Value: ")
		return model.Secret(line), err
	}
	text, err := io.ReadAll(io.LimitReader(c.In, maxPasted+1))
	if err == nil && len(text) > maxPasted {
		err = errors.New("it is too long")
	}
	return model.Secret(text), err
}
