package accounts

import (
	"errors"
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestCustomDataIsKeptLetterByLetter(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		" { \"a\" : 1.50e3,\n\t\"b c\": [ true, null, {\"$oid\": \"5f0000000000000000000001\"} ] } ": `{"a":1.50e3,"b c":[true,null,{"$oid":"5f0000000000000000000001"}]}`,
		`{"n":{"$numberLong":"9223372036854775807"},"big":123456789012345678901234567890}`:           `{"n":{"$numberLong":"9223372036854775807"},"big":123456789012345678901234567890}`,
		"{\"<&>\":\"\u2028\\u00e9é\\/\"}": "{\"<&>\":\"\u2028\\u00e9é\\/\"}",
		`{"a":{"x":1},"b":{"x":1},"A":1}`: `{"a":{"x":1},"b":{"x":1},"A":1}`,
		" {\n} ":                          "",
	} {
		if got, err := CompactData([]byte(raw)); err != nil || got != want {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
	full := `{"a":"` + strings.Repeat("é", (model.MaxCustomData-8)/2) + `"}`
	if got, err := CompactData([]byte("  " + full)); err != nil || len(got) != model.MaxCustomData {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestWhatAppsCouldReadInTwoWaysIsNoCustomData(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		``: "not JSON", `{`: "not JSON", `{"a":1}{"a":1}`: "not JSON", `{'a':1}`: "not JSON", "{\"a\":\"\x00\"}": "not JSON",
		"{\"a\":\"\xff\"}": "not UTF-8",
		`null`:             "not a JSON object", `[{"a":1}]`: "not a JSON object", `"a"`: "not a JSON object",
		`{"a":1,"b":2,"a":3}`: `"a" twice`, `{"a":[{"b":1,"\u0062":2}]}`: `"b" twice`, `{"a":"a","b":"a","b":1}`: `"b" twice`,
		`{"a":"x\u0000"}`: "NUL", `{"a\u0000":1}`: "NUL", `{"a":["\u0000"]}`: "NUL",
		`{"a":"` + strings.Repeat("x", model.MaxCustomData-7) + `"}`:        "2049 bytes",
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "more than 100",
	} {
		_, err := CompactData([]byte(raw))
		if bad, is := errors.AsType[DataError](err); !is || !strings.Contains(bad.Reason, want) {
			t.Errorf("%.40q: %v, want %s", raw, err, want)
		}
	}
}

func TestCustomDataIsOfSomebodyWhoIsHere(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	server, _, err := f.AddServerKey(t.Context(), "gateway")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{who.UserID, server.UserID} {
		if err := errors.Join(f.SetCustomData(t.Context(), id, []byte(`{"a": 1}`)), f.SetCustomData(t.Context(), id, []byte(`{"a": 2}`))); err != nil {
			t.Fatal(err)
		}
		if of, data, err := f.CustomData(t.Context(), id); err != nil || of.ID != id || data != `{"a":2}` {
			t.Errorf("%+v, %s, %v", of, data, err)
		}
		if p, err := f.Profile(t.Context(), id); err != nil || p.CustomData != `{"a":2}` {
			t.Errorf("%+v, %v", p, err)
		}
		if err := f.SetCustomData(t.Context(), id, []byte(`{}`)); err != nil {
			t.Error(err)
		}
		if p, err := f.Profile(t.Context(), id); err != nil || p.CustomData != "" {
			t.Errorf("%+v, %v", p, err)
		}
	}
	for _, raw := range []string{`{"a":1}`, `{}`} {
		is(t, f.SetCustomData(t.Context(), "0123456789abcdef01234567", []byte(raw)), model.KindNotFound)
		is(t, f.CanSetCustomData(t.Context(), "0123456789abcdef01234567", []byte(raw)), model.KindNotFound)
	}
}
