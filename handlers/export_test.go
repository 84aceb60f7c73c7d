package handlers_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

func TestAnExportHoldsWhatTheFilterShows(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	for range 60 {
		p.writes(who, "key-made", about(aKey, "porch-cam"))
	}
	hostile := `=HYPERLINK("http://evil.example","x"),"y"` + "\r\nz"
	p.writes(who, "pairing-denied", detail(hostile))
	p.writes(who, "pairing-denied", detail("@SUM(1)"))
	p.writes(who, "pairing-denied", detail("Zoë’s Pi"))

	b := p.signIn(who)
	a := b.get("/activity.csv?kind=devices").want(http.StatusOK)
	if a.header.Get("Content-Disposition") != `attachment; filename="latchkey-activity.csv"` || a.header.Get("Content-Type") != "text/csv; charset=utf-8" ||
		a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", a.header)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var details []string
	for _, row := range rows {
		details = append(details, row[6])
	}
	want := []string{"detail", "Zoë’s Pi", "'@SUM(1)", "'" + strings.ReplaceAll(hostile, "\r\n", "  ")}
	if !slices.Equal(details, want) {
		t.Errorf("got %q, want %q", details, want)
	}
	if strings.Count(a.body, "\r\n") < 4 {
		t.Error("lines do not end as RFC 4180 has it")
	}

	a = b.get("/activity.json?key=" + aKey).want(http.StatusOK)
	var file struct {
		Events []struct {
			ID, Time, Kind, Actor, Address string
			KeyID                          string `json:"key_id"`
		}
	}
	if err := json.Unmarshal([]byte(a.body), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Events) != 60 || file.Events[0].Kind != "key-made" || file.Events[59].KeyID != aKey || file.Events[0].Address != "192.0.2.7" {
		t.Errorf("%d events, the first is %+v", len(file.Events), file.Events[0])
	}
	if a.header.Get("Content-Disposition") != `attachment; filename="latchkey-activity.json"` {
		t.Errorf("header %v", a.header)
	}
}

// longList is a list of events that is made up as it is read.
type longList struct {
	length int
	// before is called before every page but the first, with its number. An error of it is the read's.
	before func(page int) error

	most atomic.Int64 // the greatest number that was asked for at once
}

func (l *longList) RecordEvent(context.Context, model.Event) error { return nil }

func (l *longList) Events(_ context.Context, _ string, q model.EventQuery) ([]model.Event, error) {
	l.most.Store(max(l.most.Load(), int64(q.Limit)))
	next := l.length
	if q.Before != "" {
		if _, err := fmt.Sscanf(q.Before, "%x", &next); err != nil {
			return nil, err
		}
		if l.before != nil {
			if err := l.before((l.length - next) / q.Limit); err != nil {
				return nil, err
			}
		}
	}
	var events []model.Event
	for len(events) < q.Limit && next > 0 {
		next--
		events = append(events, model.Event{
			ID: fmt.Sprintf("%024x", next), At: noon, Kind: "key-made", Actor: "browser", KeyID: aKey, KeyName: fmt.Sprintf("key-%d", next),
		})
	}
	return events, nil
}

func keeps(l *longList) func(*handlers.Deps) { return func(d *handlers.Deps) { d.Events = l } }

func TestAnExportIsNeverCutShort(t *testing.T) {
	t.Parallel()
	for _, length := range []int{0, 1, 499, 500, 501, 1000, 12_345} {
		list := &longList{length: length}
		p := newProgram(t, keeps(list))
		b, _ := p.signedIn(email)
		list.most.Store(0)
		rows, err := csv.NewReader(strings.NewReader(b.get("/activity.csv").want(http.StatusOK).body)).ReadAll()
		if err != nil || len(rows) != length+1 {
			t.Errorf("CSV: %d rows of %d events: %v", len(rows), length, err)
		}
		var file struct{ Events []struct{ ID string } }
		err = json.Unmarshal([]byte(b.get("/activity.json").want(http.StatusOK).body), &file)
		if err != nil || file.Events == nil || len(file.Events) != length {
			t.Fatalf("JSON: %d of %d events: %v", len(file.Events), length, err)
		}
		for i, e := range file.Events {
			if want := fmt.Sprintf("%024x", length-1-i); e.ID != want {
				t.Fatalf("%d is %s, want %s", i, e.ID, want)
			}
		}
		if most := list.most.Load(); most > 500 {
			t.Errorf("%d events were read at once", most)
		}
	}
}

// A second page that waits until the first has come shows that the file is sent as it is read.
func TestAnExportIsSentWhileItIsRead(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"identity", "gzip"} {
		came := make(chan struct{})
		list := &longList{length: 700, before: func(int) error {
			<-came
			return nil
		}}
		p := newProgram(t, keeps(list))
		b, _ := p.signedIn(email)
		file := b.downloads(p.serve(), "/activity.csv", encoding)
		if _, err := io.ReadFull(file, make([]byte, 1000)); err != nil {
			t.Error(err)
		}
		close(came)
		if _, err := io.Copy(io.Discard, file); err != nil {
			t.Error(err)
		}
	}
}

