package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/internal/apidoc"
	"latchkey/views"
)

// The document of all calls for programs, for them and for people.
const (
	apiDocumentPath = "/openapi.json"
	apiPagePath     = "/docs/api"
)

// giveAPIDocument is the same for everybody until there is another build.
func (h *dashboard) giveAPIDocument(c echo.Context) error {
	header := c.Response().Header()
	tag := `W/"` + apidoc.Tag() + `"` // weak, since it may be compressed
	header.Set("ETag", tag)
	header.Set("Cache-Control", "public, max-age=300")
	header.Del(requestIDHeader) // kept with the file, it would name the request of somebody else
	for asked := range strings.SplitSeq(c.Request().Header.Get("If-None-Match"), ",") {
		if asked = strings.TrimSpace(asked); asked == tag || asked == strings.TrimPrefix(tag, "W/") || asked == "*" {
			return c.NoContent(http.StatusNotModified)
		}
	}
	return c.JSONBlob(http.StatusOK, apidoc.JSON())
}

// showAPI is the document for people to read. It reads nothing else.
func (h *dashboard) showAPI(c echo.Context) error {
	m := views.API{Page: h.page(c, t(c, "api.title", "API")), Document: apiDocumentPath}
	for _, group := range apidoc.Groups() {
		m.Groups = append(m.Groups, apiGroup(group))
	}
	for _, failure := range apidoc.Failures() {
		m.Failures = append(m.Failures, views.APIAnswer{Status: failure.Status, Text: http.StatusText(statusOf(failure.Status)), Codes: failure.Codes})
	}
	page := views.APIPage(m)
	return render(c, http.StatusOK, page, page)
}

func statusOf(text string) int {
	status, _ := strconv.Atoi(text)
	return status
}

func apiGroup(group apidoc.Group) views.APIGroup {
	out := views.APIGroup{ID: strings.ReplaceAll(strings.ToLower(group.Name), " ", "-"), Name: group.Name, Text: group.Text}
	for _, call := range group.Calls {
		c := views.APICall{
			ID: call.ID, Method: call.Method, Path: call.Path, Summary: call.Summary, Notes: apiNotes(call),
			Query: apiFields(call.Query), Fields: apiFields(call.Fields),
		}
		for _, a := range call.Answers {
			c.Answers = append(c.Answers, views.APIAnswer{Status: a.Status, Text: a.Text, Codes: a.Codes, Fields: apiFields(a.Fields)})
		}
		out.Calls = append(out.Calls, c)
	}
	return out
}

// apiNotes are what is said of a call before its fields.
func apiNotes(call apidoc.Call) []string {
	notes := []string{"May change. "}
	if call.Stable {
		notes[0] = "Stable. "
	}
	switch {
	case call.Takes != "" && call.Optional:
		notes[0] += "Takes the " + call.Takes + " token, or none."
	case call.Takes != "":
		notes[0] += "Takes the " + call.Takes + " token."
	default:
		notes[0] += "Takes no token."
	}
	if call.Form {
		notes[0] += " The fields are sent as a form."
	}
	if call.Text != "" {
		notes = append(notes, call.Text)
	}
	return notes
}

func apiFields(fields []apidoc.Field) []views.APIField {
	out := make([]views.APIField, len(fields))
	for i, f := range fields {
		out[i] = views.APIField{Name: f.Name, Type: f.Type, Text: f.Text, Optional: !f.Required}
	}
	return out
}
