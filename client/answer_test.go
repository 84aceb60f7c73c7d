package client

import (
	"strings"
	"testing"
)

func TestTidyMakesAStrangersTextFitToPrint(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain":              {"API key not found", "API key not found"},
		"spaces":             {"  a \t\r\n b  ", "a b"},
		"control characters": {"a\x00b\x1b[31mred\x7f", "ab[31mred"},
		"reversed text":      {"a\u202egnp.exe", "agnp.exe"},
		"only invisible":     {"\u200b \u200b", ""},
		"long":               {strings.Repeat("ä", 12), strings.Repeat("ä", 10) + "…"},
		"long with words":    {"abcd efgh ijkl", "abcd efgh…"},
		"exactly as long":    {"abcdefghij", "abcdefghij"},
		"not UTF-8":          {"a\xffb", "a\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) {
			limit := 10
			if name == "plain" || strings.Contains(name, "control") {
				limit = maxMessage
			}
			if got := tidy(tc.in, limit); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSafeLinkDropsWhatAPageMustNotOffer(t *testing.T) {
	good := "https://realm.example.com/groups/1/apps/2/logs?co_id=65f1c0de0123456789abcdef"
	for link, want := range map[string]string{
		good:                           good,
		"http://localhost:1/logs":      "http://localhost:1/logs",
		"":                             "",
		"javascript:alert(1)":          "",
		"//example.com/logs":           "",
		"/logs?co_id=1":                "",
		"https://user:pw@example.com/": "",
		"https://exa mple.com/":        "",
		"https://example.com/" + strings.Repeat("x", maxLink): "",
	} {
		if got := safeLink(link); got != want {
			t.Errorf("of %.60q it leaves %q, want %q", link, got, want)
		}
	}
}

func TestSalvageReadsWhatArrived(t *testing.T) {
	whole := errorBody{message: "m", code: "C", link: "l", failed: true}
	for name, tc := range map[string]struct {
		body string
		want errorBody
	}{
		"whole":            {`{"error":"m","error_code":"C","link":"l"}`, whole},
		"with more":        {`{"a":[{"error":"no"}],"error":"m","b":{"error_code":"no"},"error_code":"C","link":"l"}`, whole},
		"cut in a text":    {`{"error":"m","error_code":"C","link":"l`, errorBody{message: "m", code: "C", failed: true, broken: true}},
		"cut in a name":    {`{"error":"m","error_co`, errorBody{message: "m", failed: true, broken: true}},
		"cut at the end":   {`{"error":"m"`, errorBody{message: "m", failed: true, broken: true}},
		"nulls":            {`{"error":null,"error_code":null,"link":null}`, errorBody{}},
		"null link":        {`{"error":"m","link":null}`, errorBody{message: "m", failed: true}},
		"other types":      {`{"error":{"a":1},"error_code":7,"link":[]}`, errorBody{failed: true}},
		"an empty error":   {`{"error":""}`, errorBody{failed: true}},
		"an empty code":    {`{"error_code":""}`, errorBody{}},
		"no error":         {`{"access_token":"x"}`, errorBody{}},
		"a list":           {`[{"error":"m"}]`, errorBody{broken: true}},
		"a text":           {`"error"`, errorBody{broken: true}},
		"nothing":          {``, errorBody{broken: true}},
		"markup":           {`<html><body>error</body></html>`, errorBody{broken: true}},
		"something behind": {`{"error":"m"} more`, errorBody{message: "m", failed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readErrorBody([]byte(tc.body)); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestTidyTextIsLeftAsItIsAndNoOther(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "linux": "linux", "pi 4": "pi 4", "~!": "~!",
		" linux": "linux", "linux ": "linux", "pi  4": "pi 4", "pi\t4": "pi 4", "a\x00b": "ab", "a\x7fb": "ab", "a\u202eb": "ab", "é": "é",
	} {
		if got := tidy(text, 64); got != want || tidyAlready(text) != (text == want && text != "é") {
			t.Errorf("%q becomes %q, want %q; tidy already: %v", text, got, want, tidyAlready(text))
		}
	}
}

func TestAnErrorInASuccessIsFoundHoweverItIsSpelt(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error":"x"}`: true, `{"a":1, "error_code": "x"}`: true, `{"\u0065rror":"x"}`: true, `{"keys":[]}`: false, `[]`: false,
	} {
		if mayReportError([]byte(body)) != want || readErrorBody([]byte(body)).failed != want {
			t.Errorf("%s: may %v, does %v", body, mayReportError([]byte(body)), readErrorBody([]byte(body)).failed)
		}
	}
}
