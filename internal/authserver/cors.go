package authserver

import "net/http"

// requestIDHeader carries the id under which the log knows a request; App Services named it so.
const requestIDHeader = "X-Appservices-Request-Id"

// commonHeaders go on every answer. Pages of any origin may call: the API knows no cookies, so an origin proves nothing, and
// without the header on errors too a browser shows realm-web a network failure in place of an expired session.
func commonHeaders(h http.Header, requestID string) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", requestIDHeader)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set(requestIDHeader, requestID)
}

// preflight answers OPTIONS on any path. Authorization is named because the standard leaves it out of "*".
func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
	h.Set("Access-Control-Max-Age", "7200") // the longest Chromium keeps one
	w.WriteHeader(http.StatusNoContent)
}