// downloads asks a server for a file, as it comes.
func (b *browser) downloads(server *httptest.Server, path, encoding string) io.Reader {
	b.t.Helper()
	r := b.request(http.MethodGet, path, nil)
	r.URL.Scheme, r.URL.Host, r.RequestURI = "http", strings.TrimPrefix(server.URL, "http://"), ""
	for _, cookie := range b.jar.Cookies(b.request(http.MethodGet, path, nil).URL) {
		r.AddCookie(cookie)
	}
	r.Header.Set("Accept-Encoding", encoding)
	res, err := server.Client().Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		b.t.Errorf("status %d", res.StatusCode)
	}
	return res.Body
}

func TestAnExportThatBreaksOffDoesNotLookComplete(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/activity.csv", "/activity.json"} {
		for _, encoding := range []string{"identity", "gzip"} {
			list := &longList{length: 1200, before: func(page int) error {
				if page == 2 {
					return errEvents
				}
				return nil
			}}
			p := newProgram(t, keeps(list))
			b, _ := p.signedIn(email)
			server := p.serve()
			body, err := io.ReadAll(b.downloads(server, path, encoding))
			if err == nil {
				t.Errorf("%s, %s: %d bytes that end as if that were all", path, encoding, len(body))
			}
			if encoding == "identity" && (strings.Contains(string(body), "]}") || strings.Count(string(body), "key-made") != 1000) {
				t.Errorf("%s: %d events came, and the end is %q", path, strings.Count(string(body), "key-made"), body[len(body)-20:])
			}
			if !strings.Contains(p.logs.String(), "export broken off") || !strings.Contains(p.logs.String(), errEvents.Error()) {
				t.Errorf("%s: the log does not say why", path)
			}
			list.before = nil // and nothing is held on to
			if _, err := io.ReadAll(b.downloads(server, path, encoding)); err != nil {
				t.Errorf("%s, once more: %v", path, err)
			}
		}
	}
}

// The test's server gives an answer half a second. An export that is taken may need longer.
func TestAnExportThatIsTakenMayTakeLong(t *testing.T) {
	t.Parallel()
	list := &longList{length: 1100, before: func(int) error {
		time.Sleep(400 * time.Millisecond) // the connection's deadline goes by the machine's clock
		return nil
	}}
	p := newProgram(t, keeps(list))
	b, _ := p.signedIn(email)
	body, err := io.ReadAll(b.downloads(p.serve(), "/activity.csv", "identity"))
	if err != nil || strings.Count(string(body), "key-made") != 1100 {
		t.Errorf("%d events: %v", strings.Count(string(body), "key-made"), err)
	}
}

func TestAPersonDownloadsOneFileAtATime(t *testing.T) {
	t.Parallel()
	waiting, goOn := make(chan struct{}), make(chan struct{})
	list := &longList{length: 700, before: func(int) error {
		waiting <- struct{}{}
		<-goOn
		return nil
	}}
	p := newProgram(t, keeps(list))
	b, who := p.signedIn(email)
	file := b.downloads(p.serve(), "/activity.csv", "identity")
	<-waiting
	for _, browser := range []*browser{b, p.signIn(who)} {
		a := browser.get("/activity.json").want(http.StatusTooManyRequests).says("h1", "Another download has to finish first")
		if a.header.Get("Retry-After") == "" || a.header.Get("Content-Disposition") != "" {
			t.Errorf("header %v", a.header)
		}
	}
	b.get("/activity").want(http.StatusOK)
	close(goOn)
	if _, err := io.Copy(io.Discard, file); err != nil {
		t.Error(err)
	}
	list.before = nil
	b.get("/activity.csv").want(http.StatusOK)
}

func TestNoCellOfAnExportIsComputed(t *testing.T) {
	t.Parallel()
	hostile := []string{
		`x;=1+cmd|'/C calc'!A0;`, "x\t=1+1", "\t=1+1", " =1+1", "\r\n@SUM(1)", "＝1+1", "＋1", "－1", "＠SUM(1)", "\u2028=1", "\x00=1", "\u0085-1", ";=1",
	}
	hostile = append(hostile, handlers.Corpus(t, "names.txt")...)
	p := newProgram(t)
	who := p.person(email)
	for _, text := range hostile {
		p.writes(who, "pairing-denied", detail(text))
	}
	file := p.signIn(who).downloads(p.serve(), "/activity.csv?kind=devices", "identity")
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != len(hostile)+1 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell, ";\t\r\n\x00") || strings.ContainsAny(strings.TrimSpace(cell + "x")[:1], "=+-@") ||
				strings.ContainsRune("＝＋－＠", []rune(strings.TrimSpace(cell + "x"))[0]) {
				t.Errorf("%q is computed", cell)
			}
		}
	}
}
