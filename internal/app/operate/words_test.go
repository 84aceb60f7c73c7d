package operate

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestWordsNamesAValueFromStandardInputAndNeverRepeatsIt(t *testing.T) {
	t.Parallel()
	const value, named = "1yJ0oPzK5sV3dQbXwT8uHnRgLcAfMe7iZ2kB9xCvN4tYpWqGjDhSrEaUmOlF6yIz", "nectar-robin-4714  95efca4714e1a979\n"
	for name, tc := range map[string]struct {
		in, out string
		args    []string
	}{
		"a value":              {value, named, nil},
		"a line":               {value + "\r\n", named, nil},
		"a file":               {"# The key porch-cam.\nAPP_ID=a\nAPI_KEY='" + value + "'\nMORE=1\n", named, nil},
		"nothing":              {" \n", "", nil},
		"more than a file has": {strings.Repeat(value, 2000), "", nil},
		"a value as argument":  {value, "", []string{value}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, said bytes.Buffer
			err := Words(t.Context(), tc.args, Console{In: strings.NewReader(tc.in), Out: &out, Err: &said})
			if (err == nil) != (tc.out != "") || out.String() != tc.out || said.Len() > 0 {
				t.Errorf("%v, printed %q, said %q", err, out.String(), said.String())
			}
			if err != nil && strings.Contains(err.Error(), value) {
				t.Error("the error repeats the value")
			}
			if _, usage := errors.AsType[usageError](err); usage != (name == "nothing" || name == "a value as argument") {
				t.Errorf("%v", err)
			}
		})
	}
}
