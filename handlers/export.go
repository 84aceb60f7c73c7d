package handlers

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
)

// exportPage is how many events are read, and in memory, at a time.
const exportPage = 500

// errTooManyExports says that somebody has to wait for a file, their own or others'.
var errTooManyExports = errors.New("too many exports at once")

// exportedEvent is an event as files have it. The names are kept: people's programs read them.
type exportedEvent struct {
	ID      string `json:"id"`
	Time    string `json:"time"`
	Kind    string `json:"kind"`
	Actor   string `json:"actor"`
	KeyID   string `json:"key_id,omitempty"`
	KeyName string `json:"key_name,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Address string `json:"address,omitempty"`
	Agent   string `json:"agent,omitempty"`

	Count    int    `json:"count"`               // how often it happened
	LastTime string `json:"last_time,omitempty"` // when it did last, if more than once
}

func exported(e model.Event) exportedEvent {
	out := exportedEvent{
		ID: e.ID, Time: e.At.UTC().Format(time.RFC3339Nano), Kind: string(e.Kind), Actor: string(e.Actor),
		KeyID: e.KeyID, KeyName: e.KeyName, Detail: e.Detail, Address: e.Address, Agent: e.Agent, Count: e.Again + 1,
	}
	if e.Again > 0 {
		out.LastTime = e.LastAt.UTC().Format(time.RFC3339Nano)
	}
	return out
}

// eventFile is a format. It writes to what begin is given, and leaves nothing behind in a buffer of its own.
type eventFile interface {
	begin(to io.Writer) error
	add(e exportedEvent) error
	end() error
}

// exportActivityCSV is the list of what happened as a file (RFC 4180).
func (h *dashboard) exportActivityCSV(c echo.Context) error {
	return h.export(c, "latchkey-activity.csv", "text/csv; charset=utf-8", &csvFile{})
}

func (h *dashboard) exportActivityJSON(c echo.Context) error {
	return h.export(c, "latchkey-activity.json", "application/json", &jsonFile{})
}

// export sends everything that the filter in the address lets through, a page at a time. A list that cannot be read from its start
// is an error like any other. One that cannot be read to its end breaks the connection off: a file that looks complete and is not
// would be worse than none.
func (h *dashboard) export(c echo.Context, name, kind string, file eventFile) error {
	a, _ := accountOf(c)
	to, _ := c.Get(pacedKey).(*pacedWriter)
	if !h.exports.enter(c.Request().Context(), downloader{a.UserID, c.RealIP()}, to) {
		return errTooManyExports
	}
	defer h.exports.leave(to)
	q, _ := activityQuery(c)
	q.Limit = exportPage
	events, err := h.readInTurn(c, q)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	header.Set(echo.HeaderContentType, kind)
	c.Response().WriteHeader(http.StatusOK)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	if err := h.sendEvents(c, q, events, file); err != nil {
		h.logFault(c, "export broken off", err, "route", c.Path())
		panic(http.ErrAbortHandler)
	}
	return nil
}

// sendEvents writes a first page and all that come after it.
func (h *dashboard) sendEvents(c echo.Context, q model.EventQuery, events []model.Event, file eventFile) error {
	to := bufio.NewWriter(c.Response())
	control := http.NewResponseController(c.Response())
	if err := file.begin(to); err != nil {
		return err
	}
	for {
		for _, e := range events {
			if err := file.add(exported(e)); err != nil {
				return err
			}
		}
		if len(events) < exportPage {
			break
		}
		if err := to.Flush(); err != nil {
			return err
		}
		if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		q.Before = events[len(events)-1].ID
		var err error
		if events, err = h.readInTurn(c, q); err != nil {
			return err
		}
	}
	if err := file.end(); err != nil {
		return err
	}
	return to.Flush()
}

// csvFile has an event in a line. It has no byte order mark, which programs that read it would find in the name of the first column: what
// is ours in it is ASCII, and reads the same wherever a spreadsheet thinks it comes from.
type csvFile struct{ to *csv.Writer }

func (f *csvFile) begin(to io.Writer) error {
	f.to = csv.NewWriter(to)
	f.to.UseCRLF = true
	return f.write("id", "time", "kind", "actor", "key_id", "key_name", "detail", "address", "agent", "count", "last_time")
}

func (f *csvFile) add(e exportedEvent) error {
	return f.write(e.ID, e.Time, e.Kind, e.Actor, e.KeyID, cell(e.KeyName), cell(e.Detail), cell(e.Address), cell(e.Agent),
		strconv.Itoa(e.Count), e.LastTime)
}

func (f *csvFile) end() error { return nil }

func (f *csvFile) write(cells ...string) error {
	if err := f.to.Write(cells); err != nil {
		return err
	}
	f.to.Flush()
	return f.to.Error()
}

// cell keeps a spreadsheet from computing a text that a stranger chose. Where a semicolon or a tab parts cells, what stands behind one
// would begin a cell of its own.
func cell(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == ';' || unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
	first := strings.TrimLeftFunc(text, unicode.IsSpace)
	if strings.IndexFunc(first, computes) == 0 {
		return "'" + text
	}
	return text
}

// computes says whether a spreadsheet takes what begins with r for something to compute, also when r has the width of a Chinese sign.
func computes(r rune) bool { return strings.ContainsRune("=+-@＝＋－＠", r) }

// jsonFile is {"events": [...]} with an event in a line. It is not closed before its end.
type jsonFile struct {
	to    io.Writer
	begun bool
}

func (f *jsonFile) begin(to io.Writer) error {
	f.to = to
	_, err := io.WriteString(to, `{"events": [`)
	return err
}

func (f *jsonFile) add(e exportedEvent) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	between := "\n"
	if f.begun {
		between = ",\n"
	}
	f.begun = true
	_, err = io.WriteString(f.to, between+string(line))
	return err
}

func (f *jsonFile) end() error {
	_, err := io.WriteString(f.to, "\n]}\n")
	return err
}
