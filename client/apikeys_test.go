package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

const (
	oneKey     = `{"_id":"` + keyID + `","name":"phone","disabled":false}`
	createdKey = `{"_id":"` + keyID + `","key":"` + value + `","name":"phone","disabled":false}`
)

var phone = client.APIKey{ID: keyID, Name: "phone"}

func TestEveryKeyCallUsesTheRefreshToken(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		answer string
		do     func(context.Context, *client.APIKeys) (any, error)
		want   exchange
		result any
	}{
		"create": {201, createdKey,
			func(ctx context.Context, k *client.APIKeys) (any, error) { return k.Create(ctx, "phone") },
			exchange{call: "POST " + keysPath, contentType: "application/json", body: `{"name":"phone"}` + "\n"},
			client.CreatedKey{APIKey: phone, Value: value}},
		"fetch": {200, oneKey,
			func(ctx context.Context, k *client.APIKeys) (any, error) { return k.Fetch(ctx, keyID) },
			exchange{call: "GET " + keysPath + "/" + keyID}, phone},
		"enable": {204, "",
			func(ctx context.Context, k *client.APIKeys) (any, error) { return nil, k.Enable(ctx, keyID) },
			exchange{call: "PUT " + keysPath + "/" + keyID + "/enable"}, nil},
		"disable": {204, "",
			func(ctx context.Context, k *client.APIKeys) (any, error) { return nil, k.Disable(ctx, keyID) },
			exchange{call: "PUT " + keysPath + "/" + keyID + "/disable"}, nil},
		"delete": {204, "",
			func(ctx context.Context, k *client.APIKeys) (any, error) { return nil, k.Delete(ctx, keyID) },
			exchange{call: "DELETE " + keysPath + "/" + keyID}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on(tc.want.call, tc.status, tc.answer)
			result, err := tc.do(t.Context(), f.login(t).APIKeys())
			if err != nil || result != tc.result {
				t.Errorf("got %v, %v; want %v", result, err, tc.result)
			}
			tc.want.authorization = "Bearer " + refresh
			f.only(t).check(t, tc.want)
		})
	}
}

func TestFetchAllKeepsTheOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want []client.APIKey
	}{
		"none": {`[]`, []client.APIKey{}},
		"two": {`[{"_id":"` + userID + `","name":"z","disabled":true},` + oneKey + `]`,
			[]client.APIKey{{ID: userID, Name: "z", Disabled: true}, phone}},
		"ids in extended JSON": {`[{"_id":{"$oid":"` + keyID + `"},"name":"phone","disabled":false}]`, []client.APIKey{phone}},
		"more than is known":   {`[{"_id":"` + keyID + `","name":"phone","disabled":false,"created":1,"key":"x"}]`, []client.APIKey{phone}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on("GET "+keysPath, http.StatusOK, tc.body)
			got, err := f.session(t).APIKeys().FetchAll(t.Context())
			if err != nil || got == nil || !slices.Equal(got, tc.want) {
				t.Errorf("got %v, %v; want %v", got, err, tc.want)
			}
			f.only(t).check(t, exchange{call: "GET " + keysPath, authorization: "Bearer " + refresh})
		})
	}
}

func TestAListThatIsNoneIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":         ``,
		"null":            `null`,
		"an object":       `{}`,
		"a null key":      `[null]`,
		"no id":           `[{"name":"phone","disabled":false}]`,
		"a short id":      `[{"_id":"1","name":"phone","disabled":false}]`,
		"an id of digits": `[{"_id":1,"name":"phone","disabled":false}]`,
		"no name":         `[{"_id":"` + keyID + `","disabled":false}]`,
		"no state":        `[{"_id":"` + keyID + `","name":"phone"}]`,
		"a null state":    `[{"_id":"` + keyID + `","name":"phone","disabled":null}]`,
		"a state in text": `[{"_id":"` + keyID + `","name":"phone","disabled":"false"}]`,
		"the last broken": `[` + oneKey + `,{}]`,
		"two lists":       `[][]`,
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on("GET "+keysPath, http.StatusOK, body)
			got, err := f.session(t).APIKeys().FetchAll(t.Context())
			var e *client.Error
			if got != nil || !errors.As(err, &e) || e.Status != 200 || e.Err == nil {
				t.Errorf("got %v, %v; want an error with status 200 and a cause", got, err)
			}
		})
	}
}

func TestACreateWithoutAValueIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"no body":    ``,
		"no value":   oneKey,
		"no id":      `{"key":"` + value + `","name":"phone","disabled":false}`,
		"null value": `{"_id":"` + keyID + `","key":null,"name":"phone","disabled":false}`,
		"odd value":  `{"_id":"` + keyID + `","key":["` + value + `"],"name":"phone","disabled":false}`,
		"cut short":  createdKey[:len(createdKey)-10],
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on("POST "+keysPath, http.StatusCreated, body)
			got, err := f.session(t).APIKeys().Create(t.Context(), "phone")
			var e *client.Error
			if got != (client.CreatedKey{}) || !errors.As(err, &e) || e.Status != 201 || client.NeverSent(err) {
				t.Errorf("got %v, %v; want an error with status 201", got, err)
			}
			if strings.Contains(fmt.Sprintf("%v %#v", err, err), value) {
				t.Errorf("the error has the value: %v", err)
			}
			if n := f.count("POST " + keysPath); n != 1 {
				t.Errorf("%d creates", n)
			}
		})
	}
}

func TestAnIDThatNoKeyCanHaveIsNotFoundWithoutARequest(t *testing.T) {
	for name, id := range map[string]string{
		"empty":     "",
		"short":     keyID[1:],
		"long":      keyID + "0",
		"not hex":   strings.Repeat("g", 24),
		"a path":    "../../../../../admin/1234",
		"a query":   "65f1c0de0123456789abcde?",
		"a value":   value,
		"non-ASCII": strings.Repeat("é", 12),
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			keys := f.session(t).APIKeys()
			_, fetch := keys.Fetch(t.Context(), id)
			for op, err := range map[string]error{
				"fetch key":   fetch,
				"enable key":  keys.Enable(t.Context(), id),
				"disable key": keys.Disable(t.Context(), id),
				"delete key":  keys.Delete(t.Context(), id),
			} {
				var e *client.Error
				if !errors.As(err, &e) || e.Op != op || e.Status != 404 || e.Code != "APIKeyNotFound" || !client.IsNotFound(err) {
					t.Errorf("%s: got %v", op, err)
				}
				if id != "" && strings.Contains(err.Error(), id) {
					t.Errorf("%s: the error repeats what may be a value: %v", op, err)
				}
			}
			if n := f.count(location) + len(f.requests()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestNamesAreCheckedBeforeSending(t *testing.T) {
	for name, tc := range map[string]struct {
		given, want string // want is part of the complaint; none when the name is good
	}{
		"one letter":         {"a", ""},
		"all kinds":          {"Az09_-", ""},
		"only hyphens":       {"--", ""},
		"64 characters":      {strings.Repeat("n", 64), ""},
		"empty":              {"", "required"},
		"65 characters":      {strings.Repeat("n", 65), "at most 64 characters; this one has 65"},
		"a space":            {"my phone", "ASCII letters"},
		"a slash":            {"a/b", "ASCII letters"},
		"a dot":              {"a.b", "ASCII letters"},
		"an emoji":           {"🔑", "ASCII letters"},
		"an accent":          {"é", "ASCII letters"},
		"a control":          {"a\x00", "ASCII letters"},
		"not UTF-8":          {"a\xff", "ASCII letters"},
		"long and forbidden": {strings.Repeat("é", 65), "ASCII letters"},
	} {
		t.Run(name, func(t *testing.T) {
			err := client.ValidName(tc.given)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if err == nil {
				return
			}
			f := startFake(t)
			_, err = f.session(t).APIKeys().Create(t.Context(), tc.given)
			var e *client.Error
			if !errors.As(err, &e) || !client.IsInvalidName(err) || !client.NeverSent(err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an invalid name that was never sent", err)
			}
			if n := f.count(location) + len(f.requests()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestCreatedAtIsReadFromTheID(t *testing.T) {
	for id, want := range map[string]time.Time{
		keyID:                      time.Date(2024, 3, 13, 15, 6, 6, 0, time.UTC),
		strings.ToUpper(keyID):     time.Date(2024, 3, 13, 15, 6, 6, 0, time.UTC),
		"ffffffff0000000000000000": time.Date(2106, 2, 7, 6, 28, 15, 0, time.UTC),
		"":                         {},
		"65f1c0de":                 {},
		strings.Repeat("g", 24):    {},
	} {
		if got := (client.APIKey{ID: id}).CreatedAt(); !got.Equal(want) {
			t.Errorf("of %q it is %v, want %v", id, got, want)
		}
	}
}
