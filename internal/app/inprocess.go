package app

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
)

// maxInProcessBody bounds an answer that is kept in memory. It is well above what any call of the API answers with.
const maxInProcessBody = 1 << 20

// inProcess is an http.RoundTripper that calls a handler instead of a server: no port, no copy of the logic, and the
// dashboard reaches the embedded server by the same client as any other.
//
// The handler runs on the caller's goroutine and watches the request's context, as it does behind a port.
type inProcess struct {
	handler http.Handler
	log     *slog.Logger
}

func (t inProcess) RoundTrip(req *http.Request) (_ *http.Response, err error) {
	ctx := req.Context()
	if req.Body != nil {
		defer func() { _ = req.Body.Close() }() // a RoundTripper must, and has nothing to say about it
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answer := &recorder{header: http.Header{}}
	if err := t.serve(answer, received(req)); err != nil {
		return nil, err
	}
	// Over the wire a caller whose time is up learns that, whatever was on its way to it.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return answer.response(req)
}

// serve turns a panic into an error, as a lost connection would be: the caller may be a goroutine that nobody guards.
func (t inProcess) serve(w http.ResponseWriter, req *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			t.log.Error("panic in the client API", "path", req.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fmt.Errorf("%s %s: the server broke off", req.Method, req.URL.Path)
		}
	}()
	t.handler.ServeHTTP(w, req)
	return nil
}

// received is the request as a server would see it. The caller's own stays as it was.
func received(req *http.Request) *http.Request {
	in := req.WithContext(req.Context())
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.RequestURI = in.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// recorder is the http.ResponseWriter of one in-process answer.
type recorder struct {
	header   http.Header
	status   int
	body     bytes.Buffer
	overflow bool
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 { // nobody waits for the informational ones
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.body.Len()+len(p) > maxInProcessBody {
		r.overflow = true
		return 0, io.ErrShortWrite
	}
	return r.body.Write(p)
}

func (r *recorder) response(req *http.Request) (*http.Response, error) {
	if r.overflow {
		return nil, fmt.Errorf("%s %s: the answer is over %d bytes", req.Method, req.URL.Path, maxInProcessBody)
	}
	r.WriteHeader(http.StatusOK)
	length := int64(r.body.Len())
	if req.Method == http.MethodHead {
		r.body.Reset()
	}
	return &http.Response{
		Status:        strconv.Itoa(r.status) + " " + http.StatusText(r.status),
		StatusCode:    r.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        r.header,
		Body:          io.NopCloser(&r.body),
		ContentLength: length,
		Request:       req,
	}, nil
}
