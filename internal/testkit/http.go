package testkit

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// InProcess is an http.RoundTripper that calls a handler instead of a server, without a port.
type InProcess struct{ http.Handler }

// RoundTrip runs the handler on the caller's goroutine.
func (p InProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.WithContext(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &recorded{header: http.Header{}, status: http.StatusOK}
	p.ServeHTTP(w, in)
	return Answer(r, w.status, w.header, &w.body), nil
}

// recorded is a small http.ResponseWriter: httptest's would count in the allocations of what is measured.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(status int)      { r.status = status }
func (r *recorded) Write(p []byte) (int, error) { return r.body.Write(p) }

// Answer is what an http.RoundTripper makes of an answer.
func Answer(r *http.Request, status int, header http.Header, body io.Reader) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}
}
