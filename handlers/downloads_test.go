package handlers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// endless serves files without an end, each for a person of its own at an address, with what was thought of before they are written.
func endless(t *testing.T, d *downloads, prepare func(*pacedWriter)) (begin func(person, address string) (status int, file io.Reader), ends chan error) {
	t.Helper()
	ends = make(chan error, 100)
	e := echo.New()
	e.Use(pace)
	e.GET(activityPath+".csv", func(c echo.Context) error {
		to := c.Get(pacedKey).(*pacedWriter)
		prepare(to)
		if !d.enter(c.Request().Context(), downloader{c.QueryParam("person"), c.QueryParam("address")}, to) {
			return c.NoContent(http.StatusTooManyRequests)
		}
		defer d.leave(to)
		c.Response().WriteHeader(http.StatusOK)
		for line := bytes.Repeat([]byte("x"), 5000); ; {
			if _, err := c.Response().Write(line); err != nil {
				ends <- err
				panic(http.ErrAbortHandler)
			}
			if err := http.NewResponseController(c.Response()).Flush(); err != nil {
				ends <- err
				panic(http.ErrAbortHandler)
			}
		}
	})
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return func(person, address string) (int, io.Reader) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+activityPath+".csv?person="+person+"&address="+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode, res.Body
	}, ends
}

func TestADownloadThatIsNotTakenEnds(t *testing.T) {
	t.Parallel()
	begin, ends := endless(t, newDownloads(), func(to *pacedWriter) { to.left, to.budget = 1<<30, 100*time.Millisecond })
	if status, _ := begin("ada", "192.0.2.1"); status != http.StatusOK {
		t.Fatal(status)
	}
	if err := <-ends; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
}

// TestADownloadThatIsTakenGoesOn has every piece take some of the time for one, and all of them more than that.
func TestADownloadThatIsTakenGoesOn(t *testing.T) {
	t.Parallel()
	var budget atomic.Pointer[pacedWriter]
	begin, _ := endless(t, newDownloads(), func(to *pacedWriter) { budget.Store(to) })
	_, file := begin("ada", "192.0.2.1")
	if _, err := io.CopyN(io.Discard, bufio.NewReader(file), 20*exportPiece); err != nil {
		t.Error(err)
	}
}

func TestWhoeverTakesAFileSlowlyGivesTheirPlaceToANewcomer(t *testing.T) {
	t.Parallel()
	d := newDownloads()
	d.stalled = 100 * time.Millisecond
	begin, ends := endless(t, d, func(*pacedWriter) {})
	for n := range 5 { // as many as one address may have
		if status, _ := begin(fmt.Sprint("slow-", n), "192.0.2.1"); status != http.StatusOK {
			t.Fatalf("number %d: %d", n, status)
		}
	}
	waits(t, d, 5)
	for n := range 3 {
		status, file := begin(fmt.Sprint("quick-", n), "192.0.2.1")
		if status != http.StatusOK {
			t.Fatalf("newcomer %d: %d", n, status)
		}
		if err := <-ends; !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errCutOff) {
			t.Errorf("somebody's download ended with %v", err)
		}
		if _, err := io.CopyN(io.Discard, file, 10*exportPiece); err != nil {
			t.Error(err)
		}
	}
	if status, _ := begin("elsewhere", "203.0.113.1"); status != http.StatusOK {
		t.Errorf("another network: %d", status)
	}
	if len(ends) > 0 {
		t.Error("a place was taken away for somebody who had one")
	}
}

// waits waits until so many downloads are not taken.
func waits(t *testing.T, d *downloads, most int) {
	t.Helper()
	for patience := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		n := 0
		d.mu.Lock()
		for to := range d.running {
			if to.waits() >= d.stalled {
				n++
			}
		}
		d.mu.Unlock()
		if n >= most {
			return
		}
		if time.Now().After(patience) {
			t.Fatalf("%d downloads are not taken", n)
		}
	}
}

// TestADownloadThatIsReadKeepsItsPlace has the places taken by files that are being put together, and not waited for.
func TestADownloadThatIsReadKeepsItsPlace(t *testing.T) {
	t.Parallel()
	d := newDownloads()
	d.stalled = 0
	for n := range exportsMost {
		if !d.enter(t.Context(), downloader{fmt.Sprint(n), fmt.Sprintf("192.%d.2.1", n)}, &pacedWriter{}) {
			t.Fatal("there is no place")
		}
	}
	d.stalled = time.Hour
	if d.enter(t.Context(), downloader{"one more", "203.0.113.1"}, &pacedWriter{}) {
		t.Error("somebody's place was given away")
	}
	for to := range d.running {
		d.leave(to)
	}
	if !d.enter(t.Context(), downloader{"one more", "203.0.113.1"}, &pacedWriter{}) {
		t.Error("a place that was left is nobody's")
	}
}

// TestNobodyGetsASecondFileForTheirOwn holds as long as the first is taken.
func TestNobodyGetsASecondFileForTheirOwn(t *testing.T) {
	t.Parallel()
	d := newDownloads()
	if !d.enter(t.Context(), downloader{"ada", "192.0.2.1"}, &pacedWriter{}) || d.enter(t.Context(), downloader{"ada", "203.0.113.1"}, &pacedWriter{}) {
		t.Error("a person has two")
	}
}
